"""How each kind of action is run, inside the horse."""

from __future__ import annotations

from collections.abc import Callable

from shraga_models import Agent, Http, Prompt, Python, Reminder, Shell, TaskSpec

from ..artifacts import with_artifacts
from ..context import RunContext
from ..engine import Outcome
from .http import run_http
from .prompt import run_prompt
from .python import run_python
from .reminder import run_reminder
from .shell import run_shell

__all__ = ["run_action"]

_RUNNERS: dict[type, Callable[..., Outcome]] = {
    Shell: run_shell,
    Http: run_http,
    Python: run_python,
    Reminder: run_reminder,
    Prompt: run_prompt,
}


def run_action(spec: TaskSpec, context: RunContext, modules: tuple[str, ...]) -> Outcome:
    """Run a task's action to its end and observe what came of it; `modules` are those whose functions may be called."""
    action = spec.action
    if isinstance(action, Agent):
        # Most horses never need it.
        from .agent import run_agent

        return run_agent(spec, context, context.documents)
    outcome = with_artifacts(_RUNNERS[type(action)](action, context, modules), context)
    if spec.input.check or (outcome.output and outcome.output.deliverables):
        from ..evidence import observe

        return observe(spec, context, outcome)
    return outcome
