"""Templates in a folder or a git repository: found by name, checked with file, line and field, filled in."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path as File
from typing import Any

from pydantic import ValidationError

from shraga_models import NewTask, NewWorkflow, Parameter, ParameterType, Template, TemplateRef
from shraga_models.faults import plain
from shraga_models.template import PARAMETER_NAME, ParameterFault, Path, fill, placeholders

from .config import Settings
from .errors import InvalidInput, NotFound
from .submission import check_task
from .workflow_codec import check_workflow
from .yamlfile import Document, read_yaml

EXAMPLES = File(__file__).parent / "template_examples"
"""The templates that come with the package."""

SKELETON = """\
name: {name}
description: What it does, in a sentence.
parameters:
  what:
    type: string            # string int float bool choice date
    description: What a person should know to fill it in.
    default: world          # without a default it has to be given
task:
  name: Greet ${{what}}
  action:
    type: shell
    command: echo "hello $WHAT"
    env: {{WHAT: "${{what}}"}}
"""
SHAPES: dict[str, type[NewTask | NewWorkflow]] = {"task": NewTask, "workflow": NewWorkflow}
"""What the bodies of templates become."""
_SAMPLES = {
    ParameterType.STRING: "text",
    ParameterType.INT: 1,
    ParameterType.FLOAT: 1.0,
    ParameterType.BOOL: True,
    ParameterType.DATE: "2030-01-31",
}


@dataclass(frozen=True, slots=True)
class TemplateFault:
    """What is wrong with a template: the file, the line (from 1), the field to blame, and what to do."""

    file: File
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: "
        return f"{where}{self.field}: {self.message}" if self.field else f"{where}{self.message}"

    def to_json_object(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"file": str(self.file), "line": self.line, "field": self.field, "message": self.message}


@dataclass(frozen=True)
class StoredTemplate:
    """A template and the file it stands in."""

    template: Template
    file: File

    @cached_property
    def revision(self) -> str:
        """The commit that last changed the file where it is as committed, else the sum of its bytes."""
        return _commit(self.file) or "sha256:" + sha256(self.file.read_bytes()).hexdigest()

    @property
    def ref(self) -> TemplateRef:
        """What an instance remembers."""
        return TemplateRef(name=self.template.name, revision=self.revision)

    def filled(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body with its parameters filled in; raises InvalidInput naming the parameter."""
        try:
            values = self.template.values(given)
        except ParameterFault as fault:
            raise InvalidInput(fault.parameter, f"{fault.parameter}: {fault}.") from None
        found: dict[str, Any] = fill(self.template.body, values)
        return found

    def instance(self, given: Mapping[str, Any]) -> NewTask | NewWorkflow:
        """Return the task or the workflow of the template, checked; raises InvalidInput."""
        fields = self.filled(given) | {"template": self.ref}
        return check_task(fields) if self.template.kind == "task" else check_workflow(fields)

    def to_json_object(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        shown = self.template.model_dump(mode="json", exclude_none=True)
        for name, parameter in self.template.parameters.items():
            shown["parameters"][name]["required"] = parameter.is_required
        return shown | {"file": str(self.file), "revision": self.revision}


def _commit(file: File) -> str:
    def git(*words: str) -> subprocess.CompletedProcess[str]:
        # Its index is not refreshed: looking changes nothing.
        command = ["git", "--no-optional-locks", "-C", str(file.parent), *words, "--", file.name]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)

    try:
        if git("diff", "--quiet", "HEAD").returncode != 0:
            return ""
        return git("log", "-1", "--format=%H").stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


class Templates:
    """The templates of a folder, with subfolders, and those that come with the package.

    A template is found by its file's name; one of the folder hides one of the package.
    """

    def __init__(self, folder: File) -> None:
        self.folder = folder

    @classmethod
    def of(cls, settings: Settings) -> Templates:
        """Return those of the setting `templates`."""
        return cls(settings.template_folder)

    def files(self) -> dict[str, File]:
        """Return the files by the names of their templates, in the order of the names."""
        found = {file.stem: file for folder in (EXAMPLES, self.folder) for file in _yaml_files(folder)}
        return dict(sorted(found.items()))

    def find(self, name: str) -> File:
        """Return the file of a template, by its name or as a path; raises NotFound."""
        file = self.files().get(name)
        if file is None and name.endswith((".yaml", ".yml")):
            file = File(name)
        if file is None:
            raise NotFound(
                f"There is no template {name!r} in {self.folder}; `shraga template list` shows all."
            )
        return file

    def load(self, name: str) -> StoredTemplate:
        """Return a template by its name or the path of its file; raises NotFound, or InvalidInput if it is faulty."""
        found = examine(self.find(name))
        if not isinstance(found, StoredTemplate):
            raise InvalidInput("template", f"The template cannot be used: {found[0]}.")
        return found

    def all(self) -> list[StoredTemplate | list[TemplateFault]]:
        """Return all templates in the order of their names, or what is wrong with them."""
        return [examine(file) for file in self.files().values()]

    def usable(self) -> list[Template]:
        """Return those that can be run, in the order of their names."""
        return [found.template for found in self.all() if isinstance(found, StoredTemplate)]

    def create(self, name: str) -> File:
        """Write a template to start from; returns its file. Raises InvalidInput where there is one."""
        file = self.folder / f"{name}.yaml"
        text = SKELETON.format(name=name)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as new:
                new.write(text)
        except FileExistsError:
            raise InvalidInput("name", f"{file} exists already; edit it, or choose another name.") from None
        except OSError as error:
            raise InvalidInput("templates", f"{file} cannot be written: {error.strerror}.") from None
        return file


