"""The worker: a host that runs tasks, what it can do, and whether it is there."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from .base import Model, Moment, Record, Slug
from .status import Liveness, ProvisioningStatus, TaskKind, WorkerMode


class CapabilityLevel(StrEnum):
    """How well a worker does something (seed: AgentVine worker_capabilities)."""

    BEGINNER = "beginner"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"
    EXPERT = "expert"


class Capability(Model):
    """Something a worker can do (seed: AgentVine worker_capabilities)."""

    name: Slug
    level: CapabilityLevel = CapabilityLevel.INTERMEDIATE
    metadata: dict[str, Any] = {}


class DevBox(Model):
    """A cloud development box (seed: Shraga workers, details of DevBox)."""

    type: Literal["dev_box"] = "dev_box"
    url: str
    resource_id: str = ""
    pool_name: str = ""
    region: str = ""
    custom_settings: dict[str, str] = {}


class LocalMachine(Model):
    """Somebody's own machine (seed: Shraga workers, details of LocalMachine)."""

    type: Literal["local_machine"] = "local_machine"
    hostname: str
    ip_address: str = ""
    ssh_key: str = ""
    platform: str = ""


class CloudVM(Model):
    """A virtual machine (seed: Shraga workers, CloudVM)."""

    type: Literal["cloud_vm"] = "cloud_vm"
    hostname: str
    resource_id: str = ""
    region: str = ""
    size: str = ""


class Container(Model):
    """A container (seed: Shraga workers, Container)."""

    type: Literal["container"] = "container"
    hostname: str
    image: str = ""
    container_id: str = ""


WorkerDetails = Annotated[DevBox | LocalMachine | CloudVM | Container, Field(discriminator="type")]


class CurrentTask(Model):
    """A task that a worker's slot is running."""

    slot: int
    task_id: str
    attempt: int
    since: Moment


class Worker(Record):
    """A host that runs tasks with one process a slot (seeds: Shraga workers, AgentVine workers)."""

    name: Slug
    owner: str
    """Who started it; taken as it was stored."""
    details: WorkerDetails
    provisioning: ProvisioningStatus = ProvisioningStatus.READY
    mode: WorkerMode = WorkerMode.ACCEPTING
    liveness: Liveness = Liveness.IDLE
    specialty: TaskKind | None = None
    capabilities: tuple[Capability, ...] = ()
    max_concurrent_tasks: int = Field(default=1, ge=1)
    timeout: float = 3600.0
    """Seconds a task may take here when it does not say."""
    context_window: int = 200_000
    """Tokens an agent may use here."""
    config: dict[str, Any] = {}
    software_version: str = ""
    current_tasks: tuple[CurrentTask, ...] = ()
    last_seen: Moment
    lost: bool = False
    """Whether it is gone without having said so."""
    pid: int | None = None
    hostname: str = ""
    load: float | None = None
    """The host's load average over one minute."""
    memory_mb: float | None = None
    """Resident memory of the worker and all its processes."""
    completed: int = 0
    failed: int = 0

    @property
    def type(self) -> str:
        """The kind of machine."""
        return self.details.type
