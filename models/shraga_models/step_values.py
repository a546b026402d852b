"""What a step takes over: `${workflow.branch}` of its workflow, `${steps.build.output}` of a step before it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_VALUE = re.compile(r"\$\{((steps|workflow)\.[A-Za-z0-9_.-]+)\}")


def fill_values(body: Any, known: Mapping[str, Any]) -> Any:
    """Return `body` with what its texts take over put in; a text that is only one value becomes it in its type.

    `known` has `workflow`, its fields, and `steps`, by name what each gave; what it has not at all is left as it is.
    Raises LookupError naming what is missing.
    """
    if isinstance(body, str):
        alone = _VALUE.fullmatch(body)
        if alone and alone[2] in known:
            return _find(alone[1], known)
        return _VALUE.sub(
            lambda found: _as_text(_find(found[1], known)) if found[2] in known else found[0], body
        )
    if isinstance(body, dict):
        return {key: fill_values(below, known) for key, below in body.items()}
    if isinstance(body, list):
        return [fill_values(below, known) for below in body]
    return body


def _find(path: str, known: Mapping[str, Any]) -> Any:
    source, *parts = path.split(".")
    here: Any = known[source]
    if source == "steps":
        name, *parts = parts
        if name not in here:
            raise LookupError(f"${{{path}}}: no step {name!r} has completed before this one")
        here = here[name]
        if parts[:1] != ["output"]:
            raise LookupError(f"${{{path}}}: write ${{steps.{name}.output}}")
        parts = parts[1:]
    for part in parts:
        try:
            here = here[int(part)] if isinstance(here, list) else here[part]
        except (KeyError, IndexError, TypeError, ValueError):
            raise LookupError(f"${{{path}}}: there is no {part!r} in it") from None
    return here


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
