"""CIFAR-10 images, repeated in every time step, from the files that its authors publish.

The chip takes spikes, so an image is coded once, as a thermometer: an input stands for a colour, a
pixel and a level, and is on in every step while the pixel is brighter than the level. With one level
that is the 3 x 32 x 32 input of the TESS paper, one bit deep. `rate` instead draws a spike of every
colour and pixel in every step, with probability intensity / 255.

Where inputs carry values there is no code: an input is a colour of a pixel, and its value, the same in
every step, is (intensity / 255 - mean) / deviation of that colour, rounded to a multiple of
2^-input_fraction and saturated. That is the input of the TESS paper.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golden.spec.shape import Map
from golden.spec.values import value_range
from sw.data.binning import Frames
from sw.data.dataset import Dataset, Request, Sample, missing
from sw.data.events import DataError, Sensor
from sw.data.mnist import rate_code
from sw.data.packed import read_npz
from sw.data.plain_pickle import Refused, load
from sw.printable import reason

CIFAR10_SENSOR = Sensor(32, 32, 3)
SIDE, COLOURS = 32, 3
STEPS = 6
"""Of the TESS paper."""
LEVELS = 2
CODES = ("level", "rate")


@dataclass(frozen=True, kw_only=True)
class Images:
    """A set of images in CIFAR's format."""

    name: str
    folders: tuple[str, ...]
    """Where its files may be: plain, and as torchvision and the archive have them."""
    train_files: tuple[str, ...]
    test_files: tuple[str, ...]
    labels: bytes
    """Name of the labels in a file."""
    class_names: tuple[str, ...]
    archive: str
    mean: tuple[float, ...]
    """Of each colour, over the training images; 1 is white."""
    deviation: tuple[float, ...]
    """Standard deviation, likewise."""

    @property
    def get(self) -> str:
        """How to get it."""
        return (
            f"get {self.archive} from https://www.cs.toronto.edu/~kriz/cifar.html and unpack it there, "
            "or put an .npz with the arrays x_train, y_train, x_test, y_test (images uint8[N, 32, 32, "
            "3]) there"
        )


CIFAR10 = Images(
    name="cifar10",
    folders=(".", "cifar-10-batches-py"),
    train_files=tuple(f"data_batch_{number}" for number in range(1, 6)),
    test_files=("test_batch",),
    labels=b"labels",
    class_names=(
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    ),
    archive="cifar-10-python.tar.gz",
    mean=(0.4914, 0.4822, 0.4465),
    deviation=(0.2470, 0.2435, 0.2616),
)


def load_cifar10(request: Request, *, code: str = "level", levels: int = LEVELS) -> Dataset:
    """Load CIFAR-10 from `root`: `cifar-10-batches-py`, its files, an `.npz`, or a folder with one.

    Pooling takes the mean of a block of pixels before coding (32 pixels, pool 2: 16). The window is
    not used: images have no time.

    Args:
        request: what to load.
        code: `level` (the same spikes in every step) or `rate` (drawn in every step); with
            `input_bits` above 1 `level`, and inputs carry values instead.
        levels: of the thermometer; input = (level x 3 + colour) x pixels + pixel. Of values
            there are none.

    Raises:
        DataError: a file is missing or damaged, the code is unknown, or the pool does not divide 32.
    """
    return load_images(CIFAR10, request, code, levels)


def load_images(of: Images, request: Request, code: str, levels: int) -> Dataset:
    """Load a set of images, see `load_cifar10`."""
    if code not in CODES:
        raise DataError(f"code: {code!r} is not a spike code; use one of {', '.join(CODES)}")
    if SIDE % request.pool or not 1 <= levels <= 255:
        raise DataError(f"pool {request.pool}, levels {levels}: a divisor of 32 and 1..255 work")
    if request.input_bits > 1 and code != CODES[0]:
        raise DataError(
            f"code: {code} draws spikes, and with input_bits {request.input_bits} inputs carry values; "
            "leave out the code, or input_bits"
        )
    images, labels = _find(of, request)
    small = pool_mean(images[: request.limit], request.pool)
    side = SIDE // request.pool
    once = code == "rate" or request.input_bits > 1
    shape = Map(COLOURS * (1 if once else levels), side, side)
    return Dataset(
        of.name,
        _samples(of, small, labels, request, code, levels),
        classes=len(of.class_names),
        n_inputs=shape.neurons,
        steps=request.steps,
        class_names=of.class_names,
        input_map=shape,
        input_bits=request.input_bits,
        input_fraction=request.fraction,
    )


