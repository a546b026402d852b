"""Where Redis is and who asks: arguments, environment, the chosen context of a TOML file, defaults."""

from __future__ import annotations

import getpass
import os
import re
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

import shraga_models as models
from shraga_models.durations import Seconds
from shraga_models.faults import plain
from shraga_queue.errors import InvalidInput

if TYPE_CHECKING:
    from shraga_models import AgentConfig


SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "sentinel")
_FILE_KEYS = ("contexts", "default_context", "theme", "keys", "agents", "endpoints")
_CONTEXT_FIELDS = {
    "url": "redis_url",
    "prefix": "prefix",
    "user": "user",
    "python_modules": "python_modules",
    "templates": "templates",
}
_FIXES = {
    "prefix": "use 1 to 64 letters, digits, '.', '_' or '-'",
    "user": "use 1 to 64 lower-case letters, digits, '.', '_' or '-', a letter or digit first",
    "redis_url": f"start it with one of {', '.join(f'{scheme}://' for scheme in SCHEMES)}",
    "python_modules": "list dotted module names, such as 'mypkg.jobs'",
    "home": "give the path of a folder",
    "templates": "give the path of a folder",
    "keep_finished": "give a duration such as 90d, or 0 to keep ended tasks for ever",
    "keep_finished_count": "give a number of tasks, or 0 for no limit",
    "config_file": "give the path of a TOML file",
    "agents_file": "give the path of a TOML file",
    "endpoints_file": "give the path of a TOML file",
}
_SCRIPTED = (sys.executable, "-m", "shraga_queue.agents.scripted")
_ENV_NAMES = {"config_file": "SHRAGA_CONFIG"}


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:64]


def _login_name() -> str:
    try:
        name = _slug(getpass.getuser())
    except (KeyError, ImportError, OSError):
        # Containers often run under a uid that has no passwd entry.
        name = ""
    return name or f"uid-{os.getuid()}"


def host_name() -> str:
    """Return the host's own name, as the name of a worker may begin."""
    return re.sub(r"[^A-Za-z0-9_.-]+|^[_.-]+", "", socket.gethostname().split(".")[0])[:40] or "host"


def variable(field: str) -> str:
    """Return the environment variable of a setting."""
    return _ENV_NAMES.get(field, f"SHRAGA_{field.upper()}")


