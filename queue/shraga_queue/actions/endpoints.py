"""The endpoints of language models that a worker's configuration names: where they are, their key, what they cost."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator

from shraga_models.base import Model
from shraga_models.durations import Seconds
from shraga_models.faults import plain

from ..config import load_settings, read_endpoint
from ..errors import InvalidInput
from .secrets import run_secrets

MILLION = 1_000_000


class Endpoint(Model):
    """A `[endpoints.NAME]` of the configuration file: a server that speaks OpenAI's chat completions."""

    url: str
    """What `/chat/completions` follows, as http://localhost:11434/v1."""
    key: str = ""
    """Best `${env:NAME}`, so that it stands in no file."""
    header: Literal["authorization", "api-key"] = "authorization"
    """How the key is sent: as a bearer token, or as Azure wants it."""
    api_version: str = ""
    """Azure's."""
    model: str = ""
    """Used where the task names none."""
    prompt_price: Annotated[float, Field(ge=0)] = 0.0
    """US dollars for a million tokens."""
    response_price: Annotated[float, Field(ge=0)] = 0.0
    """US dollars for a million tokens."""
    connect_timeout: Annotated[Seconds, Field(gt=0, le=600)] = 10.0
    idle_timeout: Annotated[Seconds, Field(gt=0, le=3600)] = 120.0
    """Seconds without a word after which a try is given up: a local server may have to load the model first."""
    tries: Annotated[int, Field(ge=1, le=20)] = 4

    @field_validator("url")
    @classmethod
    def _http_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no HTTP address: write http://host:port/v1 or https://host/v1")
        return url.rstrip("/")

    @property
    def address(self) -> str:
        """The address a prompt is sent to."""
        version = f"?api-version={self.api_version}" if self.api_version else ""
        return f"{self.url}/chat/completions{version}"

    @property
    def headers(self) -> dict[str, str]:
        """What is sent with a prompt; raises LookupError where the key names a variable the worker has not."""
        key = run_secrets.resolve(self.key)
        if not key:
            return {}
        run_secrets.keep(key)
        return {"api-key": key} if self.header == "api-key" else {"Authorization": f"Bearer {key}"}

    def cost(self, prompt_tokens: int, response_tokens: int) -> float:
        """Return what tokens cost, in US dollars."""
        return (prompt_tokens * self.prompt_price + response_tokens * self.response_price) / MILLION


def find_endpoint(name: str) -> Endpoint:
    """Return an endpoint by name, as the configuration file has it now; raises InvalidInput."""
    settings = load_settings()
    try:
        return Endpoint.model_validate(read_endpoint(settings, name))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, fault["loc"]))
        said = plain(fault["msg"].removeprefix("Value error, "), field)
        where = f"{field} of [endpoints.{name}] in {settings.endpoints_source}"
        raise InvalidInput(field, f"{where}: {said}.") from None