def pool_mean(images: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Mean over `factor` x `factor` blocks, rounded down: uint8[N, C, H, W]."""
    n, colours, height, width = images.shape
    blocks = images.reshape(n, colours, height // factor, factor, width // factor, factor)
    return blocks.mean(axis=(3, 5), dtype=np.float64).astype(np.uint8)


def level_code(image: NDArray[np.uint8], steps: int, levels: int) -> Frames:
    """Thermometer: level k of `levels` is on above 255 (k + 1) / (levels + 1), in every step."""
    edges = 255 * np.arange(1, levels + 1) / (levels + 1)
    on = image.reshape(-1) > edges[:, None]
    return np.asarray(np.broadcast_to(on.reshape(-1), (steps, on.size)))


def value_code(of: Images, image: NDArray[np.uint8], request: Request) -> Frames:
    """Normalised colours as values, in every step: int8[steps, image.size]."""
    mean, deviation = (np.array(each)[:, None, None] for each in (of.mean, of.deviation))
    real = (image / 255 - mean) / deviation
    least, most = value_range(request.input_bits)
    values = np.clip(np.rint(real * 2**request.fraction), least, most).astype(np.int8)
    return np.broadcast_to(values.reshape(-1), (request.steps, values.size))


def _samples(
    of: Images,
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    request: Request,
    code: str,
    levels: int,
) -> Iterator[Sample]:
    for i, image in enumerate(images):
        if request.input_bits > 1:
            frames = value_code(of, image, request)
        elif code == "rate":
            frames = rate_code(image, request.steps, request.seed, int(request.train), i)
        else:
            frames = level_code(image, request.steps, levels)
        yield Sample(frames, int(labels[i]), f"{request.split}/{i:05d}")


def _find(of: Images, request: Request) -> tuple[NDArray[np.uint8], NDArray[np.integer]]:
    """Images uint8[N, 3, 32, 32] and labels of the split."""
    root, split = request.root, request.split
    names = of.train_files if request.train else of.test_files
    folders = [root / folder for folder in of.folders] if root is not None else []
    for folder in folders:
        there = [name for name in names if (folder / name).is_file()]
        if len(there) == len(names):
            parts = [read_batch(folder / name, of.labels, len(of.class_names)) for name in names]
            return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
        if there:
            lost = ", ".join(name for name in names if name not in there)
            raise DataError(f"{of.name}: {folder} has {there[0]}, but not {lost}; {of.get}")
    packed = [root] if root is not None and root.is_file() else []
    for path in packed or (sorted(root.glob("*.npz")) if root is not None else []):
        data = read_npz(path, (f"x_{split}", f"y_{split}"))
        images, labels = data[f"x_{split}"], data[f"y_{split}"].reshape(-1)
        if images.dtype != np.uint8 or images.shape != (len(labels), SIDE, SIDE, COLOURS):
            raise DataError(
                f"{path}: x_{split} is not uint8[{len(labels)}, 32, 32, 3]; make it again"
            )
        return images.transpose(0, 3, 1, 2), labels
    raise missing(of.name, f"{names[0]} (or an .npz)", folders, of.get)


def read_batch(
    path: Path, label: bytes, classes: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images uint8[N, 3, 32, 32] and labels of one file of the Python version.

    Raises:
        DataError: it cannot be read, holds other things than arrays, or they do not fit together.
    """
    try:
        batch = load(path.read_bytes())
        images = np.asarray(batch[b"data"], np.uint8)
        labels = np.asarray(batch[label], np.int64)
        images = images.reshape(len(labels), COLOURS, SIDE, SIDE)
    except Refused as err:
        raise DataError(f"{path}: {reason(err)}; do not use a file that you do not trust") from err
    except Exception as err:  # pickle raises whatever the damage leads it to
        raise DataError(
            f"{path}: not a file of CIFAR-{classes}'s Python version ({reason(err)}); copy it again"
        ) from err
    return images, labels
