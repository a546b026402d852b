"""What a pickle says, without loading it: plain values are read, whatever would import or call is left opaque.

Other programs' RQ jobs are pickles. `pickle.loads` runs what they name; this only walks over the opcodes, as
`pickletools` lists them, and keeps texts, numbers, lists, tuples and dictionaries.
"""

from __future__ import annotations

import pickletools
from math import isfinite
from typing import Any, Final

MOST_OPCODES = 20_000
MOST_CHARACTERS = 1_000_000
DEEPEST = 32


class Opaque:
    """A value that only loading the pickle would give."""

    def __repr__(self) -> str:
        return "<unread>"


OPAQUE: Final = Opaque()
_MARK: Final = object()
_PLAIN = (str, int, float, bool, type(None))
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = (
    pickletools.pyint,
    pickletools.pybool,
    pickletools.pyinteger_or_bool,
    pickletools.pyfloat,
    pickletools.pyunicode,
    pickletools.pybytes_or_str,
)
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def read_pickle(data: bytes) -> Any:
    """Return the value of a pickle with `OPAQUE` for all that is not plain; raises ValueError for no pickle."""
    try:
        return _Reader().read(data)
    except (IndexError, KeyError, TypeError, OverflowError, StopIteration) as error:
        raise ValueError("it is no pickle that can be followed") from error


def as_json(value: Any, depth: int = 0) -> Any:
    """Return a value as JSON has it, tuples as lists; raises ValueError where a part is opaque or too deep."""
    if depth > DEEPEST:
        raise ValueError("it is nested too deep")
    if isinstance(value, list | tuple):
        return [as_json(one, depth + 1) for one in value]
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return {name: as_json(one, depth + 1) for name, one in value.items()}
    if not isinstance(value, _PLAIN) or (isinstance(value, float) and not isfinite(value)):
        raise ValueError("a part of it is no plain value")
    return value


class _Reader:
    """A stack and a memo, as the pickle's own machine has them, and nothing that could act."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.characters = 0

    def read(self, data: bytes) -> Any:
        for number, (opcode, arg, _) in enumerate(pickletools.genops(data)):
            if number > MOST_OPCODES or self.characters > MOST_CHARACTERS:
                raise ValueError("it is too large to be followed")
            if opcode.name == "STOP":
                return self.stack.pop()
            self._follow(opcode, arg)
        raise ValueError("it has no end")

    def _follow(self, opcode: pickletools.OpcodeInfo, arg: Any) -> None:
        name = opcode.name
        if name == "MARK":
            self.stack.append(_MARK)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[len(self.memo) if arg is None else int(arg)] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            # A container met twice could be met a billion times by doubling; a text is counted.
            known = self.memo[int(arg)]
            self._push(known if isinstance(known, _PLAIN) else OPAQUE)
        elif opcode.arg is not None and _is_literal(opcode):
            self._push(arg)
        elif not self._build(name):
            self._pass_over(opcode)

    def _push(self, value: Any) -> None:
        if isinstance(value, str):
            self.characters += len(value)
        self.stack.append(value)

    def _to_mark(self) -> list[Any]:
        at = len(self.stack) - 1 - next(i for i, one in enumerate(reversed(self.stack)) if one is _MARK)
        found = self.stack[at + 1 :]
        del self.stack[at:]
        return found

    def _build(self, name: str) -> bool:
        """Make or fill a container; False where the opcode is about something else."""
        if name in ("EMPTY_TUPLE", "EMPTY_LIST", "EMPTY_DICT"):
            self.stack.append({"EMPTY_TUPLE": (), "EMPTY_LIST": [], "EMPTY_DICT": {}}[name])
        elif name in _TUPLES:
            count = _TUPLES[name]
            self.stack[-count:] = [tuple(self.stack[-count:])]
        elif name == "TUPLE":
            self.stack.append(tuple(self._to_mark()))
        elif name == "LIST":
            self.stack.append(self._to_mark())
        elif name == "DICT":
            self.stack.append(self._filled({}, self._to_mark()))
        elif name in ("APPEND", "APPENDS"):
            items = [self.stack.pop()] if name == "APPEND" else self._to_mark()
            if isinstance(self.stack[-1], list):
                self.stack[-1].extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = self.stack[-2:] if name == "SETITEM" else self._to_mark()
            if name == "SETITEM":
                del self.stack[-2:]
            self.stack[-1] = self._filled(self.stack[-1], items)
        else:
            return False
        return True

    def _filled(self, target: Any, items: list[Any]) -> Any:
        if not isinstance(target, dict) or not all(isinstance(name, _PLAIN) for name in items[::2]):
            return OPAQUE
        target.update(zip(items[::2], items[1::2], strict=True))
        return target

    def _pass_over(self, opcode: pickletools.OpcodeInfo) -> None:
        """Take from the stack what the opcode takes, and put opaque values where it puts any."""
        before = list(opcode.stack_before)
        if pickletools.markobject in before:
            self._to_mark()
            before = before[: before.index(pickletools.markobject)]
        for _ in before:
            self.stack.pop()
        self.stack.extend(OPAQUE for _ in opcode.stack_after)


def _is_literal(opcode: pickletools.OpcodeInfo) -> bool:
    """Whether the opcode's argument is the value it stands for; the name of a class, for one, is not."""
    return not opcode.stack_before and len(opcode.stack_after) == 1 and opcode.stack_after[0] in _LITERALS
