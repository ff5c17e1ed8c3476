"""Weight update of one row a cycle, with stochastic rounding. Twin of golden/lanes/update.py."""

from typing import Any

from amaranth import Module, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig
from golden.spec.formats import GAIN_BITS, NOISE_BITS, POST_FRACTION, TRACE_BITS
from hw.core.base.formats import saturate
from hw.core.base.layouts import trace_shape
from hw.core.base.pipeline import register, when
from hw.core.lanes.noise import lane_noise

PRODUCT = signed(GAIN_BITS + TRACE_BITS + 1)
BASE = signed(GAIN_BITS + TRACE_BITS + 2)


class Update(wiring.Component):
    """w' = saturate(w + (g q + k x 2^5 + noise) / 2^16), all lanes side by side.

    A pipeline without stalls; times are cycles after `pre_trace`.

    pre_trace       q of the row
    previous_spike  the row spiked in the step before
    gains           causal gains g, with `pre_trace`
    post_gains      non-causal gains k, with `pre_trace`
    noise           the row's random word, at NOISE_AT
    update          with `noise`: there is an update to apply; else the weights stay
    weights         of the row, at WEIGHTS_AT
    new             its new weights, at LATENCY
    """

    NOISE_AT, WEIGHTS_AT, LATENCY = 2, 3, 4

    def __init__(self, config: CoreConfig, lanes: int, first: int = 0) -> None:
        """`lanes` lanes from lane `first` on: the noise of a lane depends on its number."""
        self.config, self.lanes, self.first = config, lanes, first
        weights = data.ArrayLayout(signed(config.weight_bits), lanes)
        gains = data.ArrayLayout(signed(GAIN_BITS), lanes)
        super().__init__(
            {
                "pre_trace": In(trace_shape(config)),
                "previous_spike": In(1),
                "gains": In(gains),
                "post_gains": In(gains),
                "noise": In(32),
                "update": In(1),
                "weights": In(weights),
                "new": Out(weights),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        new = register(m, self.new)
        for lane in range(self.lanes):
            product = Signal(PRODUCT, name=f"product_{lane}", reset_less=True)
            base = Signal(BASE, name=f"base_{lane}", reset_less=True)
            change = Signal(BASE.width - NOISE_BITS + 1, name=f"change_{lane}", reset_less=True)
            post = Signal(signed(GAIN_BITS), name=f"post_{lane}", reset_less=True)
            total = base + lane_noise(self.noise, self.first + lane)
            m.d.sync += [
                product.eq(self.gains[lane] * self.pre_trace),
                post.eq(when(self.previous_spike, self.post_gains[lane])),
                base.eq(product + (post << POST_FRACTION)),
                change.eq(when(self.update, total >> NOISE_BITS)),
                new[lane].eq(self._add(m, lane, change.as_signed())),
            ]
        return m

    def _add(self, m: Module, lane: int, change: Value) -> Value:
        """weights + change in two's complement, saturated."""
        bits = self.config.weight_bits
        total = Signal(signed(max(bits, change.shape().width) + 1), name=f"total_{lane}")
        m.d.comb += total.eq(self.weights[lane] + change)
        return saturate(total, bits)
