"""One base class for the tests of all units: it drives a unit beside its golden twin.

    class TestMultiply(UnitTest):                          # pytest finds it by its name
        unit = Multiply
        sizes = {"odd": {"lanes": 5, "value_bits": 17}}    # a build and a test each
        at = {"products": Multiply.LATENCY}                # cycles after the inputs

        def stimuli(self, rng):                            # a cycle for every yield
            for _ in range(200):
                yield {"values": ..., "factors": ..., "bias": 128}

        def step(self, now):                               # the twin: one cycle of it
            return {"products": (now.values * now.factors + now.bias) >> 8}

Every test runs with each of WAITS: a stream waits so often on either side, and so many idle cycles lie
between two yields. Ports that a yield leaves out carry anything, those of one bit carry zero, those
`held` keep what they had, those `idle` have a value for it: a unit looks at a port only when it may.

Ports inside an interface are named `visits.row`; stimuli may give the interface as a dictionary, and
`now` has it as an attribute with attributes. Structs are dictionaries, arrays are lists.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from importlib import import_module
from random import Random
from types import SimpleNamespace
from typing import Any, ClassVar

import cocotb
import numpy as np
import pytest
from amaranth.hdl import Shape
from amaranth.lib import data, stream, wiring
from cocotb.triggers import RisingEdge

from sim.harness import choose_seed, parameters, run, seeded, start
from sim.streams import OFTEN, RARE, STEADY, Port, StreamSink, StreamSource, Waits, unpack

WAITS = {"steady": STEADY, "rare": RARE, "often": OFTEN}
PATIENCE = 5000
"""Cycles without a transfer after which a stream that owes something counts as stuck."""
QUIET = 40
"""Cycles after the last stimulus in which nothing more may come."""

Values = dict[str, Any]


class UnitTest:
    """A unit and its twin. Sub-classes named Test… are collected by pytest.

    A fresh object is made for every run; attributes of the twin are set at the start of `stimuli`.
    """

    unit: ClassVar[type[wiring.Component]]
    sizes: ClassVar[dict[str, Values]] = {"": {}}
    """Arguments of the unit, by the name of a test."""
    at: ClassVar[dict[str, int]] = {}
    """Cycles after a yield at which an input is driven, or the output `step` returned is there."""
    held: ClassVar[tuple[str, ...]] = ()
    """Inputs that keep their value in cycles that do not give one."""
    idle: ClassVar[Values] = {}
    """Values of inputs in cycles that do not give one, instead of anything."""
    unchecked: ClassVar[dict[str, str]] = {}
    """Outputs that this test need not compare, and why."""
    waits: ClassVar[tuple[str, ...]] = tuple(WAITS)

    bench: "Bench"
    size: Values

    def stimuli(self, rng: Random) -> Iterator[Values]:
        """Values of input ports for a cycle at a time; of a stream: payloads to send, in a list."""
        raise NotImplementedError

    def step(self, now: Any) -> Values:
        """One cycle of the twin: from the inputs to the outputs.

        now     inputs as attributes; of a stream, in or out, the payload transferred, or None
        return  outputs by name; None, or a name left out, is not compared. Of a stream: payloads that
                have to come, in a list. A dictionary may leave members out.
        """
        return {}

    def expect(self, name: str, *payloads: Any) -> None:
        """The output stream `name` owes these payloads, in order."""
        self.bench.owed[name].extend(payloads)

    def port(self, name: str) -> Any:
        """What an output held in the cycle that has ended."""
        return self.bench.plain[name].value

    def until(self, name: str) -> Iterator[Values]:
        """Idle cycles until an output is not zero."""
        yield {}
        while not self.port(name):
            yield {}

    def drain(self) -> Iterator[Values]:
        """Idle cycles until everything was sent and everything owed has come."""
        yield {}
        while self.bench.busy:
            yield {}

    @property
    def cycle(self) -> int:
        """Cycles since reset."""
        return self.bench.cycle

    @property
    def steady(self) -> bool:
        """Nothing waits in this run, so that the rate of a stream can be counted."""
        return self.bench.waits is STEADY

    def transfers(self, name: str) -> int:
        """Transfers of a stream so far."""
        return self.bench.transfers[name]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A test for every size."""
        metafunc.parametrize("size", list(self.sizes), ids=[name or "only" for name in self.sizes])

    def test_unit(self, size: str) -> None:
        """Unit and twin agree in every cycle."""
        __tracebackhide__ = True
        kind = type(self)
        where = {"module": kind.__module__, "test": kind.__name__, "size": size}
        run(lambda: kind.unit(**kind.sizes[size]), __name__, testcase="agree", parameters=where)


