"""The integer core with its samples run by compiled C++: same memories, same registers, same bits.

A sample that comes whole runs compiled. All else is NumPy's: samples in several frames, samples of no step,
records of steps, and sums of more than 32 bits. The gate (`golden.host`) refuses layer tables that no
network has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.core import Core
from golden.rows.events import Events, decode_sample
from golden.rows.trace import ActiveList
from golden.spec.config import CoreConfig
from golden.spec.layers import Layer
from golden.spec.samples import FIRST, FLAGS_BYTE, LAST, MOST_SPIKES, Result, SampleStatus
from sw.kept import Kept
from sw.native import COUNTERS, library, new_core, status_of, sums_fit

WHOLE = FIRST | LAST
STATES = ("membranes", "surrogates", "post_traces", "spikes")
"""Memories of neurons, in the order of `core_state`."""
MEMORIES = (*STATES, "table", "signs", "weights", "gains", "post_gains", "classifiers", "lists")


class _Memory:
    """A memory of the core. Whoever takes hold of it gets what the compiled core left there."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, core: CompiledCore | None, owner: type) -> Any:
        if core is None:
            return self
        core.settle()
        return core.__dict__[self.name]

    def __set__(self, core: CompiledCore, value: Any) -> None:
        core.settle()
        core.__dict__[self.name] = value


class CompiledCore(Core):
    """`golden.core.Core`, some fifty times as fast. Raises RuntimeError when it cannot be compiled."""

    def __init__(self, config: CoreConfig) -> None:
        self._library = library()
        self._compiled: _Compiled | None = None
        self._decoded: Kept[tuple[int, bytes], _Sample] = Kept()
        super().__init__(config)

    def settle(self) -> None:
        """Bring what the compiled core holds into the memories, which may then be changed."""
        compiled, self._compiled = self._compiled, None
        if compiled is not None:
            if compiled.ran:
                compiled.copy(self, out=True)
            compiled.free()

    def __del__(self) -> None:
        if self.__dict__.get("_compiled") is not None:
            self.__dict__["_compiled"].free()

    def _run(self, payload: bytes) -> Result:
        compiled = self._ready() if self.records is None and _whole(payload) else None
        given = None if compiled is None else self._decode(payload, compiled)
        if compiled is None or given is None or not given.steps:
            self.settle()
            return super()._run(payload)
        registers = self.registers
        compiled.noise[0] = registers["noise_state"]
        scores, spikes, counted = compiled.run(given, learn=bool(self.config.learning))
        registers["noise_state"] = int(compiled.noise[0])
        for name, value in zip(COUNTERS, counted, strict=True):
            registers[name] += value
        registers["samples"] += 1
        self._step = given.steps
        self._scores[: len(scores)], self._scores[len(scores) :] = scores, 0
        self._votes[:] = 0  # they are in the scores
        self._spikes[: len(spikes)], self._spikes[len(spikes) :] = spikes, 0
        return Result(
            status=given.status | compiled.status,
            prediction=int(np.argmax(scores)),
            cycles=0,
            spikes=tuple(np.minimum(self._spikes, MOST_SPIKES).tolist()),
            scores=tuple(self._scores.tolist()),
        )

    def _decode(self, payload: bytes, compiled: _Compiled) -> _Sample:
        """A payload's sample; one that comes again is not decoded again."""
        key = (compiled.layers[0].inputs, payload)
        return self._decoded.get(
            key, lambda: _Sample.of(compiled.events(payload)), 6 * len(payload)
        )

    def _ready(self) -> _Compiled | None:
        """The compiled core with all that is in the memories; None: its sums might not hold such a table."""
        counts = (self.layer_count, self.class_count)
        if self._compiled is not None and self._compiled.counts != counts:
            self.settle()
        if self._compiled is None:
            layers = [self.layer(index) for index in range(self.layer_count)]
            if not sums_fit(layers[0], self.config, self.config.input_bits):
                return None
            compiled = _Compiled(self, layers)
            compiled.copy(self, out=False)
            self._compiled = compiled
        return self._compiled


for _name in MEMORIES:
    setattr(CompiledCore, _name, _Memory(_name))


