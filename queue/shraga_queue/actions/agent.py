"""Run an agent of the worker's configuration in the execution folder, or in a worktree of the task's repository."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shraga_models import Agent, AgentConfig, ExecutionDetails, LogLevel, RunStatus

from ..agents import Start, make_adapter
from ..agents.follow import Following
from ..agents.prompt import Document, build_prompt, told_since
from ..artifacts import with_artifacts
from ..child import Child
from ..config import Settings, read_agents
from ..context import RunContext
from ..door import Door
from ..engine import Outcome
from ..errors import InvalidInput
from ..evidence import observe
from ..workspace import Workspace, WorkspaceError, open_workspace
from .secrets import run_secrets

if TYPE_CHECKING:
    from shraga_models import TaskSpec


def run_agent(spec: TaskSpec, context: RunContext, documents: Iterable[Document] = ()) -> Outcome:
    """Run the agent until it has finished, suspends the run or fails; `documents` go into its prompt."""
    action = spec.action
    assert isinstance(action, Agent)
    try:
        config = find_agent(action)
        with _folder(spec, context) as (folder, space, is_new):
            started = _start(spec, context, config, documents, is_new)
            outcome = _run(action, config, context, started, folder)
            return observe(spec, context, with_artifacts(outcome, context), space)
    except InvalidInput as error:
        return Outcome(RunStatus.FAILED, error=str(error), retry=False)
    except WorkspaceError as error:
        return Outcome(RunStatus.FAILED, error=str(error), retry=error.retry)


def find_agent(action: Agent) -> AgentConfig:
    """Return the configuration of an action's agent, with what the action sets; raises InvalidInput."""
    settings = Settings()
    known = read_agents(settings)
    config = known.get(action.agent)
    if config is None:
        raise InvalidInput(
            "action.agent",
            f"action.agent: this worker has no agent {action.agent!r}; add [agents.{action.agent}] to "
            f"{settings.agents_source}, or name one of {', '.join(sorted(known))}.",
        )
    given = {
        name: getattr(action, name) for name in ("model", "max_turns") if getattr(action, name) is not None
    }
    return config.model_copy(update=given | {"env": config.env | action.env})


@contextmanager
def _folder(spec: TaskSpec, context: RunContext) -> Iterator[tuple[Path, Workspace | None, bool]]:
    if spec.repository_url:
        with open_workspace(spec, context) as space:
            yield space.folder, space, space.is_new
    else:
        is_new = not context.folder.is_dir()
        yield context.make_folder(), None, is_new


def _start(
    spec: TaskSpec, context: RunContext, config: AgentConfig, documents: Iterable[Document], is_new: bool
) -> Start:
    resumed = context.resumed
    session = resumed.session_id if resumed else None
    if session and is_new:
        # Another host, or the folder was cleared away: its session is not here either.
        context.write(
            "system", LogLevel.WARNING, "The folder is not here any more: the agent begins anew.", ""
        )
        session = None
    hint = make_adapter(config.adapter).ask_hint
    prompt = build_prompt(spec, context.conversation, documents, hint)
    question, message = told_since(context.conversation) if session else ("", "")
    return Start(prompt, session, question, message, config.model, config.max_turns, config.budget)


def _run(action: Agent, config: AgentConfig, context: RunContext, start: Start, folder: Path) -> Outcome:
    adapter = make_adapter(config.adapter)
    details = ExecutionDetails(execution_folder=str(folder), session_id=start.session)
    command = adapter.command(config, start)
    given = _environment(config)
    with Door(context) as door:
        env = door.let_in(os.environ | given)
        command[0] = _program(config, env, folder)
        try:
            child = Child(command, str(folder), env)
        except OSError as error:
            said = f"agents.{config.name}.command: it could not be started: {error.strerror or error}."
            return Outcome(RunStatus.FAILED, error=said, execution=details, retry=False)
        following = Following(context, config, adapter, details)
        outcome = following.see_through(child, door, adapter.opening(start))
        return replace(outcome, execution=following.details)


def _environment(config: AgentConfig) -> dict[str, str]:
    try:
        return {name: run_secrets.resolve(value) for name, value in config.env.items()}
    except LookupError as error:
        raise InvalidInput(f"agents.{config.name}.env", f"agents.{config.name}.env: {error}.") from None


def _program(config: AgentConfig, env: dict[str, str], folder: Path) -> str:
    name = config.command[0]
    found = shutil.which(os.path.expanduser(name), path=env.get("PATH"))
    if found is None:
        raise InvalidInput(
            f"agents.{config.name}.command",
            f"agents.{config.name}.command: there is no program {name!r} on this worker; install it, "
            "or give its path in the worker's configuration.",
        )
    return str(Path(found).absolute())
