"""Agents as real processes: what they do is told as it comes, people reach them, they end when they should."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shraga_models import Agent, RunStatus, TaskSpec
from shraga_queue import proctree
from shraga_queue.actions import run_action
from shraga_queue.actions.secrets import run_secrets
from shraga_queue.child import Child
from shraga_queue.context import RunContext
from shraga_queue.engine import Outcome
from shraga_queue.horse import StopRun
from tests.repositories import git, make_repository
from tests.runs import TASK, Talk, make_context, message, talk_of, written
from tests.waiting import wait_until

Configure = Callable[[str], None]


@pytest.fixture(autouse=True)
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("SHRAGA_AGENTS_FILE", str(path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))

    def write(text: str) -> None:
        path.write_text(text)

    yield write
    run_secrets.clear()


def spec(*steps: dict[str, Any], agent: str = "scripted", **fields: Any) -> TaskSpec:
    """Return a task whose prompt is a script."""
    action = Agent(json.dumps(steps), agent=agent)
    return TaskSpec.model_validate({"name": "n", "action": action} | fields)


def run(task: TaskSpec, context: RunContext) -> Outcome:
    """Run it as a horse does."""
    return run_action(task, context, ())


def program(path: Path, *lines: str) -> Path:
    """Write an executable shell program."""
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(stat.S_IRWXU)
    return path


def test_what_an_agent_does_is_told_as_it_comes(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    call = {"model": "small", "prompt_tokens": 10, "response_tokens": 2, "cost": 0.25}
    outcome = run(
        spec(
            {"think": "Where to begin?"},
            {"progress": 0.5},
            {"edit": "notes/a.md", "text": "first\n"},
            {"run": "cat notes/a.md; exit 1"},
            {"usage": call},
            {"usage": call},
            {"say": "Half is done."},
            {"deliver": "notes/a.md"},
            {"finish": "All is done.", "verdict": {"approved": True, "results": "well"}, "result": {"n": 1}},
        ),
        context,
    )
    assert (outcome.status, outcome.exit_code, outcome.error) == (RunStatus.COMPLETED, 0, "")
    assert outcome.output is not None and outcome.output.evidence is not None
    assert outcome.output.summary == "All is done."
    assert outcome.output.verdict is not None and outcome.output.verdict.results == "well"
    assert (outcome.result, outcome.output.result) == ('{"n": 1}', {"n": 1})
    assert [one.size for one in outcome.output.evidence.artifacts] == [6]
    assert written(context, "thought") == ["Where to begin?", "Half is done."]
    assert written(context, "tool") == ["edit: notes/a.md", "6 bytes", "run: cat notes/a.md; exit 1", "first"]
    assert talk_of(context).chats == ["Half is done.", "All is done."]
    assert (0.5, "") in talk_of(context).sayings
    assert outcome.metrics == {"model_calls": 2, "prompt_tokens": 20, "response_tokens": 4, "cost": 0.5}


def test_the_claim_that_the_page_shows_is_taken_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "agents.md").read_text()
    finish = json.loads(page.rpartition("```json\n")[2].partition("```")[0])
    output = run(spec(finish), make_context(tmp_path)).output
    assert output is not None and output.verdict is not None
    assert output.verdict.model_dump() == finish["verdict"]
    assert output.result == finish["result"]
    context = make_context(tmp_path / "other")
    wrong = run(spec(finish | {"verdict": {"result": "all three answer"}}), context)
    assert wrong.status is RunStatus.FAILED
    assert "without saying that it has finished" in wrong.error
    assert any("finished.approved" in line for line in written(context, "system"))


def test_a_repository_is_worked_on_in_a_branch_and_proved(tmp_path: Path) -> None:
    origin = make_repository(tmp_path / "origin")
    context = make_context(tmp_path)
    steps = [{"edit": "fix.py", "text": "x = 1\n"}, {"commit": "Fix it"}, {"edit": "loose.md", "text": "?\n"}]
    task = spec(*steps, repository_url=str(origin), input={"check": "test -f fix.py"})
    outcome = run(task, context)
    assert outcome.status is RunStatus.COMPLETED, outcome.error
    assert outcome.output is not None
    evidence = outcome.output.evidence
    assert evidence is not None and evidence.changes is not None and evidence.check is not None
    assert (evidence.changes.commits, evidence.changes.uncommitted, evidence.changes.files) == (1, 1, 2)
    assert evidence.changes.branch == "shraga/0123456789ab" and evidence.check.holds
    assert git(context.folder, "log", "-1", "--format=%s") == "Fix it"


def test_a_question_ends_the_process_and_its_answer_goes_on_in_its_session(tmp_path: Path) -> None:
    origin = make_repository(tmp_path / "origin")
    steps: list[dict[str, Any]] = [
        {"edit": "a", "text": "before\n"},
        {"ask": "Which?", "options": ["x", "y"]},
        {"edit": "a", "text": "{answer}\n", "append": True},
        {"finish": "{answer} it was."},
    ]
    task = spec(*steps, repository_url=str(origin))
    first = make_context(tmp_path)
    suspended = run(task, first)
    assert suspended.status is RunStatus.SUSPENDED and suspended.execution is not None
    assert suspended.execution.session_id == "step-2"
    assert [one.options for one in talk_of(first).asked] == [("x", "y")]
    chat = (message("Which?", "w1", "question"), message("y", kind="response"))
    second = make_context(tmp_path, attempt=2, folder_attempt=1, session_id="step-2", messages=chat)
    outcome = run(task, second)
    assert outcome.output is not None and outcome.output.summary == "y it was."
    assert (first.folder / "a").read_text() == "before\ny\n"


def stop_once_there_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the run be asked to stop as soon as a file is there."""
    listen = Talk.listen

    def stop_or_listen(talk: Talk, files: Any, timeout: float) -> Any:
        if path.exists():
            raise StopRun
        return listen(talk, files, min(timeout, 0.05))

    monkeypatch.setattr(Talk, "listen", stop_or_listen)


