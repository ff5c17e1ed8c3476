"""The memory beside the FPGA: a controller of bursts, a tester for the host, and the pins.

Requests (address, words, direction) come in by a stream, words by one in each direction, in order. A word
is what the chip's bus carries. The units say `sync`; whoever puts them together renames that to `memory`,
which has a clock of its own (hw/clocks.py). In data order: `cutter`, `opener` (rows are opened ahead),
`controller`, with the `refresher` beside it, then the pins (`pads`). Why it is so: docs/memory.md.
"""
