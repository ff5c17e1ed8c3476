"""A sample with its updates at the end, step after step or layer after layer: the same bits.

TESS is local in space: what a layer does depends on the spikes that reach it and on nothing behind it.
So a layer may run through all steps of a sample before the next one starts, as long as no weight
changes on the way. Then a machine whose weights lie in an SDRAM fetches them once per sample and not
once per step; it has to keep a layer's spikes, steps x neurons bits.

The update of the sample is the exact sum of its steps' updates,

    sum_ij = sum over t of  g_i[t] q_j[t] + 2^POST_FRACTION k_i[t] x_j[t]

with the gains g and k of `golden.signal`, and is rounded once, stochastically. Both orders draw the
noise alike: layers as in the table, in a layer its groups, in a group the rows that a step with a gain
found with a trace or a spike, ascending. With a learning signal in the last step alone, and so in a
sample of one step, this is what `golden.core` computes. There is no hardware of it yet.
"""

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
from golden.spec.formats import NOISE_BITS, POST_FRACTION
from golden.spec.layers import Layer
from golden.spec.samples import Result
from golden.trace import ActiveList, Rows

Sums = NDArray[np.int64]


class SampleCore(CoreMemory):
    """A core that learns from whole samples. Its memories are read and written as the host does."""

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(config)
        self.runs: list[LayerRun] = []
        """The layers, as the last sample left them."""

    def sample(self, payload: bytes, *, layer_major: bool) -> Result:
        """Run the payload of a SAMPLE command. Raises ValueError for a part of a sample."""
        layers = [self.layer(index) for index in range(self.layer_count)]
        events = decode_sample(payload, layers[0].inputs)
        if not (events.first and events.last):
            raise ValueError("a part of a sample: updates at the end of a sample need it whole")
        self.runs = [LayerRun(self, layer, events) for layer in layers]
        if layer_major:
            self._layer_by_layer(events.steps)
        else:
            self._step_by_step(events.steps)
        return self._result(events)

    def _step_by_step(self, steps: list[Rows]) -> None:
        for rows in steps:
            for run in self.runs:
                rows = run.step(rows)
        for run in self.runs:
            run.finish()

    def _layer_by_layer(self, steps: list[Rows]) -> None:
        for run in self.runs:
            steps = [run.step(rows) for rows in steps]
            run.finish()

    def _result(self, events: Events) -> Result:
        scores = np.zeros(self.config.classes, np.int64)
        spikes = np.zeros(self.config.layers, np.int64)
        spikes[: len(self.runs)] = [run.fired for run in self.runs]
        for run in self.runs:
            scores[: self.class_count] += run.scores
        return Result(
            status=events.status,
            prediction=int(np.argmax(scores[: self.class_count])),
            cycles=0,
            spikes=tuple(int(count) for count in np.minimum(spikes, 0xFFFF)),
            scores=tuple(int(score) for score in scores),
        )


class LayerRun:
    """One layer on its way through a sample: neurons as [groups, lanes], weights never changing."""

    def __init__(self, core: CoreMemory, layer: Layer, events: Events) -> None:
        self.core, self.layer, self.events = core, layer, events
        lanes = core.config.lanes
        words = core.weights[layer.weight_base : layer.weight_base + layer.words]
        self.weights = words.reshape(layer.groups, layer.rows, lanes).transpose(1, 0, 2)
        """View of the memory, [rows, groups, lanes]."""
        self.valid = np.stack([core.valid_lanes(layer, group) for group in range(layer.groups)])
        self.learn = events.learn and layer.plastic
        self.membranes = np.zeros((layer.groups, lanes), np.int32)
        self.post_traces = np.zeros((layer.groups, lanes), np.int64)
        self.active = ActiveList()
        self.scores = np.zeros(core.class_count, np.int64)
        self.fired = 0
        self.sums: Sums = np.zeros(self.weights.shape, np.int64)
        """Updates added up: fractions of 2^-NOISE_BITS of a weight unit."""
        self.changed = np.zeros(self.weights.shape[:2], np.bool_)
        """Rows and groups that have something in their sum."""
        self.steps = 0

    def step(self, rows: Rows) -> Rows:
        """One time step: rows that spike in, neurons that spike out."""
        layer = self.layer
        if layer.bias:
            rows = np.append(rows, layer.inputs)
        self.active.merge(rows, layer, self.learn)
        start = self.membranes * (not layer.readout)
        fired = fire(integrate(start, self.weights[rows]), self.valid, layer)
        self.membranes = fired.membrane.astype(np.int32)
        self.fired += int(fired.spikes.sum())
        self._learn(fired.spikes, fired.surrogate)
        self.steps += 1
        return scan(fired.spikes)

    def finish(self) -> None:
        """Round what has been added up, once, into the weights."""
        core, lanes = self.core, self.core.config.lanes
        for group in range(self.layer.groups):
            rows = np.flatnonzero(self.changed[:, group])
            random = noise(core.noise_state, len(rows), lanes)
            core.noise_state = advance(core.noise_state, len(rows))
            change = (self.sums[rows, group] + random) >> NOISE_BITS
            top = 1 << (core.config.weight_bits - 1)
            self.weights[rows, group] = np.clip(self.weights[rows, group] + change, -top, top - 1)

    def _learn(self, spikes: Sums, surrogates: Sums) -> None:
        """Logits, learning signal, gains, and what they add to the sums."""
        layer, classes = self.layer, self.core.class_count
        signs = self.core.class_signs(layer.groups)
        if layer.readout:
            logits = self.membranes.reshape(-1)[:classes].astype(np.int64)
            self.scores += logits
        else:
            logits = signal.latents(spikes.reshape(-1), signs)
        if not self.learn:
            return
        lanes = np.zeros_like(spikes)
        if self.steps >= self.events.learn_from:
            errors = signal.class_signals(logits, self.events.label, layer)
            if layer.readout:
                lanes.reshape(-1)[:classes] = errors
            else:
                m = signal.learning_signal(errors, signs, spikes.reshape(-1), layer)
                lanes = m.reshape(spikes.shape)
        self._add(*signal.gains(lanes, surrogates, self.post_traces, layer))
        if layer.post_gain:
            self.post_traces = signal.next_post(self.post_traces, surrogates, layer)

    def _add(self, causal: Sums, non_causal: Sums) -> None:
        """The update of this step, exactly."""
        groups = np.flatnonzero(causal.any(axis=1) | non_causal.any(axis=1))
        rows, active = self.active.rows, self.active
        if not len(rows) or not len(groups):
            return
        change = active.trace[:, None, None] * causal[groups]
        change += active.spiked[:, None, None] * (non_causal[groups] << POST_FRACTION)
        self.sums[np.ix_(rows, groups)] += change
        self.changed[np.ix_(rows, groups)] = True
