"""`shraga submit`: one task, from options or from a file."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shraga_queue.errors import InvalidInput

from . import timing
from .errors import TaskFailed, UsageError
from .find import edges
from .options import Invocation, Json, option, verb_group, verb_with
from .output import data, print_json, say

if TYPE_CHECKING:
    from shraga_models import NewTask, Task
    from shraga_queue.client import Shraga

app = verb_group()

SOURCES = ("shell", "http", "python", "prompt", "agent", "remind", "file")
_BELONGS = {
    "method": "http",
    "header": "http",
    "body": "http",
    "expect": "http",
    "save_as": "http",
    "env": "shell agent",
    "cwd": "shell",
    "arg": "python",
    "goal": "agent",
    "model": "prompt agent",
    "system": "prompt",
    "endpoint": "prompt",
}
"""Which sources an option goes with."""
_LIMITS = ("timeout", "retries", "expires_in", "budget")
_OF_REPOSITORY = {"repository": "repository_url", "branch": "branch"}
_PLAIN = (
    "description",
    "kind",
    "priority",
    "capability",
    "permission",
    "assignee",
    "on_prerequisite_failure",
)

Text = str | None
Many = list[str] | None
Number = int | None


OPTIONS: dict[str, Any] = {
    "shell": Annotated[Text, option("--shell", "Run this command line.", "CMD")],
    "http": Annotated[Text, option("--http", "Request this address.", "URL")],
    "python": Annotated[Text, option("--python", "Call this function.", "MODULE:FUNCTION")],
    "remind": Annotated[Text, option("--remind", "Remind people of this.", "TEXT")],
    "prompt": Annotated[Text, option("--prompt", "Ask a language model this.")],
    "agent": Annotated[Text, option("--agent", "Run this agent of the worker's configuration.", "NAME")],
    "goal": Annotated[Text, option("--goal", "What the agent is to do; else the description.", "TEXT")],
    "repository": Annotated[Text, option("--repository", "The git repository an agent works on.", "URL")],
    "branch": Annotated[Text, option("--branch", "The branch for it; else one of the task's own.", "NAME")],
    "check": Annotated[Text, option("--check", "Run this afterwards; 0 says that all is well.", "CMD")],
    "permission": Annotated[
        Text, option("--permission", "autonomous, supervised (you judge the result), human_required.")
    ],
    "assignee": Annotated[Text, option("--assignee", "Who is to see to it.", "USER")],
    "file": Annotated[Text, option("--file", "Read the task from this YAML file.", "FILE")],
    "arg": Annotated[Many, option("--arg", "An argument: JSON where it parses, else text.", "K=V")],
    "method": Annotated[Text, option("--method", "The request's method.", "METHOD")],
    "header": Annotated[Many, option("--header", "A header of the request.", "'NAME: VALUE'")],
    "body": Annotated[Text, option("--body", "The request's body.")],
    "expect": Annotated[Many, option("--expect", "A status that counts as success.", "STATUS")],
    "save_as": Annotated[Text, option("--save-as", "Save the answer under this file name.", "NAME")],
    "system": Annotated[Text, option("--system", "What the model is told before.")],
    "model": Annotated[Text, option("--model", "The model; the endpoint's own otherwise.", "NAME")],
    "endpoint": Annotated[Text, option("--endpoint", "An [endpoints.NAME] of the worker.", "NAME")],
    "env": Annotated[Many, option("--env", "A variable; ${env:NAME} is read on the worker.", "K=V")],
    "cwd": Annotated[Text, option("--cwd", "The folder to run in.", "FOLDER")],
    "priority": Annotated[Text, option("--priority", "critical, high, normal or low.")],
    "capability": Annotated[Text, option("--capability", "What a worker must be able to do.", "NAME")],
    "label": Annotated[Many, option("--label", "A label; may be repeated.")],
    "document": Annotated[
        Many, option("--document", "A document its agent is given; may be repeated.", "ID")
    ],
    "document_tag": Annotated[Many, option("--document-tag", "A tag of such documents.", "TAG")],
    "kind": Annotated[Text, option("--kind", "feature, bugfix, test, docs, refactor, review ...")],
    "description": Annotated[Text, option("--description", "What is wanted, in words.")],
    "timeout": Annotated[Text, option("--timeout", "How long a run may take, as 90s or 5m.", "TIME")],
    "retries": Annotated[Number, option("--retries", "How often a failure is tried again.", "N")],
    "budget": Annotated[Text, option("--budget", "US dollars its models may cost.", "USD")],
    "expires_in": Annotated[Text, option("--expires-in", "Skip it unless it has started by then.", "TIME")],
    "after": Annotated[
        Many, option("--after", "Wait for this task's success, or its end; may be repeated.", "ID[:finished]")
    ],
    "on_prerequisite_failure": Annotated[
        Text, option("--on-prerequisite-failure", "skip (the usual) or block.", "POLICY")
    ],
    **timing.OPTIONS,
    "owner": Annotated[Text, option("--owner", "Whose task it is.", "USER")],
    "wait_timeout": Annotated[Text, option("--wait-timeout", "Wait no longer than this.", "TIME")],
}


@app.command()
@verb_with(OPTIONS)
def submit(
    call: Invocation,
    options: dict[str, Any],
    name: Annotated[Text, typer.Argument(help="What the task is called.", metavar="NAME")] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Follow it to the end, telling its output.", show_default=False)
    ] = False,
    as_json: Json = False,
) -> None:
    """Submit a task; prints its id. Say what to run with one of --shell, --http, --python, --prompt, --agent,
    --remind and --file."""
    fields = task_fields(options | ({} if name is None else {"name": name}))
    longest = _seconds(options, "wait_timeout")
    new = check(timing.timed(fields, options, datetime.now(UTC)))
    if (wait or longest is not None) and new.schedule is not None and new.schedule.is_recurring:
        raise UsageError("A task that repeats has no end to wait for; leave --wait and --wait-timeout out.")
    with call.connect() as shraga:
        timed = timing.timed(fields, options, timing.clock(shraga, options))
        new = check(timed | _prerequisites(shraga, fields, options))
        task = shraga.submit_task(new, owner=options.get("owner"))
        if wait or longest is not None:
            wait_for(shraga, task, longest, as_json)
        elif as_json:
            print_json(task.to_json_object())
        else:
            data(task.id)


def check(fields: dict[str, Any]) -> NewTask:
    """Return the checked task; raises InvalidInput naming the field."""
    from shraga_queue.submission import check_task

    return check_task(fields)


def task_fields(options: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of `NewTask` that the options say, over those of `--file`; raises UsageError."""
    source = _one_source(options)
    fields: dict[str, Any] = {}
    if source == "file":
        from shraga_queue.taskfile import read_task_file

        fields = read_task_file(options["file"])
    else:
        fields["action"] = _action(source, options)
    fields |= {name: options[name] for name in ("name", *_PLAIN) if name in options}
    if options.get("label"):
        fields["labels"] = tuple(options["label"])
    if options.get("document"):
        fields["documents"] = tuple(options["document"])
    if options.get("document_tag"):
        fields["document_tags"] = tuple(options["document_tag"])
    fields |= {field: options[name] for name, field in _OF_REPOSITORY.items() if name in options}
    if "check" in options:
        fields["input"] = (fields.get("input") or {}) | {"check": options["check"]}
    limits = {name: options[name] for name in _LIMITS if name in options}
    if limits:
        fields["limits"] = (fields.get("limits") or {}) | limits
    if "name" not in fields:
        raise UsageError('A task needs a name: shraga submit "my task" --shell "..."')
    return fields


