"""The compiled board and the integer model are told the same, right and wrong: they answer the same."""

import struct

import numpy as np
import pytest

from bench.campaign import frames
from bench.campaign.cores import CORES, LIVELY
from bench.campaign.frames import ask, compare, trained
from golden.spec.config import PRESETS
from golden.spec.frames import READ_PAYLOAD, WRITE_PAYLOAD, Command, Frame, Status
from golden.spec.layers import FIELD_NAMES
from golden.spec.network import Network
from golden.spec.packing import pack_signs
from golden.spec.registers import Space, address, register_address
from golden.spec.samples import Result, SampleStatus, encode_sample
from sim.harness import choose_seed
from sw.data import Sample
from sw.device import Channel, Device, DeviceError
from sw.link import GoldenTransport, SimulatedTransport

CONFIG = PRESETS["tiny"]
NETWORK = Network(sizes=(20, 9, 3), eta=0.05, eta_out=0.1, weight_fraction=7)
BOARDS = {"sim": SimulatedTransport, "golden": GoldenTransport}


@pytest.mark.parametrize("name", frames.BOARDS)
def test_board_and_model_answer_alike(name: str) -> None:
    seed = choose_seed()
    print("seed", seed)
    config = frames.BOARDS[name]
    assert not compare(config, frames.simulated(config), frames.model(config), seed, 400)


@pytest.mark.parametrize("shift", [2, 8, 9, 15])
def test_a_cell_may_be_larger_than_any_map(shift: int) -> None:
    """A table may say so: the map is one cell then, whatever low bits of the number say."""
    config = CORES["maps"]
    network = Network.of_stages((1, 4, 4), ("6c3g",), 4, classifiers="learned", tau=0.1, **LIVELY)
    rng = np.random.default_rng(3)
    samples = [Sample(rng.random((3, 16)) < 0.5, int(rng.integers(4)), "") for _ in range(4)]
    boards = [SimulatedTransport(config), GoldenTransport(config)]
    boards += [GoldenTransport(config, compiled=False) for _ in range(2)]
    found = []
    for board, chosen in zip(boards, [shift, shift, shift, 2], strict=True):
        device = Device(Channel(board), config)
        device.write(Space.SIGNS, 0, pack_signs(config, network.classes))
        device.load(network)
        device.write(Space.LAYERS, FIELD_NAMES.index("cell_shift"), np.array([chosen]))
        results = [(r.status, r.spikes, r.scores) for r in device.run(samples, learn=True)]
        found.append((results, [w.tolist() for _, w in device.read_weights().named()]))
    assert found[0] == found[1] == found[2] == found[3]


@pytest.mark.parametrize("board", BOARDS)
def test_a_sample_before_anything_is_loaded_is_refused(board: str) -> None:
    transport = BOARDS[board](CONFIG)
    channel = Channel(transport)
    payload = struct.pack("<BBHH", 0, 7, 1, 0) + b"\1\0\0"
    for _ in range(3):
        words = np.frombuffer(channel.call(Command.SAMPLE, payload), "<u2").tolist()
        result = Result.from_words(words, CONFIG.layers)
        assert result == Result.refused(SampleStatus.BAD_TABLE, CONFIG.layers, CONFIG.classes)
    assert trained(transport, CONFIG) == trained(GoldenTransport(CONFIG), CONFIG)


@pytest.mark.parametrize("board", BOARDS)
def test_a_network_without_readout_leaves_nothing_wrong(board: str) -> None:
    transport = BOARDS[board](CONFIG)
    device = Device(Channel(transport))
    device.load(NETWORK)
    device.set_register("layer_count", 1)  # the hidden layer is the last one now
    with pytest.raises(DeviceError, match=r"BAD_TABLE.*load the network again"):
        list(device.run([Sample(np.ones((1, 20), bool), 1, "")], learn=False))
    assert trained(transport, CONFIG) == trained(GoldenTransport(CONFIG), CONFIG)


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("change", ["the table", "classes", "a host"])
def test_pieces_of_a_sample_whose_ground_was_changed_are_refused(board: str, change: str) -> None:
    device = Device(Channel(BOARDS[board](CONFIG)))
    device.load(NETWORK)
    frames = np.ones((2, 20), bool)
    first = encode_sample(frames, 1, learn=True, last=False)
    more = encode_sample(frames, 1, learn=True, first=False)
    for piece in (first, more, first):
        assert device.channel.call(Command.SAMPLE, piece)[:2] == b"\0\0"
    if change == "the table":
        device.set_rates(1)
    elif change == "classes":
        device.set_register("class_count", 3)
    else:
        device.channel.restart()
    refused = device.channel.call(Command.SAMPLE, more)
    assert int.from_bytes(refused[:2], "little") == SampleStatus.NOT_BEGUN
    assert device.channel.call(Command.SAMPLE, first)[:2] == b"\0\0"


@pytest.mark.parametrize("board", BOARDS)
def test_a_write_over_a_register_that_is_read_only_stores_the_others(board: str) -> None:
    transport = BOARDS[board](CONFIG)
    Channel(transport)
    before = register_address("layer_count") - 1
    payload = WRITE_PAYLOAD.pack(before) + struct.pack("<HHH", 7, 2, 3)
    assert ask(transport, Frame(1, Command.WRITE, payload)) == Frame(1, Status.BAD_ADDRESS)
    read = READ_PAYLOAD.pack(before + 1, 2)
    assert ask(transport, Frame(2, Command.READ, read)) == Frame(2, 0, struct.pack("<HH", 2, 3))


@pytest.mark.parametrize("board", BOARDS)
def test_a_write_over_the_end_of_the_numbers_is_not_one_at_the_beginning(board: str) -> None:
    transport = BOARDS[board](CONFIG)
    Channel(transport)
    payload = WRITE_PAYLOAD.pack(address(Space.WEIGHTS, 0xFFFFFF)) + b"\7\0" * 3
    assert ask(transport, Frame(1, Command.WRITE, payload)).code != 0  # type: ignore[union-attr]
    read = READ_PAYLOAD.pack(address(Space.WEIGHTS), 4)
    assert ask(transport, Frame(2, Command.READ, read)) == Frame(2, 0, bytes(8))
