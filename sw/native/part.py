"""One part of a network that is larger than the core, compiled: `golden.part.GoldenPart`, but faster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from golden.parts import Given, Ran, nothing
from golden.spec.config import CoreConfig
from golden.spec.formats import SCORE_BITS, saturate
from golden.spec.network import Network
from golden.spec.parts import Part
from golden.spec.registers import COUNTERS
from golden.spec.samples import MOST_SPIKES, Result
from golden.spec.weights import Weights
from sw.native import Held, status_of


class NativePart(Held):
    """One part in C++. `golden.parts.Runs` says what it offers."""

    def __init__(self, network: Network, part: Part, config: CoreConfig) -> None:
        """Weights are 0 until `write`.

        Raises RuntimeError without a compiler, ValueError for sums that 32 bits might not hold.
        """
        bits = network.input_bits if part.first == 0 else 1
        super().__init__(network, config, part.table(network, config), bits)
        self.part, self._samples = part, 0

    def set_rates(self, scale: float) -> None:
        """Multiply the learning rates of the network by `scale`."""
        self._take_rates(self.part.table(self.network, self.config, scale))

    def write(self, share: Weights) -> None:
        """Take weights and classifiers."""
        for at, values in enumerate(share):
            placement = self.part.placements[at]
            self._lanes(at)[placement.row_numbers(), : placement.stage.outputs] = values
        for at, values in share.classifiers.items():
            cells, outputs = self._classifier(at), self.part.placements[at].stage.outputs
            cells[:, :, :outputs] = values.reshape(len(values), -1, outputs)

    def read(self) -> Weights:
        """Weights and classifiers as they are now."""
        found = Weights()
        for at in range(len(self.part.layers)):
            placement = self.part.placements[at]
            outputs = placement.stage.outputs
            held = self._lanes(at)[placement.row_numbers(), :outputs]
            found.append(held.astype(np.int32))
            if self.layers[at].classifier:
                cells = self._classifier(at)[:, :, :outputs]
                found.classifiers[at] = cells.reshape(len(cells), -1).astype(np.int32)
        return found

    def run(self, samples: Sequence[Given], *, learn: bool) -> list[Ran]:
        """Run samples, one after the other."""
        return [self._one(given, learn and bool(self.config.learning)) for given in samples]

    def counters(self) -> dict[str, int]:
        """What was counted, by name."""
        return {r.name: 0 for r in COUNTERS} | self._counted() | {"samples": self._samples}

    def _one(self, given: Given, learn: bool) -> Ran:
        steps, shown = len(given.frames), self.part.shown
        at, rows = np.nonzero(given.frames)
        offsets = np.searchsorted(at, np.arange(steps + 1)).astype(np.int64)
        last = self.part.last
        width = last.groups * self.config.lanes
        record = np.zeros((steps, shown.positions, width), np.uint8)
        if self.part.blank:
            self._lib.core_record(self._core, len(self.part.layers) - 1, record.ctypes.data)
        scores = np.zeros((1, self.network.classes), np.int64)
        fired = np.zeros((1, len(self.layers)), np.int64)
        self._lib.core_run(
            *(self._core, offsets, rows.astype(np.int32), given.frames[at, rows].astype(np.int8)),
            *(np.array([given.label], np.int32), steps, np.zeros(1, np.int64), 1, learn),
            *(self.network.learn_from(steps), scores, fired),
        )
        self._lib.core_record(self._core, 0, None)
        self._samples += 1
        seen = record[:, :, : last.stage.outputs].astype(np.bool_)
        return Ran(self._result(scores[0], fired[0]), seen if self.part.blank else nothing(steps))

    def _result(self, scores: NDArray[np.int64], fired: NDArray[np.int64]) -> Result:
        total = np.zeros(self.config.classes, np.int64)
        total[: len(scores)] = saturate(scores, SCORE_BITS)
        spikes = np.zeros(self.config.layers, np.int64)
        spikes[: len(fired)] = np.minimum(fired, MOST_SPIKES)
        return Result(
            status=status_of(self._lib, self._core),
            prediction=int(np.argmax(scores)),
            cycles=0,
            spikes=tuple(spikes.tolist()),
            scores=tuple(total.tolist()),
        )

    def _classifier(self, at: int) -> NDArray[np.int16]:
        """View of a layer's classifier, [classes, cells, groups x lanes]."""
        layer = self.layers[at]
        shape = (self.network.classes, layer.cells, layer.groups * self.config.lanes)
        return np.ctypeslib.as_array(self._lib.core_classifier(self._core, at), shape)
