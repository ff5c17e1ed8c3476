"""CRC-32 of zlib, a byte a clock."""

import zlib
from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib.wiring import Component, In, Out

POLYNOMIAL = 0xEDB88320
INITIAL = 0xFFFFFFFF
RESIDUE = zlib.crc32(b"\0" * 4) ^ INITIAL  # register after content and its own CRC


def table_entry(index: int) -> int:
    """What the low byte `index` of the register adds to the register shifted by a byte."""
    for _ in range(8):
        index = index >> 1 ^ (POLYNOMIAL if index & 1 else 0)
    return index


def crc_step(register: Value, byte: Value) -> Value:
    """Register after one more byte: for each bit a flat xor, two or three LUTs deep."""
    low = register[:8] ^ byte
    bits = []
    for bit in range(32):
        terms = [low[i] for i in range(8) if table_entry(1 << i) >> bit & 1]
        terms += [register[bit + 8]] if bit < 24 else []
        bits.append(Cat(*terms).xor())
    return Cat(*bits)


class Crc32(Component):
    """Running CRC of the bytes since `clear`.

    clear   start over; wins over `enable`
    enable  take `data` in
    data    the byte
    value   CRC so far
    good    the last four bytes were the CRC of all before them
    """

    def __init__(self) -> None:
        super().__init__(
            {"clear": In(1), "enable": In(1), "data": In(8), "value": Out(32), "good": Out(1)}
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        register = Signal(32, init=INITIAL)
        with m.If(self.clear):
            m.d.sync += register.eq(INITIAL)
        with m.Elif(self.enable):
            m.d.sync += register.eq(crc_step(register, self.data))
        m.d.comb += [self.value.eq(~register), self.good.eq(register == RESIDUE)]
        return m
