"""The whole core as an integer model: what hw/core/core.py computes, bit for bit.

Order of things, the same in both: for each step, for each layer, for each group of lanes one pass
over the layer's active rows, which first makes up for the weight update of the last step and then
integrates; the group fires; when all groups have, the layer's learning signal is formed. Updates that
are pending after the last step of a sample are applied by passes without spikes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden import signal
from golden.events import Events, decode_sample
from golden.fire import fire
from golden.integrate import integrate
from golden.memory import CoreMemory
from golden.noise import advance, noise
from golden.scan import scan
from golden.spec.config import CoreConfig
from golden.spec.layers import Layer
from golden.spec.samples import Result
from golden.trace import ActiveList, Pass
from golden.update import update_rows


@dataclass(frozen=True)
class StepRecord:
    """What a layer did in one step, for probes and comparisons: arrays [groups, lanes]."""

    layer: int
    membranes: NDArray[np.int64]
    surrogates: NDArray[np.int64]
    spikes: NDArray[np.int64]
    signals: NDArray[np.int64]


class Core(CoreMemory):
    """Integer model of one core. Read and write its memories as the host does (`CoreMemory`)."""

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(config)
        self.lists = [ActiveList() for _ in range(config.layers)]
        self.records: list[StepRecord] | None = None
        """Set to an empty list to have every layer's every step appended."""
        self._scores = np.zeros(config.classes, np.int64)
        self._spikes = np.zeros(config.layers, np.int64)
        self._step = 0

    def sample(self, payload: bytes) -> Result:
        """Run the payload of a SAMPLE command. Cycles are counted as 0: only a clock knows them."""
        layers = [self.layer(index) for index in range(self.layer_count)]
        events = decode_sample(payload, layers[0].inputs)
        if events.first:
            self._begin()
        for rows in events.steps:
            self._run_step(layers, rows, events)
        if events.last:
            self._flush(layers)
            self.count("samples", 1)
        scores = self._scores[: self.config.classes]
        return Result(
            status=events.status,
            prediction=int(np.argmax(scores[: self.class_count])),
            cycles=0,
            spikes=tuple(int(n) for n in np.minimum(self._spikes, 0xFFFF)),
            scores=tuple(int(score) for score in scores),
        )

    def _begin(self) -> None:
        self.lists = [ActiveList() for _ in range(self.config.layers)]
        self._drop_pending()
        self._scores[:] = 0
        self._spikes[:] = 0
        self._step = 0

    def _run_step(self, layers: list[Layer], rows: NDArray[np.int64], events: Events) -> None:
        self.count("steps", 1)
        self.count("events", len(rows))
        for index, layer in enumerate(layers):
            learn = events.learn and layer.plastic
            self._run_layer(index, layer, rows, learn)
            target = events.label if self._step >= events.learn_from else None
            self._learn(index, layer, target, learn)
            rows = scan(self.spikes[self._span(layer)])
        self._step += 1

    @property
    def pending(self) -> NDArray[np.bool_]:
        """Groups whose gains are not all zero: an update waits for their next pass."""
        return np.asarray(self.gains.any(axis=1) | self.post_gains.any(axis=1))

    def _run_layer(self, index: int, layer: Layer, rows: NDArray[np.int64], learn: bool) -> None:
        if layer.bias:
            rows = np.append(rows, layer.inputs)
        visit = self.lists[index].merge(rows, layer, learn)
        for group in range(layer.groups):
            self._make_up(layer, group, visit)
            weights = self.group_weights(layer, group)
            state = layer.state_base + group
            start = self.membranes[state] * (not (layer.readout or self._step == 0))
            total = integrate(start, weights[visit.rows[visit.spikes]])
            fired = fire(total, self.valid_lanes(layer, group), layer)
            self.membranes[state] = fired.membrane
            self.surrogates[state] = fired.surrogate
            self.spikes[state] = fired.spikes
            self._count_pass(layer, group, visit)

    def _make_up(self, layer: Layer, group: int, visit: Pass) -> None:
        """Apply the update of the last step to one group, if it changes anything."""
        state = layer.state_base + group
        causal, non_causal = self.gains[state], self.post_gains[state]
        if not self.pending[state]:
            return
        learns = visit.learns
        rows = visit.rows[learns]
        weights = self.group_weights(layer, group)
        random = noise(self.noise_state, len(rows), self.config.lanes)
        weights[rows] = update_rows(
            weights[rows],
            causal,
            non_causal,
            visit.trace[learns].astype(np.int32),
            visit.spiked[learns],
            random,
            self.config.weight_bits,
        )
        self.noise_state = advance(self.noise_state, len(rows))
        self.count("updates", len(rows) * int(self.valid_lanes(layer, group).sum()))

    def _count_pass(self, layer: Layer, group: int, visit: Pass) -> None:
        """Rows of a pass by what they do; a pass that updates nothing replays the spikes alone."""
        self.count("synops", int(visit.spikes.sum() * self.valid_lanes(layer, group).sum()))
        pending = self.pending[layer.state_base + group]
        updates = visit.learns & pending
        self.count("rows_both", int((updates & visit.spikes).sum()))
        self.count("rows_update", int((updates & ~visit.spikes).sum()))
        self.count("rows_integrate", int((visit.spikes & ~updates).sum()))
        if group == 0:
            self.count("rows_trace", int((~visit.spikes & ~updates).sum()))

    def _learn(self, index: int, layer: Layer, target: int | None, learn: bool) -> None:
        """Scores of a readout, and the gains that the next pass over this layer applies."""
        span = self._span(layer)
        spikes, membranes = self.spikes[span], self.membranes[span]
        classes = self.class_count
        signs = self.class_signs(layer.groups)
        if layer.readout:
            logits = membranes.reshape(-1)[:classes].astype(np.int64)
            self._scores[:classes] += logits
        else:
            logits = signal.latents(spikes.reshape(-1), signs)
            self._spikes[index] += spikes.sum()
            self.count("spikes", int(spikes.sum()))
        lanes = np.zeros(spikes.shape, np.int64)
        if learn and target is not None:
            classes_signal = signal.class_signals(logits, target, layer)
            if layer.readout:
                lanes.reshape(-1)[:classes] = classes_signal
            else:
                fired = spikes.reshape(-1).astype(np.int64)
                m = signal.learning_signal(classes_signal, signs, fired, layer)
                lanes = m.reshape(spikes.shape)
        self._record(index, span, lanes)
        if learn:
            surrogates, posts = self.surrogates[span], self.post_traces[span] * (self._step > 0)
            self.gains[span], self.post_gains[span] = signal.gains(lanes, surrogates, posts, layer)
            if layer.post_gain:
                self.post_traces[span] = signal.next_post(posts, surrogates, layer)

    def _record(self, index: int, span: slice, signals: NDArray[np.int64]) -> None:
        if self.records is not None:
            copies = (self.membranes[span], self.surrogates[span], self.spikes[span], signals)
            self.records.append(StepRecord(index, *(np.array(copy, np.int64) for copy in copies)))

    def _flush(self, layers: list[Layer]) -> None:
        """Apply what is pending after the last step, by passes without spikes."""
        for index, layer in enumerate(layers):
            if not self.pending[self._span(layer)].any():
                continue
            visit = self.lists[index].merge(np.zeros(0, np.int64), layer, False)
            for group in range(layer.groups):
                self._make_up(layer, group, visit)
                self._count_pass(layer, group, visit)
        self._drop_pending()
        self.lists = [ActiveList() for _ in self.lists]

    def _drop_pending(self) -> None:
        self.gains[:] = 0
        self.post_gains[:] = 0

    @staticmethod
    def _span(layer: Layer) -> slice:
        """The layer's groups in the state memories."""
        return slice(layer.state_base, layer.state_base + layer.groups)
