"""A sample with its updates at the end, step after step or layer after layer: the same bits.

TESS is local in space: what a layer does depends on the spikes that reach it and on nothing behind it.
So a layer may run through all steps of a sample before the next one starts, as long as no weight
changes on the way. Then a machine whose weights lie in an SDRAM fetches them once per sample and not
once per step; it has to keep a layer's spikes, steps x neurons bits.

The update of the sample is the exact sum of its steps' updates (of a convolution: and of its pixels'),

    sum_ij = sum over t of  g_i[t] q_j[t] + 2^POST_FRACTION k_i[t] x_j[t]

with the gains g and k of `golden.learn.gain`, and is rounded once, stochastically. Both orders draw the
noise alike: layers as in the table, in a layer its groups, in a group the rows that met a gain with a
trace or a spike, ascending. In flat layers with a learning signal in the last step alone this is what
`golden.core` computes. There is no hardware of it yet.
"""

import numpy as np
from numpy.typing import NDArray

from golden.core import Core
from golden.lanes.noise import advance, noise
from golden.rows.events import Events
from golden.rows.scan import scan
from golden.rows.trace import Pass, Rows
from golden.schedule.passes import passes
from golden.spec.config import CoreConfig
from golden.spec.formats import NOISE_BITS, POST_FRACTION
from golden.spec.layers import Layer

NO_CLASSIFIER = (
    "a classifier that learns moves in every step: updates at the end of a sample work with "
    "classifiers=signs only"
)


class StepMajor(Core):
    """The core of `golden.core`, but for its updates: added up in `sums`, applied after the last step."""

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(config)
        self._begin()

    def layer(self, index: int) -> Layer:
        """Entry `index` of the layer table. Raises ValueError for a layer whose classifier learns."""
        layer = super().layer(index)
        if layer.classifier:
            raise ValueError(
                f"layer {index}: its classifier learns in every step; use classifiers=signs"
            )
        return layer

    def _begin(self) -> None:
        super()._begin()
        self.sums = np.zeros(self.weights.shape, np.int64)
        """Beside every weight, its update so far: fractions of 2^-NOISE_BITS of a weight unit."""
        self._met = np.zeros(len(self.weights), np.bool_)  # words with something in their sum

    def _learn(
        self, index: int, layer: Layer, target: int | None, learn: bool
    ) -> NDArray[np.int64]:
        """As the core; then the gains are used at once, and nothing is deferred.

        Raises ValueError for a layer with a classifier that learns.
        """
        if layer.classifier:
            raise ValueError(NO_CLASSIFIER)
        spikes = super()._learn(index, layer, target, learn)
        listed, deferred = self.lists[index], self.deferred
        now = listed.previous_spikes.astype(np.int64)
        visit = Pass(listed.rows, listed.trace, listed.previous_spikes, now)
        for group, (number, visited) in enumerate(passes(layer, visit), layer.state_base):
            if deferred[group]:
                self._add(group, layer.weight_base + number * layer.rows + visited.rows, visited)
        self._drop_deferred()
        return spikes

    def _add(self, group: int, words: Rows, visited: Pass) -> None:
        """The update of one group of neurons in this step, exactly."""
        causal, non_causal = self.gains[group], self.post_gains[group] << POST_FRACTION
        change = visited.trace[:, None] * causal + visited.previous_spikes[:, None] * non_causal
        np.add.at(self.sums, words, change)  # a row may be there more than once
        self._met[words] = True

    def _flush(self, layers: list[Layer]) -> None:
        """After the last step: round what has been added up."""
        for layer in layers:
            self._settle(layer)

    def _settle(self, layer: Layer) -> None:
        """Round a layer's sums, once, into its weights."""
        end = layer.weight_base + layer.words
        words = layer.weight_base + np.flatnonzero(self._met[layer.weight_base : end])
        random = noise(self.noise_state, len(words), self.config.lanes)
        self.noise_state = advance(self.noise_state, len(words))
        change = (self.sums[words] + random) >> NOISE_BITS
        top = 1 << (self.config.weight_bits - 1)
        self.weights[words] = np.clip(self.weights[words] + change, -top, top - 1)
        self.count("updates", self._neurons(layer, words))

    def _neurons(self, layer: Layer, words: Rows) -> int:
        """Weights in these words that are a neuron's."""
        lanes = [self.neuron_lanes(layer, number).sum() for number in range(layer.groups)]
        return int(np.array(lanes)[(words - layer.weight_base) // layer.rows].sum())


class LayerMajor(StepMajor):
    """The same, layer after layer. Before the last step there is nothing to tell but its inputs.

    Raises ValueError for a core whose lists may be full: what a layer finds free is left by the others in
    the same step.
    """

    def __init__(self, config: CoreConfig) -> None:
        if config.list_rows:
            raise ValueError(
                f"list_rows is {config.list_rows}: layer after layer, lists have a place for every row; use 0"
            )
        super().__init__(config)

    def _begin(self) -> None:
        super()._begin()
        self._inputs: list[tuple[Rows, Rows]] = []

    def _run_step(self, layers: list[Layer], rows: Rows, values: Rows, events: Events) -> None:
        self.count("steps", 1)
        self.count("events", len(rows))
        self._inputs.append((rows, values))
        self._events = events

    def _flush(self, layers: list[Layer]) -> None:
        steps = self._inputs
        for index, layer in enumerate(layers):
            steps = [self._one(index, layer, step, *given) for step, given in enumerate(steps)]
            self._settle(layer)

    def _one(
        self, index: int, layer: Layer, step: int, rows: Rows, values: Rows
    ) -> tuple[Rows, Rows]:
        """One layer in one step: rows that spike in, and their values; neurons that spike out."""
        events, self._step = self._events, step
        learn = events.learn and layer.plastic
        self._run_layer(index, layer, rows, values, learn)
        target = events.label if step >= events.learn_from else None
        found = scan(self._learn(index, layer, target, learn))
        return found, np.ones_like(found)
