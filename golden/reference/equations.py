"""The equations of one TESS layer, each as one function of arrays.

Arrays may carry leading batch axes; the last axis is the layer (neurons or classes).
Source: Apolinario, Roy, Frenkel, "TESS", IJCNN 2025, arXiv 2502.01837.
"""

import numpy as np
from numpy.typing import NDArray

from golden.reference.kinds import ErrorKind, ResetKind, SurrogateKind

Floats = NDArray[np.floating]

TRIANGLE_HEIGHT = 0.3
RECIPROCAL_STEEPNESS = 100.0


def surrogate(v: Floats, theta: float, kind: SurrogateKind) -> Floats:
    """Psi: stand-in for d(spike)/d(membrane) at membrane ``v`` (same shape).

    triangle: 0.3 max(0, 1 - |v - theta|); reciprocal: 1 / (100 |v - theta| + 1)^2.
    """
    distance = np.abs(v - theta)
    if kind == "triangle":
        return TRIANGLE_HEIGHT * np.maximum(0.0, 1.0 - distance)
    return 1.0 / (RECIPROCAL_STEEPNESS * distance + 1.0) ** 2


def smooth_spike(v: Floats, theta: float, kind: SurrogateKind) -> Floats:
    """The function whose exact derivative is :func:`surrogate`, zero at v = theta.

    No network spikes like this; it is what makes the BPTT gradient checkable by differences.
    """
    distance = v - theta
    size = np.abs(distance)
    if kind == "triangle":
        size = np.minimum(size, 1.0)
        return TRIANGLE_HEIGHT * np.sign(distance) * (size - size**2 / 2.0)
    return np.sign(distance) * size / (RECIPROCAL_STEEPNESS * size + 1.0)


def reset_membrane(v: Floats, o: Floats, amount: float, kind: ResetKind) -> Floats:
    """Membrane u left after firing: v - amount o (soft) or v (1 - o) (hard)."""
    return v - amount * o if kind == "soft" else v * (1.0 - o)


def softmax(y: Floats) -> Floats:
    """Softmax over the last axis."""
    shifted = np.exp(y - y.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def hard_sigmoid(y: Floats) -> Floats:
    """clip(y / 4 + 1/2, 0, 1)."""
    return np.clip(y / 4.0 + 0.5, 0.0, 1.0)


def clipped(y: Floats) -> Floats:
    """clip(y / 4 + 1/C, 0, 1): C equal guesses of y = 0 add up to 1."""
    return np.clip(y / 4.0 + 1.0 / y.shape[-1], 0.0, 1.0)


def learning_error(y: Floats, target: Floats, kind: ErrorKind, dead_zone: float = 0.0) -> Floats:
    """Error e of logits ``y`` against the one-hot ``target`` (same shape).

    softmax: softmax(y) - target. hard_sigmoid: (2/C) (hs(y) - target), with the slope of hs taken
    as 1 (the authors' code for hardware); it is exactly zero once every logit is past +-2 on its right
    side, so learning pauses. clipped (this project's): clip(y/4 + 1/C, 0, 1) - target, the softmax's
    error and slope near y = 0 without an exponential.
    """
    e = guess(y, kind) - target
    if kind == "hard_sigmoid":
        e *= 2.0 / y.shape[-1]
    return e if dead_zone == 0.0 else np.where(np.abs(e) < dead_zone, 0.0, e)


def guess(y: Floats, kind: ErrorKind) -> Floats:
    """What logits ``y`` say of the classes: near 1 of the one meant, near 0 of others."""
    if kind == "softmax":
        return softmax(y)
    return hard_sigmoid(y) if kind == "hard_sigmoid" else clipped(y)


def one_hot(labels: NDArray[np.integer], classes: int) -> Floats:
    """One-hot rows, (len(labels), classes)."""
    return np.eye(classes)[np.asarray(labels)]
