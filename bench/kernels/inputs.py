"""CIFAR-10 images as inputs of a convolution: spikes of one bit, or signed numbers of a few."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.reference.equations import Floats
from golden.spec.shape import Map
from sw.data import Dataset, load


@dataclass(frozen=True)
class Images:
    """Inputs [N, height * width * colours], channel-last, and labels of a split."""

    values: Floats
    labels: NDArray[np.integer]
    shape: Map

    def __getitem__(self, part: slice) -> "Images":
        return Images(self.values[part], self.labels[part], self.shape)

    def __len__(self) -> int:
        return len(self.labels)

    def repeated(self, steps: int) -> Floats:
        """The same in every step: a view [N, steps, inputs]."""
        count, inputs = self.values.shape
        return np.broadcast_to(self.values[:, None], (count, steps, inputs))


def read(root: str | None, train: int, test: int, bits: int) -> tuple[Images, Images]:
    """The first training and test images.

    Of 1 bit: 1 where a colour is above the middle. Of more, signed: less the mean over the standard
    deviation of its colour (of these training images), in 2^bits steps from -2 to nearly 2.
    Raises DataError.
    """
    how: dict[str, Any] = {"steps": 1, "levels": 1 if bits == 1 else levels(bits)}
    first = load("cifar10", root, train=True, limit=train, **how)
    second = load("cifar10", root, train=False, limit=test, **how)
    values = [brightness(first), brightness(second)]
    if bits > 1:
        mean, spread = values[0].mean(axis=(0, 1)), values[0].std(axis=(0, 1))
        values = [signed((each - mean) / spread, bits) for each in values]
    sides = zip(values, (first, second), strict=True)
    one, other = (
        Images(each.reshape(len(of), -1), of.labels, Map(3, 32, 32)) for each, of in sides
    )
    return one, other


def levels(bits: int) -> int:
    """Steps of brightness to read images in: finer than they will be, all there are for 6 bits on."""
    return min(4 << bits, 256) - 1


def brightness(of: Dataset) -> Floats:
    """Levels of the thermometer that are on, [N, pixels, colours]."""
    frames = np.stack([sample.frames[0] for sample in of])
    colours = frames.reshape(len(of), -1, 3, 32 * 32)
    return colours.sum(axis=1, dtype=np.float32).swapaxes(1, 2)


def signed(values: Floats, bits: int) -> Floats:
    """To the nearest of 2^bits numbers, 2^(2 - bits) apart and from -2 up."""
    step, half = 2.0 ** (2 - bits), 1 << (bits - 1)
    return np.asarray(np.clip(np.rint(values / step), -half, half - 1) * step, np.float32)
