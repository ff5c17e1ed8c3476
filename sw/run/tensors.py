"""Names of weights in a file: `layer0.weight`, ... of the layers, `classifier_0`, ... of classifiers.

Layers are int16[rows, outputs], the readout's last row being its bias. Classifiers that learn are
int16[classes, latents]; the number is that of their layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw.device import Weights

CLASSIFIER = "classifier_"


def to_tensors(weights: list[NDArray[np.int32]]) -> dict[str, NDArray[np.int16]]:
    """Tensors by name, in C order: safetensors writes an array as it lies in memory."""
    found = {f"layer{at}.weight": values for at, values in enumerate(weights)}
    found |= {f"{CLASSIFIER}{at}": v for at, v in Weights.of(weights).classifiers.items()}
    return {name: values.astype(np.int16, order="C") for name, values in found.items()}


def plain_names(weights: Weights) -> dict[str, NDArray[np.int32]]:
    """The arrays as an .npz names them: `layer0`, ..., `classifier_0`, ..."""
    layers = {f"layer{at}": values for at, values in enumerate(weights)}
    return layers | {f"{CLASSIFIER}{at}": v for at, v in weights.classifiers.items()}


def from_tensors(tensors: Mapping[str, NDArray[Any]]) -> Weights:
    """The weights of these tensors. Raises KeyError or ValueError for names that are none of ours."""
    numbers = {n: int(n.removeprefix(CLASSIFIER)) for n in tensors if n.startswith(CLASSIFIER)}
    layers = [f"layer{at}.weight" for at in range(len(tensors) - len(numbers))]
    return Weights(
        [tensors[name].astype(np.int32) for name in layers],
        {at: tensors[name].astype(np.int32) for name, at in numbers.items()},
    )