class Settings(BaseModel):
    """What one process needs to know to reach Redis: what is given, else environment variables, else defaults.

    An empty variable counts as none.
    """

    # Not pydantic-settings: this much is read here in the same way, and loading it takes 10 ms of every start.
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)

    home: Path = Field(default_factory=lambda: platformdirs.user_data_path("shraga"))
    redis_url: str | None = Field(default=None, repr=False)
    prefix: str = Field(default="shraga", pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    user: str = Field(default_factory=_login_name, pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    context: str | None = None
    config_file: Path = Field(default_factory=lambda: platformdirs.user_config_path("shraga") / "config.toml")
    agents_file: Path | None = None
    """The TOML file with this host's agents; the configuration file where none is given."""
    endpoints_file: Path | None = None
    """The TOML file with this host's endpoints of models; the configuration file where none is given."""
    python_modules: tuple[str, ...] = ("shraga_queue.demo",)
    templates: Path | None = None
    """The folder or git repository of the templates; `templates` in the data folder where nothing is said."""

    keep_finished: Annotated[Seconds, Field(ge=0)] = 90 * 86_400.0
    """Seconds a task is kept after its end; 0 for ever."""
    keep_finished_count: Annotated[int, Field(ge=0)] = 1_000_000
    """How many ended tasks are kept, the youngest; 0 for all."""

    @model_validator(mode="before")
    @classmethod
    def _from_environment(cls, given: dict[str, Any]) -> dict[str, Any]:
        found = {name: value for name in cls.model_fields if (value := os.environ.get(variable(name)))}
        return found | given

    @field_validator("python_modules", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        )

    @field_validator("python_modules")
    @classmethod
    def _dotted(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(part.isidentifier() for name in value for part in name.split(".")):
            raise ValueError("not a dotted module name")
        return value

    @field_validator("redis_url")
    @classmethod
    def _scheme(cls, value: str | None) -> str | None:
        if value is not None and value.partition("://")[0] not in SCHEMES:
            raise ValueError("unknown scheme")
        return value

    @field_validator("home", "config_file", "agents_file", "endpoints_file", "templates")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value and value.expanduser().absolute()

    @property
    def agents_source(self) -> Path:
        """Where this host's agents are configured."""
        return self.agents_file or self.config_file

    @property
    def endpoints_source(self) -> Path:
        """Where this host's endpoints of models are configured."""
        return self.endpoints_file or self.config_file

    @property
    def template_folder(self) -> Path:
        """Where the templates are."""
        return self.templates or self.home / "templates"


def load_settings(
    *,
    url: str | None = None,
    context: str | None = None,
    user: str | None = None,
    prefix: str | None = None,
    home: Path | str | None = None,
) -> Settings:
    """Return the settings: arguments, a context named as argument, environment, the file's context, defaults.

    Raises InvalidInput for a bad value, an unknown context or key, and a file that is not valid TOML.
    """
    given = {"redis_url": url, "context": context, "user": user, "prefix": prefix, "home": home}
    explicit = {name: value for name, value in given.items() if value is not None}
    outer = _validated(explicit)
    chosen, values = _read_context(outer)
    # A context asked for by name must not be redirected by a variable somebody exported long ago.
    settled = explicit if context else outer.model_fields_set
    missing = {name: value for name, value in values.items() if name not in settled}
    source = f"[contexts.{chosen}] in {outer.config_file}"
    return _validated({"context": chosen, **missing, **explicit}, dict.fromkeys(missing, source))


def read_dashboard(settings: Settings) -> tuple[str, dict[str, Any]]:
    """Return the dashboard's theme, empty for none, and its table of keys; raises InvalidInput."""
    document = _read_file(settings)
    theme = document.get("theme", "")
    if not isinstance(theme, str):
        raise InvalidInput("theme", f"theme in {settings.config_file} has to be the name of a theme.")
    return theme, _table(settings.config_file, "keys", _flat(document.get("keys", {})))


def read_agents(settings: Settings) -> dict[str, AgentConfig]:
    """Return the agents this host can run, by name; `scripted` is always there. Raises InvalidInput."""
    path = settings.agents_source
    found = {
        "scripted": models.AgentConfig(name="scripted", command=_SCRIPTED, adapter=models.AgentAdapter.LINES)
    }
    for name, value in _read_beside(settings, path, "agents").items():
        table = _table(path, f"agents.{name}", value)
        try:
            found[name] = models.AgentConfig.model_validate(table | {"name": name})
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            field = ".".join(map(str, ("agents", name, *first["loc"])))
            said = plain(first["msg"].removeprefix("Value error, "), str(first["loc"][-1]))
            raise InvalidInput(field, f"{field} in {path}: {said.rstrip('.')}.") from None
    return found


def read_endpoint(settings: Settings, name: str) -> dict[str, Any]:
    """Return the table `[endpoints.name]` of the configuration; raises InvalidInput where there is none."""
    path = settings.endpoints_source
    named = _read_beside(settings, path, "endpoints")
    if name not in named:
        known = f"it has {', '.join(named)}" if named else "it has no endpoints"
        raise InvalidInput("endpoints", f"{path} has no [endpoints.{name}]; {known}: add it.")
    return _table(path, f"endpoints.{name}", named[name])


def read_names(settings: Settings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of this host's own agents and of its endpoints of models; raises InvalidInput."""
    agents = _read_beside(settings, settings.agents_source, "agents")
    return tuple(agents), tuple(_read_beside(settings, settings.endpoints_source, "endpoints"))


def _read_beside(settings: Settings, path: Path, table: str) -> dict[str, Any]:
    """Return a table of a file of this host, which may be another than the configuration file, or not be there."""
    given = settings.model_copy(update={"config_file": path})
    return _table(path, table, _read_file(given).get(table, {}) if path.exists() else {})


def _flat(keys: object) -> object:
    """Keys written `board.cancel = "x"` are a table in a table for TOML, quoted or not they mean the same."""
    if not isinstance(keys, dict):
        return keys
    flat: dict[str, Any] = {}
    for name, value in keys.items():
        nested = (
            {f"{name}.{one}": key for one, key in value.items()} if isinstance(value, dict) else {name: value}
        )
        flat |= nested
    return flat


def _validated(values: dict[str, Any], sources: dict[str, str] | None = None) -> Settings:
    try:
        return Settings(**values)
    except ValidationError as error:
        field = str(error.errors(include_input=False)[0]["loc"][0])
        if field in (sources or {}):
            where = f" of {(sources or {})[field]}"
        else:
            where = "" if field in values else f" ({variable(field)})"
        raise InvalidInput(field, f"The setting {field}{where} is not valid: {_FIXES[field]}.") from None


def _read_context(outer: Settings) -> tuple[str | None, dict[str, Any]]:
    document = _read_file(outer)
    contexts = _table(outer.config_file, "contexts", document.get("contexts", {}))
    chosen = outer.context or document.get("default_context")
    if chosen is None:
        return None, {}
    if not isinstance(chosen, str) or chosen not in contexts:
        known = f"known contexts: {', '.join(contexts)}" if contexts else "it defines no contexts"
        raise InvalidInput("context", f"{outer.config_file} has no context {chosen!r}; {known}.")
    table = _table(outer.config_file, f"contexts.{chosen}", contexts[chosen])
    _only_known(outer.config_file, f"[contexts.{chosen}]", table, tuple(_CONTEXT_FIELDS))
    return chosen, {_CONTEXT_FIELDS[key]: value for key, value in table.items()}


def _read_file(outer: Settings) -> dict[str, Any]:
    path = outer.config_file
    try:
        text = path.read_text(encoding="utf-8")
        # Here, since most people have no such file.
        from tomllib import loads

        document = loads(text)
    except FileNotFoundError:
        if "config_file" not in outer.model_fields_set:
            return {}
        raise InvalidInput(
            "config_file", f"{path} does not exist; create it or unset SHRAGA_CONFIG."
        ) from None
    except OSError as error:
        raise InvalidInput(
            "config_file", f"{path} cannot be read: {error.strerror}; fix its mode."
        ) from error
    except ValueError as error:
        # Covers broken TOML and text that is not UTF-8.
        raise InvalidInput("config_file", f"{path} is not valid TOML: {error}; correct that line.") from error
    _only_known(path, "the top level", document, _FILE_KEYS)
    return document


def _table(path: Path, name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(name, f"{name} in {path} has to be a table; write it as [{name}].")
    return value


def _only_known(path: Path, place: str, table: dict[str, Any], known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            raise InvalidInput(
                key,
                f"{path} has an unknown key {key!r} at {place}; remove it or use one of {', '.join(known)}.",
            )
