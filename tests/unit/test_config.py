from __future__ import annotations

import os
import pickle
import re
from pathlib import Path

import pytest

from shraga_queue import config
from shraga_queue.actions.endpoints import find_endpoint
from shraga_queue.config import load_settings, read_agents
from shraga_queue.errors import Forbidden, InvalidInput, NotFound, Refused, ShragaError, Unreachable
from shraga_queue.up import environment

FILE = """
default_context = "prod"
[contexts.prod]
url = "rediss://redis.example:6380/0"
prefix = "live"
user = "alice"
python_modules = ["mypkg", "other.jobs"]
[contexts.dev]
url = "redis://localhost:6379/1"
"""


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("SHRAGA_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr("getpass.getuser", lambda: "Ann Lee")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(FILE)
    monkeypatch.setenv("SHRAGA_CONFIG", str(path))
    return path


def test_defaults_need_no_file() -> None:
    settings = load_settings()
    assert (settings.redis_url, settings.prefix, settings.context) == (None, "shraga", None)
    assert settings.user == "ann-lee"
    assert settings.python_modules == ("shraga_queue.demo",)
    assert settings.home.is_absolute() and settings.home.name == "shraga"
    assert settings.config_file.name == "config.toml"


def test_default_user_without_login_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert load_settings().user == f"uid-{os.getuid()}"


def test_default_context_of_the_file(file: Path) -> None:
    settings = load_settings()
    assert settings.context == "prod"
    assert settings.redis_url == "rediss://redis.example:6380/0"
    assert (settings.prefix, settings.user) == ("live", "alice")
    assert settings.python_modules == ("mypkg", "other.jobs")


def test_chosen_context_leaves_the_rest_to_defaults(file: Path) -> None:
    settings = load_settings(context="dev")
    assert (settings.redis_url, settings.prefix) == ("redis://localhost:6379/1", "shraga")


def test_environment_beats_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHRAGA_CONTEXT", "prod")
    monkeypatch.setenv("SHRAGA_REDIS_URL", "unix:///run/redis.sock")
    monkeypatch.setenv("SHRAGA_PYTHON_MODULES", "a.b, c")
    settings = load_settings()
    assert settings.redis_url == "unix:///run/redis.sock"
    assert settings.python_modules == ("a.b", "c")
    assert settings.user == "alice"


def test_arguments_beat_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("REDIS_URL", "USER", "PREFIX", "HOME", "CONTEXT"):
        monkeypatch.setenv(f"SHRAGA_{name}", "redis://wrong" if name == "REDIS_URL" else "wrong")
    settings = load_settings(
        url="redis://right", user="bob", prefix="p.1", home=tmp_path / "h", context="dev"
    )
    assert (settings.redis_url, settings.user, settings.prefix) == ("redis://right", "bob", "p.1")
    assert (settings.home, settings.context) == (tmp_path / "h", "dev")


def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHRAGA_REDIS_URL", "")
    assert load_settings().redis_url is None


def test_home_is_expanded_and_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/people/ann")
    assert load_settings(home="~/shraga").home == Path("/people/ann/shraga")


def test_unknown_context_lists_the_known_ones(file: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no context 'prodd'; known contexts: prod, dev\.") as caught:
        load_settings(context="prodd")
    assert caught.value.field == "context"
    assert str(file) in str(caught.value)


def test_context_without_any_file() -> None:
    with pytest.raises(InvalidInput, match="it defines no contexts"):
        load_settings(context="prod")


def test_named_file_that_does_not_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHRAGA_CONFIG", str(tmp_path / "absent.toml"))
    with pytest.raises(InvalidInput, match=r"absent\.toml does not exist; create it or unset SHRAGA_CONFIG"):
        load_settings()


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("a = 1 2\n", "config_file", r"is not valid TOML: .*line 1, column 7.*; correct that line"),
        ("colour = 1", "colour", "unknown key 'colour' at the top level; remove it or use one of contexts"),
        ("contexts = 3", "contexts", r"has to be a table; write it as \[contexts\]"),
        ("default_context = 'x'\n[contexts]\nx = 3", "contexts.x", "has to be a table"),
        ("[contexts.x]\nuri = ''", "uri", r"unknown key 'uri' at \[contexts.x\].* url, prefix, user"),
        ("[contexts.x]\nprefix = 'a b'", "prefix", r"prefix of \[contexts.x\] in .* use 1 to 64 letters"),
        ("[contexts.x]\nurl = 7", "redis_url", "start it with one of redis://, rediss://, unix://"),
        ("[contexts.x]\npython_modules = ['a b']", "python_modules", "list dotted module names"),
    ],
)
def test_mistakes_in_the_file(file: Path, text: str, field: str, message: str) -> None:
    file.write_text(text if "[contexts.x]" not in text else f"default_context = 'x'\n{text}")
    with pytest.raises(InvalidInput, match=message) as caught:
        load_settings()
    assert caught.value.field == field
    assert str(file) in str(caught.value)


