"""A network that runs part by part: the integer model of a core that holds one part at a time.

A block of samples goes through the first part, then through the second one, and so on. Between two parts, the
spikes of every step are kept: of a block of K samples, K x steps x neurons bits, all that grows with steps.
Membranes and traces begin at zero with every sample, and each part has a random sequence of its own. So
nothing but weights, classifier and noise state belongs to a part between two samples, and **the size of the
block changes no bit**: it says how often a part is fetched.

`GoldenPart` is one part on `golden.core`, `run_block` the order of work. Whoever runs parts in another way
(compiled, or on a device) offers `Runs` and takes the order from here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from golden.core import Core
from golden.lanes.noise import advance
from golden.spec.config import CoreConfig
from golden.spec.formats import SCORE_BITS, saturate
from golden.spec.layers import Layer
from golden.spec.network import Network
from golden.spec.packing import (
    pack_classifier,
    pack_signs,
    pack_weights,
    unpack_classifier,
    unpack_weights,
)
from golden.spec.parts import Part
from golden.spec.registers import COUNTERS, Space, address
from golden.spec.samples import MOST_SPIKES, Inputs, Result, SampleStatus, encode_sample
from golden.spec.weights import Weights


@dataclass(frozen=True)
class Given:
    """A sample as a part takes it: `frames` [steps, inputs] in the order of its rows, and the class."""

    frames: Inputs
    label: int


@dataclass(frozen=True)
class Ran:
    """What became of a sample in a part."""

    result: Result
    """Its spikes are those of the part's layers."""
    shown: NDArray[np.bool_]
    """What the parts behind it take in, [steps, pixels, channels]; of the last part nothing, [steps, 0, 0]."""


class Runs(Protocol):
    """One part of a network, wherever it runs."""

    noise_state: int
    """State of its random sequence, u32."""

    def write(self, share: Weights) -> None:
        """Take weights and classifiers (`Part.share`)."""

    def read(self) -> Weights:
        """Weights and classifiers as they are now."""

    def set_rates(self, scale: float) -> None:
        """Multiply the learning rates of the network by `scale`."""

    def run(self, samples: Sequence[Given], *, learn: bool) -> list[Ran]:
        """Run samples, one after the other."""

    def counters(self) -> dict[str, int]:
        """What was counted since it was made, by name (`golden.spec.registers`)."""


class _Core(Core):
    """A core whose table was made of a network: no gate need check it, and a field may pass 16 bits."""

    entries: list[Layer]

    def layer(self, index: int) -> Layer:
        """Entry `index` of the table."""
        return self.entries[index]


class GoldenPart:
    """One part on the integer model. `Runs` says what it offers."""

    def __init__(self, network: Network, part: Part, config: CoreConfig) -> None:
        """Weights are 0 until `write`. Raises what `Part.table` does."""
        self.network, self.part, self.config = network, part, config
        self.core = _Core(config)
        self.core.registers["class_count"] = network.classes
        self.core.registers["layer_count"] = len(part.placements)
        self.core.write(address(Space.SIGNS), pack_signs(config, network.classes))
        self.set_rates(1.0)

    @property
    def noise_state(self) -> int:
        """State of its random sequence, u32."""
        return self.core.noise_state

    @noise_state.setter
    def noise_state(self, value: int) -> None:
        self.core.noise_state = value

    def set_rates(self, scale: float) -> None:
        """Multiply the learning rates of the network by `scale`."""
        self.core.entries = self.part.table(self.network, self.config, scale)

    def write(self, share: Weights) -> None:
        """Take weights and classifiers (`Part.share`)."""
        core = self.core
        for layer, placement, values in zip(core.entries, self.part.placements, share, strict=False):
            words = slice(layer.weight_base, layer.weight_base + layer.words)
            core.weights[words] = pack_weights(values, placement)
        for at, values in share.classifiers.items():
            core.classifiers[self._classifier(at)] = pack_classifier(
                values, self.part.placements[at], self.config
            )

    def read(self) -> Weights:
        """Weights and classifiers as they are now."""
        core, found = self.core, Weights()
        for at in range(len(self.part.layers)):
            layer, placement = core.entries[at], self.part.placements[at]
            words = core.weights[layer.weight_base : layer.weight_base + layer.words]
            found.append(np.ascontiguousarray(unpack_weights(words, placement)))
            if layer.classifier:
                held = core.classifiers[self._classifier(at)]
                found.classifiers[at] = unpack_classifier(
                    held, self.network.classes, placement, self.config
                )
        return found

    def run(self, samples: Sequence[Given], *, learn: bool) -> list[Ran]:
        """Run samples, one after the other."""
        return [self._one(given, learn) for given in samples]

    def counters(self) -> dict[str, int]:
        """What was counted, by name."""
        return {counter.name: self.core.registers[counter.name] for counter in COUNTERS}

    def _one(self, given: Given, learn: bool) -> Ran:
        since = self.network.learn_from(len(given.frames))
        payload = encode_sample(
            given.frames, given.label, learn=learn, learn_from=since,
            input_bits=self.config.input_bits,
        )  # fmt: skip
        self.core.records = records = []
        result = self.core.run_checked(payload)
        last, outputs = self.part.layers[-1] - self.part.first, self.part.last.stage.outputs
        seen = [each.seen[:, :outputs] for each in records if each.layer == last]
        shown = np.array(seen, np.bool_) if self.part.blank else nothing(len(given.frames))
        return Ran(result, shown)

    def _classifier(self, at: int) -> slice:
        layer, slots = self.core.entries[at], self.config.class_slots
        return slice(layer.classifier_base * slots, (layer.classifier_base + layer.latent_groups) * slots)