def _yaml_files(folder: File) -> Iterator[File]:
    for file in sorted(folder.rglob("*.y*ml"), reverse=True):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.suffix in (".yaml", ".yml") and not hidden:
            yield file


def examine(file: File) -> StoredTemplate | list[TemplateFault]:
    """Return the template in a file, or all that is wrong with it, by line."""
    try:
        document = read_yaml(file)
    except InvalidInput as error:
        return [TemplateFault(file, 1, "", str(error).rstrip("."))]
    if not isinstance(document.value, dict):
        message = (
            "it holds no template: write `name: ...`, `parameters: ...` and `task: ...` or `workflow: ...`"
        )
        return [TemplateFault(file, 1, "", message)]
    return _Examination(file, document).result()


class _Examination:
    """One look at one file, which goes on after a fault: a person corrects all of them at once."""

    def __init__(self, file: File, document: Document) -> None:
        self._file = file
        self._document = document
        self._faults: list[TemplateFault] = []
        self._parameters: dict[str, Parameter | None] | None = None
        """Those that are declared, None for a faulty one; None where what is declared cannot be told."""

    def result(self) -> StoredTemplate | list[TemplateFault]:
        given, template = self._document.value, None
        try:
            template = Template.model_validate(given)
        except ValidationError as error:
            self._blame_all(error)
        self._check_name(given.get("name"))
        self._parameters = _declared(given.get("parameters", {}))
        bodies = {kind: given[kind] for kind in SHAPES if isinstance(given.get(kind), dict)}
        if self._parameters is not None and bodies:
            self._check_placeholders(bodies)
        for kind, body in bodies.items():
            self._try(kind, body)
        if template is None or self._faults:
            return sorted(self._faults, key=lambda fault: fault.line)
        return StoredTemplate(template, self._file)

    def _blame(self, path: Sequence[str | int], message: str) -> None:
        field = ".".join(map(str, path))
        self._faults.append(TemplateFault(self._file, self._document.line(path), field, message))

    def _blame_all(
        self, error: ValidationError, under: tuple[str, ...] = (), unsure: Sequence[Path] = ()
    ) -> None:
        for one in error.errors(include_url=False, include_input=False):
            # A place names the tags of unions besides the keys; one that is no tag is told at the union itself.
            place = {*one["loc"], "type"} if one["type"].startswith("union_tag") else set(one["loc"])
            if any(set(path) <= place for path in unsure):
                continue
            path = [*under, *(step for step in one["loc"] if step != "[key]")]
            self._blame(path, plain(one["msg"].removeprefix("Value error, "), ".".join(map(str, path))))

    def _check_name(self, name: Any) -> None:
        if isinstance(name, str) and name != self._file.stem:
            self._blame(
                ("name",), f"it has to be that of the file: write {self._file.stem}, or rename the file"
            )

    def _check_placeholders(self, bodies: Mapping[str, Any]) -> None:
        declared, used = self._parameters or {}, set()
        for path, name in placeholders(bodies):
            used.add(name)
            if name not in declared:
                fix = f"declare it under parameters, or write $${{{name}}} for a variable of the shell's"
                self._blame(path, f"${{{name}}} is no parameter: {fix}")
        for name in declared:
            if name not in used:
                self._blame(("parameters", name), f"${{{name}}} is used nowhere: use it or remove it")

    def _try(self, kind: str, body: Any) -> None:
        """Fill the body in with what it has, and samples elsewhere: what they touch is not judged."""
        unsure, values = [], {}
        for path, name in placeholders(body):
            parameter = (self._parameters or {}).get(name)
            if parameter is None or parameter.default is None:
                unsure.append(path)
            values[name] = _sample(parameter)
        try:
            SHAPES[kind].model_validate(fill(body, values))
        except ValidationError as error:
            self._blame_all(error, (kind,), unsure)


def _declared(given: Any) -> dict[str, Parameter | None] | None:
    """Return the parameters that are good by themselves, None for the others; None for what is no such thing."""
    if not isinstance(given, dict):
        return None
    found = dict[str, Parameter | None]()
    for name, one in given.items():
        if not re.fullmatch(PARAMETER_NAME, str(name)):
            continue
        try:
            found[name] = Parameter.model_validate(one)
        except ValidationError:
            found[name] = None
    return found


def _sample(parameter: Parameter | None) -> Any:
    if parameter is None:
        return _SAMPLES[ParameterType.STRING]
    if parameter.default is not None:
        return parameter.default
    return _SAMPLES.get(parameter.type, next(iter(parameter.choices), None))