def test_file_that_cannot_be_read(file: Path) -> None:
    file.unlink()
    file.mkdir()
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_settings()


def test_file_that_is_not_text(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match="is not valid TOML"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("prefix", "a:b", "use 1 to 64 letters"),
        ("prefix", "x" * 65, "use 1 to 64 letters"),
        ("prefix", "a\n", "use 1 to 64 letters"),
        ("user", "Alice", "lower-case"),
        ("user", "-x", "a letter or digit first"),
        ("user", "", "lower-case"),
        ("url", "http://:sesame@host", "start it with one of redis://"),
    ],
)
def test_bad_arguments(name: str, value: str, fix: str) -> None:
    with pytest.raises(InvalidInput, match=fix) as caught:
        load_settings(**{name: value})
    assert caught.value.field == {"url": "redis_url"}.get(name, name)
    assert "sesame" not in str(caught.value)


def test_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHRAGA_PREFIX", "a b")
    with pytest.raises(InvalidInput, match=r"The setting prefix \(SHRAGA_PREFIX\) is not valid"):
        load_settings()


def test_settings_do_not_show_the_url() -> None:
    assert "sesame" not in repr(load_settings(url="redis://:sesame@host"))


def test_a_validation_error_never_repeats_a_password() -> None:
    with pytest.raises(ValueError, match="redis_url") as caught:
        config.Settings(redis_url="http://:sesame@host")
    assert "sesame" not in str(caught.value)


def test_errors_know_their_exit_codes() -> None:
    expected: dict[type[ShragaError], int] = {
        ShragaError: 1,
        Refused: 1,
        InvalidInput: 2,
        NotFound: 3,
        Unreachable: 4,
        Forbidden: 5,
    }
    assert {kind: kind.exit_code for kind in expected} == expected


def test_invalid_input_survives_pickling() -> None:
    copy = pickle.loads(pickle.dumps(InvalidInput("name", "The name is empty; give one.")))
    assert (type(copy), copy.field, str(copy)) == (InvalidInput, "name", "The name is empty; give one.")


def test_a_context_named_as_argument_beats_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[contexts.prod]\nurl = "redis://prod:6379/0"\nuser = "alice"\n')
    monkeypatch.setenv("SHRAGA_CONFIG", str(file))
    monkeypatch.setenv("SHRAGA_REDIS_URL", "redis://elsewhere:6379/0")
    assert load_settings(context="prod").redis_url == "redis://prod:6379/0"
    assert load_settings(context="prod", url="redis://mine:6379/0").redis_url == "redis://mine:6379/0"
    monkeypatch.setenv("SHRAGA_CONTEXT", "prod")
    assert load_settings().redis_url == "redis://elsewhere:6379/0"


@pytest.mark.parametrize(("said", "seconds"), [("30d", 30 * 86_400), ("0", 0), ("1.5h", 5400)])
def test_how_long_ended_tasks_are_kept(monkeypatch: pytest.MonkeyPatch, said: str, seconds: float) -> None:
    monkeypatch.setenv("SHRAGA_KEEP_FINISHED", said)
    monkeypatch.setenv("SHRAGA_KEEP_FINISHED_COUNT", "500")
    settings = load_settings()
    assert (settings.keep_finished, settings.keep_finished_count) == (seconds, 500)


