"""Several boards that learn one model: what its tests share."""

from fractions import Fraction

import numpy as np

from golden.spec.config import PRESETS as CORES
from golden.spec.weights import Weights
from sw import Boards, Device
from sw.data import load
from sw.presets import PRESETS
from sw.run import Checkpoint, Plan, RunFolder

SMOKE = PRESETS["smoke"]
CORE = CORES[SMOKE.core]
TRAIN = load(SMOKE.data, train=True, steps=SMOKE.steps, limit=100)
TEST = load(SMOKE.data, train=False, steps=SMOKE.steps, limit=20)
NETWORK = SMOKE.make_network(TRAIN)
QUICK = ["train", "--preset", "smoke", "--target", "golden", "--train", "100", "--test", "20"]


def boards(count, every, config=CORE, **more):
    return Boards(["golden"], boards=count, every=every, config=config, **more)


def outcome(model):
    """All that is learned, and every epoch without its clocks."""
    epochs = [
        {k: v for k, v in e.as_dict().items() if k not in ("seconds", "samples_per_second")}
        for e in model.progress.epochs
    ]
    weights = [(name, values.tolist()) for name, values in model.weights.named()]
    return weights, model.device.noise_states, epochs


def kept(folder):
    """What a run folder has of it."""
    end = Checkpoint.load(RunFolder(folder).checkpoint)
    return [(name, w.tolist()) for name, w in end.weights.named()], end.noise_states


def by_hand(network, core, train, count, every, epochs):
    """The weights of an average, each step written out: one device, whole numbers, fractions."""
    noises = [
        (network.noise_seed + b * (2**32 // count) * 0x9E3779B9) % 2**32 for b in range(count)
    ]
    with Device.open("golden-numpy", config=core) as device:
        device.load(network)
        weights = device.read_weights()
        for epoch in range(epochs):
            order = train.order(epoch, 1).tolist()
            device.set_rates(Plan(epochs=epochs).scale(epoch))
            while order:
                now, order = order[: count * every], order[count * every :]
                found = []
                for board in range(count):
                    mine = [train[index] for index in now[board::count]]
                    if not mine:
                        continue
                    device.write_weights(weights)
                    device.noise_state = noises[board]
                    list(device.run(mine, learn=True))
                    noises[board] = device.noise_state
                    found.append(device.read_weights())
                weights = Weights(
                    [rounded(each) for each in zip(*found, strict=True)],
                    {at: rounded([w.classifiers[at] for w in found]) for at in weights.classifiers},
                )
    return [(name, values.tolist()) for name, values in weights.named()], tuple(noises)


def rounded(arrays):
    """Python rounds a fraction's half to even."""
    rows = zip(*(array.reshape(-1).tolist() for array in arrays), strict=True)
    values = [round(Fraction(sum(row), len(row))) for row in rows]
    return np.array(values, np.int32).reshape(arrays[0].shape)
