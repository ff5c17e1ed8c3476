"""A core in C++ with the layers of a `golden.core.Core`, and the copies between both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.core import Core
from golden.rows.events import Events
from golden.rows.trace import ActiveList
from golden.spec.layers import Layer
from golden.spec.samples import SampleStatus
from sw.native import COUNTERS, library, new_core, status_of

STATES = ("membranes", "surrogates", "post_traces", "spikes", "gains", "post_gains")
"""Memories of neurons, in the order of `core_state`."""
SUMS = ("_scores", "_votes", "_spikes")
"""What a sample came to until now, in the order of `core_sums`."""


@dataclass(frozen=True)
class Piece:
    """A decoded payload as C++ takes it: step t has rows[offsets[t] : offsets[t + 1]].

    It is a sample, or some steps of one.
    """

    offsets: NDArray[np.int64]
    rows: NDArray[np.int32]
    values: NDArray[np.int8]
    label: int
    steps: int
    learn: bool
    learn_from: int
    first: bool
    last: bool
    status: SampleStatus

    @classmethod
    def of(cls, events: Events) -> Piece:
        """Take it from the events of a payload."""
        return cls(
            offsets=np.cumsum([0, *map(len, events.steps)], dtype=np.int64),
            rows=np.concatenate([np.zeros(0, np.int64), *events.steps]).astype(np.int32),
            values=np.concatenate([np.zeros(0, np.int8), *events.values]).astype(np.int8),
            label=events.label,
            steps=len(events.steps),
            learn=events.learn,
            learn_from=events.learn_from,
            first=events.first,
            last=events.last,
            status=events.status,
        )


class Compiled:
    """The core in C++. Whoever made it calls `free`."""

    def __init__(self, core: Core, layers: list[Layer]) -> None:
        self.layers, self.counts = layers, (core.layer_count, core.class_count)
        self.ran = False
        """What it holds is newer than the memories."""
        self._dropped = False  # gains and lists were emptied, those of all layers
        self._library = library()
        signs = [core.class_signs(layer) for layer in layers]
        self._core = new_core(core.config, core.class_count, layers, signs)
        self._lanes = core.config.lanes
        self.noise = self._library.core_noise(self._core)
        address = self._library.core_counters(self._core)
        self._counters = np.ctypeslib.as_array(address, (len(COUNTERS),))
        lengths = (core.class_count, core.class_count, len(layers))
        self.sums = [
            _view(self._library.core_sums(self._core, which), (length,))
            for which, length in enumerate(lengths)
        ]
        """Scores and votes [classes], spikes [layers] of the sample until now."""

    @property
    def status(self) -> SampleStatus:
        """What it says of the piece that ran last."""
        return status_of(self._library, self._core)

    @property
    def step(self) -> int:
        """Steps that the sample has had until now."""
        return int(self._library.core_step(self._core)[0])

    def free(self) -> None:
        """Let go of it."""
        self._library.core_free(self._core)

    def run(self, piece: Piece, *, learn: bool) -> list[int]:
        """Run a piece; counters in the order of COUNTERS."""
        self._counters[:], self.ran = 0, True
        self._dropped |= piece.first or piece.last
        self._library.core_piece(
            *(self._core, piece.offsets, piece.rows, piece.values, piece.label, piece.steps),
            *(learn and piece.learn, piece.learn_from, piece.first, piece.last),
        )
        found: list[int] = self._counters.tolist()
        return found

    def copy_in(self, core: Core) -> bool:
        """Take all that is in the memories. False: lists have layers or rows that are not its own."""
        if any(len(active.rows) for active in core.__dict__["lists"][len(self.layers) :]):
            return False
        self._library.core_step(self._core)[0] = core.__dict__["_step"]
        for held, name in zip(self.sums, SUMS, strict=True):
            held[:] = core.__dict__[name][: len(held)]
        for index, layer in enumerate(self.layers):
            for memory, held in self._arrays(core, index, layer):
                held[...] = memory
            if layer.classifier:
                self._classifier(index, layer)[:] = core.classifier_weights(layer)
            active: ActiveList = core.__dict__["lists"][index]
            given = (active.rows, active.trace, active.previous_spikes)
            columns = [np.ascontiguousarray(each, np.int32) for each in given]
            if not self._library.core_set_list(self._core, index, len(active.rows), *columns):
                return False
        return True

    def copy_out(self, core: Core) -> None:
        """Bring all that it holds to the memories, but for sums and step."""
        if self._dropped:  # of layers that are not in use, too
            core.__dict__["gains"][:] = core.__dict__["post_gains"][:] = 0
            core.__dict__["lists"] = [ActiveList() for _ in core.__dict__["lists"]]
        for index, layer in enumerate(self.layers):
            for memory, held in self._arrays(core, index, layer):
                memory[...] = held
            if layer.classifier:
                # the register may have changed since
                core.keep_classifier(layer, self._classifier(index, layer).astype(np.int64))
            count = self._library.core_listed(self._core, index)
            rows, trace, spiked = (np.zeros(count, np.int32) for _ in range(3))
            self._library.core_get_list(self._core, index, rows, trace, spiked)
            core.__dict__["lists"][index] = ActiveList(
                rows.astype(np.int64), trace.astype(np.int64), spiked.astype(np.bool_)
            )

    def _arrays(
        self, core: Core, index: int, layer: Layer
    ) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """A layer's memories beside what is held of them, views of the same shape."""
        memory, library = core.__dict__, self._library
        at = slice(layer.state_base, layer.state_base + layer.state_groups)
        found = [
            (
                memory[name][at],
                _view(
                    library.core_state(self._core, index, which), (layer.state_groups, self._lanes)
                ),
            )
            for which, name in enumerate(STATES)
        ]
        base = slice(layer.weight_base, layer.weight_base + layer.words)
        words = memory["weights"][base].reshape(layer.groups, layer.rows, self._lanes)
        held = _view(
            library.core_weights(self._core, index), (layer.rows, layer.groups, self._lanes)
        )
        return [*found, (words.transpose(1, 0, 2), held)]

    def _classifier(self, index: int, layer: Layer) -> NDArray[Any]:
        held = self._library.core_classifier(self._core, index)
        return _view(held, (self.counts[1], layer.latent_groups * self._lanes))


def _view(held: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    return np.ctypeslib.as_array(held, shape)
