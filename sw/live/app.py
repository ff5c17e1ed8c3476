"""The page and what it asks for, over HTTP on this computer alone.

    /          the page          /live.css, /live.js
    /facts     what does not change: network, classes, the shape of a frame
    /events    a stream (server-sent events): `state`, and a `moment` for every sample
    /wish      POST {"name": ..., "value": ...}: a wish of `Wishes`, or `teach` (a class), or `step`

Another web page that is open in the same browser must not command the chip. So requests for another host
name are refused (that stops names that were pointed at this computer), and wishes must be JSON, which a
browser sends from other pages only after asking, and nobody answers that.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sw.live.session import ROWS, Session

HOST = "127.0.0.1"
NAMES = ["127.0.0.1", "localhost"]
FILES = {"/": "live.html", "/live.css": "live.css", "/live.js": "live.js"}
LOOK = 0.02  # seconds between two looks for news
QUIET = 15.0  # seconds after which a line is sent, so that a browser which left is noticed
MOST_BYTES = 10_000  # of a wish
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def app(session: Session, *, title: str, class_names: list[str]) -> Starlette:
    """The application for a session that is open."""

    async def file(request: Request) -> Response:
        return FileResponse(Path(__file__).with_name(FILES[request.url.path]), headers=HEADERS)

    async def tell_facts(request: Request) -> Response:
        return JSONResponse(facts(session, title, class_names), headers=HEADERS)

    async def events(request: Request) -> Response:
        stream = news(session)
        return StreamingResponse(stream, media_type="text/event-stream", headers=HEADERS)

    routes = [Route(path, file) for path in FILES]
    routes += [
        Route("/facts", tell_facts),
        Route("/events", events),
        Route("/wish", _wish(session), methods=["POST"]),
    ]
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=NAMES, www_redirect=False)
    return Starlette(routes=routes, middleware=[hosts])


def facts(session: Session, title: str, class_names: list[str]) -> dict[str, Any]:
    """What a page must know before it draws."""
    network, feed = session.network, session.feed
    shape = feed.map
    layers = session.device.layers[:-1]
    return {
        "title": title,
        "feed": feed.name,
        "network": network.name,
        "target": session.device.channel.transport.name,
        "labelled": feed.labelled,
        "seconds": feed.seconds,
        "classes": class_names,
        "inputs": network.inputs,
        "map": None if shape is None else [shape.channels, shape.height, shape.width],
        "layers": [
            {
                "neurons": layer.positions * layer.outputs,
                "lines": min(layer.positions * layer.outputs, ROWS),
                "map": [layer.outputs, layer.height, layer.width] if layer.positions > 1 else None,
            }
            for layer in layers
        ],
    }


async def news(session: Session) -> AsyncIterator[str]:
    """Lines of a stream: what was so far, then all that is new. A browser that is slow misses some."""
    history = list(session.history)
    yield _event("history", history)
    seen, version, silent = history[-1][0] - 1 if history else 0, -1, 0.0
    while not session.leaving:
        if session.version != version:
            version = session.version
            yield _event("state", session.state)
        fresh = [moment for moment in list(session.moments) if moment.number > seen]
        for moment in fresh:
            seen = moment.number
            yield _event("moment", moment.as_dict())
        silent = 0.0 if fresh else silent + LOOK
        if silent > QUIET:
            silent = 0.0
            yield ": nothing new\n\n"
        await asyncio.sleep(LOOK)


def _event(name: str, data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


def _wish(session: Session) -> Any:
    async def wish(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return _refused(415, "a wish is JSON: Content-Type: application/json")
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                return _refused(413, f"a wish has {MOST_BYTES} bytes at most")
        try:
            given = json.loads(body)
            name, value = given["name"], given.get("value")
            if name == "teach":
                session.teach(value)
            elif name == "step":
                session.step()
            else:
                session.set(name, value)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return _refused(400, f"{error}" or type(error).__name__)
        return JSONResponse(session.state, headers=HEADERS)

    return wish


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status_code=status, headers=HEADERS)


class Server(uvicorn.Server):
    """Serves the page of a session on a port of this computer until `stop` or Ctrl-C."""

    def __init__(
        self, session: Session, *, title: str, class_names: list[str], port: int = 0
    ) -> None:
        """Take the port, 0 for any that is free. Raises OSError: it is taken; ValueError: it is none."""
        if not 0 <= port <= 65535:
            raise ValueError(f"--port {port}: 0 to 65535 are possible")
        try:
            self.socket = socket.create_server((HOST, port))
        except OSError as error:
            why = os.strerror(error.errno or 0)
            raise OSError(f"port {port}: {why}; choose another: --port 0 takes any") from error
        self.address = f"http://{HOST}:{self.socket.getsockname()[1]}/"
        self.session = session
        self.signal: int | None = None
        application = app(session, title=title, class_names=class_names)
        super().__init__(
            uvicorn.Config(
                application, log_level="warning", lifespan="off", timeout_graceful_shutdown=1
            )
        )

    def serve_until_stopped(self) -> None:
        """Serve. The signal that ended it, if one did, is in `signal`; what it did before is not done yet."""
        hangup = getattr(signal, "SIGHUP", None)
        mine = hangup is not None and threading.current_thread() is threading.main_thread()
        before = signal.signal(hangup, self.handle_exit) if mine and hangup else None
        try:
            self.run(sockets=[self.socket])
        finally:
            if mine and hangup:
                signal.signal(hangup, before)

    def stop(self) -> None:
        """End it, from another thread."""
        self.session.leaving = self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal: let the streams end first. The second Ctrl-C does not wait for them."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.signal = sig
        self.stop()
