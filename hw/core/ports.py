"""What passes between the link and the core."""

from amaranth.lib import stream
from amaranth.lib.data import StructLayout

BUS_REQUEST = StructLayout({"address": 32, "data": 16, "write": 1})
"""One 16-bit access in the address map of `golden.spec.registers`."""

BUS_REPLY = StructLayout({"data": 16, "error": 1})
"""Answer to a request, reads and writes alike; `error`: no such address, or not writable."""

SAMPLE_BYTE = StructLayout({"data": 8, "last": 1})
"""Payload of a SAMPLE command (`golden.spec.samples`), `last` on its final byte."""

RESULT_WORD = StructLayout({"data": 16, "last": 1})
"""Result of a sample (`golden.spec.samples.Result`), `last` on its final word."""

BusRequest = stream.Signature(BUS_REQUEST)
BusReply = stream.Signature(BUS_REPLY)
SampleBytes = stream.Signature(SAMPLE_BYTE)
ResultWords = stream.Signature(RESULT_WORD)
ByteStream = stream.Signature(8)
