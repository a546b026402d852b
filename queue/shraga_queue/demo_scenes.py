"""The demo's work that needs people, repeats or builds on other work: agents, approvals, schedules, a workflow."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from shraga_models import (
    Agent,
    Limits,
    NewTask,
    Permission,
    Phase,
    Python,
    Shell,
    TaskInput,
    TaskKind,
    TaskStatus,
    WorkflowStep,
)

from .client import Shraga
from .config import Settings
from .errors import Refused, ShragaError
from .workspace import git

DEADLINE = 90.0
"""Seconds after which a question is answered by its default, so that a demo nobody watches goes on."""
DECIDE_EVERY = 0.3
OPEN = ",".join(status for status in TaskStatus if not status.is_final)
WAITING = ",".join((TaskStatus.WAITING_FOR_INPUT, TaskStatus.AWAITING_APPROVAL))
_UNSIGNED = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "commit.gpgsign", "GIT_CONFIG_VALUE_0": "false"}
"""Nobody is there to give a passphrase."""
_FILES = {
    "README.md": "# Shop\n\nA shop to show agents at work.\n",
    "login.py": 'FLOW = "none"\n',
    "search.py": "CACHE_SECONDS = 0\n",
}

Steps = list[dict[str, Any]]

_QUESTIONS: tuple[tuple[str, str, Steps], ...] = (
    (
        "Fix the login redirect",
        "The login redirects in a loop. Fix it.",
        [
            {"run": "cat login.py"},
            {"think": "the login redirects in a loop: two ways out of it"},
            {"sleep": 2},
            {"progress": 0.3},
            {"think": "redirect or popup? that is for a person to say"},
            {"ask": "Which of the two flows shall the login use?", "options": ["redirect", "popup"]},
            {"think": "the {answer} it is; changing login.py"},
            {"sleep": 1.5},
            {"edit": "login.py", "text": 'FLOW = "{answer}"\n'},
            {"commit": "Use the {answer} flow for the login"},
            {"progress": 0.9},
            {"deliver": "login.py"},
            {
                "finish": "The login uses the {answer} flow.",
                "verdict": {"approved": True, "testing_done": "read the change"},
            },
        ],
    ),
    (
        "Speed up the search",
        "A search takes two seconds. Make those that repeat fast.",
        [
            {"think": "most searches repeat within minutes, a cache would help"},
            {"sleep": 1.5},
            {"edit": "cache.py", "text": "ENTRIES = {}\n"},
            {"commit": "Begin a cache for the search"},
            {"progress": 0.4},
            {"think": "for how long? that is for a person to say"},
            {"ask": "How many seconds may a search be cached?", "options": ["60", "600"]},
            {"think": "{answer} seconds, then"},
            {"sleep": 1.5},
            {"edit": "search.py", "text": "CACHE_SECONDS = {answer}\n"},
            {"commit": "Cache searches for {answer} seconds"},
            {"deliver": "search.py"},
            {"finish": "Searches are cached for {answer} seconds."},
        ],
    ),
)
_REPORT: Steps = [
    {"think": "what does the shop do, and what is missing?"},
    {"sleep": 1},
    {"progress": 0.4},
    {"think": "writing down how to run it"},
    {"edit": "README.md", "text": "\n## Run it\n\npython -m shop\n", "append": True},
    {"sleep": 1},
    {"commit": "Say how to run the shop"},
    {"deliver": "README.md"},
    {"finish": "The README says how to run the shop.", "verdict": {"approved": True}},
    {"think": "it was sent back: {answer}"},
    {"edit": "README.md", "text": "\n{answer}\n", "append": True},
    {"commit": "Say what was missing"},
    {"finish": "The README says that, too.", "verdict": {"approved": True}},
]


def make_repository(home: Path) -> Path | None:
    """Make a small git repository for agents to work on, and return its folder; None where git is missing or fails."""
    if shutil.which("git") is None:
        return None
    folder = home / "shop"
    folder.mkdir()
    for name, text in _FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    who = ("-c", "user.name=Shraga demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false")
    commands = ("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "-m", "Begin")
    return folder if all(git(folder, *who, *command).returncode == 0 for command in commands) else None


@dataclass(slots=True)
class _Scene:
    """Something that is put on again once none of it has been open for some seconds."""

    begin: Callable[[Shraga], int]
    """Submits it; gives how many tasks come of it."""
    is_open: Callable[[Shraga], bool]
    rest: float
    """Seconds without it, so that who has decided something is not handed the next at once."""
    due_at: float


class Scenes:
    """Puts on what needs people, repeats or builds on other work, few of each at a time."""

    def __init__(self, repository: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._repository = repository
        self._clock = clock
        self._questions = cycle(_QUESTIONS)
        self._releases = 0
        self._scenes: list[_Scene] = []
        self._add(_begin_schedules, lambda shraga: False, rest=float("inf"), after=0)
        if repository is not None:
            self._add(self._question, _labelled("asks"), rest=10, after=0)
        self._add(self._release, _release_is_open, rest=25, after=1)
        self._add(_begin_deployment, _labelled("deploy"), rest=20, after=3)
        if repository is not None:
            self._add(self._report, _labelled("docs"), rest=25, after=5)

    def _add(
        self, begin: Callable[[Shraga], int], is_open: Callable[[Shraga], bool], *, rest: float, after: float
    ) -> None:
        self._scenes.append(_Scene(begin, is_open, rest, self._clock() + after))

    def put_on(self, shraga: Shraga) -> int:
        """Begin the scene that is due, if one is; returns how many tasks come of it."""
        now = self._clock()
        for scene in self._scenes:
            if scene.is_open(shraga):
                scene.due_at = now + scene.rest
            elif now >= scene.due_at:
                scene.due_at = now + scene.rest
                return scene.begin(shraga)
        return 0

    def _question(self, shraga: Shraga) -> int:
        name, goal, steps = next(self._questions)
        timed = [self._with_deadline(step) if "ask" in step else step for step in steps]
        shraga.submit_task(self._agent(name, goal, timed, kind=TaskKind.BUGFIX, labels=("asks",)))
        return 1

    @staticmethod
    def _with_deadline(step: dict[str, Any]) -> dict[str, Any]:
        return step | {"default": step["options"][0], "deadline": DEADLINE}

    def _report(self, shraga: Shraga) -> int:
        goal = "Somebody new does not know how to run the shop. Write it down."
        task = self._agent("Tidy the README", goal, _REPORT, kind=TaskKind.DOCS, labels=("docs",))
        wanted = TaskInput(
            success_criteria="It says how to run the shop.", check='grep -q "Run it" README.md'
        )
        shraga.submit_task(task.model_copy(update={"permission": Permission.SUPERVISED, "input": wanted}))
        return 1

    def _agent(
        self, name: str, goal: str, steps: Steps, *, kind: TaskKind, labels: tuple[str, ...]
    ) -> NewTask:
        return NewTask(
            name=name,
            action=Agent(goal, agent="scripted", env=_UNSIGNED),
            # Where the agent is told its script, so that the goal can be read by people.
            context={"script": steps},
            kind=kind,
            labels=labels,
            priority="high",
            repository_url=str(self._repository),
        )

    def _release(self, shraga: Shraga) -> int:
        self._releases += 1
        steps = _release_steps()
        shraga.submit_workflow(f"Release 2.{self._releases}", steps=steps, description="Build, prove, ship.")
        return len(steps)


def _labelled(label: str) -> Callable[[Shraga], bool]:
    return lambda shraga: bool(shraga.find_ids(f"label:{label} status:{OPEN}", limit=1))


def _release_is_open(shraga: Shraga) -> bool:
    return bool(shraga.workflows((phase for phase in Phase if not phase.is_final), limit=1))


def _release_steps() -> list[WorkflowStep]:
    """Return five steps: after the build two that run side by side, and two that wait for both."""
    build = 'for i in 1 2 3; do echo "unit $i"; sleep 0.3; done; echo build-$$ > "$SHRAGA_RESULT"'
    given = {"BUILD": "${steps.build.output}"}
    return [
        WorkflowStep(name="build", action=Shell(build)),
        WorkflowStep(
            name="prove",
            action=Python("shraga_queue.demo:review", args={"files": 4, "pause": 0.4}),
            after=("build",),
        ),
        WorkflowStep(
            name="notes", action=Shell('sleep 1; echo "notes on $BUILD"', env=given), after=("build",)
        ),
        WorkflowStep(
            name="package",
            action=Shell('sleep 1; echo "packed $BUILD"', env=given),
            after=("prove", "notes"),
        ),
        WorkflowStep(name="announce", action=Shell('echo "$BUILD is out"', env=given), after=("package",)),
    ]


def _begin_schedules(shraga: Shraga) -> int:
    watch = 'echo "orders waiting: $(($$ % 40))"; sleep 0.5'
    shraga.submit("Watch the orders", Shell(watch), schedule={"interval": 10}, labels=["timetable"])
    shraga.submit(
        "Rotate the logs",
        Shell('echo "rotating"; sleep 1; echo "3 files rotated"'),
        schedule={"cron": "*/2 * * * *"},
        labels=["timetable"],
    )
    return 2


def _begin_deployment(shraga: Shraga) -> int:
    steps = 'for host in web-1 web-2; do echo "deploying to $host"; sleep 1; done; echo "deployed"'
    shraga.submit(
        "Deploy to production",
        Shell(steps),
        permission=Permission.HUMAN_REQUIRED,
        labels=["deploy"],
        priority="high",
        limits=Limits(timeout=60),
    )
    return 1


def decide(settings: Settings, over: threading.Event, done: Counter[str]) -> None:
    """Answer, approve and accept what waits on a person, until told to stop; counts what the store has taken."""
    with Shraga.connect(settings=settings) as shraga:
        while not over.wait(DECIDE_EVERY):
            for task_id in shraga.find_ids(f"status:{WAITING}"):
                try:
                    done[_decide_one(shraga, task_id)] += 1
                except ShragaError:
                    # It no longer waits, or the server is away for a moment: the next look tells.
                    continue


def _decide_one(shraga: Shraga, task_id: str) -> str:
    task = shraga.get(task_id)
    if task.question is not None:
        shraga.answer(task_id, task.question.options[-1])
        return "answered"
    if task.awaits_verdict:
        shraga.review(task_id, "accept", "as the check says", attempt=task.attempt)
        return "accepted"
    shraga.approve(task_id, "go ahead")
    return "approved"


def end_schedules(shraga: Shraga) -> int:
    """Cancel what repeats, so that a demo can end; returns how often it was run."""
    repeating = shraga.find_ids(f"label:timetable status:{OPEN}")
    for task_id in repeating:
        # One that will not stop is found unfinished.
        with suppress(Refused):
            shraga.cancel(task_id, "the demo is over", timeout=20)
    return sum(run.claimed_at is not None for task_id in repeating for run in shraga.runs(task_id))
