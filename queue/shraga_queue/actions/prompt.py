"""Ask a language model at an OpenAI-compatible endpoint; the answer streams into the log and is the result."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from shraga_models import LogLevel, ModelCall, Prompt, RunStatus, SenderType, TaskOutput
from shraga_models.base import MAX_FIELD_CHARACTERS
from shraga_models.durations import format_duration

from ..context import MAX_LINE, RunContext
from ..engine import Outcome
from ..errors import InvalidInput
from .chat_stream import FILTERED, Answer, StreamError, error_message, read_events
from .endpoints import Endpoint, find_endpoint
from .secrets import run_secrets

if TYPE_CHECKING:
    import httpx

SAY_EVERY = 0.25
"""Seconds between two looks of the board at a growing answer."""
LONGEST_WAIT = 60.0
"""Seconds a server may ask us to wait before the next try; a longer wait is left to the task's own retries."""
SUMMARY = 2_000
CHARACTERS_PER_TOKEN = 4
"""A guess, for servers that do not count."""

MOST_TOKENS = 10**9
"""A count beyond is none."""


class Refusal(Exception):
    """The server will not answer this prompt, however often it is asked."""


class Busy(Exception):
    """The server cannot answer now; `wait` is what it asks for, in seconds."""

    def __init__(self, said: str, wait: float | None = None) -> None:
        super().__init__(said)
        self.wait = wait


def run_prompt(action: Prompt, context: RunContext, modules: tuple[str, ...]) -> Outcome:
    """Send the prompt and stream its answer; what the server refuses fails the run, and is not tried again."""
    try:
        endpoint = find_endpoint(action.endpoint)
        call = _Exchange(action, context, endpoint, endpoint.headers)
        call.messages = _messages(action, context)
    except (InvalidInput, LookupError) as error:
        return Outcome(RunStatus.FAILED, error=f"{str(error).rstrip('.')}.", retry=False)
    if not call.model:
        said = f"action.model: name a model, or give [endpoints.{action.endpoint}] a default `model`."
        return Outcome(RunStatus.FAILED, error=said, retry=False)
    try:
        answer = call.ask()
    except Refusal as error:
        return Outcome(RunStatus.FAILED, error=run_secrets.mask(f"{error}."), retry=False)
    except Busy as error:
        return Outcome(RunStatus.FAILED, error=run_secrets.mask(f"{error}."))
    return _completed(answer, context)


def _messages(action: Prompt, context: RunContext) -> list[dict[str, str]]:
    """The prompt; where the work was sent back or goes on, also what was said since."""
    said = [{"role": "system", "content": run_secrets.resolve(action.system)}] if action.system else []
    said.append({"role": "user", "content": run_secrets.resolve(action.prompt)})
    roles = {SenderType.ASSISTANT: "assistant", SenderType.USER: "user"}
    for message in context.conversation:
        if message.sender_type in roles:
            said.append({"role": roles[message.sender_type], "content": message.text})
    note = context.resumed.note if context.resumed else ""
    if note and said[-1]["content"] != note:
        said.append({"role": "user", "content": note})
    return said


