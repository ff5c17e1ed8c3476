"""PLL dividers and the board table."""

import pytest
from amaranth.hdl import Signal

from boards import BOARDS, BoardError, find, names, sizes
from boards.pll import find_ecp5, find_gw2a
from golden.spec.sdram import SdramConfig


@pytest.mark.parametrize("source", [12, 25, 48, 50, 100])
@pytest.mark.parametrize("wanted", [25, 50, 60, 75, 80, 100])
def test_ecp5_dividers_are_exact_and_within_the_data_sheet(source: float, wanted: float) -> None:
    pll = find_ecp5(source, wanted)
    detector = source / pll.input_divider
    assert pll.output_mhz == wanted
    assert 10 <= detector <= 400
    assert 400 <= pll.vco_mhz <= 800
    assert pll.vco_mhz == pytest.approx(detector * pll.feedback * pll.vco_feedback)
    assert pll.vco_mhz == pytest.approx(wanted * pll.output_divider)
    assert 1 <= pll.feedback <= 80
    assert 1 <= pll.vco_feedback <= 128 and 1 <= pll.output_divider <= 128


@pytest.mark.parametrize("wanted", [27, 54, 60, 67.5, 72, 81])
def test_gw2a_dividers_are_exact_and_within_the_data_sheet(wanted: float) -> None:
    pll = find_gw2a(27, wanted)
    assert pll.output_mhz == pytest.approx(wanted)
    assert 3 <= 27 / pll.input_divider <= 500
    assert 500 <= pll.vco_mhz <= 1250
    assert 1 <= pll.input_divider <= 64 and 1 <= pll.feedback <= 64


def test_a_frequency_that_does_not_exist_is_refused_with_its_neighbours() -> None:
    with pytest.raises(ValueError, match=r"81 MHz from 25 MHz; nearest: 80\.5556 and 81\.25 MHz"):
        find_ecp5(25, 81)
    with pytest.raises(ValueError, match=r"80 MHz from 27 MHz; nearest: 78 and 81 MHz"):
        find_gw2a(27, 80)


@pytest.mark.parametrize(("source", "wanted"), [(25, 3), (25, 401), (7, 50)])
def test_frequencies_outside_the_pll_are_refused(source: float, wanted: float) -> None:
    with pytest.raises(ValueError, match="the PLL takes"):
        find_ecp5(source, wanted)


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_every_board_has_what_the_design_asks_for(board) -> None:
    platform = board.platform()
    assert platform.lookup(board.clock).clock.frequency == board.clock_mhz * 1e6
    assert board.pll().output_mhz == board.target_mhz
    assert board.target.config
    assert (board.target.sdram is not None) == any(
        name == "sdram" for name, _ in platform.resources
    )
    if board.target.sdram:
        widths = {io.name: len(io.ios[0]) for io in platform.lookup("sdram").ios}
        chip = SdramConfig().chip
        wanted = {
            "a": chip.address_pins,
            "ba": chip.bank_bits,
            "dq": chip.data_bits,
            "clk": 1,
            "clk_en": 1,
        }
        assert widths == wanted | {"cs": 1, "ras": 1, "cas": 1, "we": 1, "dqm": 2}
        assert chip.words * chip.data_bits == board.target.sdram.megabytes << 23
    platform.lookup("uart", 0)
    for number in range(board.leds):
        platform.lookup("led", number)
    for resource, number, subsignal in board.held_high:
        assert subsignal in [io.name for io in platform.lookup(resource, number).ios]


@pytest.mark.parametrize("wanted", [0, 1, 90, 225, 300, 359])
@pytest.mark.parametrize(("source", "mhz"), [(25, 100), (50, 100), (25, 132.5)])
def test_a_second_output_has_the_phase_that_is_nearest(source, mhz, wanted) -> None:
    pll = find_ecp5(source, mhz)
    step = 360 / (8 * pll.output_divider)
    assert abs((pll.phase(wanted) - wanted + 180) % 360 - 180) <= step / 2
    clocks = {name: Signal() for name in ("clock", "output", "locked")}
    second = pll.instance(**clocks, second=(Signal(), wanted)).parameters
    one = pll.instance(**clocks).parameters
    behind = 8 * (second["CLKOS_CPHASE"] - second["CLKOP_CPHASE"]) + second["CLKOS_FPHASE"]
    assert behind * step == pytest.approx(pll.phase(wanted))
    assert second["CLKOS_DIV"] == second["CLKOP_DIV"] and second["CLKOS_CPHASE"] < 128
    assert one == {name: value for name, value in second.items() if "CLKOS_" not in name}
    with pytest.raises(ValueError, match="only ECP5"):
        find_gw2a(27, 54).phase(90)


def test_boards_are_found_by_name_and_size() -> None:
    assert {"ulx3s", "icepi-zero", "tang-primer-20k"} <= set(names())
    assert sizes("ulx3s") == ["12f", "25f", "45f", "85f"]
    assert find("ulx3s").size == "85f"
    assert find("ulx3s", "12F").label == "ulx3s-12f"
    with pytest.raises(BoardError, match=r"board 'x': unknown; choose from ulx3s"):
        find("x")
    with pytest.raises(BoardError, match=r"size '1f': ulx3s comes as 12f, 25f, 45f, 85f"):
        find("ulx3s", "1f")
