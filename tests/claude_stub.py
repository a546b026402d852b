"""A model's API on loopback, as far as an agent's command line needs it: `POST /v1/messages`, streamed."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

Turn = Callable[[dict[str, Any]], list[dict[str, Any]]]
"""What the model answers a request's body with: its content blocks."""


def claude_binary() -> Path | None:
    """Return the command line that `make agent-test` has fetched, or None."""
    places = Path(__file__).parent.parent.glob(".agents/node_modules/@anthropic-ai/claude-code-*/claude")
    return next((path for path in places if os.access(path, os.X_OK)), None)


def words(text: str) -> dict[str, Any]:
    """Return a block of text."""
    return {"type": "text", "text": text}


def bash(command: str, number: int = 1) -> dict[str, Any]:
    """Return a block that runs a command line."""
    tool_input = {"command": command, "description": "a step of the test"}
    return {"type": "tool_use", "id": f"toolu_{number}", "name": "Bash", "input": tool_input}


class ModelStub:
    """Answers each request with what `turn` says; may be told to go away, and come back."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.requests: list[dict[str, Any]] = []
        self.away = False
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                stub.serve(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> ModelStub:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def serve(self, call: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        body = json.loads(call.rfile.read(int(call.headers["content-length"])))
        if self.away or not call.path.startswith("/v1/messages"):
            call.send_error(529 if self.away else 404)
            return
        self.requests.append(body)
        call.send_response(200)
        call.send_header("content-type", "text/event-stream")
        call.end_headers()
        for event in _events(f"msg_{len(self.requests)}", body["model"], self.turn(body)):
            call.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())


def _events(message_id: str, model: str, blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    usage = {"input_tokens": 25, "output_tokens": 1}
    message = {"id": message_id, "type": "message", "role": "assistant", "model": model, "content": []}
    yield {
        "type": "message_start",
        "message": message | {"stop_reason": None, "stop_sequence": None, "usage": usage},
    }
    for index, block in enumerate(blocks):
        if block["type"] == "text":
            empty, delta = block | {"text": ""}, {"type": "text_delta", "text": block["text"]}
        else:
            empty = block | {"input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    reason = "tool_use" if blocks[-1]["type"] == "tool_use" else "end_turn"
    delta = {"stop_reason": reason, "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 15}}
    yield {"type": "message_stop"}
