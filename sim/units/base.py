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
behind a yield. Ports that a yield leaves out carry anything, those of one bit carry zero, those
`held` keep what they had, those `idle` have a value for it: a unit looks at a port only when it may.
A yield of {} is one idle cycle.

Ports inside an interface are named `visits.row`; stimuli may give the interface as a dictionary, and
`now` has it as an attribute with attributes. Structs are dictionaries, arrays are lists.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from random import Random
from typing import Any, ClassVar

import cocotb
import pytest
from amaranth import Module, Signal
from amaranth.lib import wiring

from sim.harness import parameters, run
from sim.streams import STEADY
from sim.units.bench import PATIENCE, WAITS, Bench
from sim.units.values import Values


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
    """Outputs that are not compared one by one, and what is checked of them instead."""
    registers: ClassVar[bool] = True
    """The unit has registers, and so a clock; else it is given one, by which cycles are counted."""
    waits: ClassVar[tuple[str, ...]] = tuple(WAITS)
    prompt: ClassVar[tuple[str, ...]] = ()
    """Streams that the bench never makes to wait."""

    bench: Bench
    size: Values

    def stimuli(self, rng: Random) -> Iterator[Any]:
        """Values of input ports for a cycle at a time; of a stream: payloads to send, in a list.

        Or (such values, outputs as `step` returns them), where the twin works on more than a cycle.
        """
        raise NotImplementedError

    def step(self, now: Any) -> Values:
        """One cycle of the twin: from the inputs to the outputs.

        now     inputs as attributes; of a stream, in or out, the payload transferred, or None
        return  outputs by name; None, or a name left out, is not compared. Of a stream: payloads that
                have to come, in a list. A dictionary may leave members out.
        """
        return {}

    def always(self) -> Values:
        """Values of inputs in every cycle that does not give them, as when outputs lead back to them."""
        return {}

    def send(self, name: str, *payloads: Any) -> None:
        """Queue payloads on an input stream."""
        self.bench.send(name, payloads)

    def expect(self, name: str, *payloads: Any) -> None:
        """The output stream `name` owes these payloads, in order."""
        self.bench.owed[name].extend(payloads)

    def port(self, name: str) -> Any:
        """What an output held in the cycle that has ended."""
        return self.bench.ports[name].value

    def check(self, name: str, wanted: Any) -> None:
        """Compare an output in the cycle that has ended."""
        self.bench.compare(name, wanted, self.port(name))

    def equal(self, name: str, wanted: Any, got: Any) -> None:
        """Compare what was made of an output, under its name."""
        self.bench.compare(name, wanted, got)

    def offered(self, name: str) -> bool:
        """Whether an input stream was valid in the cycle that has ended."""
        return bool(self.bench.handles[name][2].value)

    def wait(
        self, done: Callable[[], Any], name: str, given: Iterator[Values] | None = None
    ) -> Iterator[Values]:
        """Cycles, idle or as `given`, until something holds; `name` is blamed when it never does."""
        for _ in range(PATIENCE):
            yield {} if given is None else next(given)
            if done():
                return
        raise AssertionError(
            f"{self.bench.name}: cycle {self.bench.cycle}, port {name}: stays away"
        )

    def until(self, name: str) -> Iterator[Values]:
        """Idle cycles until an output is not zero."""
        return self.wait(lambda: self.port(name), name)

    def drain(self, cycles: int = 1) -> Iterator[Values]:
        """Idle cycles until everything was sent and everything owed has come, and some more."""
        yield {}
        while self.bench.busy:
            yield {}
        yield from ({} for _ in range(cycles - 1))

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

        def factory() -> wiring.Component:
            unit = kind.unit(**kind.sizes[size])
            return unit if kind.registers else Clocked(unit)

        run(factory, __name__, testcase="agree", parameters=where)


class Clocked(wiring.Component):
    """A unit without registers, and a clock beside it."""

    def __init__(self, unit: wiring.Component) -> None:
        self.unit = unit
        super().__init__(unit.signature)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.unit = self.unit
        m.d.sync += Signal(name="clocked").eq(1)
        wiring.connect(m, wiring.flipped(self), self.unit)
        return m


@cocotb.test()
@cocotb.parametrize(waits=list(WAITS))
async def agree(dut: Any, waits: str) -> None:
    """Runs inside the simulation: the test that `parameters` name."""
    where = parameters()
    kind = getattr(import_module(where["module"]), where["test"])
    if waits in kind.waits:
        await Bench(dut, kind(), where["size"], waits).run()
