"""The whole core as an integer model: what hw/core/core.py computes, bit for bit.

Order of things, the same in both: for each step, for each layer, for each group of lanes (at each pixel
of a map) one pass over the active rows, which first applies the deferred weight update of the last
step and then integrates; the group fires; when all groups have, the layer's learning signal is formed.
Updates that are left to do after the last step of a sample are applied by passes without spikes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.fire.fire import fire
from golden.fire.pool import pool
from golden.host.memory import CoreMemory
from golden.lanes.integrate import integrate
from golden.lanes.noise import advance, noise
from golden.lanes.update import update_rows
from golden.learn import classifier
from golden.learn.error import class_errors, signals_of
from golden.learn.gain import gains, next_post
from golden.learn.latents import latents, latents_of
from golden.learn.map_signal import cells_of, handed_out, map_signal
from golden.learn.project import learning_signal
from golden.rows.events import Events, decode_sample
from golden.rows.scan import scan
from golden.rows.trace import ActiveList, Pass, Rows
from golden.schedule.passes import passes
from golden.spec.config import CoreConfig
from golden.spec.formats import SCORE_BITS, saturate
from golden.spec.layers import Layer
from golden.spec.samples import MOST_SPIKES, Result, lists_full


@dataclass(frozen=True)
class StepRecord:
    """What a layer did in one step, for probes and comparisons: arrays [groups, lanes].

    `seen` are the spikes that the next layer sees, [pixels, channels and idle lanes]; `score` is what the
    step added to the scores, [classes].
    """

    layer: int
    membranes: NDArray[np.int64]
    surrogates: NDArray[np.int64]
    spikes: NDArray[np.int64]
    signals: NDArray[np.int64]
    seen: NDArray[np.int64]
    score: NDArray[np.int64]


class Core(CoreMemory):
    """Integer model of one core. Read and write its memories as the host does (`CoreMemory`)."""

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(config)
        self.lists = [ActiveList() for _ in range(config.layers)]
        self.records: list[StepRecord] | None = None
        """Set to an empty list to have every layer's every step appended."""
        self._scores = np.zeros(config.classes, np.int64)
        self._votes = np.zeros(config.classes, np.int64)
        self._spikes = np.zeros(config.layers, np.int64)
        self._full: set[int] = set()  # layers for which the lists were full
        self._step = 0

    def sample(self, payload: bytes) -> Result:
        """Answer the payload of a SAMPLE command. Cycles are counted as 0: only a clock knows them."""
        refusal = self.gate.refusal(payload, lambda: self.table, self.layer_count, self.class_count)
        if refusal:
            return Result.refused(refusal, self.config.layers, self.config.classes)
        return self._run(payload)

    def run_checked(self, payload: bytes) -> Result:
        """The same without asking the gate: for a layer table that is known to be right."""
        return self._run(payload)

    def _run(self, payload: bytes) -> Result:
        """Run a payload that the gate let in."""
        layers = [self.layer(index) for index in range(self.layer_count)]
        events = decode_sample(payload, layers[0].inputs, self.config.input_bits)
        self._full = set()
        if events.first:
            self._begin()
        for rows, values in zip(events.steps, events.values, strict=True):
            self._run_step(layers, rows, values, events)
        if events.last:
            self._flush(layers)
            self.count("samples", 1)
        scores = saturate(self._scores + self._votes, SCORE_BITS)
        return Result(
            status=events.status | lists_full(self._full),
            prediction=int(np.argmax(scores[: self.class_count])),
            cycles=0,
            spikes=tuple(int(n) for n in np.minimum(self._spikes, MOST_SPIKES)),
            scores=tuple(int(score) for score in scores),
        )

    def _begin(self) -> None:
        self.lists = [ActiveList() for _ in range(self.config.layers)]
        self._drop_deferred()
        self._scores[:] = self._votes[:] = 0
        self._spikes[:] = 0
        self._step = 0

    def _run_step(self, layers: list[Layer], rows: Rows, values: Rows, events: Events) -> None:
        self.count("steps", 1)
        self.count("events", len(rows))
        for index, layer in enumerate(layers):
            learn = events.learn and layer.plastic and bool(self.config.learning)
            self._run_layer(index, layer, rows, values, learn)
            target = events.label if self._step >= events.learn_from else None
            rows = scan(self._learn(index, layer, target, learn))
            values = np.ones_like(rows)
        self._step += 1

    @property
    def deferred(self) -> NDArray[np.bool_]:
        """Groups whose gains are not all zero: their next pass has an update to apply."""
        return np.asarray(self.gains.any(axis=1) | self.post_gains.any(axis=1))

    def _run_layer(self, index: int, layer: Layer, rows: Rows, values: Rows, learn: bool) -> None:
        if layer.bias:
            rows, values = np.append(rows, layer.inputs), np.append(values, 1)
        room = self.config.list_depth - sum(len(each.rows) for each in self.lists)
        visit = self.lists[index].merge(rows, layer, learn, values, room)
        if self.lists[index].full:
            self._full.add(index)
        graded = index == 0 and self.config.graded
        deferred = self.deferred
        for group, (number, visited) in enumerate(passes(layer, visit), layer.state_base):
            weights = self.group_weights(layer, number)
            total = self.membranes[group] * (not (layer.readout or self._step == 0))
            for part in visited.segments():
                if deferred[group]:
                    self._apply_deferred(layer, group, number, part)
                spikes = part.spikes
                carried = part.values[spikes] if graded else None
                total = integrate(total, weights[part.rows[spikes]], carried)
            fired = fire(total, self.neuron_lanes(layer, number), layer)
            self.membranes[group] = fired.membrane
            self.surrogates[group] = fired.surrogate
            self.spikes[group] = fired.spikes
            self._count_pass(layer, number, visited, bool(deferred[group]))

    def _apply_deferred(self, layer: Layer, group: int, number: int, visit: Pass) -> None:
        """Apply the deferred update of the last step to one group's weights; no row is there twice.

        `group` is the group's address in the state memories, `number` that among the layer's weights.
        """
        learns = visit.learns
        rows = visit.rows[learns]
        weights = self.group_weights(layer, number)
        random = noise(self.noise_state, len(rows), self.config.lanes)
        weights[rows] = update_rows(
            weights[rows],
            self.gains[group],
            self.post_gains[group],
            visit.trace[learns].astype(np.int32),
            visit.previous_spikes[learns],
            random,
            self.config.weight_bits,
        )
        self.noise_state = advance(self.noise_state, len(rows))
        self.count("updates", len(rows) * int(self.neuron_lanes(layer, number).sum()))

    def _count_pass(self, layer: Layer, number: int, visit: Pass, deferred: bool) -> None:
        """Rows of a pass by what they do; a pass that updates nothing goes over the spikes alone."""
        self.count("synops", int(visit.spikes.sum() * self.neuron_lanes(layer, number).sum()))
        updates = visit.learns & deferred
        self.count("rows_both", int((updates & visit.spikes).sum()))
        self.count("rows_update", int((updates & ~visit.spikes).sum()))
        self.count("rows_integrate", int((visit.spikes & ~updates).sum()))
        if number == 0 and not layer.kind.shared:  # else the list is made beside the passes
            self.count("rows_trace", int((~visit.spikes & ~updates).sum()))

    def _learn(
        self, index: int, layer: Layer, target: int | None, learn: bool
    ) -> NDArray[np.int64]:
        """Scores of a readout, and the gains that the next pass over this layer applies.

        Returns the spikes that the next layer sees, 0/1 [positions, channels].
        """
        span = self._span(layer)
        spikes = self.spikes[span].astype(np.int64).reshape(layer.positions, -1)
        pooled, winners = pool(spikes, layer)
        signs = self.class_signs(layer)
        counts = np.zeros(0, np.int64) if layer.readout else latents_of(pooled, layer)
        logits = self._logits(index, layer, counts, signs)
        score = self._score(layer, logits)
        m = np.zeros(spikes.size, np.int64)
        if learn and target is not None:
            errors = class_errors(logits, target, layer)
            signals = signals_of(errors, layer)
            if layer.readout:
                m[: self.class_count] = signals
            elif layer.classifier:
                latent = self._classify(layer, errors, signals, counts)
                m = handed_out(latent, spikes, winners, cells_of(layer), layer)
            elif layer.kind.mapped:
                m = map_signal(signals, signs, spikes, winners, cells_of(layer), layer)
            else:
                m = learning_signal(signals, signs, spikes.reshape(-1), layer)
        lanes = m.reshape(self.membranes[span].shape)
        self._record(index, span, lanes, pooled, score)
        if learn:
            self._keep_gains(layer, span, lanes)
        return pooled

    def _logits(
        self, index: int, layer: Layer, counts: NDArray[np.int64], signs: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Logits of a step, [classes in use]; spikes are counted."""
        if layer.readout:
            membranes = self.membranes[self._span(layer)].reshape(-1)
            return membranes[: self.class_count].astype(np.int64)
        self._spikes[index] += counts.sum()
        self.count("spikes", int(counts.sum()))
        if layer.classifier:
            return np.asarray(classifier.logits(self.classifier_weights(layer), counts))
        return np.asarray(latents(counts, signs))

    def _score(self, layer: Layer, logits: NDArray[np.int64]) -> NDArray[np.int64]:
        """What the logits of a step add to the scores, [classes in use]."""
        used = slice(self.class_count)
        if layer.readout:
            self._scores[used] += logits
            return logits
        if not layer.classifier:
            return np.zeros_like(logits)
        votes = np.asarray(classifier.votes(logits, layer))
        self._votes[used] = saturate(self._votes[used] + votes, SCORE_BITS)
        return votes

    def _classify(
        self,
        layer: Layer,
        errors: NDArray[np.int64],
        signals: NDArray[np.int64],
        counts: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Learning signals of a layer's latents from its classifier, which learns."""
        weights = self.classifier_weights(layer)
        self.keep_classifier(layer, classifier.learned(weights, errors, counts, layer))
        return classifier.latent_signals(signals, weights)

    def _keep_gains(self, layer: Layer, span: slice, signals: NDArray[np.int64]) -> None:
        """Gains of this step, for the next pass to apply, and post traces of the next step."""
        surrogates, posts = self.surrogates[span], self.post_traces[span] * (self._step > 0)
        self.gains[span], self.post_gains[span] = gains(signals, surrogates, posts, layer)
        if layer.post_gain:
            self.post_traces[span] = next_post(posts, surrogates, layer)

    def _record(self, index: int, span: slice, *found: NDArray[np.int64]) -> None:
        if self.records is not None:
            copies = (self.membranes[span], self.surrogates[span], self.spikes[span], *found)
            self.records.append(StepRecord(index, *(np.array(copy, np.int64) for copy in copies)))

    def _flush(self, layers: list[Layer]) -> None:
        """Apply what is left to do after the last step, by passes without spikes."""
        deferred = self.deferred
        for index, layer in enumerate(layers):
            if not deferred[self._span(layer)].any():
                continue
            visit = self.lists[index].merge(np.zeros(0, np.int64), layer, False)
            for group, (number, visited) in enumerate(passes(layer, visit), layer.state_base):
                for part in visited.segments():
                    if deferred[group]:
                        self._apply_deferred(layer, group, number, part)
                self._count_pass(layer, number, visited, bool(deferred[group]))
        self._drop_deferred()
        self.lists = [ActiveList() for _ in self.lists]

    def _drop_deferred(self) -> None:
        self.gains[:] = 0
        self.post_gains[:] = 0

    @staticmethod
    def _span(layer: Layer) -> slice:
        """The layer's groups in the state memories."""
        return slice(layer.state_base, layer.state_base + layer.state_groups)
