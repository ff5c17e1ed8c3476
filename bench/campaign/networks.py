"""Random networks on the compiled board, the integer model, and the model as compiled C++: the same bits.

Every network has sizes, kinds of layers and parameters of its own. It learns from some samples, with learning
on and off, of whole samples and of pieces; then results and all memories that a host can read are compared.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.campaign import seeds
from bench.campaign.cores import CORES, fits, random_frames
from golden.spec.config import CoreConfig
from golden.spec.network import Network
from golden.spec.packing import pack_signs
from golden.spec.registers import Space, memories
from sw.data import Sample
from sw.device import Channel, Device
from sw.link import GoldenTransport, SimulatedTransport

COMPARED = (Space.WEIGHTS, Space.MEMBRANES, Space.POST_TRACES, Space.SPIKES, Space.CLASSIFIERS)
"""Memories that are equal behind every sample."""
Say = Callable[[str], None]


def random_network(rng: random.Random, config: CoreConfig) -> Network | None:
    """A network of any kind; None: the core has no room for it, or there is none with such numbers."""
    classes = rng.randint(1, config.classes)
    settings = parameters(rng)
    if config.graded and rng.random() < 0.5:
        bits = rng.randint(2, config.input_bits)
        settings |= {"input_bits": bits, "input_fraction": rng.randrange(bits), "alpha_post": 0.0}
    try:
        if config.map_pixels and rng.random() < 0.7:
            shape = (rng.randint(1, 3), rng.randint(1, 6), rng.randint(1, 6))
            stages = [_map_stage(rng) for _ in range(rng.choice([1, 1, 2]))]
            stages[-1] += rng.choice(["", "", "g"]) if not stages[-1].endswith("p") else ""
            stages += [str(rng.randint(1, 12)) for _ in range(rng.choice([0, 0, 1]))]
            if config.classifier_groups and rng.random() < 0.4:
                settings |= {"classifiers": "learned", "tau": rng.choice([0.02, 0.1, 0.5])}
                settings["score"] = rng.choice(["output", "all"])
            found = Network.of_stages(shape, tuple(stages), classes, **settings)
        else:
            hidden = [rng.randint(1, 20) for _ in range(rng.choice([0, 1, 1, 2, 3]))]
            found = Network(sizes=(rng.randint(1, 60), *hidden, classes), **settings)
        return found if fits(found, config) and _starts(found, config) else None
    except ValueError:
        return None


def _starts(network: Network, config: CoreConfig) -> bool:
    """Its initial weights are numbers that the core has."""
    most = (1 << (config.weight_bits - 1)) - 1
    return all(abs(weights).max() <= most for weights in network.initial_weights())


def _map_stage(rng: random.Random) -> str:
    """A convolution, pooled or not."""
    return f"{rng.randint(1, 9)}c3{rng.choice(['', '', 'p'])}"


def parameters(rng: random.Random) -> dict[str, Any]:
    """Everything but the shape; some are at an end of their range."""
    return {
        "gamma": rng.choice([0.0, 0.5, rng.random() * 0.99]),
        "theta": rng.choice([0.01, 0.6, rng.uniform(0.05, 3)]),
        "reset": rng.choice(["soft", "hard"]),
        "lambda_pre": rng.choice([0.0, 0.5, rng.random() * 0.99]),
        "lambda_post": rng.choice([0.0, 0.2, rng.random() * 0.99]),
        "alpha_pre": rng.choice([0.0, 1.0, rng.uniform(0, 3)]),
        "alpha_post": rng.choice([0.0, 0.0, rng.uniform(-1.9, 1.9)]),
        "logit_scale": rng.uniform(0.05, 1.9),
        "readout_scale": rng.choice([1.0, rng.uniform(0.1, 20)]),
        "eta": rng.choice([0.0, rng.uniform(0.001, 0.1)]),
        "eta_out": rng.choice([0.0, rng.uniform(0.001, 1)]),
        "eta_classifier": rng.uniform(0.001, 0.5),
        "guess": rng.choice(["half", "even"]),
        "rate_cost": rng.choice([0.0, 0.0, rng.uniform(0.1, 4)]),
        "learn_last": rng.choice([0, 0, 1, 2]),
        "train_hidden": rng.random() < 0.9,
        "weight_fraction": rng.randint(5, 10),
        "readout_fraction": rng.randint(5, 9),
        "latent_side": rng.choice([1, 2, 4]),
        "init_scale": rng.choice([0.7, rng.uniform(0.5, 4)]),
        "seed": rng.randrange(1000),
    }


def difference(devices: list[Device], network: Network, rng: random.Random) -> str:
    """The network on all of the devices; what differs, or nothing."""
    config, density, steps = devices[0].config, rng.random(), rng.randint(1, 4)
    bits = np.random.default_rng(rng.getrandbits(32))
    samples = [
        Sample(random_frames(bits, steps, density, network), rng.randrange(network.classes), "")
        for _ in range(4)
    ]
    found, cut = [], rng.random() < 0.2
    for device in devices:
        device.write(Space.SIGNS, 0, pack_signs(config, network.classes))
        device.load(network)
        results = [*device.run(samples[:2], learn=True), *device.run(samples[2:3], learn=False)]
        if cut:  # the last one in pieces
            list(device.step_through(samples[3], learn=True))
        else:
            results += device.run(samples[3:], learn=True)
        images = [
            device.read(space, 0, memory.size).tobytes()
            for space, memory in memories(config).items()
            if space in COMPARED
        ]
        found.append(
            ([(r.prediction, r.spikes, r.scores) for r in results], images, device.noise_state)
        )
    for name, other in zip(("model", "compiled model"), found[1:], strict=True):
        if other != found[0]:
            return f"board and {name} differ: {network}"
    return ""


def campaign(
    config: CoreConfig, seed: int, count: int, devices: list[Device], seen: Counter[str]
) -> str:
    """`count` networks; what differed, or nothing."""
    rng, done = random.Random(seed), 0
    while done < count:
        network = random_network(rng, config)
        if network is None:
            continue
        if found := difference(devices, network, rng):
            return found
        done += 1
        kinds = sorted({place.kind.name for place in network.placements(config)})
        seen[" ".join([*kinds, "of values"] if network.input_bits > 1 else kinds)] += 1
    return ""


def boards(config: CoreConfig) -> list[Device]:
    """The compiled board, the model in NumPy, and compiled."""
    found = [
        SimulatedTransport(config),
        GoldenTransport(config, compiled=False),
        GoldenTransport(config),
    ]
    return [Device(Channel(transport), config) for transport in found]


def run(minutes: float, seed: int, say: Say) -> bool:
    """Networks on each core in turns, until the time is over."""
    until, turn, seen = time.monotonic() + 60 * minutes, 0, Counter[str]()
    devices = {name: boards(config) for name, config in CORES.items()}
    while time.monotonic() < until:
        for name, config in CORES.items():
            if found := campaign(config, seed + turn, 50, devices[name], seen):
                say(f"{name}, seed {seed + turn}: {found}")
                return False
        turn += 1
    kinds = ", ".join(f"{count} {kinds}" for kinds, count in seen.most_common())
    say(f"{seen.total()} networks on {', '.join(CORES)} ({kinds})")
    say(seeds(seed, turn))
    return True
