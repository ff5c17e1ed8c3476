"""Learning signals of a map: its latents' signals, handed out. Twin of hw/core/learn/map_signal.py."""

import numpy as np

from golden.fire.pool import cell_numbers
from golden.learn.project import learning_signal
from golden.spec.formats import SIGNAL_BITS, Ints, saturate
from golden.spec.layers import Layer


def map_signal(
    signals: Ints, signs: Ints, spikes: Ints, winners: Ints, cells: Ints, layer: Layer
) -> Ints:
    """m for each neuron of a map, s16[positions, channels].

    Every latent (signs [classes, cells x channels]) has a learning signal of its own; it goes to those
    neurons of its cell that decided a pooling window: `winners` and `spikes` 0/1 [positions, channels],
    `cells` [positions]. Winners that fired pay `rate_cost`.
    """
    latent = learning_signal(signals, signs, np.zeros_like(signs[0]), layer)
    return handed_out(latent, spikes, winners, cells, layer)


def handed_out(latent: Ints, spikes: Ints, winners: Ints, cells: Ints, layer: Layer) -> Ints:
    """m for each neuron from that of its latent, s16[cells x channels]; see `map_signal`."""
    of_cell = latent.reshape(-1, spikes.shape[1])[cells]
    return winners * saturate(of_cell - layer.rate_cost * spikes, SIGNAL_BITS)


def cells_of(layer: Layer) -> Ints:
    """The cell of every pixel, i64[positions]; the last one beyond all cells, where nobody wins."""
    return np.minimum(cell_numbers(layer), layer.cells - 1)