def test_a_run_that_is_stopped_keeps_its_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = make_context(tmp_path)
    stop_once_there_is(context.folder / "pid", monkeypatch)
    steps: list[dict[str, Any]] = [
        {"ask": "Go?", "key": "k"},
        {"think": "It goes."},
        {"run": "echo $$ > new; mv new pid; exec sleep 60"},
    ]
    talk_of(context).answers["k"] = "yes"
    outcome = run(spec(*steps), context)
    assert outcome.status is RunStatus.CANCELED
    assert outcome.execution is not None and outcome.execution.session_id == "step-2/yes"
    assert talk_of(context).places[-1] == outcome.execution
    pid = int((context.folder / "pid").read_text())
    wait_until(lambda: not proctree.is_alive(pid), what="the end of what the agent has started")


def test_a_run_that_goes_on_repeats_no_step_and_knows_what_it_had_heard(tmp_path: Path) -> None:
    steps = [{"ask": "Go?"}, {"run": "echo again"}, {"finish": "{answer}, so it went."}]
    (tmp_path / "runs" / TASK / "1").mkdir(parents=True)
    chat = (message("It costs too much.", "w1", "question"), message("extend", kind="response"))
    context = make_context(tmp_path, attempt=2, folder_attempt=1, session_id="step-2/yes", messages=chat)
    outcome = run(spec(*steps), context)
    assert outcome.output is not None and outcome.output.summary == "yes, so it went."
    assert written(context, "tool") == []


LEAVING = """trap 'echo "$LAST"; exit 0' TERM
echo '{"type": "session", "id": "early"}'
touch ready
echo "$FIRST"
while :; do sleep 0.05; done"""
LATE: list[dict[str, Any]] = [
    {"type": "usage", "model": "m", "cost": 0.5},
    {"type": "say", "text": "I leave."},
    {"type": "ask", "text": "May I?"},
    {"type": "session", "id": "late"},
]


