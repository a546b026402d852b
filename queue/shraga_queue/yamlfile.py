"""YAML that people wrote: its value, and the line on which each part of it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import InvalidInput

if TYPE_CHECKING:
    from yaml.nodes import Node


@dataclass(frozen=True)
class Document:
    """One YAML (or JSON) file, read."""

    value: Any
    node: Node | None

    def line(self, path: Iterable[str | int]) -> int:
        """Return the line, from 1, of the deepest part that `path` leads to; what is not there is passed over."""
        if self.node is None:
            return 1
        node, line = self.node, self.node.start_mark.line
        for step in path:
            for key, mark, below in _children(node):
                if key == str(step):
                    node, line = below, mark
        return line + 1


def _children(node: Node) -> Iterator[tuple[str, int, Node]]:
    from yaml.nodes import MappingNode, SequenceNode

    if isinstance(node, MappingNode):
        for key, below in node.value:
            yield str(key.value), key.start_mark.line, below
    elif isinstance(node, SequenceNode):
        for number, below in enumerate(node.value):
            yield str(number), below.start_mark.line, below


def read_yaml(path: str | Path) -> Document:
    """Return what a YAML (or JSON) file holds; raises InvalidInput naming the file, and the line of a fault."""
    import yaml

    try:
        text = Path(path).read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = None if node is None else yaml.constructor.SafeConstructor().construct_document(node)
        return Document(value, node)
    except OSError as error:
        raise InvalidInput("file", f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InvalidInput("file", f"{path} is not UTF-8 text.") from None
    except yaml.YAMLError as error:
        raise InvalidInput("file", f"{path} is not valid YAML: {_place(error)}.") from None


def _place(error: Exception) -> str:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or "unreadable"
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})" if mark else str(problem)