def _one_source(options: dict[str, Any]) -> str:
    given = [source for source in SOURCES if source in options]
    if len(given) != 1:
        said = f"not {' and '.join('--' + one for one in given)} together" if given else "none was given"
        raise UsageError(
            "Say what to run with exactly one of --shell, --http, --python, --prompt, --agent, --remind and --file; "
            f"{said}."
        )
    for name, source in _BELONGS.items():
        if options.get(name) and given[0] not in source.split():
            flag, right = name.replace("_", "-"), " or --".join(source.split())
            raise UsageError(f"--{flag} goes with --{right}, not with --{given[0]}.")
    return given[0]


def _action(source: str, options: dict[str, Any]) -> dict[str, Any]:
    if source == "shell":
        env = pairs("env", options.get("env"))
        return {"type": "shell", "command": options["shell"], "cwd": options.get("cwd"), "env": env}
    if source == "python":
        args = {key: json_or_text(value) for key, value in pairs("arg", options.get("arg")).items()}
        return {"type": "python", "callable": options["python"], "args": args}
    if source == "remind":
        return {"type": "reminder", "text": options["remind"]}
    if source == "agent":
        given = {"prompt": options.get("goal", ""), "model": options.get("model")}
        return {"type": "agent", "agent": options["agent"], "env": pairs("env", options.get("env"))} | given
    if source == "prompt":
        given = {key: options[key] for key in ("prompt", "system", "model", "endpoint") if key in options}
        return {"type": "prompt"} | given
    found: dict[str, Any] = {"type": "http", "url": options["http"]}
    found |= {key: options[key] for key in ("body", "save_as") if key in options}
    if "method" in options:
        found["method"] = options["method"].upper()
    return found | {
        "headers": _headers(options.get("header")),
        "expect_status": tuple(options.get("expect") or ()),
    }


