"""Drives the ports of a unit in simulation beside the twin of its test, and compares."""

from collections import deque
from typing import Any

from amaranth.hdl import Shape
from amaranth.lib import stream, wiring
from cocotb.triggers import RisingEdge

from sim.harness import choose_seed, seeded, start
from sim.streams import OFTEN, RARE, STEADY, Port, StreamSink, StreamSource, unpack
from sim.units.values import Values, matches, nested, prefixes, tidy

WAITS = {"steady": STEADY, "rare": RARE, "often": OFTEN}
PATIENCE = 5000
"""Cycles without a transfer after which a stream that owes something counts as stuck."""
QUIET = 40
"""Cycles after the last stimulus in which nothing more may come."""


class Bench:
    """One run of a `sim.units.base.UnitTest`, at one size, with one kind of waits."""

    def __init__(self, dut: Any, test: Any, size: str, waits: str) -> None:
        self.dut, self.test, self.waits = dut, test, WAITS[waits]
        self.name = f"{test.unit.__name__} {size or 'only'}, waits {waits}, seed {choose_seed()}"
        self.rng = seeded(f"{type(test).__name__}/{waits}")
        test.bench, test.size = self, test.sizes[size]
        self.cycle = self.still = 0
        self.ports: dict[str, Port] = {}
        self.shapes: dict[str, Any] = {}  # of inputs
        self.sources: dict[str, StreamSource] = {}
        self.sinks: dict[str, StreamSink] = {}
        self.handles: dict[
            str, tuple[Any, ...]
        ] = {}  # payload, its shape, valid, ready of a stream
        self.groups: set[str] = set()
        self._find(test.unit(**test.size).signature, "")
        self.outputs = [name for name in self.ports if name not in self.shapes]
        self.transfers = dict.fromkeys(self.handles, 0)
        self.unsent = dict.fromkeys(self.sources, 0)
        self.owed: dict[str, deque[Any]] = {name: deque() for name in self.sinks}
        self.last: Values = dict.fromkeys(self.shapes, 0)
        self.delays = {
            name: deque([None if name in self.outputs else 0] * self._time(name))
            for name in self.ports
        }
        for name in self.shapes:
            self.ports[name].value = 0
        self.compared: set[str] = set()

    @property
    def busy(self) -> bool:
        """Something is still to be sent or to come."""
        return any(self.unsent.values()) or any(self.owed.values())

    async def run(self) -> None:
        """The whole test."""
        await start(self.dut)
        for given in self.test.stimuli(self.rng):
            await self._advance(*(given if isinstance(given, tuple) else (given,)))
            for _ in range(self.waits.draw(self.rng) if given else 0):
                await self._advance({})
        while self.busy:
            await self._advance({})
        for _ in range(QUIET + max(self.test.at.values(), default=0)):
            await self._advance({})
        never = {*self.outputs, *self.sinks} - self.compared - set(self.test.unchecked)
        assert not never, f"{self.name}: never compared: {', '.join(sorted(never))}"

    def send(self, name: str, payloads: Any) -> None:
        """Queue payloads on an input stream."""
        self.unsent[name] += len(payloads)
        self.sources[name].send(*payloads)

    def compare(self, name: str, wanted: Any, got: Any) -> None:
        """Raises AssertionError, which says where and when, for what is not wanted."""
        self.compared.add(name)
        wanted = tidy(wanted)
        assert matches(wanted, got), (
            f"{self.name}: cycle {self.cycle}, port {name}: expected {wanted}, got {got}"
        )

    def _find(self, signature: Any, prefix: str) -> None:
        """Drivers and monitors for all ports of an interface."""
        for label, member in signature.members.items():
            assert not member.dimensions, f"{prefix}{label}: an array of ports"
            name = prefix + label
            path = name.replace(".", "__")
            if member.is_port:
                self.ports[name] = Port(getattr(self.dut, path), member.shape)
                if member.flow == wiring.In:
                    self.shapes[name] = member.shape
                continue
            inner = member.signature
            kind = inner.flip() if isinstance(inner, wiring.FlippedSignature) else inner
            if isinstance(kind, stream.Signature):
                incoming = inner.members["valid"].flow == wiring.In
                self._find_stream(name, path, inner.members["payload"].shape, incoming)
            else:
                self.groups.add(name)
                self._find(inner, f"{name}.")

    def _find_stream(self, name: str, path: str, shape: Any, incoming: bool) -> None:
        waits = STEADY if name in self.test.prompt else self.waits
        if incoming:
            self.sources[name] = StreamSource(self.dut, path, shape, waits=waits)
        else:
            self.sinks[name] = StreamSink(self.dut, path, shape, waits=waits)
        ends = (getattr(self.dut, f"{path}__{end}", None) for end in ("valid", "ready"))
        self.handles[name] = (getattr(self.dut, f"{path}__payload"), shape, *ends)

    def _time(self, name: str) -> int:
        """Cycles after a yield at which a port is driven or compared."""
        return next((self.test.at[part] for part in prefixes(name) if part in self.test.at), 0)

    def _flat(self, given: Values, prefix: str = "") -> Values:
        """Values by the full name of their port."""
        flat: Values = {}
        for label, value in given.items():
            name = prefix + label
            if name in self.groups:
                flat |= self._flat(value, f"{name}.")
            else:
                flat[name] = value
        return flat

    async def _advance(self, given: Values, wanted: Values | None = None) -> None:
        """One cycle; `wanted` of it, beside what the twin wants."""
        given = self._flat(self.test.always()) | self._flat(given)
        for name in self.shapes:
            self.last[name] = self._value(name, given)
            self.delays[name].append(self.last[name])
            self.ports[name].value = self.delays[name].popleft()
        for name in self.sources:
            self.send(name, list(given.pop(name, ())))
        assert not given.keys() - self.shapes.keys(), (
            f"no inputs: {given.keys() - self.shapes.keys()}"
        )
        await RisingEdge(self.dut.clk)
        self.cycle += 1
        moved = {name: self._moved(name) for name in self.handles}
        expected = self._flat((self.test.step(nested(self.last | moved)) or {}) | (wanted or {}))
        for name in self.outputs:
            self.delays[name].append(expected.pop(name, None))
            due = self.delays[name].popleft()
            if due is not None:
                self.compare(name, due, self.ports[name].value)
        for name, payloads in expected.items():
            self.owed[name].extend(payloads)
        self._settle(moved)

    def _settle(self, moved: Values) -> None:
        """Compare what output streams have transferred with what they owe."""
        for name in self.sinks:
            if moved[name] is not None and name not in self.test.unchecked:
                assert self.owed[name], (
                    f"{self.name}: cycle {self.cycle}, port {name}: expected nothing, "
                    f"got {moved[name]}"
                )
                self.compare(name, self.owed[name].popleft(), moved[name])
        moves = any(payload is not None for payload in moved.values())
        self.still = 0 if moves or not self.busy else self.still + 1
        owing = {name: owed[0] for name, owed in self.owed.items() if owed}
        stuck = [name for name, count in self.unsent.items() if count]
        assert self.still <= PATIENCE, (
            f"{self.name}: cycle {self.cycle}: nothing moves; owed: {owing}, not taken: {stuck}"
        )

    def _value(self, name: str, given: Values) -> Any:
        """What an input carries in this cycle."""
        if name in given:
            return tidy(given[name])
        for part in prefixes(name):
            if part in self.test.idle:
                return self.test.idle[part]
            if part in self.test.held:
                return self.last[name]
        shape = self.shapes[name]
        bits = Shape.cast(shape).width
        return unpack(shape, self.rng.getrandbits(bits) if bits > 1 else 0)

    def _moved(self, name: str) -> Any:
        """The payload that a stream has transferred in this cycle, or None."""
        payload, shape, valid, ready = self.handles[name]
        if (valid is not None and not valid.value) or (ready is not None and not ready.value):
            return None
        self.transfers[name] += 1
        if name in self.unsent:
            self.unsent[name] -= 1
        return unpack(shape, int(payload.value))
