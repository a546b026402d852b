"""Context documents in the store: versions, indexes, and what a task's agent is given."""

from __future__ import annotations

from typing import Any

import pytest

from shraga_models import ContextDocument, Shell, TaskSpec
from shraga_queue import documents as module
from shraga_queue.calls import Call
from shraga_queue.client import Shraga
from shraga_queue.errors import InvalidInput, NotFound, Refused
from tests.factories import execute, new_task

REPO = "https://example.org/team/app.git"
SAME_REPO = "git@example.org:team/app.git"


def add(shraga: Shraga, title: str = "Style", **fields: Any) -> ContextDocument:
    return shraga.documents.add(title=title, **({"content": f"# {title}"} | fields))


def titles(found: list[ContextDocument]) -> list[str]:
    return [one.title for one in found]


def given(shraga: Shraga, **fields: Any) -> list[tuple[str, str]]:
    spec: TaskSpec = new_task(**fields)
    return shraga.documents.given_to(spec)


def test_document_is_kept_as_it_was_given(shraga: Shraga) -> None:
    added = add(shraga, type="guide", repository_url=REPO, tags=["style", "ünder"], metadata={"n": 1})
    assert shraga.documents.get(added.id) == added
    assert (added.title, added.type, added.content, added.size) == ("Style", "guide", "# Style", 7)
    assert (added.tags, added.metadata, added.version, added.created_by) == (
        ("style", "ünder"),
        {"n": 1},
        1,
        "tester",
    )
    (listed,) = shraga.documents.find()
    assert listed == added.model_copy(update={"content": ""})


def test_each_change_is_a_version_that_can_be_read(shraga: Shraga) -> None:
    added = add(shraga)
    edited = shraga.documents.edit(added.id, content="# Better", title="Better style")
    assert (edited.version, edited.content, edited.title, edited.created_at) == (
        2, "# Better", "Better style", added.created_at,
    )  # fmt: skip
    history = shraga.documents.history(added.id)
    assert [(one.version, one.title, one.by, one.size) for one in history] == [
        (2, "Better style", "tester", 8), (1, "Style", "tester", 7),
    ]  # fmt: skip
    assert shraga.documents.at(added.id, 1) == (history[1], "# Style")
    assert [(one.action, one.entity_id, one.after) for one in shraga.audit()] == [
        ("add", added.id, "1"), ("edit", added.id, "2"),
    ]  # fmt: skip
    assert [(event.type, event.content) for event in shraga.events()] == [
        ("document.changed", "version 1"), ("document.changed", "version 2"),
    ]  # fmt: skip


def test_of_two_changes_of_one_version_the_second_is_refused(shraga: Shraga) -> None:
    added = add(shraga)
    shraga.documents.edit(added.id, content="mine", version=1)
    with pytest.raises(Refused, match=r"is at version 2 by now, and the change was made to version 1"):
        shraga.documents.edit(added.id, content="yours", version=1)
    assert shraga.documents.get(added.id).content == "mine"


def test_only_so_many_versions_are_kept(shraga: Shraga) -> None:
    added = add(shraga)
    for number in range(2, 56):
        shraga.documents.edit(added.id, content=f"text {number}")
    versions = [one.version for one in shraga.documents.history(added.id)]
    assert versions == list(range(55, 5, -1))
    with pytest.raises(NotFound, match=r"There is no version 1 of the document"):
        shraga.documents.at(added.id, 1)


def test_documents_are_found_by_tags_and_repository(shraga: Shraga) -> None:
    add(shraga, "A", tags=["x", "y"], repository_url=REPO)
    add(shraga, "B", tags=["x"])
    add(shraga, "C", repository_url=SAME_REPO)
    find = shraga.documents.find
    assert titles(find()) == ["C", "B", "A"]
    assert titles(find(["x"])) == ["B", "A"]
    assert titles(find(["x", "y"])) == ["A"]
    assert titles(find(repository=SAME_REPO)) == ["C", "A"]
    assert titles(find(["x"], REPO)) == ["A"]
    assert titles(find(repository="")) == ["B"]
    assert find(["none"]) == []


def test_changed_document_is_found_where_it_belongs_now_alone(shraga: Shraga) -> None:
    added = add(shraga, tags=["old", "both"], repository_url=REPO)
    shraga.documents.edit(added.id, tags=["both", "new"], repository_url=None)
    find = shraga.documents.find
    assert [len(find([tag])) for tag in ("old", "both", "new")] == [0, 1, 1]
    assert (len(find(repository=REPO)), len(find(repository=""))) == (0, 1)


