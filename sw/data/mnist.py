"""MNIST images from their IDX files, turned into spikes.

Two codes. `rate`: an input of intensity v (0..255) spikes in each step with probability v/255,
drawn from the seed, the split and the sample's index. `latency`: an input spikes once, the
brighter the sooner: in step `(255 - v) * steps // 255` of intensities 1..255 (255: step 0); a
black pixel never spikes.

With `input_bits` above 1 an input carries its intensity instead, 1 for white, the same in every step.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golden.spec.values import value_range
from sw.data.binning import Frames
from sw.data.dataset import Dataset, Request, Sample, missing, random_uniform
from sw.data.events import DataError, Sensor
from sw.printable import reason

MNIST_SENSOR = Sensor(28, 28, 1)
CLASSES = 10
CODES = ("rate", "latency")
LARGEST = 1 << 30  # bytes of a file when it is unpacked; MNIST has 47 million
FOLDERS = (".", "MNIST/raw", "smnist")  # plain, torchvision's, tonic's
GET = (
    "get the four .gz files from https://ossci-datasets.s3.amazonaws.com/mnist/ and put them, "
    "packed or unpacked, there"
)


def load_mnist(request: Request, *, code: str | None = None) -> Dataset:
    """Load MNIST from the IDX files in `root` (also `root/MNIST/raw`, `root/smnist`; .gz or not).

    Pooling takes the brightest pixel of a block before coding. The time window is not used: images
    have no time.

    Args:
        request: what to load.
        code: `rate` (the default) or `latency`, see the module's text; of values there is none.

    Raises:
        DataError: a file is missing or damaged, or the code is unknown.
    """
    if code not in (None, *CODES):
        raise DataError(f"code: {code!r} is not a spike code; use one of {', '.join(CODES)}")
    if code and request.input_bits > 1:
        raise DataError(
            f"code: {code} makes spikes, and with input_bits {request.input_bits} inputs carry values; "
            "leave out the code, or input_bits"
        )
    prefix = "train" if request.train else "t10k"
    image_path = _find(request.root, f"{prefix}-images", "idx3-ubyte")
    label_path = _find(request.root, f"{prefix}-labels", "idx1-ubyte")
    images, labels = read_idx(image_path, 3), read_idx(label_path, 1)
    if len(images) != len(labels) or images.shape[1:] != (28, 28):
        raise DataError(
            f"{image_path}: shape {images.shape} does not fit 28x28 pixels and the {len(labels)} "
            f"labels of {label_path}; copy or download both again"
        )
    small = pool_images(images[: request.limit], request.pool)
    shape = MNIST_SENSOR.pooled(request.pool).map
    return Dataset(
        "mnist",
        _samples(small, labels, request, code or CODES[0]),
        classes=CLASSES,
        n_inputs=shape.neurons,
        steps=request.steps,
        input_map=shape,
        input_bits=request.input_bits,
        input_fraction=request.fraction,
    )


def read_idx(path: Path, dims: int) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes with `dims` dimensions, gzipped if it ends in `.gz`.

    Raises:
        DataError: it cannot be read, is another kind of file, or its length is wrong.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as err:
        raise DataError(
            f"{path}: cannot be read ({reason(err)}); copy or download it again"
        ) from err
    if len(raw) > LARGEST:
        raise DataError(f"{path}: holds more than {LARGEST} bytes; this is no set like MNIST")
    start = 4 + 4 * dims
    if len(raw) < start or raw[:4] != bytes((0, 0, 8, dims)):
        raise DataError(
            f"{path}: not an IDX file of bytes in {dims} dimensions; copy or download it again"
        )
    shape = tuple(int(n) for n in np.frombuffer(raw[4:start], ">u4"))
    if len(raw) - start != math.prod(shape):
        raise DataError(
            f"{path}: {len(raw) - start} data bytes instead of {math.prod(shape)} for shape {shape}; "
            "copy or download it again"
        )
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def pool_images(images: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Maximum over `factor` x `factor` blocks: uint8[N, H, W] -> uint8[N, ceil(H/f), ceil(W/f)]."""
    if factor == 1:
        return images
    starts = np.arange(0, images.shape[1], factor), np.arange(0, images.shape[2], factor)
    rows = np.maximum.reduceat(images, starts[0], axis=1)
    return np.maximum.reduceat(rows, starts[1], axis=2)


def rate_code(image: NDArray[np.uint8], steps: int, *seed: int) -> Frames:
    """Bernoulli spikes of probability intensity/255 per step: bool[steps, image.size]."""
    return random_uniform((steps, image.size), *seed) * 255.0 < image.reshape(-1)


def latency_code(image: NDArray[np.uint8], steps: int) -> Frames:
    """One spike per pixel that is not black, brighter first: bool[steps, image.size]."""
    value = image.reshape(-1).astype(np.int64)
    step = np.where(value > 0, (255 - value) * steps // 255, -1)
    return np.asarray(step == np.arange(steps)[:, None])


def intensities(image: NDArray[np.uint8], request: Request) -> Frames:
    """Intensities of 0 to 1 as values, in every step: int8[steps, image.size]."""
    most = value_range(request.input_bits)[1]
    values = np.minimum(np.rint(image.reshape(-1) / 255 * 2**request.fraction), most)
    return np.broadcast_to(values.astype(np.int8), (request.steps, image.size))


def _samples(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], request: Request, code: str
) -> Iterator[Sample]:
    for i, image in enumerate(images):
        if request.input_bits > 1:
            frames = intensities(image, request)
        elif code == "rate":
            frames = rate_code(image, request.steps, request.seed, int(request.train), i)
        else:
            frames = latency_code(image, request.steps)
        yield Sample(frames, int(labels[i]), f"{request.split}/{i:05d}")


def _find(root: Path | None, stem: str, kind: str) -> Path:
    """Find the IDX file; some mirrors write `images.idx3` for `images-idx3`."""
    folders = [root / folder for folder in FOLDERS] if root is not None else []
    for folder in folders:
        for name in (f"{stem}-{kind}", f"{stem}.{kind}"):
            for path in (folder / name, folder / f"{name}.gz"):
                if path.is_file():
                    return path
    raise missing("mnist", f"{stem}-{kind} (or .gz)", folders, GET)
