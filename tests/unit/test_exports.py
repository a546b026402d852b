"""What the packages offer: exactly this, in order, and all of it there."""

from __future__ import annotations

import ast
import inspect
from types import ModuleType

import pytest

import shraga_models
import shraga_queue

MODELS = """
ANY_CAPABILITY MAX_FIELD_CHARACTERS MOVES PHASE_MOVES Action Actor Agent AgentAdapter AgentConfig Answer Artifact
Attachment AuditEntry Brake Budget Capability CapabilityLevel Changes CheckResult CloudVM Container ContextDocument
CurrentTask DeadLetter Decision DeliveryStatus Dependency DependencyKind DevBox DocumentType DocumentVersion Event
EventType Evidence ExecutionDetails ForeignJob ForeignQueue ForeignWorker Http Limits Liveness LocalMachine LogEntry
LogLevel Message MessageType Missed ModelCall Moment Move NewDocument NewMessage NewQuestion NewTask NewWebhook
NewWorkflow OnFailure Overlap Parameter ParameterType Permission Phase PhaseMove Priority Prompt ProvisioningStatus
Python Question QuestionKind Record Reminder Review Role Run RunStatus Schedule SchedulerEntry SenderType Shell
SpendLine StoredModelCall Task TaskFilter TaskInput TaskKind TaskOutput TaskSpec TaskStatus Template TemplateRef User
UserStatus Verdict Webhook WebhookForm Worker WorkerDetails WorkerMode WorkerStatus Workflow WorkflowStep can
legal_moves new_id parse_filter repository_name run_id
"""
QUEUE = """
Agent AsyncShraga Dependency Forbidden Http InvalidInput Limits NewTask NotFound Prompt Python Refused Schedule Shell
Shraga ShragaError Task Unreachable artifact ask current_run log progress thought
"""
PACKAGES = [(shraga_models, MODELS), (shraga_queue, QUEUE)]


def place(name: str) -> tuple[int, str]:
    """Return the place of a name: constants, then classes, then functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize(("package", "names"), PACKAGES)
def test_package_exports_exactly_this(package: ModuleType, names: str) -> None:
    assert package.__all__ == names.split()


@pytest.mark.parametrize(("package", "names"), PACKAGES)
def test_exports_are_sorted_and_there(package: ModuleType, names: str) -> None:
    assert package.__all__ == sorted(set(package.__all__), key=place)
    assert all(getattr(package, name) is not None for name in names.split())


def hints(package: ModuleType) -> dict[str, str]:
    """Return the names that a package imports for a type checker alone, and the modules they are in."""
    (block,) = (node for node in ast.parse(inspect.getsource(package)).body if isinstance(node, ast.If))
    return {
        alias.name: "." * one.level + str(one.module)
        for one in block.body
        if isinstance(one, ast.ImportFrom)
        for alias in one.names
    }


@pytest.mark.parametrize("package", [shraga_models, shraga_queue])
def test_names_are_loaded_from_where_a_type_checker_sees_them(package: ModuleType) -> None:
    assert hints(package) == package._HOMES


def test_what_is_not_offered_is_an_attribute_error() -> None:
    for package, _ in PACKAGES:
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            _ = package.nothing
