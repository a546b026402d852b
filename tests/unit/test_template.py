from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from shraga_models import Parameter, ParameterType, Template
from shraga_models.template import ParameterFault, fill, placeholders


def template(**parameters: Parameter) -> Template:
    return Template(name="t", parameters=parameters, task={})


@pytest.mark.parametrize(
    ("kind", "given", "read"),
    [
        ("string", "x y", "x y"),
        ("int", "7", 7),
        ("int", 7, 7),
        ("float", "1.5", 1.5),
        ("float", 2, 2.0),
        ("bool", "Yes", True),
        ("bool", False, False),
        ("bool", "0", False),
        ("date", "2030-01-31", "2030-01-31"),
        ("date", date(2030, 1, 31), "2030-01-31"),
    ],
)
def test_a_value_is_read_as_its_type(kind: ParameterType, given: Any, read: Any) -> None:
    found = Parameter(type=kind).read(given)
    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("string", 7, "in quotes"),
        ("int", "7.5", "no whole number"),
        ("int", 7.5, "no whole number"),
        ("int", True, "no whole number"),
        ("float", "x", "no number"),
        ("float", "inf", "JSON has not"),
        ("bool", "maybe", "neither true nor false"),
        ("date", "31.1.2030", "no date"),
        ("date", 3, "no date"),
    ],
)
def test_a_value_of_another_type_is_refused(kind: ParameterType, given: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Parameter(type=kind).read(given)


def test_a_choice_and_a_pattern_are_kept_to() -> None:
    size = Parameter(type=ParameterType.CHOICE, choices=("s", "m", "l"))
    assert size.read("m") == "m"
    with pytest.raises(ValueError, match="use s, m or l"):
        size.read("xl")
    with pytest.raises(ValueError, match="match a\\+"):
        Parameter(pattern="a+").read("aab")


@pytest.mark.parametrize(
    ("fields", "where", "said"),
    [
        ({"type": "choice"}, "choices", "list what may be chosen"),
        ({"choices": ["a"]}, "choices", "type: choice"),
        ({"type": "int", "pattern": "1"}, "pattern", "only the type string"),
        ({"pattern": "("}, "pattern", "no regular expression"),
        ({"type": "int", "default": "x"}, "default", "no whole number"),
        ({"default": "x", "required": True}, "required", "never required"),
    ],
)
def test_a_parameter_that_contradicts_itself_is_refused(
    fields: dict[str, Any], where: str, said: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        Parameter.model_validate(fields)
    (fault,) = caught.value.errors()
    assert fault["loc"] == (where,)
    assert said in fault["msg"]


def test_values_are_read_defaulted_and_left_out() -> None:
    found = template(
        n=Parameter(type=ParameterType.INT, default=3), who=Parameter(), note=Parameter(required=False)
    ).values({"who": "Ada"})
    assert found == {"n": 3, "who": "Ada", "note": None}


@pytest.mark.parametrize(
    ("given", "parameter", "said"),
    [
        ({}, "who", "missing: give one \\(a name\\)"),
        ({"who": "a", "whom": "b"}, "whom", "it has who"),
        ({"who": 3}, "who", "in quotes"),
    ],
)
def test_a_faulty_value_names_its_parameter(given: dict[str, Any], parameter: str, said: str) -> None:
    with pytest.raises(ParameterFault, match=said) as caught:
        template(who=Parameter(description="a name")).values(given)
    assert caught.value.parameter == parameter


def test_a_placeholder_alone_keeps_its_type_and_one_within_text_becomes_text() -> None:
    body = {"n": "${n}", "text": "n is ${n}, on is ${on}", "list": ["${on}", "${n}${n}"]}
    assert fill(body, {"n": 3, "on": True}) == {
        "n": 3,
        "text": "n is 3, on is true",
        "list": [True, "33"],
    }


def test_what_was_left_out_goes_with_its_field_and_is_empty_within_text() -> None:
    body = {"a": "${x}", "b": "[${x}]", "c": None, "d": ["${x}", 1]}
    assert fill(body, {"x": None}) == {"b": "[]", "c": None, "d": [1]}


def test_other_peoples_placeholders_are_left_alone() -> None:
    body = "${env:TOKEN} ${steps.a.output} ${HOME:-x} $HOME $$ $${x} ${x}"
    assert fill(body, {"x": 1}) == "${env:TOKEN} ${steps.a.output} ${HOME:-x} $HOME $$ ${x} 1"
    assert [name for _, name in placeholders(body)] == ["x"]


def test_a_value_is_not_filled_in_again() -> None:
    assert fill("${a}", {"a": "${b}", "b": "no"}) == "${b}"
    assert fill("-${a}", {"a": "${b}", "b": "no"}) == "-${b}"


def test_placeholders_are_found_with_their_place() -> None:
    body = {"a": [1, {"b": "${x} ${y}"}]}
    assert list(placeholders(body)) == [(("a", 1, "b"), "x"), (("a", 1, "b"), "y")]
