"""The chip beside what would run instead: energy as it is counted or rated, and the table."""

import json
from pathlib import Path

import pytest

from bench.instead import __main__ as instead
from bench.instead import power
from bench.instead.power import Spent, metered, processor


def package(folder: Path, name: str, microjoules: int) -> Path:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "energy_uj").write_text(f"{microjoules}\n")
    (folder / name / "max_energy_range_uj").write_text("1000000\n")
    return folder / name


def test_counters_of_all_packages_add_up_and_may_start_again(tmp_path, monkeypatch):
    monkeypatch.setattr(power, "POWERCAP", tmp_path)
    package(tmp_path, "intel-rapl:0", 900_000)
    package(tmp_path, "intel-rapl:1", 100)
    package(tmp_path, "intel-rapl:0:0", 5)  # a part of the first
    meter, how = processor(None)
    assert "RAPL" in how
    with metered(meter) as spent:
        package(tmp_path, "intel-rapl:0", 400_000)
        package(tmp_path, "intel-rapl:1", 250_100)
        package(tmp_path, "intel-rapl:0:0", 900_000)
    assert spent.joules == pytest.approx(0.5 + 0.25)


def test_without_a_counter_there_is_the_rated_power_or_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(power, "POWERCAP", tmp_path)
    meter, how = processor(None)
    with metered(meter) as spent:
        pass
    assert spent.joules is None and "--watts" in how
    meter, how = processor(12.0)
    with metered(meter) as spent:
        pass
    assert spent.joules == 12.0 * spent.seconds and "12 W" in how


def test_a_batch_has_the_latency_of_all_its_samples(monkeypatch):
    class Clock:
        """Every pass takes two seconds."""

        def __init__(self, meter: object) -> None:
            self.spent = Spent(0.0, None)

        def __enter__(self) -> Spent:
            self.passes = len(ran)
            return self.spent

        def __exit__(self, *_: object) -> None:
            self.spent.seconds = 2.0 * (len(ran) - self.passes)
            self.spent.joules = 3.0 * (len(ran) - self.passes)

    ran: list[int] = []

    def run() -> int:
        ran.append(1)
        return 8

    monkeypatch.setattr(instead, "metered", Clock)
    job = instead.Job("BPTT", 4, 1, 1, lambda: lambda _: None, lambda: run)
    found = instead.timed(job, 10.0)
    assert len(ran) == 1 + 1 + 5  # to warm up, to learn how long it takes, to measure
    assert (found.per_second, found.latency, found.joules) == (4.0, 1.0, 3.0 / 8)


def test_the_chip_is_first_and_ratios_are_to_it(capsys, monkeypatch):
    command = ["instead", "--preset", "smoke", "--mhz", "50", "--seconds", "0.01", "--samples", "8"]
    monkeypatch.setattr("sys.argv", [*command, "--watts", "10", "--json"])
    instead.main()
    found = json.loads(capsys.readouterr().out)
    chip, one, two = found["measured"][:3]
    assert chip["name"] == "the chip at 50 MHz" and chip["latency"] == pytest.approx(
        1 / chip["per_second"]
    )
    assert 0 < chip["least_joules"] < chip["joules"] == pytest.approx(2.5 * chip["latency"])
    assert (one["cores"], two["cores"]) == (1, 2)
    assert one["joules"] == pytest.approx(10 / one["per_second"])
    assert two["latency"] == pytest.approx(2 / two["per_second"])
    assert len(found["published"]) == 3
    monkeypatch.setattr("sys.argv", command)
    instead.main()
    told = capsys.readouterr().out
    assert "samples/s" in told and "ICTA 2023" in told and "--watts" in told
