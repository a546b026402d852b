from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis
from typer.main import get_command
from typer.testing import CliRunner

import shraga_models
from shraga_models import Priority
from shraga_models.schema import json_schema
from shraga_queue import errors
from shraga_tui.cli import errors as cli_errors
from shraga_tui.cli.app import VERBS, app, run
from shraga_tui.cli.setup import RECORDS

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHRAGA_HOME", str(tmp_path))
    monkeypatch.setenv("SHRAGA_REDIS_URL", "redis://127.0.0.1:1")
    monkeypatch.setenv("SHRAGA_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").write_text('[contexts.prod]\nurl = "unix:///nowhere/prod.sock"\n')


def failure(capsys: Capture, *words: str) -> tuple[int, str]:
    code = run(words)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return code, captured.err


@pytest.mark.parametrize("verb", ["ask", "note", "artifact"])
def test_the_verbs_of_a_run_have_help_and_are_refused_outside_of_one(capsys: Capture, verb: str) -> None:
    assert CliRunner().invoke(app, [verb, "--help"]).exit_code == 0
    assert failure(capsys, verb, "hello") == (
        1, "shraga: This is no run of a task: the command works inside a shell or agent task only.\n",
    )  # fmt: skip


@pytest.mark.parametrize("verb", [*(verb for verb in VERBS if verb not in ("ask", "note", "artifact")), ""])
def test_every_verb_has_help_and_the_connection_options(verb: str) -> None:
    result = CliRunner().invoke(app, [*([verb] if verb else []), "--help"])
    assert result.exit_code == 0
    assert all(option in result.stdout for option in ("--url", "--context", "--user", "--prefix"))


@pytest.mark.parametrize("verb", ["drain", "resume", "stop"])
def test_the_verbs_of_worker_have_help(verb: str) -> None:
    result = CliRunner().invoke(app, ["worker", verb, "--help"])
    assert result.exit_code == 0
    assert "--json" in result.stdout


def test_the_help_names_what_may_be_chosen(capsys: Capture) -> None:
    assert run(["submit", "-h"]) == 0
    said = capsys.readouterr().out
    assert all(priority in said for priority in Priority)


def test_the_version_is_printed(capsys: Capture) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("shraga ")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["lsit"], 2, "did you mean `shraga list`?"),
        (["zzz"], 2, "`shraga --help` lists them."),
        (["list", "--bogus"], 2, "No such option: --bogus"),
        (
            ["list", "--limit", "0"],
            2,
            "'--limit': it is too small: give at least 1. See `shraga list --help`.",
        ),
        (["list", "--limit", "many"], 2, "it is no whole number: write one such as 3. See"),
        (["show"], 2, "Missing argument"),
        (["cancel"], 2, "either by ids or by --filter"),
        (["--context"], 2, "--context"),
        (["--context", "nope", "list"], 2, "no context 'nope'"),
        (["list", "--user", "A B"], 2, "The setting user"),
        (["list", "--prefix", "a b"], 2, "The setting prefix"),
        (["list", "--url", "ftp://x"], 2, "redis_url"),
        (
            ["submit", "x"],
            2,
            "exactly one of --shell, --http, --python, --prompt, --agent, --remind and --file",
        ),
        (["submit", "x", "--shell", "ls", "--wait-timeout", "soon"], 2, "no duration"),
        (["submit", "--file", "/nowhere.yaml"], 2, "cannot be read"),
        (["submit-many", "/nowhere.jsonl"], 2, "cannot be read"),
        (["cancel", "x", "--timeout", "soon"], 2, "no duration"),
        (["worker", "--slots", "0"], 2, "--slots"),
        (["worker", "--name", "a b"], 2, "--name 'a b'"),
        (["worker", "--capability", "a b"], 2, "--capability 'a b'"),
        (["worker", "--type", "toaster"], 2, "use one of local_machine"),
        (["worker", "--type", "dev_box"], 2, "--box-url"),
        (["worker", "--box-url", "http://x"], 2, "--type dev_box"),
        (["worker", "pause", "w"], 2, "No such command"),
        (["worker", "drain", "w", "--wait-timeout", "soon"], 2, "no duration"),
        (["schema", "Nope"], 2, "no record 'Nope'"),
        (["completions", "tcsh"], 2, "no completions for 'tcsh'"),
        (["list"], 4, "Nothing listens"),
        (["--url", "redis://127.0.0.1:2", "list"], 4, "redis://127.0.0.1:2"),
        (["list", "--url", "redis://127.0.0.1:2"], 4, "redis://127.0.0.1:2"),
        (["--url", "redis://127.0.0.1:3", "list", "--url", "redis://127.0.0.1:2"], 4, "redis://127.0.0.1:2"),
        (["worker", "drain", "w", "--url", "redis://127.0.0.1:2"], 4, "redis://127.0.0.1:2"),
        (["worker", "--url", "redis://127.0.0.1:2", "drain", "w"], 4, "redis://127.0.0.1:2"),
    ],
)
def test_what_a_user_gets_wrong_is_one_sentence_and_a_code(
    capsys: Capture, words: list[str], code: int, said: str
) -> None:
    got, message = failure(capsys, *words)
    assert got == code
    assert message.startswith("shraga: ")
    assert said in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("words", [["--context", "prod", "list"], ["list", "--context", "prod"]])