def nothing(steps: int) -> NDArray[np.bool_]:
    """What the last part shows."""
    return np.zeros((steps, 0, 0), np.bool_)


def noise_seeds(network: Network, parts: int) -> tuple[int, ...]:
    """The noise state that each part begins with: equally far apart in the one sequence of 2^32 states."""
    return tuple(
        advance(network.noise_seed, number * (2**32 // parts)) for number in range(parts)
    )


Run = Callable[[int, Sequence[Given]], list[Ran]]
"""Runs samples through the part of a number."""


def run_block(parts: Sequence[Part], run: Run, samples: Sequence[Given], classes: int) -> list[Result]:
    """A block of samples through all parts; `run` does one of them. Returns the results of the network.

    `classes` are those of a result's scores.
    """
    totals = [_Total(classes) for _ in samples]
    flowing, tiles = list(samples), [list[NDArray[np.bool_]]() for _ in samples]
    for number, part in enumerate(parts):
        for at, ran in enumerate(run(number, flowing)):
            totals[at].add(part, ran.result)
            tiles[at].append(ran.shown)
        if part.ends_layer:
            shown = [np.concatenate(each, axis=2) for each in tiles]
            labels = [given.label for given in samples]
            flowing = [
                Given(each.reshape(len(each), -1), label)
                for each, label in zip(shown, labels, strict=True)
            ]
            tiles = [[] for _ in samples]
    return [total.result() for total in totals]


class _Total:
    """The result of a sample, from those of its parts."""

    def __init__(self, classes: int) -> None:
        self._status, self._cycles, self._used = SampleStatus.OK, 0, 0
        self._spikes: dict[int, int] = {}
        self._scores = np.zeros(classes, np.int64)

    def add(self, part: Part, result: Result) -> None:
        """Add a part's: spikes of its layers, and scores: votes, or the readout's."""
        self._status |= result.status
        self._cycles += result.cycles
        self._used = part.placements[-1].stage.outputs
        for layer, spikes in zip(part.layers, result.spikes, strict=False):
            self._spikes[layer] = self._spikes.get(layer, 0) + spikes
        self._scores += result.scores

    def result(self) -> Result:
        """That of the network; spikes of every layer, the readout's 0."""
        scores = saturate(self._scores, SCORE_BITS)
        return Result(
            status=self._status,
            prediction=int(np.argmax(scores[: self._used])),
            cycles=self._cycles,
            spikes=tuple(min(self._spikes[at], MOST_SPIKES) for at in sorted(self._spikes)),
            scores=tuple(int(score) for score in scores),
        )


class GoldenParts:
    """A network in parts on the integer model, in NumPy: what all others are held against."""

    def __init__(self, network: Network, parts: Sequence[Part], config: CoreConfig) -> None:
        """Load `network` with its initial weights."""
        self.parts, self.config, self.network = tuple(parts), config, network
        self.cores = [GoldenPart(network, part, config) for part in parts]
        weights, seeds = network.initial_weights(), noise_seeds(network, len(self.parts))
        for part, core, seed in zip(parts, self.cores, seeds, strict=True):
            core.write(part.share(weights))
            core.noise_state = seed

    def run(self, samples: Sequence[Given], *, learn: bool) -> list[Result]:
        """A block of samples, frames in the order of the chip's rows."""

        def run(number: int, given: Sequence[Given]) -> list[Ran]:
            return self.cores[number].run(given, learn=learn)

        return run_block(self.parts, run, samples, self.config.classes)

    def read(self) -> Weights:
        """The weights of the network, and the classifiers that learn."""
        return joined(self.network, self.parts, [core.read() for core in self.cores])


def joined(network: Network, parts: Sequence[Part], shares: Sequence[Weights]) -> Weights:
    """The weights of a network from those of its parts."""
    shapes = network.weight_shapes
    found = Weights(
        [np.zeros(shape, np.int32) for shape in shapes],
        {at: np.zeros(shape, np.int32) for at, shape in network.classifier_shapes.items()},
    )
    for part, share in zip(parts, shares, strict=True):
        part.give(share, found)
    return found
