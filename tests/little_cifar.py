"""A little CIFAR-10 for tests."""

from pathlib import Path

import numpy as np


def little_cifar(folder: Path) -> Path:
    """Written there, 50 and 20 images: the class is which colour and which half of the image is bright."""
    print("seed", 1)
    rng, arrays = np.random.default_rng(1), {}
    for split, count in (("train", 50), ("test", 20)):
        images = rng.integers(0, 100, (count, 32, 32, 3), np.uint8)
        labels = np.arange(count) % 4
        for image, label in zip(images, labels, strict=True):
            image[16 * (label // 2) : 16 * (label // 2) + 16, :, label % 2] += 150
        arrays |= {f"x_{split}": images, f"y_{split}": labels}
    np.savez(folder / "little.npz", **arrays)
    return folder