def _completed(answer: Answer, context: RunContext) -> Outcome:
    text = run_secrets.mask(answer.text)
    if answer.finish == "length":
        context.write(
            "system", LogLevel.WARNING, "The answer is cut: it reached the most tokens allowed.", ""
        )
    if text.strip():
        context.chat(text[:MAX_FIELD_CHARACTERS])
    deliverables: tuple[str, ...] = ()
    kept = text
    # As JSON it may take more than its own length.
    if len(json.dumps(text)) > MAX_FIELD_CHARACTERS:
        (context.make_folder() / "answer.md").write_text(text, encoding="utf-8", errors="replace")
        deliverables, kept = ("answer.md",), text[: MAX_FIELD_CHARACTERS // 8]
        context.write("system", LogLevel.WARNING, "The answer is long: all of it is in answer.md.", "")
    summary = kept if len(kept) <= SUMMARY else f"{kept[: SUMMARY - 1]}…"
    output = TaskOutput(summary=summary, deliverables=deliverables, result=kept)
    return Outcome(RunStatus.COMPLETED, output=output, result=json.dumps(kept))


@dataclass
class _Exchange:
    """One prompt on its way, over as many tries as it takes."""

    action: Prompt
    context: RunContext
    endpoint: Endpoint
    headers: dict[str, str]
    messages: list[dict[str, str]] = field(default_factory=list)
    counts: bool = True
    """Whether the server understands that it is asked to count tokens."""

    @property
    def model(self) -> str:
        return self.action.model or self.endpoint.model

    @property
    def name(self) -> str:
        return f"The endpoint {self.action.endpoint}"

    def ask(self) -> Answer:
        """Return the answer; raises Refusal, or Busy once all tries are used up."""
        # Half of a worker's start-up time; most horses never need it.
        import httpx

        endpoint = self.endpoint
        timeout = httpx.Timeout(endpoint.idle_timeout, connect=endpoint.connect_timeout)
        with httpx.Client(timeout=timeout, headers=self.headers) as client:
            for attempt in range(1, endpoint.tries + 1):
                try:
                    return self._try(client)
                except Busy as busy:
                    if attempt == endpoint.tries:
                        raise Busy(f"{busy}, also at the last of {attempt} tries") from None
                    self._wait(busy, attempt)
        raise AssertionError("there is at least one try")

    def _wait(self, busy: Busy, attempt: int) -> None:
        wait = min(2.0 ** (attempt - 1), 30.0) * random.uniform(0.5, 1.0) if busy.wait is None else busy.wait
        if wait > LONGEST_WAIT:
            raise Busy(f"{busy}, and wants {format_duration(wait)} to pass before the next try")
        said = run_secrets.mask(f"{busy}; trying again in {wait:.1f} s.")
        self.context.write("system", LogLevel.WARNING, said, "")
        time.sleep(wait)

    def _try(self, client: httpx.Client) -> Answer:
        import httpx

        answer, started, error = Answer(), time.monotonic(), ""
        try:
            with client.stream("POST", self.endpoint.address, json=self._body()) as response:
                if not response.is_success:
                    response.read()
                    if self._may_not_count(response):
                        return self._try(client)
                    raise self._fault(response)
                self._read(response, answer)
        except httpx.TimeoutException as late:
            error = f"{self.name} {_late(late, self.endpoint)}"
            raise Busy(error) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as wrong:
            raise Refusal(f"url of [endpoints.{self.action.endpoint}]: {wrong}") from None
        except (httpx.HTTPError, OSError) as broken:
            error = f"{self.name} cannot be reached: {str(broken) or type(broken).__name__}"
            raise Busy(error.rstrip(".")) from None
        except StreamError as said:
            error = f"{self.name} broke its answer off: {said}"
            raise Busy(error) from None
        finally:
            # What was answered is paid for, also where it ended badly.
            if answer.text or answer.usage or answer.finish:
                self._record(answer, time.monotonic() - started, error)
        return self._judged(answer)

    def _body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.model, "messages": self.messages, "stream": True}
        if self.counts:
            body["stream_options"] = {"include_usage": True}
        options = {"temperature": self.action.temperature, "max_tokens": self.action.max_tokens}
        return body | {name: value for name, value in options.items() if value is not None}

    def _may_not_count(self, response: httpx.Response) -> bool:
        """Whether the server knows no `stream_options`, as older ones do not; then it is asked without."""
        unknown = self.counts and response.status_code in (400, 422) and "stream_options" in response.text
        if unknown:
            self.counts = False
        return unknown

    def _fault(self, response: httpx.Response) -> Exception:
        status, said = response.status_code, _said(response)
        where = f"[endpoints.{self.action.endpoint}]"
        if status == 429 or status >= 500 or status == 408:
            return Busy(f"{self.name} answered {status}: {said}", _retry_after(response))
        if status in (401, 403):
            return Refusal(f"{self.name} refuses the key ({status}: {said}): check `key` of {where}")
        if status == 404:
            return Refusal(
                f"{self.name} has no model {self.model!r}, or is not at that address (404: {said}): "
                f"check action.model and `url` of {where}"
            )
        if FILTERED in response.text or "content_policy" in response.text:
            return Refusal(f"{self.name} refuses the prompt by its content filter: {said}")
        return Refusal(f"{self.name} refuses the request ({status}): {said}")

    def _read(self, response: httpx.Response, answer: Answer) -> None:
        line, told = "", 0.0
        for event in read_events(response.iter_lines()):
            line += answer.take(event)
            while "\n" in line or len(line) > MAX_LINE:
                first, rest = line[:MAX_LINE], line[MAX_LINE:]
                if "\n" in first:
                    first, _, rest = line.partition("\n")
                self._log(first)
                line = rest
            now = time.monotonic()
            if answer.text and now - told >= SAY_EVERY:
                told = now
                self.context.say(None, _end_of(answer.text))
        self._log(line)
        if answer.text:
            self.context.say(None, _end_of(answer.text))

    def _log(self, line: str) -> None:
        if line.strip():
            self.context.write("thought", LogLevel.INFO, line, "")

    def _record(self, answer: Answer, seconds: float, error: str) -> None:
        usage = answer.usage or {}
        guessed = not usage
        asked = sum(len(message["content"]) for message in self.messages)
        prompt = _count(usage.get("prompt_tokens"), asked)
        response = _count(usage.get("completion_tokens"), len(answer.text))
        self.context.record(
            ModelCall(
                provider=self.action.endpoint,
                model=answer.model or self.model,
                prompt_tokens=prompt,
                response_tokens=response,
                cost=self.endpoint.cost(prompt, response),
                duration=round(seconds, 3),
                is_estimated=guessed,
                success=not error,
                error=run_secrets.mask(error),
            )
        )

    def _judged(self, answer: Answer) -> Answer:
        if answer.finish == FILTERED:
            raise Refusal(f"{self.name} cut the answer off by its content filter")
        if answer.refusal:
            raise Refusal(f"The model {self.model} refuses to answer: {answer.refusal[:500].rstrip('.')}")
        if not answer.text and not answer.finish:
            raise Busy(f"{self.name} answered nothing")
        return answer


def _said(response: httpx.Response) -> str:
    try:
        return error_message(response.json())
    except ValueError:
        return error_message(response.text or response.reason_phrase)


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds, or until a time by the server's own clock."""
    said = response.headers.get("retry-after", "")
    try:
        if said.strip().isdecimal():
            return float(said)
        until = parsedate_to_datetime(said) - parsedate_to_datetime(response.headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, until.total_seconds())


def _late(error: httpx.TimeoutException, endpoint: Endpoint) -> str:
    import httpx

    if isinstance(error, httpx.ConnectTimeout):
        return f"was not reached within {endpoint.connect_timeout:g} s"
    return f"said nothing for {endpoint.idle_timeout:g} s"


def _count(told: Any, characters: int) -> int:
    if isinstance(told, int) and 0 <= told < MOST_TOKENS:
        return told
    return -(-characters // CHARACTERS_PER_TOKEN)


def _end_of(text: str) -> str:
    """The last line that says something, as the board has room for one."""
    return text.rstrip().rpartition("\n")[2][-200:]
