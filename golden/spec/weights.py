"""The integer weights of a network, as the host holds them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int32]


class Weights(list[Integers]):
    """Weights of a network: a list of int32[rows, outputs], one array a layer, the readout last.

    `classifiers` has the weights of classifiers that learn, int32[classes, latents] by the number of their
    layer. Latents are in the order cell x channels + channel, without idle lanes. One unit is
    2^-CLASSIFIER_FRACTION. A classifier that is not in it starts at zero.
    """

    def __init__(
        self, layers: Iterable[Integers] = (), classifiers: Mapping[int, Integers] | None = None
    ) -> None:
        super().__init__(layers)
        self.classifiers = dict(classifiers or {})

    @classmethod
    def of(cls, layers: Iterable[Integers]) -> Self:
        """The weights themselves, or a plain list of layers as weights without classifiers."""
        return layers if isinstance(layers, cls) else cls(layers)

    def named(self) -> Iterator[tuple[str, Integers]]:
        """All arrays, each with what it is: `layer 0`, ..., then `classifier of layer 0`, ..."""
        yield from ((f"layer {number}", values) for number, values in enumerate(self))
        for at in sorted(self.classifiers):
            yield f"classifier of layer {at}", self.classifiers[at]
