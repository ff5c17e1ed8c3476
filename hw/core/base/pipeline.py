"""What every pipeline needs: a value gated, a value later.

Registers of data have no reset: where there is one (hw/clocks.py) it lasts longer than any pipeline is deep.
"""

from typing import Any

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import fifo


def when(condition: Value, value: Value) -> Value:
    """`value`, or zero."""
    return Mux(condition, value, 0)


def taps(m: Module, name: str, value: Value, depth: int) -> list[Value]:
    """[value now, a cycle ago, …, `depth` cycles ago]."""
    found = [value]
    for stage in range(1, depth + 1):
        tap = Signal.like(value, name=f"{name}_{stage}", reset_less=True)
        m.d.sync += tap.eq(found[-1])
        found.append(tap)
    return found


def later(m: Module, name: str, value: Value, cycles: int) -> Value:
    """`value` as it was so many cycles ago."""
    return taps(m, name, value, cycles)[-1]


def register(m: Module, port: Any) -> Any:
    """The register, without reset, that drives an output `port`."""
    value = Signal.like(port, reset_less=True)
    m.d.comb += port.eq(value)
    return value


def front(m: Module, queue: fifo.SyncFIFO, depth: int) -> fifo.SyncFIFO:
    """A few words of a queue in block RAM, near where they are used."""
    m.submodules.front = near = fifo.SyncFIFO(width=queue.width, depth=depth)
    m.d.comb += [
        near.w_data.eq(queue.r_data),
        near.w_en.eq(queue.r_rdy),
        queue.r_en.eq(near.w_rdy),
    ]
    return near
