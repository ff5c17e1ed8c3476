"""A headless Chromium for tests, driven over its debugging pipe: no other package is needed.

with Browser(tmp_path) as page:
    page.open("http://127.0.0.1:8737/")
    page.until("document.title === 'ready'")
    page.js("document.querySelector('button').click()")
"""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]


def browser() -> str:
    """Its path; without one the test is skipped."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no chromium on the path: sudo apt-get install chromium")
    return found


class Browser:
    """One page."""

    def __init__(self, folder: Path, width: int = 1280, height: int = 900) -> None:
        (into, self._to), (self._from, out) = os.pipe(), os.pipe()
        for end in (into, out):
            os.set_inheritable(end, True)
        size = f"--window-size={width},{height}"
        arguments = [*QUIET, "--remote-debugging-pipe", f"--user-data-dir={folder}/profile", size]
        script = f'exec "$0" "$@" 3<&{into} 4>&{out}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, browser(), *arguments, "about:blank"],
            pass_fds=(into, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(into)
        os.close(out)
        self._number, self._left, self._session = 0, b"", None
        self.errors: list[str] = []
        """What scripts threw, and what the page's policy refused."""

    def __enter__(self):
        page = next(
            t for t in self._call("Target.getTargets")["targetInfos"] if t["type"] == "page"
        )
        attached = self._call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        self._session = None
        with suppress(AssertionError, OSError):
            self._call("Browser.close")
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()
        os.close(self._to)
        os.close(self._from)

    def open(self, address: str) -> None:
        """Go there."""
        self._call("Page.navigate", url=address)

    def js(self, expression: str):
        """The value of an expression; of a promise, what it comes to."""
        given = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        answer = self._call("Runtime.evaluate", **given)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str, seconds: float = 60) -> None:
        """Wait until it is true."""
        last = time.monotonic() + seconds
        while not self.js(expression):
            assert time.monotonic() < last, f"not within {seconds} s: {expression}; {self.errors}"
            time.sleep(0.05)

    def size(self, width: int, height: int) -> None:
        """Another window."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def picture(self, path: Path) -> None:
        """What is to be seen, as a PNG."""
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot")["data"]))

    def _call(self, method: str, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("method") == "Runtime.exceptionThrown":
                self.errors.append(json.dumps(answer["params"]["exceptionDetails"])[:500])
            elif (
                answer.get("method") == "Log.entryAdded"
                and answer["params"]["entry"]["level"] == "error"
            ):
                self.errors.append(answer["params"]["entry"]["text"])
            elif answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def _receive(self):
        last = time.monotonic() + 60
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._from], [], [], max(0.0, last - time.monotonic()))
            assert ready, "the browser does not answer"
            data = os.read(self._from, 1 << 20)
            assert data, "the browser ended"
            self._left += data
        text, self._left = self._left.split(b"\0", 1)
        return json.loads(text)
