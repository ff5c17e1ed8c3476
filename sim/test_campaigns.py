"""The short forms of bench.campaign link and networks, and that they would notice."""

import random
from collections import Counter

import pytest

from bench.campaign import link, networks
from bench.campaign.cores import CORES
from golden.spec.frames import Command
from sim.harness import choose_seed
from sw.device import Device
from sw.link import GoldenTransport, SimulatedTransport

BOARDS = {"golden": GoldenTransport, "sim": SimulatedTransport}


@pytest.mark.parametrize("board", BOARDS)
def test_every_command_runs_once_on_a_line_that_harms_frames(board: str) -> None:
    seed, figures = choose_seed(), Counter[str]()
    print("seed", seed)
    line = link.BadLine(BOARDS[board](link.CONFIG))
    assert not link.campaign(line, seed, figures, 400, scale=1.0)
    assert figures["faults"] > 10 and figures["resent"] and figures["recovered"]


def test_a_command_that_runs_twice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    line = link.BadLine(GoldenTransport(link.CONFIG))
    device, done = line.board.device, []
    execute = device._execute

    def twice(frame):
        if frame.code == Command.SAMPLE and not done:
            done.append(execute(frame))
        return execute(frame)

    monkeypatch.setattr(device, "_execute", twice)
    assert link.campaign(line, 1, Counter(), 100, scale=1.0)


def test_a_write_that_comes_late_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs is what was submitted, in another order."""
    line = link.BadLine(GoldenTransport(link.CONFIG))
    device, kept = line.board.device, []
    write = device._write

    def late(address, words):
        if address >= link.SPARE:
            kept.append((address, words))
        for each in kept[:-1] if address >= link.SPARE else [(address, words)]:
            write(*each)
        del kept[:-1]

    monkeypatch.setattr(device, "_write", late)
    assert link.campaign(line, 1, Counter(), 100, scale=0.0)


@pytest.mark.parametrize("name", CORES)
def test_random_networks_give_the_same_bits_on_board_and_models(name: str) -> None:
    seed, seen = choose_seed(), Counter[str]()
    print("seed", seed)
    devices = networks.boards(CORES[name])
    assert not networks.campaign(CORES[name], seed, 12, devices, seen)
    assert seen.total() == 12


def test_a_wrong_bit_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    config = CORES["tiny"]
    devices = [Device.open("golden", config=config) for _ in range(3)]
    network = link.NETWORK
    assert not networks.difference(devices, network, random.Random(1))
    load = devices[0].load

    def wrong(network):
        load(network)
        devices[0].channel.transport.device.core.weights[0, 0] ^= 1

    monkeypatch.setattr(devices[0], "load", wrong)
    assert networks.difference(devices, network, random.Random(1))