@pytest.mark.parametrize(
    ("name", "said", "fix"),
    [
        ("KEEP_FINISHED", "a while", "give a duration such as 90d"),
        ("KEEP_FINISHED", "-1", "give a duration such as 90d"),
        ("KEEP_FINISHED_COUNT", "many", "give a number of tasks"),
    ],
)
def test_a_bad_retention_is_refused_with_its_name_and_the_fix(
    monkeypatch: pytest.MonkeyPatch, name: str, said: str, fix: str
) -> None:
    monkeypatch.setenv(f"SHRAGA_{name}", said)
    with pytest.raises(InvalidInput, match=fix) as caught:
        load_settings()
    assert f"SHRAGA_{name}" in str(caught.value)


AGENTS = """
[agents.claude]
command = ["claude", "--allowedTools", "Bash"]
adapter = "claude"
model = "opus"
idle_timeout = "5m"
budget = 2.5
[agents.claude.env]
ANTHROPIC_API_KEY = "${env:ANTHROPIC_API_KEY}"
"""


def test_agents_are_read_from_the_file(file: Path) -> None:
    file.write_text(FILE + AGENTS)
    agents = read_agents(load_settings())
    claude = agents["claude"]
    assert (claude.name, claude.adapter, claude.model) == ("claude", "claude", "opus")
    assert (claude.command[0], claude.idle_timeout, claude.budget) == ("claude", 300.0, 2.5)
    assert claude.env == {"ANTHROPIC_API_KEY": "${env:ANTHROPIC_API_KEY}"}


def test_the_scripted_agent_is_always_there_and_can_be_replaced(file: Path) -> None:
    assert read_agents(load_settings())["scripted"].adapter == "lines"
    file.write_text('[agents.scripted]\ncommand = ["mine"]\nadapter = "text"\n')
    assert read_agents(load_settings())["scripted"].command == ("mine",)


def test_a_file_of_agents_alone_goes_first(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "agents.toml"
    other.write_text(AGENTS)
    monkeypatch.setenv("SHRAGA_AGENTS_FILE", str(other))
    settings = load_settings()
    assert settings.agents_source == other and "claude" in read_agents(settings)
    other.unlink()
    assert list(read_agents(settings)) == ["scripted"]


def test_a_part_has_the_agents_and_the_endpoints_of_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(f'{AGENTS}\n[endpoints.default]\nurl = "http://x/v1"\n')
    for name, value in environment(load_settings()).items():
        monkeypatch.setenv(name, value)
    assert "claude" in read_agents(load_settings())
    assert find_endpoint("default").url == "http://x/v1"
    with pytest.raises(
        InvalidInput, match=r"config\.toml has no \[endpoints\.other\]; it has default: add it"
    ):
        find_endpoint("other")


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        ('[agents.a]\nadapter = "text"', "agents.a.command", "it is missing"),
        ('[agents.a]\ncommand = []\nadapter = "text"', "agents.a.command", "it names no program"),
        (
            '[agents.a]\ncommand = ["x"]\nadapter = "json"',
            "agents.a.adapter",
            "use 'claude', 'lines' or 'text'",
        ),
        ('[agents.a]\ncommand = ["x"]\nadapter = "text"\nspeed = 1', "agents.a.speed", "is not a field"),
        ('[agents.a]\ncommand = ["x"]\nadapter = "text"\nbudget = 0', "agents.a.budget", "give more than 0"),
        ("agents = 3", "agents", "has to be a table"),
        ("[agents]\na = 3", "agents.a", "has to be a table"),
    ],
)
def test_a_wrong_agent_is_named_with_its_field(file: Path, text: str, field: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(InvalidInput, match=re.escape(said)) as wrong:
        read_agents(load_settings())
    assert wrong.value.field == field
    assert str(file) in str(wrong.value)
