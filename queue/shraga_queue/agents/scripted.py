"""An agent that follows a script instead of a model: for demos and tests, and as an example of the generic protocol.

`python -m shraga_queue.agents.scripted [FILE]`: the script is a JSON list of steps, in the file or in the prompt.
Each step is an object whose first key says what to do; docs/how-to/agents.md lists them. `{goal}` and `{answer}` in
a text stand for the prompt's first line and the last answer or message.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

STEP = "step-"


class Script:
    """One process of the agent: its session is its place in the script, and behind a `/` the last words it heard.

    Without the `/` it waits for words, which the next process is started with.
    """

    def __init__(self, start: dict[str, Any], steps: list[dict[str, Any]]) -> None:
        place, knows, heard = str(start.get("session") or "").partition("/")
        self.at = int(place.removeprefix(STEP)) if place.startswith(STEP) else 0
        self.steps = steps
        self.goal = str(start["prompt"]).strip().partition("\n")[0]
        self.heard = heard if knows else str(start.get("message") or "")

    def play(self) -> None:
        """Do step after step; a script that does not say how it ends has finished."""
        while self.at < len(self.steps):
            step = self.steps[self.at]
            self.at += 1
            kind = next(iter(step))
            _DEEDS[kind](self, step[kind], step)
            # It may be ended at any time: a step that is done is not done again.
            tell("session", id=f"{STEP}{self.at}/{self.heard}")
        finish(self, "Done.", {})

    def fill(self, text: str) -> str:
        """Return a text with what is known filled in."""
        return text.replace("{goal}", self.goal).replace("{answer}", self.heard)


def tell(kind: str, **fields: Any) -> None:
    """Write a message of the protocol."""
    sys.stdout.write(json.dumps({"type": kind} | fields) + "\n")
    sys.stdout.flush()


def hear(*kinds: str) -> str:
    """Return the text of the next message of these kinds; leaves where there will be none."""
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] in kinds:
            return str(message["text"])
    sys.exit(0)


def ask(script: Script, text: str, step: dict[str, Any]) -> None:
    """Ask; another process may go on with the answer after this one."""
    tell("session", id=f"{STEP}{script.at}")
    given = {name: step[name] for name in ("options", "default", "deadline", "key") if name in step}
    tell("ask", text=script.fill(text), **given)
    script.heard = hear("answer")


def wait(script: Script, text: str, step: dict[str, Any]) -> None:
    """Wait for a message of a person."""
    tell("thought", text=script.fill(text))
    script.heard = hear("message")


def edit(script: Script, name: str, step: dict[str, Any]) -> None:
    """Write a file, or append to it."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    tell("tool_call", name="edit", input=name, id=str(script.at))
    with path.open("a" if step.get("append") else "w", encoding="utf-8") as file:
        file.write(script.fill(step.get("text", "")))
    tell("tool_result", output=f"{path.stat().st_size} bytes", id=str(script.at))


def run(script: Script, command: str, step: dict[str, Any]) -> None:
    """Run a command line and tell what it printed."""
    line = script.fill(command)
    tell("tool_call", name="run", input=line, id=str(script.at))
    done = subprocess.run(["/bin/sh", "-c", line], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    tell("tool_result", output=done.stdout + done.stderr, is_error=done.returncode != 0, id=str(script.at))


def commit(script: Script, message: str, step: dict[str, Any]) -> None:
    """Commit everything in the folder."""
    for command in (["git", "add", "--all"], ["git", "commit", "--quiet", "-m", script.fill(message)]):
        tell("tool_call", name="git", input=" ".join(command[1:]), id=str(script.at))
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        tell(
            "tool_result", output=done.stdout + done.stderr, is_error=done.returncode != 0, id=str(script.at)
        )


def finish(script: Script, summary: str, step: dict[str, Any]) -> NoReturn:
    """Say that all is done, with a verdict on it and a result where the script has them.

    What comes after it in the script is done where the work is sent back.
    """
    if script.at < len(script.steps):
        tell("session", id=f"{STEP}{script.at}")
    given = {name: step[name] for name in ("verdict", "result") if name in step}
    tell("finished", ok=True, summary=script.fill(summary), **given)
    sys.exit(0)


def fail(script: Script, reason: str, step: dict[str, Any]) -> NoReturn:
    """Say that it did not work out."""
    tell("finished", ok=False, error=script.fill(reason))
    sys.exit(0)


_DEEDS: dict[str, Callable[[Script, Any, dict[str, Any]], None]] = {
    "think": lambda script, text, step: tell("thought", text=script.fill(text)),
    "say": lambda script, text, step: tell("say", text=script.fill(text)),
    "progress": lambda script, share, step: tell("progress", share=share),
    "usage": lambda script, call, step: tell("usage", **call),
    "deliver": lambda script, name, step: tell("deliverable", name=name),
    "sleep": lambda script, seconds, step: time.sleep(seconds),
    "crash": lambda script, code, step: sys.exit(code),
    "ask": ask,
    "wait": wait,
    "edit": edit,
    "run": run,
    "commit": commit,
    "finish": finish,
    "fail": fail,
}


def read_script(text: str) -> list[dict[str, Any]]:
    """Return the first JSON list in a text that is no list of plain values; raises ValueError saying what is wrong."""
    steps: list[Any] = []
    for begin in (place for place, char in enumerate(text) if char == "["):
        try:
            found, _ = json.JSONDecoder().raw_decode(text[begin:])
        except ValueError:
            continue
        if found and isinstance(found[0], dict):
            steps = found
            break
    else:
        raise ValueError("there is no script: give a JSON list of steps in the prompt, or a file")
    for number, step in enumerate(steps, 1):
        kind = next(iter(step), "") if isinstance(step, dict) else ""
        if kind not in _DEEDS:
            raise ValueError(f"step {number} begins with none of {', '.join(_DEEDS)}")
    return steps


def main() -> None:
    """Read the start message, and play the script."""
    start = json.loads(sys.stdin.readline())
    try:
        given = Path(sys.argv[1]).read_text(encoding="utf-8") if len(sys.argv) > 1 else start["prompt"]
        steps = read_script(given)
    except (OSError, ValueError) as error:
        tell("finished", ok=False, error=f"The scripted agent cannot begin: {error}.")
        return
    Script(start, steps).play()


if __name__ == "__main__":
    main()
