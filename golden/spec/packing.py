"""How weights and signs lie in the memories of the chip, and back."""

import numpy as np
from numpy.typing import NDArray

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.layout import Placement
from golden.spec.registers import pack_lanes

SIGN_FREQUENCIES = 50, 512
"""First and last frequency of the sines whose signs are B, rad: those of the published code of TESS."""


def pack_weights(weights: NDArray[np.int32], placement: Placement) -> NDArray[np.int32]:
    """Weights [rows, outputs] as memory words [groups x rows, lanes]; idle lanes and rows are zero."""
    padded = np.zeros((placement.rows, placement.groups * placement.lanes), np.int32)
    padded[placement.row_numbers(), : placement.stage.outputs] = weights
    grouped = padded.reshape(placement.rows, placement.groups, placement.lanes)
    return grouped.transpose(1, 0, 2).reshape(-1, placement.lanes)


def unpack_weights(words: NDArray[np.int32], placement: Placement) -> NDArray[np.int32]:
    """The inverse of `pack_weights` for one layer: [rows, outputs]."""
    grouped = words.reshape(placement.groups, placement.rows, placement.lanes).transpose(1, 0, 2)
    return grouped.reshape(placement.rows, -1)[placement.row_numbers(), : placement.stage.outputs]


def pack_classifier(
    weights: NDArray[np.int32], placement: Placement, config: CoreConfig
) -> NDArray[np.int32]:
    """A layer's classifier [classes, latents] as memory words [groups of latents x class slots, lanes].

    Idle lanes and slots of classes that are not in use are zero (see Space.CLASSIFIERS).
    """
    classes, channels = len(weights), placement.stage.outputs
    padded = np.zeros(
        (classes, placement.latents // channels, placement.groups * config.lanes), np.int32
    )
    padded[:, :, :channels] = weights.reshape(classes, -1, channels)
    words = np.zeros((placement.latent_groups, config.class_slots, config.lanes), np.int32)
    words[:, :classes] = padded.reshape(classes, -1, config.lanes).transpose(1, 0, 2)
    return words.reshape(-1, config.lanes)


def unpack_classifier(
    words: NDArray[np.int32], classes: int, placement: Placement, config: CoreConfig
) -> NDArray[np.int32]:
    """The inverse of `pack_classifier`: [classes, latents]."""
    grouped = words.reshape(placement.latent_groups, config.class_slots, config.lanes)[:, :classes]
    cells = placement.latent_groups // placement.groups
    lanes = grouped.transpose(1, 0, 2).reshape(classes, cells, -1)
    return lanes[:, :, : placement.stage.outputs].reshape(classes, -1)


def sign_matrix(classes: int, neurons: int) -> NDArray[np.int64]:
    """B[c, k] = sign(sin(f_c k)), [classes, neurons] of +-1, f_c evenly spaced from 50 to 512 rad.

    sin 0 = 0 makes column 0 the one case without a sign; it counts as -1, so that a bit holds it.
    The published code has 0 there. Under softmax the two are the same rule: the column then adds
    one constant to all logits and receives sum(e) = 0.
    """
    frequencies = np.linspace(*SIGN_FREQUENCIES, classes)
    return np.where(np.sin(frequencies[:, None] * np.arange(neurons)) > 0, 1, -1)


def pack_signs(config: CoreConfig, classes: int) -> NDArray[np.uint16]:
    """The sign memory for `classes` classes, as its host words in order (see Space.SIGNS)."""
    slots, chunks = config.class_slots, config.chunks
    groups = config.latent_groups
    signs = sign_matrix(classes, groups * config.lanes)
    grouped = signs.reshape(classes, groups, config.lanes).transpose(1, 0, 2) > 0
    words = np.zeros((groups, slots, 1 << ceil_log2(chunks)), np.uint16)
    words[:, :classes, :chunks] = pack_lanes(grouped, config)
    return words.reshape(-1)
