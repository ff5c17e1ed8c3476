"""What passes between the units of the memory."""

from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from golden.spec.sdram import MOST_WORDS, Chip


def request(chip: Chip) -> StructLayout:
    """A burst: `words` words from `address` on (MOST_WORDS at most, none is nothing), written or read."""
    return StructLayout(
        {"address": chip.address_bits, "words": MOST_WORDS.bit_length(), "write": 1}
    )


def segment(chip: Chip) -> StructLayout:
    """A burst or a piece of one within a row: columns `column` to `last`."""
    return StructLayout(
        {
            "column": chip.column_bits,
            "bank": chip.bank_bits,
            "row": chip.row_bits,
            "last": chip.column_bits,
            "write": 1,
        }
    )


class BurstPort(wiring.Signature):
    """Requests to a memory, and their words in the order of the requests.

    request  bursts
    write    words of those that write
    read     words of those that read
    """

    def __init__(self, chip: Chip) -> None:
        super().__init__(
            {
                "request": Out(stream.Signature(request(chip))),
                "write": Out(stream.Signature(chip.data_bits)),
                "read": In(stream.Signature(chip.data_bits)),
            }
        )


class SdramPins(wiring.Signature):
    """The controller's side of the registers at the pins.

    command  golden.spec.sdram.Command
    bank     bank
    address  row, column, or ALL_BANKS
    data     word to the chip
    drives   the FPGA drives the bus
    mask     no byte is written or read: while the chip starts
    sampled  what the bus carried at the last edge
    """

    def __init__(self, chip: Chip) -> None:
        super().__init__(
            {
                "command": Out(3),
                "bank": Out(chip.bank_bits),
                "address": Out(chip.address_pins),
                "data": Out(chip.data_bits),
                "drives": Out(1),
                "mask": Out(1, init=1),
                "sampled": In(chip.data_bits),
            }
        )
