"""What a part has in the memories of its core, as the words that a host writes there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.spec.config import CoreConfig
from golden.spec.layers import ENTRY_WORDS, Layer
from golden.spec.packing import pack_classifier, pack_weights, unpack_classifier, unpack_weights
from golden.spec.parts import Part
from golden.spec.registers import Memory, Space, memories
from golden.spec.weights import Weights
from sw.device.blocks import Words, as_host_words, as_lanes


@dataclass(frozen=True)
class Piece:
    """The first `words` words of a memory of the core; `first` is their place among those of the part."""

    space: Space
    first: int
    words: int


class Image:
    """The words of a part: its layer table, weights and classifiers, one behind the other.

    A blank readout's weights are among them, zeros.
    """

    def __init__(
        self, part: Part, layers: Sequence[Layer], classes: int, config: CoreConfig
    ) -> None:
        self._part, self._classes, self._config = part, classes, config
        latents = sum(layer.latent_groups for layer in layers if layer.classifier)
        sizes = [
            (Space.LAYERS, len(layers) * ENTRY_WORDS),
            (Space.WEIGHTS, sum(layer.words for layer in layers) * self._of(Space.WEIGHTS).stride),
        ]
        if latents:
            stride = config.class_slots * self._of(Space.CLASSIFIERS).stride
            sizes.append((Space.CLASSIFIERS, latents * stride))
        at, pieces = 0, list[Piece]()
        for space, words in sizes:
            pieces.append(Piece(space, at, words))
            at += words
        self.table = pieces[0]
        self.learned = tuple(pieces[1:])
        """What a sample that learns changes."""
        self.pieces = tuple(pieces)
        self.words = at
        """All of them."""

    def encode(self, layers: Sequence[Layer], share: Weights) -> list[Words]:
        """The words of each piece."""
        found = [self.encode_table(layers)]
        found += [np.zeros(piece.words, np.uint16) for piece in self.learned]
        for at, (placement, values) in enumerate(zip(self._part.placements, share, strict=False)):
            self._put(
                found[1], Space.WEIGHTS, layers[at].weight_base, pack_weights(values, placement)
            )
        for at, values in share.classifiers.items():
            lanes = pack_classifier(values, self._part.placements[at], self._config)
            self._put(found[2], Space.CLASSIFIERS, self._slot(layers[at]), lanes)
        return found

    @staticmethod
    def encode_table(layers: Sequence[Layer]) -> Words:
        """Those of the layer table."""
        return np.array([layer.encode() for layer in layers]).astype(np.uint16).reshape(-1)

    def decode(self, layers: Sequence[Layer], found: Sequence[Words]) -> Weights:
        """Weights and classifiers from the words of what is `learned`."""
        share, placements = Weights(), self._part.placements
        lanes = as_lanes(found[0], self._of(Space.WEIGHTS))
        for at in range(len(self._part.layers)):
            layer = layers[at]
            held = lanes[layer.weight_base : layer.weight_base + layer.words]
            share.append(np.ascontiguousarray(unpack_weights(held, placements[at])))
            if layer.classifier:
                first, slots = self._slot(layer), layer.latent_groups * self._config.class_slots
                held = as_lanes(found[1], self._of(Space.CLASSIFIERS))[first : first + slots]
                share.classifiers[at] = unpack_classifier(
                    held, self._classes, placements[at], self._config
                )
        return share

    def _of(self, space: Space) -> Memory:
        return memories(self._config)[space]

    def _slot(self, layer: Layer) -> int:
        """First word of a layer's classifier."""
        return layer.classifier_base * self._config.class_slots

    def _put(self, words: Words, space: Space, first: int, lanes: NDArray[np.int32]) -> None:
        memory = self._of(space)
        at = first * memory.stride
        words[at : at + len(lanes) * memory.stride] = as_host_words(lanes, memory)