@dataclass(frozen=True)
class _Sample:
    """A decoded payload as C++ takes it: step t has rows[offsets[t] : offsets[t + 1]]."""

    offsets: NDArray[np.int64]
    rows: NDArray[np.int32]
    values: NDArray[np.int8]
    label: NDArray[np.int32]
    steps: int
    learn: bool
    learn_from: int
    status: SampleStatus

    @classmethod
    def of(cls, events: Events) -> _Sample:
        """Take it from the events of a payload."""
        return cls(
            offsets=np.cumsum([0, *map(len, events.steps)], dtype=np.int64),
            rows=np.concatenate([np.zeros(0, np.int64), *events.steps]).astype(np.int32),
            values=np.concatenate([np.zeros(0, np.int8), *events.values]).astype(np.int8),
            label=np.array([events.label], np.int32),
            steps=len(events.steps),
            learn=events.learn,
            learn_from=events.learn_from,
            status=events.status,
        )


class _Compiled:
    """A core in C++ with the layers that a `CompiledCore` has."""

    def __init__(self, core: CompiledCore, layers: list[Layer]) -> None:
        self.layers, self.counts = layers, (core.layer_count, core.class_count)
        self.ran = False  # what it holds is newer than the memories
        self._library = library()
        signs = [core.class_signs(layer) for layer in layers]
        self._core = new_core(core.config, core.class_count, layers, signs)
        self._lanes, self._input_bits = core.config.lanes, core.config.input_bits
        self.noise = self._library.core_noise(self._core)
        address = self._library.core_counters(self._core)
        self._counters = np.ctypeslib.as_array(address, (len(COUNTERS),))
        self._scores = np.zeros((1, core.class_count), np.int64)
        self._spikes = np.zeros((1, len(layers)), np.int64)
        self._order = np.zeros(1, np.int64)

    def events(self, payload: bytes) -> Events:
        """A payload, decoded for the first layer."""
        return decode_sample(payload, self.layers[0].inputs, self._input_bits)

    @property
    def status(self) -> SampleStatus:
        """What it says of the last sample."""
        return status_of(self._library, self._core)

    def free(self) -> None:
        """Let go of it."""
        self._library.core_free(self._core)

    def run(
        self, sample: _Sample, *, learn: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], list[int]]:
        """Run a whole sample: scores [classes], spikes [layers], counters in the order of COUNTERS."""
        self._counters[:], self.ran = 0, True
        self._library.core_run(
            *(self._core, sample.offsets, sample.rows, sample.values, sample.label, sample.steps),
            *(self._order, 1, learn and sample.learn, sample.learn_from),
            *(self._scores, self._spikes),
        )
        return self._scores[0], self._spikes[0], self._counters.tolist()

    def copy(self, core: CompiledCore, *, out: bool) -> None:
        """Copy weights, classifiers and neurons `out` to the memories, or in from there."""
        memory = core.__dict__
        for index, layer in enumerate(self.layers):
            at = slice(layer.state_base, layer.state_base + layer.state_groups)
            for which, name in enumerate(STATES):
                held = self._library.core_state(self._core, index, which)
                _move(memory[name][at], _view(held, (layer.state_groups, self._lanes)), out)
            base = slice(layer.weight_base, layer.weight_base + layer.words)
            words = memory["weights"][base].reshape(layer.groups, layer.rows, self._lanes)
            held = self._library.core_weights(self._core, index)
            _move(
                words.transpose(1, 0, 2), _view(held, (layer.rows, layer.groups, self._lanes)), out
            )
            if layer.classifier:
                held = self._library.core_classifier(self._core, index)
                # the register may have changed since
                view = _view(held, (self.counts[1], layer.latent_groups * self._lanes))
                if out:
                    core.keep_classifier(layer, view.astype(np.int64))
                else:
                    view[:] = core.classifier_weights(layer)
        if out:  # what a sample leaves behind
            memory["gains"][:] = memory["post_gains"][:] = 0
            memory["lists"] = [ActiveList() for _ in memory["lists"]]


def _view(held: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    return np.ctypeslib.as_array(held, shape)


def _move(memory: NDArray[Any], held: NDArray[Any], out: bool) -> None:
    if out:
        memory[...] = held
    else:
        held[...] = memory


def _whole(payload: bytes) -> bool:
    """Whether this is all of a sample."""
    return len(payload) > FLAGS_BYTE and payload[FLAGS_BYTE] & WHOLE == WHOLE