def test_a_context_counts_before_and_after_the_verb(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.delenv("SHRAGA_REDIS_URL")
    code, message = failure(capsys, *words)
    assert code == 4
    assert "/nowhere/prod.sock" in message


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["list", "--json"], {"kind": "unreachable"}),
        (["list", "--json", "--bogus"], {"kind": "usage"}),
        (["submit", "a", "--shell", "b", "--http", "c", "--json"], {"kind": "usage"}),
        (["submit", "a", "--shell", "b", "--at", "x", "--json"], {"kind": "invalid_input", "field": "at"}),
    ],
)
def test_with_json_the_error_is_json_too(capsys: Capture, words: list[str], error: dict[str, Any]) -> None:
    _, message = failure(capsys, *words)
    found = json.loads(message)["error"]
    assert error.items() <= found.items()
    assert found["message"]


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (errors.Refused("no"), 1, "refused"),
        (errors.InvalidInput("f", "no"), 2, "invalid_input"),
        (errors.NotFound("no"), 3, "not_found"),
        (errors.Unreachable("no"), 4, "unreachable"),
        (errors.Forbidden("no"), 5, "forbidden"),
        (redis.exceptions.NoPermissionError("no"), 5, "forbidden"),
        (redis.exceptions.ConnectionError("Connection refused"), 4, "unreachable"),
        (ConnectionResetError("gone"), 4, "unreachable"),
        (ZeroDivisionError("no"), 1, "internal"),
    ],
)
def test_each_error_has_its_code_and_kind(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, kind: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("shraga_queue.config.load_settings", fail)
    got, message = failure(capsys, "list", "--json")
    assert got == code
    assert json.loads(message)["error"]["kind"] == kind


def test_the_unexpected_is_a_sentence_unless_debugging(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("shraga_queue.config.load_settings", fail)
    code, message = failure(capsys, "list")
    assert code == 1
    assert "ZeroDivisionError: by nothing" in message
    monkeypatch.setenv(cli_errors.DEBUG, "1")
    assert run(["list"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_control_c_is_quiet(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shraga_queue.config.load_settings", interrupt)
    code, message = failure(capsys, "list")
    assert code == 130
    assert message == ""


def test_no_verb_is_the_dashboard(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Launch:
        @staticmethod
        def run_dashboard(settings: Any) -> int:
            seen.append(settings.prefix)
            return 7

    monkeypatch.setitem(sys.modules, "shraga_tui.launch", Launch)
    assert run(["--prefix", "team"]) == 7
    assert seen == ["team"]


@pytest.mark.parametrize(
    ("words", "module", "function", "arguments"),
    [
        (["controller"], "shraga_queue.controller", "run_controller", {}),
        (
            ["up", "--workers", "3", "--slots", "4", "--capability", "gpu", "--allow-module", "my.jobs"],
            "shraga_queue.up",
            "run_up",
            {"workers": 3, "slots": 4, "capabilities": ("gpu",), "allow_modules": ("my.jobs",)},
        ),
    ],
)
def test_processes_that_stay_get_their_options(
    monkeypatch: pytest.MonkeyPatch, words: list[str], module: str, function: str, arguments: dict[str, Any]
) -> None:
    seen: list[dict[str, Any]] = []

    def stand_in(settings: Any, **given: Any) -> int:
        seen.append(given)
        return 3

    monkeypatch.setattr("shraga_queue.logs.configure_logs", lambda: None)
    monkeypatch.setattr(f"{module}.{function}", stand_in)
    assert run(words) == 3
    assert seen == [arguments]


def test_a_worker_gets_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def stand_in(settings: Any, options: Any) -> int:
        seen.append(options)
        return 0

    monkeypatch.setattr("shraga_queue.logs.configure_logs", lambda: None)
    monkeypatch.setattr("shraga_queue.pool.run_worker", stand_in)
    words = ["worker", "--slots", "2", "--capability", "gpu", "--capability", "web"]
    words += ["--name", "box", "--type", "container"]
    assert run([*words, "--recycle-after", "9", "--allow-module", "my.jobs"]) == 0
    (options,) = seen
    assert (options.name, options.slots, options.capabilities) == ("box", 2, ("gpu", "web"))
    assert (options.recycle_after, options.allow_modules, options.details.type) == (
        9,
        ("my.jobs",),
        "container",
    )


def test_the_demo_prints_its_summary(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    class Summary:
        @staticmethod
        def to_json_object() -> dict[str, int]:
            return {"submitted": 3, "lost": 0}

    monkeypatch.setattr("shraga_queue.demo_run.run_demo", lambda seconds: Summary)
    assert run(["demo", "--headless", "--seconds", "2"]) == 0
    assert json.loads(capsys.readouterr().out) == {"submitted": 3, "lost": 0}
    assert run(["demo", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"submitted": 3, "lost": 0}


def test_schemas_describe_the_records(capsys: Capture) -> None:
    assert run(["schema"]) == 0
    every = json.loads(capsys.readouterr().out)
    assert tuple(every) == RECORDS
    assert "status_code" in every["Task"]["properties"]
    assert run(["schema", "newtask"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema(shraga_models.NewTask)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_are_printed(capsys: Capture, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    assert run(["completions", shell]) == 0
    named = capsys.readouterr().out
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    assert run(["completions"]) == 0
    assert "_SHRAGA_COMPLETE" in named
    assert capsys.readouterr().out == named


def test_completion_offers_verbs_and_options() -> None:
    def complete(line: str, at: int) -> list[str]:
        asked = {"_SHRAGA_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(at)}
        code = "from shraga_tui.__main__ import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=asked
        )
        return done.stdout.split()

    assert complete("shraga sub", 1) == ["submit", "submit-many"]
    assert complete("shraga list --li", 2) == ["--limit"]


def test_neither_start_nor_end_is_slowed_by_looking_for_garbage() -> None:
    code = (
        "import atexit, gc, sys; sys.argv = ['shraga', '--version'];"
        "gc.callbacks.append(lambda phase, info: sys.stderr.write(phase));"
        "atexit.register(gc.callbacks.clear);"
        "atexit.register(lambda: sys.stderr.write(f'{gc.isenabled()} {gc.get_freeze_count() > 10_000}'));"
        "atexit.register(lambda: sys.stderr.write(f'{len(gc.get_objects()) < 1_000} '));"
        "from shraga_tui.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "True True True"


def test_only_the_named_verb_is_loaded() -> None:
    code = (
        "import sys; from shraga_tui.cli.app import run; run(['list', '--help']);"
        "sys.stderr.write(' '.join(sorted(m for m in sys.modules if m.startswith('shraga_tui'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "shraga_tui.cli.read" in done.stderr
    assert "shraga_tui.cli.submit" not in done.stderr
    assert "shraga_tui.cli.workers" not in done.stderr


def test_every_verb_is_in_its_module() -> None:
    group: Any = get_command(app)
    assert all(group.get_command(None, verb) is not None for verb in VERBS)


def test_keys_lists_the_registry_and_checks_the_changes(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"
    monkeypatch.setenv("SHRAGA_CONFIG", str(config))
    config.write_text('[keys]\ntasks.cancel = "x"\n')
    assert run(["keys", "--check", "--json"]) == 0
    found = {entry["id"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert (found["tasks.cancel"]["keys"], found["tasks.cancel"]["usual_keys"]) == (["x"], ["c"])
    assert found["tasks.cancel"]["audit"] == "cancel"
    config.write_text('[keys]\ntasks.cancel = "r"\n')
    assert run(["keys"]) == 0
    said = capsys.readouterr()
    assert "tasks.cancel\tc\t\tStop the task" in said.out
    assert "'r' is the key of tasks.cancel and of tasks.retry" in said.err
    assert run(["keys", "--check"]) == 1
    assert "1 entries of [keys] cannot be followed." in capsys.readouterr().err
