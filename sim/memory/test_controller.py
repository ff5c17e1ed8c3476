"""The controller with the model of the chip: every word, every rule, and how much of the bus is used."""

import numpy as np
import pytest

from golden.spec.sdram import MOST_WORDS, SdramConfig
from sim.harness import choose_seed
from sim.memory.traffic import BURST, UNKNOWN, Traffic, memory_of, random_bursts
from sim.streams import OFTEN, RARE, STALL, STEADY

CONFIGS = {
    "cas2": SdramConfig(mhz=100, read_delay=1),
    "cas3": SdramConfig(mhz=133, read_delay=3),
}
WAITS = {
    "steady": (STEADY, STEADY, STEADY),
    "rare": (RARE, RARE, RARE),
    "words-wait": (STEADY, OFTEN, OFTEN),
    "bursts-wait": (OFTEN, STEADY, RARE),
    "stalls": (STALL, STALL, STALL),
}
MILLION = 1_000_000


@pytest.mark.parametrize("waits", WAITS)
@pytest.mark.parametrize("name", CONFIGS)
def test_a_million_random_words(name: str, waits: str) -> None:
    seed, config = choose_seed(), CONFIGS[name]
    rng = np.random.default_rng([seed, len(waits)])
    bursts, given = random_bursts(rng, 5 * MILLION // 3, config.chip.words)
    assert bursts["words"].sum() >= MILLION, "that many words"
    expected = memory_of(bursts, given, config.chip.words)
    found, _ = Traffic(config).play(bursts, given, waits=WAITS[waits], seed=seed)
    known = expected != UNKNOWN
    wrong = np.flatnonzero(known & (found != expected))
    assert known.mean() > 0.9
    assert not len(wrong), f"seed {seed}: {len(wrong)} words, the first is number {wrong[0]}"


def efficiency(config: SdramConfig, length: int, kind: str, seed: int) -> float:
    """Words a clock of bursts of one length at random addresses; all read, all write, or either."""
    rng = np.random.default_rng([seed, length])
    bursts = np.zeros(100_000 // length, BURST)
    bursts["words"] = length
    bursts["address"] = rng.integers(0, config.chip.words, len(bursts))
    bursts["write"] = {"read": 0, "write": 1}.get(kind, rng.integers(0, 2, len(bursts)))
    words = length * int(bursts["write"].sum())
    traffic = Traffic(config)
    traffic.idle(30_000)
    _, cycles = traffic.play(bursts, rng.integers(0, 1 << 16, words).astype(np.uint16))
    return length * len(bursts) / cycles


@pytest.mark.parametrize("kind", ["read", "write", "mixed"])
@pytest.mark.parametrize("name", CONFIGS)
def test_the_bus_is_used(name: str, kind: str) -> None:
    seed = choose_seed()
    assert efficiency(CONFIGS[name], 256, kind, seed) >= 0.95
    assert efficiency(CONFIGS[name], 32, kind, seed) >= 0.85


def test_refresh_is_in_time_whatever_else_is_so() -> None:
    """No word taken, none given, no traffic, or the longest bursts: 8192 refreshes each 64 ms."""
    config = CONFIGS["cas2"]
    traffic = Traffic(config)
    traffic.idle(22_000)
    before = traffic.refreshes
    traffic.idle(6_500_000)  # 65 ms: the model stops at a row that is late
    assert traffic.refreshes - before >= 8192
    bursts = np.array([(0, MOST_WORDS, 0)] * 500, BURST)
    before = traffic.refreshes
    _, cycles = traffic.play(bursts, np.zeros(0, np.uint16), waits=(STEADY, STEADY, STALL))
    assert abs(traffic.refreshes - before - cycles / config.timing.refresh_interval) <= 2
