"""What every pipeline needs: a value gated, a value later, a queue near its user, times that follow.

Registers of data have no reset: where there is one (hw/clocks.py) it lasts longer than any pipeline is deep.
"""

from collections.abc import Callable
from typing import Any

from amaranth import Module, Mux, Signal, Value
from amaranth.hdl import ValueLike
from amaranth.lib import fifo


class derived:
    """A constant of a class that follows from the LATENCY of other units whenever it is asked for."""

    def __init__(self, find: Callable[[Any], int]) -> None:
        self._find = find
        self.__doc__ = find.__doc__

    def __get__(self, instance: Any, owner: Any) -> int:
        return self._find(owner)


def when(condition: ValueLike, value: ValueLike) -> Value:
    """`value`, or zero."""
    return Mux(condition, value, 0)


def spread(enable: ValueLike, lanes: int) -> Value:
    """A mask of all lanes, or of none."""
    return Mux(enable, (1 << lanes) - 1, 0)


def population(bits: Value) -> Value:
    """Number of ones, as a balanced tree."""
    if len(bits) == 1:
        return bits
    middle = len(bits) // 2
    return population(bits[:middle]) + population(bits[middle:])


def taps(m: Module, name: str, value: Any, depth: int) -> list[Any]:
    """[value now, a cycle ago, …, `depth` cycles ago]."""
    found = [value]
    for stage in range(1, depth + 1):
        tap = Signal.like(value, name=f"{name}_{stage}", reset_less=True)
        m.d.sync += tap.eq(found[-1])
        found.append(tap)
    return found


def later(m: Module, name: str, value: Any, cycles: int) -> Any:
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
