"""What Shraga's records are and which moves are legal; pure, without any I/O."""

from __future__ import annotations

from .actions import Action, Agent, Http, Prompt, Python, Reminder, Shell
from .agent import AgentAdapter, AgentConfig
from .base import MAX_FIELD_CHARACTERS, Moment, Record, new_id
from .dependency import Dependency, DependencyKind, OnFailure
from .document import ContextDocument, DocumentType, DocumentVersion, NewDocument, repository_name
from .event import AuditEntry, Event, EventType, LogEntry, LogLevel
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
    Liveness,
    Permission,
    Priority,
    ProvisioningStatus,
    RunStatus,
    TaskKind,
    TaskStatus,
    WorkerStatus,
)
from .task import ANY_CAPABILITY, ExecutionDetails, NewTask, Task, TaskInput, TaskOutput, TaskSpec, Verdict
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
    WorkerMode,
)
from .workflow import PHASE_MOVES, NewWorkflow, Phase, PhaseMove, Workflow, WorkflowStep

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
