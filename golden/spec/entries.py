"""A network's real numbers as the integers of its layer table entries.

A field with a scale is the real number times it (`golden.spec.layers`). The others follow from what the
core computes. In weight units, of which `one` = averaged pixels x 2^weight_fraction make 1.0, a hidden
weight is changed by

    error x rate / 2^ERROR_FRACTION x Psi_chip / 2^SURROGATE_BITS x q_chip / 2^NOISE_BITS

where error = ERROR_ONE e, Psi_chip = Psi / SURROGATE_HEIGHT x one / 2^psi_shift and q_chip = TRACE_ONE q.
TESS wants eta e Psi q in real numbers, hence 2^weight_fraction times that, and

    rate = eta x SURROGATE_HEIGHT x 2^(UPDATE_FRACTION + psi_shift) / averaged^2

as a spike is only 1/averaged of what an averaging layer sees. Of inputs that carry values x, 2^input_fraction
counts as much as a spike. So the first layer's `one` has 2^input_fraction as a factor, and 1 of a value
adds TRACE_ONE / 2^input_fraction to q, a whole number of at least 1; what it adds too much or too little,
the rate makes good. A readout's Psi is READOUT_SURROGATE, so that

    rate = eta_out x 2^(UPDATE_FRACTION + readout_fraction) / READOUT_SURROGATE / averaged.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from golden.spec.config import ceil_log2
from golden.spec.flags import Flag
from golden.spec.formats import (
    CLASSIFIER_FRACTION,
    MOVE_FRACTION,
    READOUT_SURROGATE,
    SURROGATE_BITS,
    TRACE_BITS,
    TRACE_FRACTION,
    TRACE_ONE,
    UPDATE_FRACTION,
)
from golden.spec.layers import FIELD_OF
from golden.spec.layout import DoesNotFit, Placement

if TYPE_CHECKING:
    from golden.spec.network import Network

SURROGATE_HEIGHT = 0.3
"""Psi at the threshold, Psi = 0.3 max(0, 1 - |v - theta|). The chip has it as a part of the rate."""

MOST_DOUBLINGS = TRACE_BITS - 1 - TRACE_FRACTION
"""Times that what a spike adds to a pre trace can be doubled: up to half of the trace's range."""


def entry_fields(
    network: Network, index: int, placement: Placement, rate_scale: float
) -> dict[str, int]:
    """Fields of the entry of layer `index` at `placement`, but for where its memory begins.

    `rate_scale` multiplies the learning rates. Raises DoesNotFit when a rate vanishes, ValueError when
    one has no integer on the chip.
    """
    fields = placement.fields()
    learning = (
        _readout(network, placement, rate_scale)
        if placement.readout
        else _hidden(network, index, placement, rate_scale)
    )
    return fields | learning | {"flags": learning["flags"] | fields.get("flags", 0)}


def _hidden(
    network: Network, index: int, placement: Placement, rate_scale: float
) -> dict[str, int]:
    value_one = 2 ** network.value_fraction(index)
    one = placement.averaged * value_one * 2 ** network.fraction(index)  # membranes are sums
    shift = max(0, ceil_log2(one) - SURROGATE_BITS + 1)  # Psi_chip is READOUT_SURROGATE at most
    rate = network.rate(index) * SURROGATE_HEIGHT * 2.0 ** (UPDATE_FRACTION + shift)
    rate /= placement.averaged**2 * value_one
    pre_gain, times = _pre_gain(network, index, rate)
    rate /= times
    if placement.averaged > 1 and round(rate) == 0 < rate:
        raise DoesNotFit(
            f"network {network.name}: behind the average of {placement.averaged} pixels the rate eta "
            f"{network.rate(index):g} is 0 on the chip; pool the map before (p), or raise eta"
        )
    rate *= rate_scale
    return {
        "theta": round(network.theta * one),
        "leak": round(_scaled("leak", network.gamma)),
        "pre_decay": round(_scaled("pre_decay", network.lambda_pre)),
        "pre_gain": pre_gain,
        "post_decay": round(_scaled("post_decay", network.lambda_post)),
        "post_gain": round(_scaled("post_gain", abs(network.alpha_post))),
        "psi_width": one,
        "psi_shift": shift,
        "rate": _register("rate", "eta", rate),
        # an error of 1 is `rate` in m
        "rate_cost": _register("rate_cost", "rate_cost", network.rate_cost * rate),
        "error_offset": _offset(network),
        **_guess(network, placement, rate_scale),
    }


