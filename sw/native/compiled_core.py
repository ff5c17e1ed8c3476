"""The integer core with its samples run by compiled C++: same memories, same registers, same bits.

Records of steps are NumPy's, and sums of more than 32 bits, and what is left of a sample for which the layer
table was changed in the middle. The gate (`golden.host`) refuses layer tables that no network has.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from golden.core import Core
from golden.rows.events import decode_sample
from golden.spec.config import CoreConfig
from golden.spec.formats import SCORE_BITS, saturate
from golden.spec.samples import MOST_SPIKES, Result
from sw.kept import Kept
from sw.native import COUNTERS, library, sums_fit
from sw.native.compiled_state import STATES, Compiled, Piece

MEMORIES = (*STATES, "table", "signs", "weights", "classifiers", "lists")


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
        self._compiled: Compiled | None = None
        self._decoded: Kept[tuple[int, bytes], Piece] = Kept()
        super().__init__(config)

    def settle(self) -> None:
        """Bring what the compiled core holds into the memories, which may then be changed."""
        compiled, self._compiled = self._compiled, None
        if compiled is not None:
            if compiled.ran:
                compiled.copy_out(self)
            compiled.free()

    def __del__(self) -> None:
        if self.__dict__.get("_compiled") is not None:
            self.__dict__["_compiled"].free()

    def _run(self, payload: bytes) -> Result:
        compiled = self._ready() if self.records is None else None
        if compiled is None:
            self.settle()
            return super()._run(payload)
        registers = self.registers
        piece = self._decode(payload, compiled)
        compiled.noise[0] = registers["noise_state"]
        counted = compiled.run(piece, learn=bool(self.config.learning))
        registers["noise_state"] = int(compiled.noise[0])
        for name, value in zip(COUNTERS, counted, strict=True):
            registers[name] += value
        registers["samples"] += piece.last
        for sums, now in zip((self._scores, self._votes, self._spikes), compiled.sums, strict=True):
            sums[: len(now)] = now
            sums[len(now) :] *= not piece.first
        self._step = compiled.step
        scores = saturate(self._scores + self._votes, SCORE_BITS)
        return Result(
            status=piece.status | compiled.status,
            prediction=int(np.argmax(scores[: self.class_count])),
            cycles=0,
            spikes=tuple(np.minimum(self._spikes, MOST_SPIKES).tolist()),
            scores=tuple(scores.tolist()),
        )

    def _decode(self, payload: bytes, compiled: Compiled) -> Piece:
        """What a payload says; one that comes again is not decoded again."""
        inputs, bits = compiled.layers[0].inputs, self.config.input_bits
        key = (inputs, payload)
        return self._decoded.get(
            key, lambda: Piece.of(decode_sample(payload, inputs, bits)), 6 * len(payload)
        )

    def _ready(self) -> Compiled | None:
        """The compiled core with all that is in the memories; None: it might not hold that."""
        counts = (self.layer_count, self.class_count)
        if self._compiled is not None and self._compiled.counts != counts:
            self.settle()
        if self._compiled is None:
            layers = [self.layer(index) for index in range(self.layer_count)]
            if not sums_fit(layers[0], self.config, self.config.input_bits):
                return None
            compiled = Compiled(self, layers)
            if not compiled.copy_in(self):
                compiled.free()
                return None
            self._compiled = compiled
        return self._compiled


for _name in MEMORIES:
    setattr(CompiledCore, _name, _Memory(_name))