def test_removed_document_leaves_no_key(shraga: Shraga) -> None:
    added = add(shraga, tags=["x"], repository_url=REPO)
    shraga.documents.remove(added.id)
    pattern = shraga.driver.keys.make("documents").removesuffix("s") + "*"
    assert execute(shraga, "KEYS", pattern) == []
    for call in (
        shraga.documents.get,
        shraga.documents.remove,
        shraga.documents.history,
        shraga.documents.edit,
    ):
        with pytest.raises(NotFound, match="There is no document"):
            call(added.id)


def test_agent_is_given_what_is_named_then_what_is_tagged(shraga: Shraga) -> None:
    named = add(shraga, "Named", tags=["x"])
    add(shraga, "Of the repository", tags=["x"], repository_url=REPO)
    add(shraga, "Of another", tags=["x"], repository_url="https://example.org/other")
    add(shraga, "Of none", tags=["x", "y"])
    add(shraga, "Not asked for", repository_url=REPO)
    found = given(shraga, documents=(named.id,), document_tags=("x", "y"), repository_url=SAME_REPO)
    assert found == [
        ("Named", "# Named"),
        ("Of none", "# Of none"),
        ("Of the repository", "# Of the repository"),
    ]
    assert [title for title, _ in given(shraga, document_tags=("x",))] == ["Of none", "Named"]
    assert given(shraga) == []


def test_named_document_that_is_gone_is_said_to_be(shraga: Shraga) -> None:
    assert given(shraga, documents=("nothing",)) == [("nothing", module.GONE)]


def test_agent_is_given_no_more_than_fits(shraga: Shraga, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = tuple(add(shraga, f"D{number}", content="x" * 40).id for number in range(4))
    monkeypatch.setattr(module, "GIVEN_CHARACTERS", 100)
    assert [title for title, _ in given(shraga, documents=ids)] == ["D0", "D1"]
    monkeypatch.setattr(module, "GIVEN_AT_MOST", 1)
    assert [title for title, _ in given(shraga, documents=ids)] == ["D0"]


def test_document_is_found_by_its_end_and_its_title(shraga: Shraga) -> None:
    first = add(shraga, "One")
    add(shraga, "Two")
    add(shraga, "Two")

    def find(text: str) -> str:
        return shraga.driver.run(shraga.operations.find_document(text))

    assert find(first.id[-8:]) == find("One") == first.id
    assert find("nothing") == "nothing"
    with pytest.raises(InvalidInput, match="'Two' names 2 documents"):
        find("Two")


# Tasks that name documents


def test_task_that_names_an_unknown_document_is_refused_with_what_there_is(shraga: Shraga) -> None:
    with pytest.raises(
        InvalidInput, match=r"^documents: there is no document 'nope', nor any other; .*doc add"
    ):
        shraga.submit("n", Shell("true"), documents=["nope"])
    added = [add(shraga, f"D{number}") for number in range(5)]
    with pytest.raises(InvalidInput) as refused:
        shraga.submit("n", Shell("true"), documents=[added[0].id, "nope"])
    assert refused.value.field == "documents"
    shown = ", ".join(f"{one.id} ('{one.title}')" for one in reversed(added[2:]))
    assert str(refused.value).endswith(
        f"'nope'; give an id that `shraga doc list` shows: {shown}, or one of 2 more."
    )
    assert shraga.counts().total == 0
    task = shraga.submit("n", Shell("true"), documents=[one.id for one in added])
    assert shraga.get(task.id).documents == tuple(one.id for one in added)


def test_of_many_tasks_none_is_accepted_where_a_document_is_unknown(shraga: Shraga) -> None:
    tasks = [new_task(f"t{number}") for number in range(120)]
    with pytest.raises(InvalidInput, match="no document 'nope'"):
        shraga.submit_many([*tasks, new_task("last", documents=("nope",))])
    assert shraga.counts().total == 0
    known = add(shraga).id
    assert len(shraga.submit_many([*tasks, new_task("last", documents=(known,))])) == 121


def test_repeated_submit_finds_its_task_though_the_document_is_gone(shraga: Shraga) -> None:
    added = add(shraga)
    call = next(shraga.operations.submit(new_task("once", documents=(added.id,))))
    assert isinstance(call, Call)
    (first,) = shraga.driver.call(call)
    shraga.documents.remove(added.id)
    assert [one.id for one in shraga.driver.call(call)] == [first.id]
    assert shraga.counts().total == 1
