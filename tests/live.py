"""Sessions of the live page, and its server: what its tests share."""

import http.client
import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

from sw import Network, load
from sw.live import DatasetFeed, Session, Wishes
from sw.live.app import Server

NETWORK = Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.01)
SAMPLES = load("synthetic", limit=24)


@contextmanager
def paused(device, feed=None, **wishes):
    """A session that runs a sample when it is told to."""
    feed = feed or DatasetFeed(SAMPLES)
    with Session(device, feed, wishes=Wishes(paused=True, **wishes)) as session:
        yield session


def after(session, number):
    """Step until so many samples ran."""
    for _ in range(number - len(session.history)):
        session.step()
    wait(lambda: len(session.moments) >= number or session.error)
    assert not session.error, session.error


def wait(condition, seconds=60):
    last = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < last
        time.sleep(0.01)


def settle(session, learned):
    wait(lambda: session.learned == learned)


@contextmanager
def served(device, feed=None, **wishes):
    """A server, its session, and `ask` for requests to it."""
    feed = feed or DatasetFeed(SAMPLES)
    with Session(device, feed, wishes=Wishes(**{"pace": 20.0, **wishes})) as session:
        server = Server(session, title="a <run>", class_names=["ant", "bee", "<i>cat", "dog"])
        port = server.socket.getsockname()[1]
        thread = threading.Thread(target=server.serve_until_stopped)
        thread.start()

        def ask(method, path, body=None, **headers):
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            link.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            reply = link.getresponse()
            return SimpleNamespace(
                status=reply.status, headers=reply.headers, text=reply.read().decode()
            )

        try:
            yield SimpleNamespace(session=session, ask=ask, url=server.address, server=server)
        finally:
            server.stop()
            thread.join(10)
            assert not thread.is_alive()
