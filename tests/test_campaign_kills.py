"""The short form of bench.campaign.kills, and that it would notice."""

from pathlib import Path

import numpy as np
import pytest

from bench.campaign import kills
from sw.run import Checkpoint

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # pytest has threads


def test_the_same_bits_after_kills():
    figures = kills.campaign(3, print, rounds=2)
    assert figures.wrong == []
    assert figures.kills.total() >= 5
    assert len(figures.kills) >= 3  # by time, and before several calls


def test_a_wrong_bit_is_noticed(tmp_path: Path):
    words = [*kills.TRAIN.split(), "--out", str(tmp_path / "a")]
    assert kills.forked(words, None, None) == 0
    good = kills.outcome(tmp_path / "a")
    end = Checkpoint.load(tmp_path / "a" / "weights.safetensors")
    end.weights[0][5, 2] ^= np.int32(1)
    end.save(tmp_path / "a" / "weights.safetensors")
    assert kills.apart(kills.outcome(tmp_path / "a"), good) == ["weights"]
    (tmp_path / "a" / "weights.safetensors").write_bytes(b"")
    assert "files" in kills.apart(kills.outcome(tmp_path / "a"), good)
