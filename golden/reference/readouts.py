"""Local readouts of hidden layers: fixed signs as TESS has them, or learned (this project's extension).

Every hidden layer guesses the class from its own latents a (d numbers) in every step:

    y = B a / (d tau)          logits of the layer, B (classes, d)
    e = error(y)               softmax(y) - onehot, or one of the cheaper errors
    m = P(B)^T e               learning signal of the latents
    B <- B - eta_B e a^T       learned readouts only: the delta rule, as in the output layer

TESS (arXiv 2502.01837) keeps B at signs that come from sines. A convolution cannot learn much from
them: a kernel is shared by all pixels, but the signs of a channel differ from cell to cell, so most of
the signal cancels. Learned B are local classifiers, as in Nokland and Eidnes ("Training neural networks
with local error signals", ICML 2019) and, fixed, in DECOLLE (Kaiser, Mostafa, Neftci, Front. Neurosci.
2020); here they learn on line. P is B itself or its nearest power of two, which makes products shifts.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray

from golden.reference.checks import require
from golden.reference.equations import Floats
from golden.reference.kinds import FeedbackKind, ReadoutUpdateKind, StartKind
from golden.spec.packing import sign_matrix

if TYPE_CHECKING:
    from golden.reference.config import FloatConfig
    from golden.reference.weights import Weights

LEAST_POWER = 2.0**-6
"""Smaller values of B that are not zero feed back as this."""
LOWEST, HIGHEST = np.float32(50), np.float32(512)
"""Frequencies of the signs of the first and the last class, radians per latent."""


@dataclass(frozen=True, kw_only=True)
class Readouts:
    """What the hidden layers' readouts B start from, how they learn and feed back.

    Raises ValueError on creation: an unknown kind, a negative eta, readouts that stay at zero.
    """

    start: StartKind = "signs"
    """signs: +-1 as the chip holds them (`golden.spec.packing.sign_matrix`); published: those of the
    authors' code, in single precision, latents counted channel by channel, 0 for the first; zero."""
    eta: float = 0.0
    """Step size eta_B of B, the same for all layers; 0: B stays as it starts."""
    update: ReadoutUpdateKind | None = None
    """When B moves. None: as the output layer. In every step a readout soon knows the label of its
    sample, so its error fades before the kernels have learned from it."""
    feedback: FeedbackKind = "exact"
    """P: exact, B itself; power_of_two: see :func:`power_of_two`."""
    in_score: bool = False
    """Predictions add up the logits of all readouts and of the output layer, not of the latter alone."""

    def __post_init__(self) -> None:
        for name, kind in (("start", StartKind), ("feedback", FeedbackKind)):
            value, names = getattr(self, name), get_args(kind)
            require(value in names, f"readouts.{name}", value, f"one of {', '.join(names)}")
        fits = self.update in (None, *get_args(ReadoutUpdateKind))
        require(fits, "readouts.update", self.update, "None, step or sample")
        require(self.eta >= 0, "readouts.eta", self.eta, "0 or more")
        stays = self.start == "zero" and self.eta == 0
        require(not stays, "readouts.eta", self.eta, "above 0 for readouts that start from zero")

    def fed_back(self, b: Floats) -> Floats:
        """P(B), as `feedback` says."""
        return power_of_two(b) if self.feedback == "power_of_two" else b


def power_of_two(b: Floats) -> Floats:
    """sign(b) 2^round(log2 max(abs(b), 2^-6)), and 0 of 0."""
    exponent = np.rint(np.log2(np.maximum(np.abs(b), LEAST_POWER)))
    return np.asarray(np.sign(b) * np.exp2(exponent), b.dtype)


def readouts_of(cfg: "FloatConfig", weights: "Weights") -> list[Floats]:
    """B (classes, latents) of every hidden layer: those of ``weights``, or the fixed ones."""
    return weights.readouts or start_readouts(cfg)


def start_readouts(cfg: "FloatConfig") -> list[Floats]:
    """B of every hidden layer as training starts; read only."""
    kind = cfg.readouts.start
    sizes = [(layer.side**2, layer.fired.channels) for layer in cfg.layers]
    return [_start(kind, cfg.classes, *size, cfg.precision) for size in sizes]


@cache
def _start(kind: StartKind, classes: int, cells: int, channels: int, precision: str) -> Floats:
    b: Floats = np.zeros((classes, cells * channels), precision)
    if kind == "signs":
        b += sign_matrix(classes, cells * channels)
    elif kind == "published":
        by_channel = published_signs(classes, cells * channels).reshape(classes, channels, cells)
        b += by_channel.swapaxes(1, 2).reshape(b.shape)
    b.setflags(write=False)
    return b


def published_signs(classes: int, latents: int) -> NDArray[np.int64]:
    """Signs B (classes, latents) as the authors' code computes them, in single precision.

    Frequencies are counted from both ends, with one rounding each (a fused multiply-add, here by way
    of double precision). The products f k reach 10^5, where single precision moves them by whole
    hundredths of a radian: with many classes or latents some signs are not those of exact numbers.
    """
    step = np.float64((HIGHEST - LOWEST) / np.float32(classes - 1))
    up = np.arange(classes)
    rising, falling = LOWEST + step * up, HIGHEST - step * up[::-1]
    frequencies = np.where(up < classes // 2, rising, falling).astype(np.float32)
    angles = frequencies[:, None] * np.arange(latents, dtype=np.float32)
    return np.sign(np.sin(angles)).astype(np.int64)