def pairs(flag: str, values: list[str] | None) -> dict[str, str]:
    """Return what `--flag KEY=VALUE` was given; raises InvalidInput."""
    found = {}
    for value in values or ():
        key, equals, rest = value.partition("=")
        if not equals or not key:
            raise InvalidInput(flag, f"--{flag} {value!r} is not of the form KEY=VALUE.")
        found[key] = rest
    return found


def _headers(values: list[str] | None) -> dict[str, str]:
    found = {}
    for value in values or ():
        name, colon, rest = value.partition(":")
        if not colon or not name.strip():
            raise InvalidInput("header", f"--header {value!r} is not of the form 'Name: value'.")
        found[name.strip()] = rest.strip()
    return found


def json_or_text(value: str) -> Any:
    """Return the JSON value a text spells, or the text itself."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _seconds(options: dict[str, Any], name: str) -> float | None:
    return timing.duration(name.replace("_", "-"), options[name]) if name in options else None


def _prerequisites(shraga: Shraga, fields: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    if not options.get("after"):
        return {}
    return {"depends_on": (*(fields.get("depends_on") or ()), *edges(shraga, options["after"]))}


def wait_for(shraga: Shraga, task: Task, longest: float | None, as_json: bool) -> None:
    """Follow a task to its end, telling its output; raises TaskFailed unless it completed."""
    from .tail import follow_task, write_entry

    if not as_json:
        say(f"submitted {task.id}")
    for entry in follow_task(shraga, task.id, longest=longest, first=1, quiet=Hint(shraga)):
        if not as_json:
            write_entry(entry)
    ended = shraga.get(task.id)
    if as_json:
        print_json(ended.to_json_object())
    elif ended.output is not None and ended.output.result is not None:
        print_json(ended.output.result)
    if ended.status != "completed":
        raise TaskFailed(_what_became(ended) if not as_json else "")


class Hint:
    """Says once why a task that is waited for does not move on, where nobody is there to move it."""

    def __init__(self, shraga: Shraga) -> None:
        self._shraga = shraga
        self._said: set[str] = set()

    def __call__(self, task: Task) -> None:
        """Look at a task about which nothing was heard for a while."""
        if task.status == "scheduled" and not self._shraga.counts().has_leader:
            self._say("no controller is running, so nothing due is started; start one: shraga controller")
        if task.status == "queued" and not any(
            one.liveness in ("idle", "busy") for one in self._shraga.workers()
        ):
            self._say("no worker is running; start one: shraga worker, or everything: shraga up")

    def _say(self, hint: str) -> None:
        if hint not in self._said:
            self._said.add(hint)
            say(hint)


def _what_became(task: Task) -> str:
    if not task.status.is_final:
        return f"The task is still {task.status}; `shraga logs -f {task.id}` follows it."
    reason = (task.error or task.cancel_reason).rstrip(".")
    return f"The task was not completed, it is {task.status}{f': {reason}' if reason else ''}."
