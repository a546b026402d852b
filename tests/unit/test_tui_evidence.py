"""Evidence as lines: what was observed, and nothing where nothing was."""

from __future__ import annotations

from shraga_models import Artifact, Changes, CheckResult, Evidence, TaskOutput, Verdict
from shraga_tui.evidence import claim_lines, evidence_lines


def test_nothing_observed_is_nothing_said() -> None:
    assert evidence_lines(None) == evidence_lines(Evidence(exit_code=0)) == []


def test_each_observation_has_its_line() -> None:
    changes = Changes(
        branch="fix", base="b" * 40, head="h" * 40, commits=2, uncommitted=1, files=3, insertions=4, deletions=1,
        changed=("a.py", "b.py"), diff_sha256="d" * 64,
    )  # fmt: skip
    lines = evidence_lines(
        Evidence(
            check=CheckResult(command="make test", exit_code=0, seconds=61),
            changes=changes,
            artifacts=(Artifact(name="a.md", address="/x/a.md", size=1234, sha256="c" * 64),),
            missing=("gone.md",),
        )
    )
    assert lines == [
        ("check", "make test · exit 0 · 1m", "done"),
        ("changes", "3 files · +4 −1 · 2 commits on fix · 1 uncommitted", "text"),
        ("changed", "a.py\nb.py\nand 1 more", "text"),
        ("diff", f"sha256 {'d' * 64}", "text"),
        ("artifacts", "a.md · 1,234 bytes · sha256 cccccccccccc", "text"),
        ("missing", "gone.md", "failed"),
    ]


def test_one_of_a_thing_is_said_in_the_singular() -> None:
    changes = Changes(branch="fix", base="b" * 40, head="h" * 40, commits=1, files=1, changed=("a.py",))
    assert evidence_lines(Evidence(changes=changes))[0][1] == "1 file · +0 −0 · 1 commit on fix"


def test_a_check_that_fails_or_hangs_is_red() -> None:
    failed = evidence_lines(Evidence(check=CheckResult(command="x", exit_code=2)))
    hung = evidence_lines(Evidence(check=CheckResult(command="x")))
    assert failed == [("check", "x · exit 2 · 0s", "failed")]
    assert hung == [("check", "x · took too long · 0s", "failed")]


def test_a_claim_is_told_apart_from_what_was_observed() -> None:
    said = TaskOutput(
        summary="All green.",
        deliverables=("a.md", "b.md"),
        verdict=Verdict(approved=False, results="slow"),
        evidence=Evidence(missing=("a.md",)),
    )
    assert claim_lines(TaskOutput()) == []
    assert claim_lines(said) == [
        ("summary", "All green.", "text"),
        ("deliverables", "a.md\nb.md", "text"),
        ("verdict", "not approved", "text"),
        ("results", "slow", "text"),
    ]
