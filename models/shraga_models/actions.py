"""What a task does: a union told apart by `type`, each with its runner on the worker's side."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from .base import JsonObject, JsonValue, Model, Slug

CALLABLE = r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$"


def http_address(url: str) -> str:
    """Return an address where it is one of HTTP or names a secret, unknown here; raises ValueError otherwise."""
    parts = urlsplit(url)
    web = parts.scheme in ("http", "https") and bool(parts.hostname)
    if "${env:" not in url and (not web or any(char <= " " for char in url)):
        raise ValueError(f"{url!r} is no HTTP address: write http://host/path or https://host/path")
    return url


class Shell(Model):
    """A command line for `/bin/sh -c`, run in the task's execution folder unless `cwd` is given.

    `${env:NAME}` in the command or in a value of `env` is resolved on the worker and masked in logs.
    """

    type: Literal["shell"]
    command: str = Field(min_length=1)
    cwd: str | None = None
    env: dict[str, str] = {}

    def __init__(self, command: str | None = None, /, **fields: Any) -> None:
        if command is not None:
            fields["command"] = command
        super().__init__(**{"type": "shell"} | fields)

    @field_validator("env", mode="before")
    @classmethod
    def _as_texts(cls, env: Any) -> Any:
        """Numbers and truths are what a shell gets as text anyway, and YAML reads `PORT: 8080` as a number."""
        if not isinstance(env, dict):
            return env
        said = {True: "true", False: "false"}
        return {
            name: said[value]
            if isinstance(value, bool)
            else str(value)
            if isinstance(value, int | float)
            else value
            for name, value in env.items()
        }

    @field_validator("command")
    @classmethod
    def _no_null_byte(cls, command: str) -> str:
        if "\0" in command:
            raise ValueError("a command holds no NUL character: remove it")
        return command


class Http(Model):
    """An HTTP request; it completes when the answer's status is expected, 2xx where nothing is said.

    `save_as` streams the body into a file of that name in the execution folder.
    """

    type: Literal["http"]
    url: str = Field(min_length=1)
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] = "GET"
    headers: dict[str, str] = {}
    body: str | None = None
    json_body: JsonValue = None
    expect_status: tuple[Annotated[int, Field(ge=100, le=599)], ...] = ()
    save_as: str | None = Field(default=None, pattern=r"^[^/\x00]+$")

    def __init__(self, url: str | None = None, /, **fields: Any) -> None:
        if url is not None:
            fields["url"] = url
        super().__init__(**{"type": "http"} | fields)

    @field_validator("url")
    @classmethod
    def _http_url(cls, url: str) -> str:
        return http_address(url)


class Python(Model):
    """A call of `package.module:function` with keyword arguments; its JSON value is the result.

    Only modules on the worker's allow-list are called.
    """

    type: Literal["python"]
    callable: str = Field(pattern=CALLABLE)
    args: JsonObject = {}

    def __init__(self, callable: str | None = None, /, **fields: Any) -> None:  # noqa: A002
        if callable is not None:
            fields["callable"] = callable
        super().__init__(**{"type": "python"} | fields)

    @property
    def module(self) -> str:
        """The module part of the callable."""
        return self.callable.partition(":")[0]


class Reminder(Model):
    """Words that people are reminded of when their time comes (seeds: Shraga tasks, AgentVine; kind `reminder`)."""

    type: Literal["reminder"]
    text: str = Field(min_length=1)

    def __init__(self, text: str | None = None, /, **fields: Any) -> None:
        if text is not None:
            fields["text"] = text
        super().__init__(**{"type": "reminder"} | fields)


class Agent(Model):
    """An agent of the worker's configuration, working in the execution folder, or in a worktree of the repository.

    Without a prompt it is given what the task's `input.description` asks for. `model`, `max_turns` and `env` go
    before those of the configuration; `${env:NAME}` in a value of `env` is resolved on the worker and masked in logs.
    """

    type: Literal["agent"]
    prompt: str = ""
    agent: Slug = "default"
    model: str | None = Field(default=None, min_length=1)
    max_turns: int | None = Field(default=None, ge=1)
    env: dict[str, str] = {}

    def __init__(self, prompt: str | None = None, /, **fields: Any) -> None:
        if prompt is not None:
            fields["prompt"] = prompt
        super().__init__(**{"type": "agent"} | fields)


class Prompt(Model):
    """A question to a language model at an OpenAI-compatible endpoint, which a worker's configuration names.

    Its answer streams into the log, and is the result. `${env:NAME}` in a text is resolved on the worker.
    """

    type: Literal["prompt"]
    prompt: str = Field(min_length=1)
    system: str = ""
    endpoint: Slug = "default"
    """A `[endpoints.NAME]` of the worker's configuration file."""
    model: str = ""
    """The endpoint's own default where it is empty."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None

    def __init__(self, prompt: str | None = None, /, **fields: Any) -> None:
        if prompt is not None:
            fields["prompt"] = prompt
        super().__init__(**{"type": "prompt"} | fields)


Action = Annotated[Shell | Http | Python | Reminder | Agent | Prompt, Field(discriminator="type")]
