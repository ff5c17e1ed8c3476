"""Inputs of a convolution: CIFAR-10 images in spikes of one bit or signed numbers of a few, or recordings."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.reference.equations import Floats
from golden.spec.shape import Map
from sw.data import DataError, Dataset, load


@dataclass(frozen=True)
class Images:
    """Inputs, channel-last, and labels of a split.

    An image is [height * width * channels], the same in every step; a recording has an axis of steps before.
    """

    values: Floats
    labels: NDArray[np.integer]
    shape: Map
    classes: int = 10

    def __getitem__(self, part: slice) -> "Images":
        return replace(self, values=self.values[part], labels=self.labels[part])

    def __len__(self) -> int:
        return len(self.labels)

    def repeated(self, steps: int) -> Floats:
        """In every step: [N, steps, inputs], of images a view."""
        if self.values.ndim == 3:
            return self.values
        count, inputs = self.values.shape
        return np.broadcast_to(self.values[:, None], (count, steps, inputs))


def recordings(
    name: str, root: str | None, train: int, test: int, bits: int, **binning: Any
) -> tuple[Images, Images]:
    """The first training and test samples of a data set, in as many steps as it is asked for.

    Inputs are spikes of 1 bit, else what the data set has for `input_bits`. Raises DataError.
    """
    one, other = (
        numbers(load(name, root, train=first, limit=limit, input_bits=bits, **binning))
        for first, limit in ((True, train), (False, test))
    )
    return one, other


def numbers(of: Dataset, *, flat: bool = False) -> Images:
    """All samples. `flat` inputs are channels of one pixel. Raises DataError for others that are no map."""
    shape = Map(of.n_inputs) if flat else of.input_map
    if shape is None:
        raise DataError(f"{of.name}: its inputs are no map of pixels; a convolution needs one")
    steps = 2.0 ** -(of.input_fraction or 0)
    samples = of if flat else of.channel_last()
    values = np.stack([sample.frames for sample in samples]).astype(np.float32) * steps
    return Images(np.asarray(values, np.float32), of.labels, shape, of.classes)


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
