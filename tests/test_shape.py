"""Shapes of networks as users write them."""

import pytest

from golden.spec.shape import VGG9, Map, maps, parse_stage, parse_stages


def test_vgg9_is_the_network_of_the_paper():
    stages = parse_stages(["vgg9"])
    assert [str(stage) for stage in stages] == list(VGG9)
    seen = maps(Map(2, 32, 32), stages)
    assert [str(each) for each in seen[:3]] == ["2x32x32", "64x32x32", "128x16x16"]
    assert str(seen[-1]) == "512x1x1"
    weights = sum(s.synapses(m) for s, m in zip(stages, seen, strict=False)) + 512 * 11
    assert 9.1e6 < weights < 9.3e6  # "about 9.2 M"


def test_odd_maps_lose_their_last_line_to_pooling():
    assert [str(each) for each in maps(Map(2, 34, 17), parse_stages(["8c3p", "8c3p", "20"]))] == [
        "2x34x17",
        "8x17x8",
        "8x8x4",
        "20x1x1",
    ]


@pytest.mark.parametrize("text", ["", "c3", "16c5", "16p", "0", "0c3", "16c3x", "-4"])
def test_a_stage_that_is_not_understood_is_explained(text):
    with pytest.raises(ValueError, match="16c3p one with"):
        parse_stage(text)


def test_impossible_stages():
    with pytest.raises(ValueError, match="too small"):
        maps(Map(2, 1, 8), parse_stages(["4c3p"]))
    with pytest.raises(ValueError, match="flat"):
        maps(Map(2, 8, 8), parse_stages(["12", "4c3"]))
    with pytest.raises(ValueError, match="1 or more"):
        Map(0, 4, 4)