def leaving(path: Path, first: dict[str, Any], last: list[dict[str, Any]]) -> str:
    """Write an agent that says something, and something more when it is asked to end; returns its configuration."""
    said = "\n".join(map(json.dumps, last))
    agent = program(path, f"FIRST='{json.dumps(first)}'", f"LAST='{said}'", LEAVING)
    return f'[agents.leaving]\ncommand = ["{agent}"]\nadapter = "lines"\n'


def test_lines_whose_reading_was_broken_off_are_not_lost(tmp_path: Path) -> None:
    child = Child(["printf", "a\\nb\\nc"], str(tmp_path), dict(os.environ))
    wait_until(lambda: child.has_ended, what="its end")
    assert next(iter(child.lines())) == "a"
    assert list(child.last_lines()) == ["b", "c"]
    child.close()


def test_what_an_agent_tells_as_it_is_stopped_counts(
    tmp_path: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(leaving(tmp_path / "leaving", {"type": "thought", "text": "hm"}, LATE))
    context = make_context(tmp_path)
    stop_once_there_is(context.folder / "ready", monkeypatch)
    outcome = run(spec(agent="leaving"), context)
    assert outcome.status is RunStatus.CANCELED
    assert outcome.execution is not None and outcome.execution.session_id == "late"
    assert [call.cost for call in talk_of(context).calls] == [0.5]
    # In the chat it would stand behind the question that it is stopped for; and there is nobody to ask.
    assert (talk_of(context).chats, talk_of(context).asked) == ([], [])
    assert written(context, "thought")[-1] == "I leave."


def test_an_agent_that_has_finished_by_the_time_it_is_stopped_has_finished(
    tmp_path: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    last: list[dict[str, Any]] = [{"type": "finished", "summary": "In time."}]
    configure(leaving(tmp_path / "leaving", {"type": "thought", "text": "hm"}, last))
    context = make_context(tmp_path)
    stop_once_there_is(context.folder / "ready", monkeypatch)
    outcome = run(spec(agent="leaving"), context)
    assert outcome.status is RunStatus.COMPLETED
    assert outcome.output is not None and outcome.output.summary == "In time."


def test_an_agent_that_asks_may_tell_its_session_as_it_leaves(tmp_path: Path, configure: Configure) -> None:
    configure(leaving(tmp_path / "leaving", {"type": "ask", "text": "Which?"}, LATE))
    context = make_context(tmp_path)
    outcome = run(spec(agent="leaving"), context)
    assert outcome.status is RunStatus.SUSPENDED
    assert outcome.execution is not None and outcome.execution.session_id == "late"
    assert [one.text for one in talk_of(context).asked] == ["Which?"]


def test_a_quick_answer_goes_to_the_agent_as_it_waits(tmp_path: Path) -> None:
    context = make_context(tmp_path, answers={"k": "blue"})
    outcome = run(spec({"ask": "Colour?", "key": "k"}, {"finish": "{answer}"}), context)
    assert outcome.output is not None and outcome.output.summary == "blue"


def test_a_session_whose_folder_is_gone_begins_anew(tmp_path: Path) -> None:
    context = make_context(tmp_path, attempt=2, folder_attempt=1, session_id="step-1")
    outcome = run(spec({"think": "again"}, {"finish": "ok"}), context)
    assert outcome.status is RunStatus.COMPLETED
    assert written(context, "thought") == ["again"]
    assert "The folder is not here any more: the agent begins anew." in written(context, "system")


def test_a_persons_words_reach_a_running_agent(tmp_path: Path) -> None:
    context = make_context(tmp_path, to_be_heard=[message("use tabs"), message("no", kind="response")])
    outcome = run(spec({"wait": "Waiting for a word"}, {"finish": "{answer}"}), context)
    assert outcome.output is not None and outcome.output.summary == "use tabs"
    assert "Told the agent what alice said: use tabs" in written(context, "system")


def test_an_agent_that_cannot_hear_is_not_told(tmp_path: Path, configure: Configure) -> None:
    configure('[agents.echo]\ncommand = ["cat"]\nadapter = "text"\n')
    context = make_context(tmp_path, to_be_heard=[message("use tabs")])
    action = Agent("Say this back.", agent="echo")
    outcome = run(TaskSpec(name="Echo", action=action), context)
    assert outcome.output is not None and outcome.output.summary.startswith(
        "Say this back.\n\n# Task\n\nEcho"
    )
    assert talk_of(context).chats == [outcome.output.summary]
    assert written(context, "stdout")[0] == "Say this back."
    assert any("cannot be told what alice said" in line for line in written(context, "system"))


@pytest.mark.parametrize(
    ("step", "code", "error"),
    [
        ({"fail": "It is too hard."}, 0, "It is too hard."),
        ({"crash": 3}, 3, "The agent ended with exit code 3."),
        ({"crash": 0}, 0, "The agent ended without saying that it has finished."),
        ({"run": "kill -9 $PPID"}, 137, "The agent was ended by SIGKILL."),
    ],
)
def test_an_agent_that_fails(tmp_path: Path, step: dict[str, Any], code: int, error: str) -> None:
    outcome = run(spec({"say": "Trying."}, step), make_context(tmp_path))
    assert (outcome.status, outcome.exit_code, outcome.error) == (RunStatus.FAILED, code, error)
    assert outcome.output is not None and outcome.output.evidence is not None


def test_a_claim_with_a_bad_exit_is_not_believed(tmp_path: Path, configure: Configure) -> None:
    line = '{"type": "finished", "ok": true, "summary": "all good"}'
    liar = program(tmp_path / "liar", f"echo '{line}'", "exit 4")
    configure(f'[agents.liar]\ncommand = ["{liar}"]\nadapter = "lines"\n')
    outcome = run(spec(agent="liar"), make_context(tmp_path))
    assert (outcome.status, outcome.error) == (RunStatus.FAILED, "The agent ended with exit code 4.")


def test_a_silent_agent_is_ended_with_all_that_it_started(tmp_path: Path, configure: Configure) -> None:
    stuck = program(tmp_path / "stuck", "sleep 60 & echo $! > pid", "wait")
    configure(f'[agents.stuck]\ncommand = ["{stuck}"]\nadapter = "lines"\nidle_timeout = "1s"\n')
    context = make_context(tmp_path)
    outcome = run(spec(agent="stuck"), context)
    assert outcome.error == "The agent did nothing for 1s (agents.stuck.idle_timeout) and was ended."
    pid = int((context.folder / "pid").read_text())
    wait_until(lambda: not proctree.is_alive(pid), what="the end of what the agent has started")


def test_an_agent_that_only_tells_of_trouble_is_not_alive_for_it(
    tmp_path: Path, configure: Configure
) -> None:
    retry = json.dumps(
        {"type": "system", "subtype": "api_retry", "attempt": 1, "max_retries": 10, "error": "x"}
    )
    away = program(tmp_path / "away", f"while echo '{retry}'; do sleep 0.1; done")
    configure(f'[agents.away]\ncommand = ["{away}"]\nadapter = "claude"\nidle_timeout = "1s"\n')
    outcome = run(spec(agent="away"), make_context(tmp_path))
    assert (
        outcome.status is RunStatus.FAILED
        and "Its last notice: The model's API does not answer" in outcome.error
    )


def test_an_agent_that_leaves_others_behind_does_not_hold_the_run(
    tmp_path: Path, configure: Configure
) -> None:
    line = '{"type": "finished", "summary": "served"}'
    server = program(tmp_path / "server", "sleep 60 & echo $! > pid", f"echo '{line}'")
    configure(f'[agents.server]\ncommand = ["{server}"]\nadapter = "lines"\n')
    context = make_context(tmp_path)
    began = time.monotonic()
    outcome = run(spec(agent="server"), context)
    proctree.send([int((context.folder / "pid").read_text())], signal.SIGKILL)
    assert outcome.status is RunStatus.COMPLETED and time.monotonic() - began < 20


def test_a_prompt_larger_than_a_pipe_is_read(tmp_path: Path, configure: Configure) -> None:
    configure('[agents.count]\ncommand = ["wc", "-c"]\nadapter = "text"\n')
    task = TaskSpec(name="n", action=Agent("x" * 99_000, agent="count"), context={"more": "y" * 90_000})
    outcome = run(task, make_context(tmp_path))
    assert outcome.output is not None and int(outcome.output.summary) > 189_000


@pytest.mark.parametrize(
    ("config", "agent", "error"),
    [
        ("", "nobody", r"action.agent: this worker has no agent 'nobody'; add [agents.nobody] to "),
        (
            '[agents.gone]\ncommand = ["no-such-program"]\nadapter = "text"\n',
            "gone",
            "agents.gone.command: there is no program 'no-such-program' on this worker; install it, "
            "or give its path in the worker's configuration.",
        ),
        ('[agents.bad]\nadapter = "text"\n', "bad", "agents.bad.command in "),
        (
            '[agents.env]\ncommand = ["cat"]\nadapter = "text"\nenv = {KEY = "${env:NOT_THERE}"}\n',
            "env",
            "agents.env.env: the worker has no environment variable NOT_THERE, which the task names.",
        ),
    ],
)
def test_what_cannot_be_begun_says_how_to_mend_it(
    tmp_path: Path, configure: Configure, config: str, agent: str, error: str
) -> None:
    configure(config)
    outcome = run(spec(agent=agent), make_context(tmp_path))
    assert (outcome.status, outcome.retry) == (RunStatus.FAILED, False)
    assert outcome.error.startswith(error), outcome.error


def test_the_actions_own_settings_go_first(
    tmp_path: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTER", "secret-value")
    show = '["sh", "-c", "echo $A ${#B} {model}"]'
    configure(f'[agents.a]\ncommand = {show}\nadapter = "text"\nmodel = "m1"\nenv = {{A = "1", B = "2"}}\n')
    action = Agent("x", agent="a", model="m2", env={"B": "${env:OUTER}"})
    outcome = run(TaskSpec(name="n", action=action), make_context(tmp_path))
    assert outcome.output is not None and outcome.output.summary == "1 12 m2"


def test_what_a_flood_of_lines_says_last_is_read(tmp_path: Path, configure: Configure) -> None:
    line = '{"type": "finished", "summary": "dry"}'
    flood = program(
        tmp_path / "flood", "head -c 9000000 /dev/zero | tr '\\0' 'x' | fold -w 99", f"echo; echo '{line}'"
    )
    configure(f'[agents.flood]\ncommand = ["{flood}"]\nadapter = "lines"\n')
    context = make_context(tmp_path)
    outcome = run(spec(agent="flood"), context)
    assert outcome.output is not None and outcome.output.summary == "dry"
    assert len(written(context, "stdout")) > 90_000


def test_a_secret_is_masked_in_what_the_agent_says(
    tmp_path: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_KEY", "sk-very-secret")
    env = '{KEY = "${env:MODEL_KEY}"}'
    configure(f'[agents.leak]\ncommand = ["sh", "-c", "echo key=$KEY"]\nadapter = "text"\nenv = {env}\n')
    context = make_context(tmp_path)
    outcome = run(spec(agent="leak"), context)
    assert outcome.output is not None and outcome.output.summary == "key=••••••"
    assert talk_of(context).chats == ["key=••••••"]


def test_a_script_that_is_none_is_told(tmp_path: Path) -> None:
    nothing = run(TaskSpec(name="n", action=Agent("Do it", agent="scripted")), make_context(tmp_path))
    assert "there is no script: give a JSON list of steps" in nothing.error
    strange = run(spec({"dance": 1}), make_context(tmp_path / "other", TASK))
    assert "step 1 begins with none of think, say" in strange.error
