"""Check the rules of the house that no linter knows: sizes, key spelling, Lua headers, sleeping tests."""

from __future__ import annotations

import ast
import re
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = ("models/shraga_models", "queue/shraga_queue", "shraga_tui")
MAX_FUNCTION = 40
MAX_MODULE = 400
MAX_APP = 300
MAX_MEDIAN = 12
LUA_HEADER = ("KEYS", "ARGV", "Reply", "Invariants")


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def check_sizes() -> Iterator[str]:
    lengths: list[int] = []
    for path in python_files(*SOURCES):
        text = path.read_text()
        limit = MAX_APP if path.name == "app.py" else MAX_MODULE
        lines = len(text.splitlines())
        if lines > limit:
            yield f"{path.relative_to(ROOT)}: {lines} lines, at most {limit}"
        for node in functions(ast.parse(text)):
            lengths.append(length(node))
            if length(node) > MAX_FUNCTION:
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has {length(node)} lines"
    if lengths and statistics.median(lengths) >= MAX_MEDIAN:
        yield f"the median function has {statistics.median(lengths)} lines, under {MAX_MEDIAN} wanted"


def check_keys() -> Iterator[str]:
    """Redis keys are spelled in keys.py only."""
    spelled = re.compile(r"""["']f?(?:rq:|shraga:)[a-z]""")
    for path in python_files(*SOURCES):
        if path.name == "keys.py":
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if spelled.search(line):
                yield f"{path.relative_to(ROOT)}:{number}: a Redis key is spelled outside keys.py"


def check_lua() -> Iterator[str]:
    for path in sorted((ROOT / "queue").rglob("*.lua")):
        header = "\n".join(line for line in path.read_text().splitlines()[:40] if line.startswith("--"))
        for word in LUA_HEADER:
            if word not in header:
                yield f"{path.relative_to(ROOT)}: the header does not state {word}"


def check_tests() -> Iterator[str]:
    waits = re.compile(r"\btime\.sleep\(|\basyncio\.sleep\((?!0\))")
    proves = re.compile(
        r"\bassert\b|raises\(|warns\(|snap_compare|expect_\w+\(|verify_\w+\(|run_state_machine"
    )
    for path in python_files("tests"):
        for node in functions(ast.parse(path.read_text())):
            if not node.name.startswith("test"):
                continue
            source = ast.unparse(node)
            if waits.search(source):
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} sleeps; wait for a condition"
            if not proves.search(source):
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} asserts nothing"


def check_packages() -> Iterator[str]:
    for name in ("queue", "models"):
        if (ROOT / name / "__init__.py").exists():
            yield f"{name}/__init__.py exists: it would shadow a standard library module"


def main() -> int:
    found = [*check_sizes(), *check_keys(), *check_lua(), *check_tests(), *check_packages()]
    for line in found:
        print(line)
    print(f"house: {len(found)} broken rule(s)" if found else "house: in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
