"""Follow an agent's process: its steps go to log, chat and board as they come, people's words go to it meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from shraga_models import (
    MAX_FIELD_CHARACTERS,
    AgentConfig,
    ExecutionDetails,
    LogLevel,
    Message,
    MessageType,
    ModelCall,
    RunStatus,
    TaskOutput,
)
from shraga_models.durations import format_duration

from .. import proctree
from ..actions.secrets import run_secrets
from ..child import Child
from ..context import MAX_LINE, RunContext
from ..conversation import Suspended
from ..door import Door
from ..engine import Outcome
from .adapter import Adapter
from .steps import (
    Asked,
    Deliverable,
    Finished,
    Noticed,
    Printed,
    Progressed,
    Said,
    Session,
    Step,
    Thought,
    ToolCall,
    ToolResult,
    Usage,
)

SUSPEND_GRACE = 5.0
"""Seconds an agent has to leave once its run is suspended: it may tell its session."""
LEAVE_GRACE = 10.0
"""Seconds it has to leave after it has finished."""
MOST_DELIVERABLES = 200
MOST_WORDS = 20_000
"""Characters of a chat message or of the summary."""
FLUSH_EVERY = 0.05


class Following:
    """One process of an agent, from its first line to its end."""

    def __init__(
        self, context: RunContext, config: AgentConfig, adapter: Adapter, details: ExecutionDetails
    ) -> None:
        self.details = details
        """Where it runs, and the session that another process of it has to be given to go on."""
        self._context = context
        self._config = config
        self._adapter = adapter
        self._alive_at = time.monotonic()
        self._finished: Finished | None = None
        self._deliverables: list[str] = []
        self._calls: list[ModelCall] = []
        self._said = ""
        self._notice = ""

    def see_through(self, child: Child, door: Door, opening: bytes) -> Outcome:
        """Tell it what it begins with, and follow it to its end; a suspended or stopped run ends it."""
        try:
            child.tell(opening)
            if not self._adapter.hears:
                child.close_input()
            fault = self._follow(child, door)
            code = None if fault else child.wait(LEAVE_GRACE)
            child.end(SUSPEND_GRACE)
            return self._outcome(fault, code)
        except Suspended:
            child.end(SUSPEND_GRACE)
            self._hear_out(child.lines(), child)
            return Outcome(RunStatus.SUSPENDED)
        except Exception:
            child.end(SUSPEND_GRACE)
            raise
        except BaseException:
            # The run was asked to stop: pass it on to the whole tree, and let the worker's grace run. The session goes
            # with the outcome, for whoever stopped it may let it go on; who has finished by then has finished.
            self._hear_out(child.last_lines(), child)
            if self._finished is not None:
                return self._outcome("", None)
            return Outcome(RunStatus.CANCELED, error="The run was asked to stop and did.")
        finally:
            child.close()

    def _follow(self, child: Child, door: Door) -> str:
        """Return what was wrong with it, empty where it left by itself."""
        with proctree.ending(child.pid) as (end, look_every):
            while True:
                left = self._longest - (time.monotonic() - self._alive_at)
                if left <= 0:
                    return "" if self._finished else self._silence()
                wait = min(left, look_every, left if child.is_told_all else FLUSH_EVERY)
                has_ended = child.has_ended
                _, heard = door.listen([child, *end], 0 if has_ended else wait)
                for message in heard:
                    self._pass_on(message, child)
                child.flush()
                for line in child.lines():
                    for step in self._read(line):
                        self._take(step, child)
                if child.is_silent or (has_ended and child.is_drained):
                    return ""

    def _hear_out(self, lines: Iterable[str], child: Child) -> None:
        """Take what it has said by its end: its session above all, and what it spent."""
        for line in lines:
            for step in self._read(line):
                match step:
                    case Asked():
                        pass
                    case Said(text):
                        # In the chat it would stand behind the question for which the run lets go.
                        self._think(text)
                    case _:
                        self._take(step, child)

    def _read(self, line: str) -> Iterable[Step]:
        return self._adapter.read(run_secrets.mask(line))

    @property
    def _longest(self) -> float:
        return LEAVE_GRACE if self._finished else self._config.idle_timeout

    def _silence(self) -> str:
        limit = format_duration(self._config.idle_timeout)
        last = f" Its last notice: {self._notice}" if self._notice else ""
        return f"The agent did nothing for {limit} (agents.{self._config.name}.idle_timeout) and was ended.{last}"

    def _pass_on(self, message: Message, child: Child) -> None:
        if message.type is MessageType.RESPONSE:
            return
        if self._adapter.hears and child.hears:
            child.tell(self._adapter.told(message.text, message.sender))
            self._log("system", LogLevel.INFO, f"Told the agent what {message.sender} said: {message.text}")
        else:
            said = f"The agent cannot be told what {message.sender} said while it runs: {message.text}"
            self._log("system", LogLevel.WARNING, said)

    # Steps

    def _take(self, step: Step, child: Child) -> None:
        if not isinstance(step, Noticed):
            self._alive_at = time.monotonic()
        match step:
            case Thought(text):
                self._think(text)
            case Printed(text):
                self._log("stdout", LogLevel.INFO, text)
            case Said(text):
                self._speak(text)
            case Progressed(share):
                self._context.say(share, "")
            case ToolCall(name, text, call_id):
                self._use_tool(name, text, call_id)
            case ToolResult(text, failed, call_id):
                level = LogLevel.WARNING if failed else LogLevel.INFO
                self._log("tool", level, text, id=call_id)
            case Asked(question):
                answer = self._context.ask(**question.model_dump(mode="json"))
                child.tell(self._adapter.answered(question.own_key, answer))
                self._alive_at = time.monotonic()
            case Usage(call):
                self._calls.append(call)
                self._context.record(call)
            case Session(session):
                self._keep(session)
            case Deliverable(name):
                self._hand_over(name)
            case Noticed(text, level):
                self._notice = text
                self._log("system", level, text)
            case Finished():
                self._finish(step, child)
                return
        if not isinstance(step, Noticed | Usage | Session):
            # A message that came late has begun another turn.
            self._finished = None

    def _log(self, source: str, level: LogLevel, text: str, **metadata: str) -> None:
        known = {name: value for name, value in metadata.items() if value}
        said = json.dumps(known) if known else ""
        for line in text.splitlines() or [""]:
            self._context.write(source, level.value, line[:MAX_LINE], said)

    def _think(self, text: str) -> None:
        if text.strip():
            self._context.say(None, text.strip()[:500])
        self._log("thought", LogLevel.INFO, text)

    def _speak(self, text: str) -> None:
        self._said = text
        self._think(text)
        self._context.chat(text[:MOST_WORDS])

    def _use_tool(self, name: str, text: str, call_id: str) -> None:
        said = f"{name}: {text}" if text else name
        self._context.say(None, said.partition("\n")[0][:500])
        self._log("tool", LogLevel.INFO, said, id=call_id)

    def _hand_over(self, name: str) -> None:
        if name not in self._deliverables and len(self._deliverables) < MOST_DELIVERABLES:
            self._deliverables.append(name[:1000])
            self._log("system", LogLevel.INFO, f"Handed over: {name}")

    def _keep(self, session: str) -> None:
        if session != self.details.session_id:
            self.details = self.details.model_copy(update={"session_id": session})
            self._context.goes_on_at(self.details)

    def _finish(self, step: Finished, child: Child) -> None:
        self._finished = step
        child.close_input()

    # The end

    def _outcome(self, fault: str, code: int | None) -> Outcome:
        finished = self._finished
        if finished is None and code is not None and not fault:
            finished = self._adapter.ended(code)
        if finished and finished.summary and finished.summary.strip() != self._said.strip():
            self._context.chat(finished.summary[:MOST_WORDS])
        error = fault or _why_it_failed(finished, code)
        output, result = self._output(finished)
        return Outcome(
            RunStatus.FAILED if error else RunStatus.COMPLETED,
            exit_code=code if code is None or code >= 0 else 128 - code,
            error=error,
            output=output,
            metrics=self._metrics(),
            result=result,
        )

    def _output(self, finished: Finished | None) -> tuple[TaskOutput, str]:
        deliverables = tuple(self._deliverables)
        if finished is None:
            return TaskOutput(summary=self._said[:MOST_WORDS], deliverables=deliverables), ""
        said = "" if finished.result is None else json.dumps(finished.result, ensure_ascii=False)
        if len(said) > MAX_FIELD_CHARACTERS:
            text = f"The agent's result has {len(said):,} characters and is not kept."
            self._log("system", LogLevel.WARNING, text)
            said = ""
        output = TaskOutput(
            summary=finished.summary[:MOST_WORDS],
            deliverables=deliverables,
            verdict=finished.verdict,
            result=finished.result if said else None,
        )
        return output, said

    def _metrics(self) -> dict[str, Any] | None:
        if not self._calls:
            return None
        return {
            "model_calls": len(self._calls),
            "prompt_tokens": sum(call.prompt_tokens for call in self._calls),
            "response_tokens": sum(call.response_tokens for call in self._calls),
            "cost": round(sum(call.cost for call in self._calls), 6),
        }


def _why_it_failed(finished: Finished | None, code: int | None) -> str:
    """Return what the run's error says; an agent that claims to be done and leaves badly is not done."""
    if finished is not None and not finished.ok:
        return finished.error
    if code is not None and code < 0:
        return f"The agent was ended by {proctree.signal_name(-code)}."
    if code:
        return f"The agent ended with exit code {code}."
    return "" if finished else "The agent ended its output, but not itself, and was ended."