def _pre_gain(network: Network, index: int, rate: float) -> tuple[int, float]:
    """What 1 of an input adds to its pre trace, and how many times what it should be that is.

    Values as large as they may be, in every step, stay within the format, as far as `rate` has room to
    make it good.
    """
    wanted = _scaled("pre_gain", network.alpha_pre) / 2 ** network.value_fraction(index)
    if index or network.input_bits == 1 or not wanted:
        return round(wanted), 1.0
    kept = 1 - network.lambda_pre  # a trace grows to 1 / kept of what a step adds
    room = int(((1 << TRACE_BITS) - 1) * kept) >> (network.input_bits - 1)
    least = ceil(wanted * rate / FIELD_OF["rate"].high)
    gain = max(1, min(round(wanted), max(room, least)))
    return gain, gain / wanted


def _guess(network: Network, placement: Placement, rate_scale: float) -> dict[str, int]:
    """How a hidden layer guesses the class: from signs, or, of a map, by a classifier that learns.

    A latent's integer is the sum over its cell. The classifier's weight moves, in real numbers, by
    eta_classifier e a; on the chip by e x classifier_rate x count / 2^MOVE_FRACTION units.
    """
    pixels = placement.cell_pixels
    learned = network.classifiers == "learned" and placement.kind.mapped
    scale, parameter = network.logit_scale, "logit_scale"
    found: dict[str, int] = {}
    if learned:
        scale, parameter = 1 / (placement.latents * network.tau), "1 / tau"
        rate = network.eta_classifier * 2.0 ** (CLASSIFIER_FRACTION + MOVE_FRACTION) / pixels
        found["classifier_rate"] = _register("classifier_rate", "eta_classifier", rate * rate_scale)
        if network.score == "all":
            own, out = _scaled("error_gain", scale) / pixels, _readout_gain(network)
            found["vote_gain"] = _register("vote_gain", "1 / tau", _scaled("vote_gain", own / out))
    gain = _register("error_gain", parameter, _scaled("error_gain", scale) / pixels)
    flags = (
        (Flag.PLASTIC if network.train_hidden else 0)
        | (Flag.HARD_RESET if network.reset == "hard" else 0)
        | (Flag.POST_NEGATIVE if network.alpha_post < 0 else 0)
        | (Flag.CLASSIFIER if learned else 0)
    )
    return found | {"error_gain": gain, "flags": flags}


def _offset(network: Network) -> int:
    """The guess of a class whose logit is 0."""
    part = 1 / network.classes if network.guess == "even" else 1 / 2
    return round(_scaled("error_offset", part))


def _readout(network: Network, placement: Placement, rate_scale: float) -> dict[str, int]:
    scale = _readout_gain(network)
    rate = network.eta_out * 2.0 ** (network.readout_fraction + UPDATE_FRACTION)
    rate /= READOUT_SURROGATE
    rate /= placement.averaged
    # what a rate has too much, q takes: its decay is 0, so a trace is a spike's share and no more
    most = FIELD_OF["rate"].high
    doublings = next((n for n in range(MOST_DOUBLINGS) if rate / 2**n <= most), MOST_DOUBLINGS)
    return {
        "flags": Flag.READOUT | Flag.BIAS | Flag.PLASTIC,
        "pre_gain": TRACE_ONE << doublings,
        "error_gain": _register("error_gain", "readout_scale", scale),
        "error_offset": _offset(network),
        "rate": _register("rate", "eta_out", rate * rate_scale / 2**doublings),
    }


def _readout_gain(network: Network) -> float:
    """error_gain of the readout, a real number."""
    return _scaled("error_gain", network.readout_scale) / network.logit_one


def _scaled(field: str, value: float) -> float:
    """A real number in the units of a field."""
    return value * FIELD_OF[field].scale


def _register(field: str, parameter: str, value: float) -> int:
    """The integer of a field, or a ValueError that names the parameter it comes from."""
    most = FIELD_OF[field].high
    if round(value) > most:
        raise ValueError(f"{parameter} is too large for the chip by a factor of {value / most:.2g}")
    return round(value)
