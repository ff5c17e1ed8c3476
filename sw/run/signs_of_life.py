"""Signs of life: does a training learn at all? What is dead is named, with what to try."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from golden.spec.network import Network
from sw.data import Dataset
from sw.device import Weights
from sw.run.metrics import Epoch, Tally

ENOUGH = 10
"""Samples from which on one class for all of them is no accident."""


class TrainingWarning(UserWarning):
    """Training goes on, but hardly learns anything."""


def silent_inputs(samples: Dataset) -> str:
    """What to say when no training sample has a spike; empty: one has."""
    if any(bits.any() for bits in samples.packed.bits):
        return ""
    return (
        f"none of the {len(samples)} training samples has a spike in any frame, so nothing is learned from "
        "them; check the time window (--window, Binning) and how your data becomes frames"
    )


def dead_parts(
    network: Network, epoch: Epoch, before: Weights, after: Weights, tested: Tally | None
) -> Iterator[str]:
    """What to say after the first epoch: layers without spikes, weights that stayed, one class for all.

    `before` and `after` are the weights around the epoch, `tested` the tally of the test samples.
    """
    silent = next((at for at, rate in enumerate(epoch.firing_rates) if not rate), None)
    if silent is not None:
        yield (
            f"hidden layer {silent} ({network.hidden[silent]} neurons) did not fire once in epoch "
            f"{epoch.epoch}, so nothing behind it can learn; try a lower theta (it is {network.theta:g}), a "
            f"larger init_scale ({network.init_scale:g}), or fewer steps, which hold more events each"
        )
    for at, (old, new) in enumerate(zip(before, after, strict=True)):
        learns = network.train_hidden or at == len(network.hidden)
        if learns and np.array_equal(old, new) and (silent is None or at <= silent):
            yield _still(network, epoch, at)
    if tested is not None and tested.samples >= ENOUGH and sum(map(bool, tested.of_labels)) > 1:
        predicted = [label for label, count in enumerate(tested.of_predictions) if count]
        if len(predicted) == 1:
            yield (
                f"class {predicted[0]} is predicted for all {tested.samples} test samples after epoch "
                f"{epoch.epoch}; if it stays so, halve eta and eta_out, check the labels, and see that "
                "firing rates are 0.02 to 0.4"
            )


def _still(network: Network, epoch: Epoch, at: int) -> str:
    """What to say of a layer whose weights did not change."""
    if at == len(network.hidden):
        name, rate = "the readout", f"a larger eta_out (it is {network.eta_out:g})"
    else:
        name, rate = f"hidden layer {at}", f"a larger eta (it is {network.rate(at):g})"
    return (
        f"no weight of {name} changed in epoch {epoch.epoch}; try {rate}, and see that its inputs spike and "
        "its membranes come near theta"
    )
