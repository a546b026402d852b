"""JSON Schemas of the records, with what their fields mean."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

from pydantic import BaseModel

from .base import Model


def json_schema(record: type[BaseModel], *, stored: bool = False) -> dict[str, Any]:
    """Return the JSON Schema of a record as it is given, or as it is printed where `stored`.

    The documentation of its fields becomes their description.
    """
    schema = record.model_json_schema(mode="serialization" if stored else "validation")
    shapes = {shape.__name__: shape for shape in _below(Model)}
    for name, definition in {record.__name__: schema, **schema.get("$defs", {})}.items():
        for field, said in _field_docs(shapes[name]).items() if name in shapes else ():
            if field in definition.get("properties", {}):
                definition["properties"][field].setdefault("description", said)
    return schema


def _below(shape: type[BaseModel]) -> list[type[BaseModel]]:
    return [found for child in shape.__subclasses__() for found in (child, *_below(child))]


def _field_docs(shape: type[BaseModel]) -> dict[str, str]:
    """What stands as a string right below each field, in the shape itself and in those it builds on."""
    docs: dict[str, str] = {}
    for one in reversed(shape.__mro__):
        if not issubclass(one, BaseModel) or one is BaseModel:
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(one))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, said in zip(body.body, body.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(said, ast.Expr)
                and isinstance(said.value, ast.Constant)
            ):
                docs[field.target.id] = " ".join(str(said.value.value).split())
    return docs