@cocotb.test()
@cocotb.parametrize(waits=list(WAITS))
async def agree(dut: Any, waits: str) -> None:
    """Runs inside the simulation: the test that `parameters` name."""
    where = parameters()
    kind = getattr(import_module(where["module"]), where["test"])
    if waits in kind.waits:
        await Bench(dut, kind(), where["size"], waits).run()


class Bench:
    """Drives the ports of a unit, steps the twin, compares."""

    def __init__(self, dut: Any, test: UnitTest, size: str, waits: str) -> None:
        self.test, self.waits = test, WAITS[waits]
        self.name = f"{test.unit.__name__} {size}, waits {waits}, seed {choose_seed()}"
        test.bench, test.size = self, test.sizes[size]
        self.dut, self.rng = dut, seeded(f"{type(test).__name__}/{waits}")
        self.cycle = self.still = 0
        self.plain: dict[str, Port] = {}
        self.shapes: dict[str, Any] = {}
        self.inputs: dict[str, Port] = {}
        self.sources: dict[str, StreamSource] = {}
        self.sinks: dict[str, StreamSink] = {}
        self.groups: set[str] = set()
        self.handles: dict[str, tuple[Any, Any, Any, Any]] = {}
        self._find(test.unit(**test.size).signature, "")
        for name in self.inputs:
            self.inputs[name].value = 0
        streams = [*self.sources, *self.sinks]
        self.transfers = dict.fromkeys(streams, 0)
        self.unsent = dict.fromkeys(self.sources, 0)
        self.owed: dict[str, deque[Any]] = {name: deque() for name in self.sinks}
        self.due: dict[str, deque[Any]] = {
            name: deque([None] * self._time(name)) for name in self.plain if name not in self.inputs
        }
        self.delayed = {name: deque([0] * self._time(name)) for name in self.inputs}
        self.last: Values = dict.fromkeys(self.inputs, 0)
        self.compared: set[str] = set()

    @property
    def busy(self) -> bool:
        """Something is still to be sent or to come."""
        return any(self.unsent.values()) or any(self.owed.values())

    async def run(self) -> None:
        """The whole test."""
        await start(self.dut)
        for given in self.test.stimuli(self.rng):
            for _ in range(self.waits.draw(self.rng)):
                await self._advance({})
            await self._advance(self._flat(given))
        while self.busy:
            await self._advance({})
        for _ in range(QUIET + max(self.test.at.values(), default=0)):
            await self._advance({})
        outputs = {*self.due, *self.sinks}
        never = outputs - self.compared - set(self.test.unchecked)
        assert not never, f"{self.name}: never compared: {', '.join(sorted(never))}"

    def _find(self, signature: Any, prefix: str) -> None:
        """Drivers and monitors for all ports of an interface."""
        for label, member in signature.members.items():
            assert not member.dimensions, f"{prefix}{label}: an array of ports"
            name = prefix + label
            path = name.replace(".", "__")
            if member.is_port:
                port = self.plain[name] = Port(getattr(self.dut, path, None), member.shape)
                self.shapes[name] = member.shape
                if member.flow == wiring.In:
                    self.inputs[name] = port
                continue
            inner = member.signature
            plain = inner.flip() if isinstance(inner, wiring.FlippedSignature) else inner
            if not isinstance(plain, stream.Signature):
                self.groups.add(name)
                self._find(inner, f"{name}.")
                continue
            shape = plain.payload_shape
            if inner.members["valid"].flow == wiring.In:
                self.sources[name] = StreamSource(self.dut, path, shape, waits=self.waits)
            else:
                self.sinks[name] = StreamSink(self.dut, path, shape, waits=self.waits)
            ends = [getattr(self.dut, f"{path}__{end}", None) for end in ("valid", "ready")]
            self.handles[name] = (getattr(self.dut, f"{path}__payload"), shape, *ends)

    def _time(self, name: str) -> int:
        """Cycles after a yield at which a port is driven or compared."""
        return _named(self.test.at, name) or 0

    def _flat(self, given: Values, prefix: str = "") -> Values:
        """Values by the full name of their port."""
        flat: Values = {}
        for label, value in given.items():
            name = prefix + label
            if name in self.groups:
                flat |= self._flat(value, f"{name}.")
            else:
                assert name in self.inputs or name in self.sources, f"no input {name}"
                flat[name] = value
        return flat

    async def _advance(self, given: Values) -> None:
        """One cycle."""
        for name in self.sources:
            payloads = list(given.get(name, ()))
            self.unsent[name] += len(payloads)
            self.sources[name].send(*payloads)
        for name, port in self.inputs.items():
            self.last[name] = self._value(name, given)
            self.delayed[name].append(self.last[name])
            port.value = self.delayed[name].popleft()
        await RisingEdge(self.dut.clk)
        self.cycle += 1
        moved = {name: self._moved(name) for name in self.handles}
        expected = self.test.step(_nested(self.last | moved)) or {}
        for name in self.due:
            self.due[name].append(expected.pop(name, None))
            wanted = self.due[name].popleft()
            if wanted is not None:
                self._compare(name, wanted, self.plain[name].value)
        for name, payloads in expected.items():
            self.owed[name].extend(payloads)
        self.still = 0 if any(p is not None for p in moved.values()) else self.still + 1
        for name in self.sinks:
            if moved[name] is not None:
                if not self.owed[name]:
                    self._fail(name, "nothing", moved[name])
                self._compare(name, self.owed[name].popleft(), moved[name])
            if self.owed[name] and self.still > PATIENCE:
                self._fail(name, self.owed[name][0], f"nothing for {self.still} cycles")
        assert self.still <= PATIENCE or not self.busy, (
            f"{self.name}: cycle {self.cycle}: not taken: "
            f"{', '.join(name for name, count in self.unsent.items() if count)}"
        )

    def _value(self, name: str, given: Values) -> Any:
        """What an input carries in this cycle."""
        if name in given:
            return _tidy(given[name])
        if name in self.test.idle:
            return self.test.idle[name]
        if any(name == held or name.startswith(f"{held}.") for held in self.test.held):
            return self.last[name]
        shape = self.shapes[name]
        bits = Shape.cast(shape).width
        return unpack(shape, self.rng.getrandbits(bits) if bits > 1 else 0)

    def _moved(self, name: str) -> Any:
        """The payload that a stream has transferred in this cycle, or None."""
        payload, shape, valid, ready = self.handles[name]
        if (valid is None or valid.value) and (ready is None or ready.value):
            self.transfers[name] += 1
            if name in self.unsent:
                self.unsent[name] -= 1
            return unpack(shape, int(payload.value))
        return None

    def _compare(self, name: str, wanted: Any, got: Any) -> None:
        self.compared.add(name)
        if not matches(wanted := _tidy(wanted), got):
            self._fail(name, wanted, got)

    def _fail(self, name: str, wanted: Any, got: Any) -> None:
        raise AssertionError(
            f"{self.name}: cycle {self.cycle}, port {name}: expected {wanted}, got {got}"
        )


