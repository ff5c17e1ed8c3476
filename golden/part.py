"""One part of a network on the integer model, in NumPy: what all others who run parts are held against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from golden.core import Core, StepRecord
from golden.parts import Given, Ran, joined, noise_seeds, nothing, run_block
from golden.spec.config import CoreConfig
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
from golden.spec.samples import Result, encode_sample
from golden.spec.weights import Weights


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
        for layer, placement, values in zip(
            core.entries, self.part.placements, share, strict=False
        ):
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
        records: list[StepRecord] = []
        self.core.records = records
        result = self.core.run_checked(payload)
        last, outputs = self.part.layers[-1] - self.part.first, self.part.last.stage.outputs
        seen = [each.seen[:, :outputs] for each in records if each.layer == last]
        shown = np.array(seen, np.bool_) if self.part.blank else nothing(len(given.frames))
        return Ran(result, shown)

    def _classifier(self, at: int) -> slice:
        layer, slots = self.core.entries[at], self.config.class_slots
        return slice(
            layer.classifier_base * slots, (layer.classifier_base + layer.latent_groups) * slots
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
