"""Make an HTTP request; the body goes to a file or, shortened, to the log."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from shraga_models import ExecutionDetails, Http, LogLevel, RunStatus, TaskOutput

from ..context import RunContext
from ..engine import Outcome
from .secrets import run_secrets

if TYPE_CHECKING:
    import httpx

MAX_LOGGED_BODY = 64 * 1024


def run_http(action: Http, context: RunContext, modules: tuple[str, ...]) -> Outcome:
    """Send the request and follow redirects; an unexpected status fails the run."""
    # Half of a worker's start-up time; most horses never need it.
    import httpx

    started = time.monotonic()
    try:
        request = {
            "url": run_secrets.resolve(action.url),
            "headers": {name: run_secrets.resolve(value) for name, value in action.headers.items()},
            "content": None if action.body is None else run_secrets.resolve(action.body),
        }
    except LookupError as error:
        return Outcome(RunStatus.FAILED, error=f"{error}.", retry=False)
    if action.json_body is not None:
        request["json"] = action.json_body
    try:
        with (
            httpx.Client(follow_redirects=True, timeout=httpx.Timeout(30, read=None)) as client,
            client.stream(action.method, **request) as response,  # type: ignore[arg-type]
        ):
            return _read(action, context, response, started)
    except httpx.InvalidURL as error:
        return Outcome(RunStatus.FAILED, error=f"action.url: {error}.", retry=False)
    except (httpx.HTTPError, OSError) as error:
        said = run_secrets.mask(str(error) or type(error).__name__)
        return Outcome(RunStatus.FAILED, error=f"{action.method} {action.url}: {said}.")


def _read(action: Http, context: RunContext, response: httpx.Response, started: float) -> Outcome:
    context.say(None, f"{response.status_code} {response.reason_phrase}")
    deliverables: tuple[str, ...] = ()
    if action.save_as:
        path = context.make_folder() / action.save_as
        size = _save(path, context, response)
        deliverables = (action.save_as,)
    else:
        size = _log(context, response)
    metrics = {"status": response.status_code, "bytes": size, "seconds": round(time.monotonic() - started, 3)}
    expected = action.expect_status
    fine = response.status_code in expected if expected else response.is_success
    summary = f"{response.status_code} {response.reason_phrase}, {size:,} bytes"
    wanted = ", ".join(map(str, expected)) or "2xx"
    return Outcome(
        RunStatus.COMPLETED if fine else RunStatus.FAILED,
        exit_code=0 if fine else 1,
        error="" if fine else f"The server answered {response.status_code}; expected {wanted}.",
        output=TaskOutput(summary=summary, deliverables=deliverables),
        metrics=metrics,
        execution=ExecutionDetails(execution_folder=str(context.folder)) if action.save_as else None,
    )


def _save(path: Path, context: RunContext, response: httpx.Response) -> int:
    total = int(response.headers.get("content-length") or 0)
    size = 0
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        for chunk in response.iter_bytes(65_536):
            size += file.write(chunk)
            context.say(min(1.0, size / total) if total else None, f"{size:,} bytes")
    partial.replace(path)
    return size


def _log(context: RunContext, response: httpx.Response) -> int:
    kept = bytearray()
    size = 0
    for chunk in response.iter_bytes(65_536):
        size += len(chunk)
        kept += chunk[: MAX_LOGGED_BODY - len(kept)]
    for line in kept.decode("utf-8", "replace").splitlines():
        context.write("stdout", LogLevel.INFO, line, "")
    if size > len(kept):
        context.write("system", LogLevel.WARNING, f"{size - len(kept):,} bytes more are not shown here.", "")
    return size
