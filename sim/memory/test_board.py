"""The simulated board with a memory: two clocks, the whole link, the chip; against the integer model."""

from random import Random

import numpy as np

from golden.spec.config import PRESETS
from golden.spec.frames import READ_PAYLOAD, WRITE_PAYLOAD, Command
from golden.spec.memory_test import (
    CONTROL,
    MEMORY_REGISTER_WORDS,
    RESULTS,
    memory_register,
)
from golden.spec.registers import Space, address
from golden.spec.sdram import SdramConfig
from sim.harness import choose_seed
from sw.cli import memory
from sw.cli.checks import OK
from sw.device import Channel, Device, Refused
from sw.link import GoldenTransport, SimulatedTransport, Transport

CONFIG = SdramConfig()
CLOCKS = {  # words that only a clock knows
    memory_register(register.name)[0] + part
    for register in RESULTS[-2:]
    for part in range(register.words)
}


def opened(transport: Transport) -> Device:
    """A device that is loaded with nothing."""
    return Device(Channel(transport), PRESETS["tiny"])


def answer(device: Device, command: Command, payload: bytes) -> bytes | str:
    """What a device says to a command."""
    try:
        return device.channel.call(command, payload)
    except Refused as error:
        return str(error).partition(" with ")[2]


def random_access(rng: Random) -> tuple[Command, bytes]:
    """A READ or WRITE at the registers of the memory, beyond them, or elsewhere. No test is started."""
    first = memory_register(CONTROL[1].name)[0]  # behind `start`
    space = rng.choice([Space.SDRAM, Space.SDRAM, Space.SDRAM, Space.REGISTERS, 13])
    if rng.randrange(2):
        at = rng.choice([0, rng.randrange(MEMORY_REGISTER_WORDS + 3)])
        return Command.READ, READ_PAYLOAD.pack(address(space, at), rng.randrange(6))
    words = np.array([rng.getrandbits(16) for _ in range(rng.randrange(1, 6))], "<u2").tobytes()
    at = rng.randrange(first, MEMORY_REGISTER_WORDS + 3)
    space = Space.SDRAM if space == Space.REGISTERS else space
    return Command.WRITE, WRITE_PAYLOAD.pack(address(space, at)) + words


def test_the_board_answers_as_the_model_and_its_memory_is_whole() -> None:
    seed = choose_seed()
    rng = Random(seed)
    with (
        opened(SimulatedTransport(PRESETS["tiny"], memory=CONFIG)) as board,
        opened(GoldenTransport(PRESETS["tiny"], compiled=False, memory=CONFIG)) as model,
    ):
        for number in range(400):
            command, payload = random_access(rng)
            answers = [answer(device, command, payload) for device in (board, model)]
            assert answers[0] == answers[1], (
                f"seed {seed}, access {number}: {command.name} {payload!r}"
            )
        found = list(memory.findings(board, real=False))
        assert {finding.level for finding in found} == {OK}, found
        list(memory.findings(model, real=False))
        words = [device.read(Space.SDRAM, 0, MEMORY_REGISTER_WORDS) for device in (board, model)]
        differ = set(np.flatnonzero(words[0] != words[1]).tolist())
        assert differ <= CLOCKS and differ, "clocks alone"
        shares = [
            finding.what.split(", ")[-1] for finding in found if "of the peak" in finding.what
        ]
        assert len(shares) == 2 and all(float(share.split("%")[0]) > 97 for share in shares)
