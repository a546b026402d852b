"""An agent that only prints: it is given the prompt and what it writes is its answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from shraga_models import AgentConfig

from ..errors import InvalidInput
from .adapter import Adapter, Start
from .steps import Finished, Printed, Step

MOST_SUMMARY_LINES = 200
PROMPT, MODEL = "{prompt}", "{model}"


class TextAdapter(Adapter):
    """One process of an agent that takes the prompt as an argument, where its command says so, or as its input."""

    hears = False

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MOST_SUMMARY_LINES)
        self._takes_argument = False

    def command(self, config: AgentConfig, start: Start) -> list[str]:
        """Return the command, `{prompt}` and `{model}` filled in; raises InvalidInput for a model without a place."""
        said = " ".join(config.command)
        self._takes_argument = PROMPT in said
        if start.model and MODEL not in said:
            raise InvalidInput(
                "action.model",
                f"action.model: the agent {config.name} takes no model; "
                f"write {MODEL} into agents.{config.name}.command.",
            )
        filled = [part.replace(MODEL, start.model or "") for part in config.command]
        return [part.replace(PROMPT, start.prompt) for part in filled]

    def opening(self, start: Start) -> bytes:
        """Return the prompt where the command has not got it."""
        return b"" if self._takes_argument else start.prompt.encode("utf-8", "replace") + b"\n"

    def read(self, line: str) -> Iterator[Step]:
        """Yield the line as it is."""
        self._lines.append(line)
        yield Printed(line)

    def ended(self, exit_code: int) -> Finished | None:
        """Take what it printed last for its summary."""
        return Finished(True, "\n".join(self._lines).strip()) if exit_code == 0 else None
