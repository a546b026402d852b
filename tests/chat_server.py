"""A real HTTP server that speaks as an OpenAI-compatible one does, or as badly as the test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers with the next reply of the server's list, the last one again and again."""

    server: ChatServer

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        body = json.loads(self.rfile.read(size))
        self.server.asked.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.server.paths.append(self.path)
        replies = self.server.replies
        try:
            (replies.pop(0) if len(replies) > 1 else replies[0])(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def answer(self, status: int, body: str, kind: str = "application/json", **headers: str) -> None:
        """Send a whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        data = body.encode()
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin(self) -> None:
        """Begin a stream that ends with the connection."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()

    def event(self, event: Any) -> None:
        """Send one event."""
        said = event if isinstance(event, str) else json.dumps(event)
        self.wfile.write(f"data: {said}\n\n".encode())
        self.wfile.flush()


class ChatServer(ThreadingHTTPServer):
    """Serves on the loopback until it is shut down."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies: list[Reply] = []
        self.asked: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.paths: list[str] = []
        self.gate = threading.Event()

    @property
    def url(self) -> str:
        """The address that a configuration names."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


@contextmanager
def serving() -> Iterator[ChatServer]:
    """Serve in a thread."""
    with ChatServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.gate.set()
            server.shutdown()
            thread.join()


def piece(text: str, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    """Return an event with a piece of an answer."""
    return {
        "model": "m-2030",
        "choices": [{"index": 0, "delta": {"content": text} | delta, "finish_reason": finish}],
    }


def streamed(*pieces: Any, usage: tuple[int, int] | None = (1000, 500), finish: str = "stop") -> Reply:
    """Return a reply that streams texts, then its usage."""

    def reply(handler: Handler) -> None:
        handler.begin()
        for one in pieces:
            handler.event(piece(one) if isinstance(one, str) else one)
        handler.event(piece("", finish))
        if usage:
            counted = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
            handler.event({"model": "m-2030", "choices": [], "usage": counted})
        handler.event("[DONE]")

    return reply


def refused(status: int, message: str, code: str = "", **headers: str) -> Reply:
    """Return a reply that says no."""
    body = json.dumps({"error": {"message": message, "code": code}})
    return lambda handler: handler.answer(status, body, **headers)
