"""Context documents: what is taken, and which repositories are the same."""

from __future__ import annotations

from typing import Any

import pytest

from shraga_models import MAX_FIELD_CHARACTERS, DocumentType, repository_name
from shraga_queue.documents import build_document
from shraga_queue.errors import InvalidInput


def test_what_is_not_given_has_a_default_and_tags_count_once() -> None:
    new = build_document({"title": "Style", "content": "# Style", "tags": ["a", "b", "a"]})
    assert (new.type, new.tags, new.repository_url) == (DocumentType.REFERENCE, ("a", "b"), None)


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"title": " "}, "title", "one line with at least one visible character"),
        ({"title": "a\nb"}, "title", "one line"),
        ({"title": "x" * 201}, "title", "at most 200"),
        ({"content": ""}, "content", "it is empty: write something"),
        ({"content": "x" * (MAX_FIELD_CHARACTERS + 1)}, "content", "at most 100,000 are kept"),
        ({"type": "poem"}, "type", "it is none of those known"),
        ({"tags": ["two words"]}, "tags.0", "without blanks"),
        ({"colour": 1}, "colour", "is not a field of this record"),
    ],
)
def test_what_is_wrong_is_named_with_the_fix(fields: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        build_document({"title": "t", "content": "c"} | fields)
    assert caught.value.field == field
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/Owner/Name",
        "https://github.com/owner/name.git",
        "https://me:secret@github.com/owner/name/",
        "git@github.com:owner/name.git",
        "ssh://git@github.com:22/owner/name.git",
    ],
)
def test_addresses_of_one_repository_have_one_name(url: str) -> None:
    assert repository_name(url) == "github.com/owner/name"


@pytest.mark.parametrize(
    ("url", "name"), [(None, ""), ("", ""), ("/srv/git/x.git", "/srv/git/x"), ("file:///srv/x", "/srv/x")]
)
def test_other_places_are_names_too(url: str | None, name: str) -> None:
    assert repository_name(url) == name
