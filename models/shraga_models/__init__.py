"""What Shraga's records are and which moves are legal; pure, without any I/O.

A module is loaded when one of its names is first asked for: most commands need few of them, and all of them are a
fifth of a start.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .actions import Action, Agent, Http, Prompt, Python, Reminder, Shell
    from .agent import AgentAdapter, AgentConfig
    from .base import ANY_CAPABILITY, MAX_FIELD_CHARACTERS, Moment, Record, new_id
    from .dependency import Dependency, DependencyKind, OnFailure
    from .document import ContextDocument, DocumentType, DocumentVersion, NewDocument, repository_name
    from .event import AuditEntry, Event, LogEntry, LogLevel
    from .evidence import Artifact, Changes, CheckResult, Evidence
    from .filters import TaskFilter, parse_filter
    from .foreign import ForeignJob, ForeignQueue, ForeignWorker, SchedulerEntry
    from .lifecycle import MOVES, Actor, Move, can, legal_moves
    from .limits import Limits
    from .message import Attachment, Message, MessageType, NewMessage, SenderType
    from .model_call import ModelCall, StoredModelCall
    from .question import Answer, NewQuestion, Question, QuestionKind
    from .review import Decision, Review
    from .run import Run, run_id
    from .schedule import Missed, Overlap, Schedule
    from .spend import Brake, Budget, SpendLine
    from .status import (
        DeliveryStatus,
        EventType,
        Liveness,
        Permission,
        Phase,
        Priority,
        ProvisioningStatus,
        RunStatus,
        TaskKind,
        TaskStatus,
        WorkerMode,
        WorkerStatus,
    )
    from .task import (
        ExecutionDetails,
        NewTask,
        Task,
        TaskInput,
        TaskOutput,
        TaskSpec,
        Verdict,
    )
    from .template import Parameter, ParameterType, Template, TemplateRef
    from .user import Role, User, UserStatus
    from .webhook import DeadLetter, NewWebhook, Webhook, WebhookForm
    from .worker import (
        Capability,
        CapabilityLevel,
        CloudVM,
        Container,
        CurrentTask,
        DevBox,
        LocalMachine,
        Worker,
        WorkerDetails,
    )
    from .workflow import PHASE_MOVES, NewWorkflow, PhaseMove, Workflow, WorkflowStep

__all__ = [
    "ANY_CAPABILITY",
    "MAX_FIELD_CHARACTERS",
    "MOVES",
    "PHASE_MOVES",
    "Action",
    "Actor",
    "Agent",
    "AgentAdapter",
    "AgentConfig",
    "Answer",
    "Artifact",
    "Attachment",
    "AuditEntry",
    "Brake",
    "Budget",
    "Capability",
    "CapabilityLevel",
    "Changes",
    "CheckResult",
    "CloudVM",
    "Container",
    "ContextDocument",
    "CurrentTask",
    "DeadLetter",
    "Decision",
    "DeliveryStatus",
    "Dependency",
    "DependencyKind",
    "DevBox",
    "DocumentType",
    "DocumentVersion",
    "Event",
    "EventType",
    "Evidence",
    "ExecutionDetails",
    "ForeignJob",
    "ForeignQueue",
    "ForeignWorker",
    "Http",
    "Limits",
    "Liveness",
    "LocalMachine",
    "LogEntry",
    "LogLevel",
    "Message",
    "MessageType",
    "Missed",
    "ModelCall",
    "Moment",
    "Move",
    "NewDocument",
    "NewMessage",
    "NewQuestion",
    "NewTask",
    "NewWebhook",
    "NewWorkflow",
    "OnFailure",
    "Overlap",
    "Parameter",
    "ParameterType",
    "Permission",
    "Phase",
    "PhaseMove",
    "Priority",
    "Prompt",
    "ProvisioningStatus",
    "Python",
    "Question",
    "QuestionKind",
    "Record",
    "Reminder",
    "Review",
    "Role",
    "Run",
    "RunStatus",
    "Schedule",
    "SchedulerEntry",
    "SenderType",
    "Shell",
    "SpendLine",
    "StoredModelCall",
    "Task",
    "TaskFilter",
    "TaskInput",
    "TaskKind",
    "TaskOutput",
    "TaskSpec",
    "TaskStatus",
    "Template",
    "TemplateRef",
    "User",
    "UserStatus",
    "Verdict",
    "Webhook",
    "WebhookForm",
    "Worker",
    "WorkerDetails",
    "WorkerMode",
    "WorkerStatus",
    "Workflow",
    "WorkflowStep",
    "can",
    "legal_moves",
    "new_id",
    "parse_filter",
    "repository_name",
    "run_id",
]

_NAMES = {
    "actions": "Action Agent Http Prompt Python Reminder Shell",
    "agent": "AgentAdapter AgentConfig",
    "base": "ANY_CAPABILITY MAX_FIELD_CHARACTERS Moment Record new_id",
    "dependency": "Dependency DependencyKind OnFailure",
    "document": "ContextDocument DocumentType DocumentVersion NewDocument repository_name",
    "event": "AuditEntry Event LogEntry LogLevel",
    "evidence": "Artifact Changes CheckResult Evidence",
    "filters": "TaskFilter parse_filter",
    "foreign": "ForeignJob ForeignQueue ForeignWorker SchedulerEntry",
    "lifecycle": "MOVES Actor Move can legal_moves",
    "limits": "Limits",
    "message": "Attachment Message MessageType NewMessage SenderType",
    "model_call": "ModelCall StoredModelCall",
    "question": "Answer NewQuestion Question QuestionKind",
    "review": "Decision Review",
    "run": "Run run_id",
    "schedule": "Missed Overlap Schedule",
    "spend": "Brake Budget SpendLine",
    "status": (
        "DeliveryStatus EventType Liveness Permission Phase Priority ProvisioningStatus RunStatus TaskKind TaskStatus "
        "WorkerMode WorkerStatus"
    ),
    "task": "ExecutionDetails NewTask Task TaskInput TaskOutput TaskSpec Verdict",
    "template": "Parameter ParameterType Template TemplateRef",
    "user": "Role User UserStatus",
    "webhook": "DeadLetter NewWebhook Webhook WebhookForm",
    "worker": "Capability CapabilityLevel CloudVM Container CurrentTask DevBox LocalMachine Worker WorkerDetails",
    "workflow": "PHASE_MOVES NewWorkflow PhaseMove Workflow WorkflowStep",
}
"""The modules and what each has to offer, as the imports above say it to a type checker."""

_HOMES = {name: f".{module}" for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Load the module of a name that is asked for the first time."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(_HOMES[name], __name__), name)
    return value


def load_all() -> None:
    """Load every module now, so that processes forked from this one need not load them each for itself."""
    for name in __all__:
        __getattr__(name)
