"""Faults of workers, schedulers and boards, for real: every weight is that of a run in one process."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import dask
import pytest

from sw import Model, Watcher, driver
from tests.averaging import CORE, NETWORK, TEST, TRAIN, boards, kept, outcome

ROOT = Path(__file__).parent.parent
EVERY, COUNT, EPOCHS = 8, 4, 3  # 4 rounds an epoch, the last one short
RUN = [
    *("train", "--preset", "smoke", "--target", "golden", "--epochs", "40"),
    *("--boards", "3", "--average-every", "10"),
]


@pytest.fixture(scope="module")
def serial():
    """What comes of it in one process, one part after the other."""
    with boards(COUNT, EVERY) as device:
        model = Model(NETWORK, device)
        model.fit(TRAIN, TEST, epochs=EPOCHS)
        return outcome(model)


def slow_down(seconds):
    """What makes the boards of a process slow: so much before their samples."""

    def slow():
        import time

        from sw.device import Device

        true = Device.run

        def run(self, samples, *, learn):
            time.sleep(seconds)
            return true(self, samples, learn=learn)

        Device.run = run

    return slow


class At(Watcher):
    """Does something once, when so many samples of an epoch are learned."""

    def __init__(self, samples, what):
        self.samples, self.what = samples, what

    def sample(self, tally):
        if self.what and tally.samples == self.samples:
            what, self.what = self.what, None
            what()


def busy(client):
    """Processes that have a part in hand, by process."""
    pids = client.run(os.getpid, on_error="ignore")
    return [
        pids[worker] for worker, tasks in client.processing().items() if tasks and worker in pids
    ]


def in_mid_round(client, number, times):
    """Send a signal to a process that has a part in hand, so often; returns where the processes are noted."""
    hit = []

    def send():
        while len(hit) < times:
            if found := [pid for pid in busy(client) if pid not in hit]:
                hit.append(found[0])
                os.kill(found[0], number)
                time.sleep(1.5)
            time.sleep(0.02)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return hit, thread


def test_workers_that_are_killed_in_mid_round(serial):
    with boards(COUNT, EVERY, workers=2, tell=str) as device:
        client = device._engine.client
        client.run(slow_down(0.4))
        hit, thread = in_mid_round(client, signal.SIGKILL, 2)
        model = Model(NETWORK, device)
        model.fit(TRAIN, TEST, epochs=EPOCHS)
        thread.join(1)
        assert len(hit) == 2 and not thread.is_alive(), "nobody was killed"
        for pid in hit:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
        assert outcome(model) == serial


def test_a_worker_that_hangs_is_replaced(serial):
    with dask.config.set({"distributed.scheduler.worker-ttl": "5s"}):
        with boards(COUNT, EVERY, workers=2, tell=str) as device:
            client = device._engine.client
            client.run(slow_down(0.2))
            hit, thread = in_mid_round(client, signal.SIGSTOP, 1)
            model = Model(NETWORK, device)
            model.fit(TRAIN, TEST, epochs=EPOCHS)
            thread.join(1)
            assert outcome(model) == serial
            with pytest.raises(ProcessLookupError):  # Dask has killed it
                os.kill(hit[0], 0)


def test_a_slow_board_makes_it_slow_and_nothing_else(serial):
    with boards(COUNT, EVERY, workers=2, tell=str) as device:
        client = device._engine.client
        client.run(slow_down(0.3), workers=[next(iter(client.scheduler_info()["workers"]))])
        model = Model(NETWORK, device)
        model.fit(TRAIN, TEST, epochs=EPOCHS)
        assert outcome(model) == serial


def test_a_simulated_board_that_stops_answering():
    few = [TRAIN[index] for index in range(24)]
    with boards(2, 3) as device:
        model = Model(NETWORK, device)
        model.fit(few, epochs=1)
        expected = outcome(model)[:2]

    def silence():
        from sw.averaging import part

        (devices,) = filter(None, part._IDLE.values())
        part.silent = devices[0].channel.transport
        part.silent.write = lambda data: None  # nothing reaches it any more
        return part.silent._board is not None

    def off():
        from sw.averaging import part

        return part.silent._board is None

    from sw import Boards

    with Boards(["sim"], boards=2, every=3, config=CORE, workers=2, tell=str) as device:
        client, answers = device._engine.client, []
        model = Model(NETWORK, device)
        watch = At(12, lambda: answers.append(client.run(silence)))
        model.fit(few, epochs=1, callbacks=[watch])
        assert all(answers[0].values()) and len(answers[0]) == 2
        assert all(client.run(off).values()), "both were found silent, and switched off"
        assert outcome(model)[:2] == expected


# A command, and a cluster in processes of its own


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run of the command in one process."""
    out = tmp_path_factory.mktemp("whole") / "a"
    assert driver.main([*RUN, "--workers", "1", "--out", str(out)]) == 0
    return kept(out)


def start(*words, **more):
    """A process of its own, in a group of its own."""
    command = [sys.executable, "-m", *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, cwd=ROOT, text=True, start_new_session=True, **pipes, **more)


def learns(process, out, within=90):
    """Wait until an epoch is kept."""
    limit = time.monotonic() + within
    while time.monotonic() < limit:
        if (out / "metrics.jsonl").exists():
            return
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    raise AssertionError("no epoch was learned")


def test_ctrl_c_in_a_terminal_reaches_all_processes_and_nothing_is_lost(whole, tmp_path):
    out = tmp_path / "a"
    process = start("sw.driver", *RUN, "--workers", "2", "--out", out)
    learns(process, out)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=90)
    assert process.returncode == 130 and "Traceback" not in said, said
    assert f"go on with: train --resume {out}" in said
    words = ["train", "--resume", str(out), "--target", "golden", "--workers", "1"]
    assert driver.main(words) == 0
    assert kept(out) == whole


def scheduler(port):
    """A Dask scheduler that answers."""
    process = start(
        "distributed.cli.dask_scheduler", "--port", port, "--host", "127.0.0.1", "--no-dashboard"
    )
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.1)
    raise AssertionError(process.communicate(timeout=1))


def workers(address):
    """Two workers of a cluster."""
    words = ("--nworkers", "2", "--nthreads", "1", "--no-dashboard")
    return start("distributed.cli.dask_worker", address, *words)


def ended(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_a_scheduler_that_is_killed_ends_the_run_in_good_order(whole, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, out = f"tcp://127.0.0.1:{port}", tmp_path / "a"
    processes = [scheduler(port), workers(address)]
    try:
        process = start("sw.driver", *RUN, "--cluster", address, "--out", out)
        processes.append(process)
        learns(process, out)
        processes[0].kill()
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 1 and "Traceback" not in said, said
        assert f"the Dask scheduler at {address} went away; start it again" in said
        assert f"go on with: train --resume {out}" in said
        ended(processes[1])  # workers end with their scheduler, or wait for it in vain
        processes += [scheduler(port), workers(address)]
        again = ["--resume", out, "--target", "golden", "--cluster", address]
        processes.append(second := start("sw.driver", "train", *again))
        said, _ = second.communicate(timeout=120)
        assert second.returncode == 0, said
        assert kept(out) == whole
    finally:
        for process in processes:
            if process.poll() is None:
                ended(process)
