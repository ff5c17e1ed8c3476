"""A network's real numbers as the integers of its layer table entries.

Weights are w x 2^weight_fraction; the chip's update of a hidden weight is error x rate / 2^8 x Psi / 2^8
x q / 2^16 (golden.spec.formats), from which the rate register follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from golden.spec.config import ceil_log2
from golden.spec.formats import FACTOR_BITS, READOUT_SURROGATE, TRACE_ONE
from golden.spec.layers import BIAS, HARD_RESET, PLASTIC, POST_NEGATIVE, READOUT
from golden.spec.layout import DoesNotFit, Place

if TYPE_CHECKING:
    from golden.spec.network import Network


def entry_fields(network: Network, index: int, place: Place, rate_scale: float) -> dict[str, int]:
    """Fields of the entry of layer `index` at `place`, but for where its memory begins.

    `rate_scale` multiplies the learning rates. Raises DoesNotFit when a rate vanishes, ValueError when
    one has no integer on the chip.
    """
    fields = place.fields()
    kind = (
        _readout(network, place, rate_scale)
        if place.readout
        else _hidden(network, index, place, rate_scale)
    )
    return fields | kind | {"flags": kind["flags"] | fields.get("flags", 0)}


def _hidden(network: Network, index: int, place: Place, rate_scale: float) -> dict[str, int]:
    one = place.averaged * 2 ** network.fraction(index)  # membranes are sums over the pixels
    shift = max(0, ceil_log2(one) - FACTOR_BITS + 1)  # Psi of 1 becomes 128 or less
    flags = (network.train_hidden * PLASTIC) | ((network.reset == "hard") * HARD_RESET)
    # Psi_chip = Psi / 0.3 x one / 2^shift, q_chip = 16 q, and 2^32 of fraction in all; of the
    # pixels' average a spike is so little
    rate = network.rate(index) * 0.3 * 2.0 ** (20 + shift) / place.averaged**2
    if place.averaged > 1 and round(rate) == 0 < rate:
        raise DoesNotFit(
            f"network {network.name}: behind the average of {place.averaged} pixels the rate eta "
            f"{network.rate(index):g} is 0 on the chip; pool the map before (p), or raise eta"
        )
    rate *= rate_scale
    return {
        "flags": flags | (network.alpha_post < 0) * POST_NEGATIVE,
        "theta": round(network.theta * one),
        "leak": round(network.gamma * 256),
        "pre_decay": round(network.lambda_pre * 256),
        "pre_gain": round(network.alpha_pre * TRACE_ONE),
        "post_decay": round(network.lambda_post * 256),
        "post_gain": round(abs(network.alpha_post) * 128),
        "psi_width": one,
        "psi_shift": shift,
        "error_gain": _register("logit_scale", network.logit_scale * 64 * 256 / place.cell_pixels),
        "rate": _register("eta", rate),
        # an error of 1 is `rate` in m
        "rate_cost": _register("rate_cost", network.rate_cost * rate),
    }


def _readout(network: Network, place: Place, rate_scale: float) -> dict[str, int]:
    scale = network.readout_scale * 64 * 256 / network.logit_one
    rate = network.eta_out * 2.0 ** (network.readout_fraction + 20) / READOUT_SURROGATE
    rate /= place.averaged  # a spike is so little of the average
    doublings = next((n for n in range(3) if rate / 2**n <= 0x7FFF), 3)  # q has room for 128
    return {
        "flags": READOUT | BIAS | PLASTIC,
        "pre_gain": TRACE_ONE << doublings,
        "error_gain": _register("readout_scale", scale),
        "rate": _register("eta_out", rate * rate_scale / 2**doublings),
    }


def _register(name: str, value: float) -> int:
    """A 15-bit register value, or a ValueError that names the parameter."""
    if round(value) > 0x7FFF:
        raise ValueError(f"{name} is too large for the chip by a factor of {value / 0x7FFF:.2g}")
    return round(value)