def matches(wanted: Any, got: Any) -> bool:
    """Whether `got` is what is wanted; None, and members left out, may be anything."""
    if wanted is None:
        return True
    if isinstance(wanted, Mapping):
        return all(matches(value, got[key]) for key, value in wanted.items())
    if isinstance(wanted, list):
        return len(wanted) == len(got) and all(map(matches, wanted, got))
    return bool(wanted == got)


def anything(shape: Any, rng: Random, **given: Any) -> Any:
    """A random value of a shape; `given` members of a struct are as they are given."""
    value = unpack(shape, rng.getrandbits(Shape.cast(shape).width))
    return value | given if given else value


def extremes(shape: Any, rng: Random) -> int:
    """A random number of a shape, often one of its ends, zero, or next to zero."""
    plain = Shape.cast(shape)
    low = -(1 << plain.width - 1) if plain.signed else 0
    high = low + (1 << plain.width) - 1
    return rng.choice([low, high, 0, max(low, -1), 1, *(rng.randint(low, high) for _ in range(5))])


def fill(shape: data.ArrayLayout, rng: Random) -> list[int]:
    """An array of `extremes`."""
    return [extremes(shape.elem_shape, rng) for _ in range(shape.length)]


def generator(rng: Random) -> np.random.Generator:
    """NumPy's generator, seeded by a run's."""
    return np.random.default_rng(rng.getrandbits(32))


def _tidy(value: Any) -> Any:
    """NumPy's numbers and arrays as Python's."""
    if isinstance(value, Mapping):
        return {key: _tidy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_tidy(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return _tidy(value.tolist())
    return int(value) if isinstance(value, bool) else value


def _named(table: dict[str, int], name: str) -> int | None:
    """The entry for a port, or for an interface it is in."""
    while name not in table and "." in name:
        name = name.rpartition(".")[0]
    return table.get(name)


def _nested(values: Values) -> SimpleNamespace:
    """Values by full name as attributes of attributes."""
    top = SimpleNamespace()
    for name, value in values.items():
        *path, label = name.split(".")
        place = top
        for part in path:
            if not hasattr(place, part):
                setattr(place, part, SimpleNamespace())
            place = getattr(place, part)
        setattr(place, label, value)
    return top
