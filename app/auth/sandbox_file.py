"""The file that describes a sandbox, in YAML: which seeds, and what each token may do.

    seed: [path/to/bundle.json, path/to/folder]
    tokens:
      any-token-string: {patient: <Patient id>, scopes: "patient/*.cruds", purpose: own-use}
      another: {patients: [<id>, <id>], scopes: "system/*.rs", organization: <name>, purpose: treatment}
      a-collector: {patient: <id>, scopes: "patient/*.rs", profile: medmij, services: [48, 49]}
      operator: {patients: all, scopes: "system/*.cruds"}
    accounts:
      anna@example.org: {patient: <Patient id>, password: <12 characters or more>, totp: <base 32>}
      beheer@example.org: {administrator: true, password: …, totp: …}
    organizations, clients: see ``sandbox_clients.py``

https://yaml.org/spec/1.1/ https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.auth.accounts.emails import folded
from app.auth.accounts.passwords import SHORTEST
from app.auth.accounts.totp import read_secret
from app.auth.bases import Profile, problem_of_services
from app.auth.sandbox_clients import SandboxClient, SandboxOrganization, ServiceNumbers
from app.errors import Invalid, Issue
from app.fhir.definitions.own import served
from app.fhir.scopes import check_scopes, parse_scopes


def _mistake(text: str) -> PydanticCustomError:
    return PydanticCustomError("sandbox", "{text}", {"text": text})


def _scopes(value: str) -> str:
    try:
        check_scopes(value, served())
        scopes = parse_scopes(value)
    except Invalid as error:
        raise _mistake(str(error)) from error
    if not (scopes.every_type or scopes.by_type):
        raise _mistake("There is no scope for a resource here, such as patient/*.rs.")
    return value


def _patients(value: object) -> object:
    if value in (None, "all") or (isinstance(value, list) and all(isinstance(each, str) for each in value)):
        return value
    raise _mistake("This is a list of ids of Patients, or all.")


def _labels(value: list[str], info: ValidationInfo) -> list[str]:
    known: Sequence[str] = (info.context or {}).get("labels", ())
    unknown = [each for each in value if each not in known]
    if unknown:
        raise _mistake(f"{', '.join(unknown)}: not a data category; known: {', '.join(known)}.")
    return value


def _actions(value: str) -> str:
    if not set(value) <= set("cruds"):
        raise _mistake("Actions are letters of cruds.")
    return value


class SandboxToken(BaseModel):
    """One token of the file."""

    model_config = ConfigDict(extra="forbid")

    patient: str | None = None
    patients: Annotated[list[str] | Literal["all"] | None, PlainValidator(_patients)] = None
    scopes: Annotated[str, AfterValidator(_scopes)]
    purpose: Literal["own-use", "treatment"] | None = None
    organization: str = ""
    person: str = ""
    labels: Annotated[list[str], AfterValidator(_labels)] | None = None
    actions: Annotated[str, AfterValidator(_actions)] | None = None
    profile: Profile = Profile.SMART
    services: ServiceNumbers = []

    @model_validator(mode="after")
    def _holds_somewhere(self) -> SandboxToken:
        if problem := problem_of_services(self.profile, self.services):
            raise _mistake(problem)
        return self


def _totp(value: str) -> str:
    try:
        read_secret(value)
    except ValueError as error:
        raise _mistake(str(error)) from error
    return value


def _email(value: str) -> str:
    address = folded(value)
    if not address:
        raise _mistake("This is no e-mail address.")
    return address


class SandboxAccount(BaseModel):
    """Somebody who can log in to the pages. ``totp``: the secret of the authenticator app, in base 32."""

    model_config = ConfigDict(extra="forbid")

    patient: str | None = None
    administrator: bool = False
    name: str = ""
    language: Literal["nl", "en"] = "nl"
    password: Annotated[str, Field(min_length=SHORTEST)]
    totp: Annotated[str, AfterValidator(_totp)]


class SandboxFile(BaseModel):
    """The file. ``seed``: files and folders relative to it; ``tokens``: by the token's own text; ``accounts``: by
    e-mail address; ``organizations`` and ``clients``: by id.
    """

    model_config = ConfigDict(extra="forbid")

    seed: list[str] = []
    tokens: dict[str, SandboxToken] = {}
    accounts: dict[Annotated[str, AfterValidator(_email)], SandboxAccount] = {}
    organizations: dict[str, SandboxOrganization] = {}
    clients: dict[str, SandboxClient] = {}


def read_sandbox_file(path: Path, labels: Sequence[str]) -> SandboxFile:
    """Read and check a sandbox file. ``labels`` are the data categories that it may name. Raises ``Invalid`` with
    every problem.
    """
    try:
        raw = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise Invalid(f"The sandbox file {path.name} cannot be read: {error.strerror}.", "not-found") from error
    except yaml.YAMLError as error:
        raise Invalid(f"The sandbox file {path.name} is not YAML: {error}", "structure") from error
    issues = [Issue("value", text) for text in _problems(raw, path.parent)]
    try:
        read = SandboxFile.model_validate({} if raw is None else raw, context={"labels": labels})
    except ValidationError as error:
        found = [Issue("value", f"{_place(each['loc'])}: {each['msg']}") for each in error.errors()]
        raise Invalid(f"The sandbox file {path.name} has mistakes.", issues=(*found, *issues)) from error
    if issues:
        raise Invalid(f"The sandbox file {path.name} has mistakes.", issues=tuple(issues))
    return read


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "the whole file"


def _problems(raw: Any, folder: Path) -> Iterator[str]:
    """What a look at a single element does not tell; elements of another type than they should have are passed over."""
    seed, tokens = (raw.get("seed"), raw.get("tokens")) if isinstance(raw, dict) else (None, None)
    for index, each in enumerate(seed if isinstance(seed, list) else ()):
        if isinstance(each, str) and not (folder / each).exists():
            yield f"seed.{index}: there is no file or folder '{each}'."
    for token, asked in tokens.items() if isinstance(tokens, dict) else ():
        if not isinstance(asked, dict):
            continue
        if ("patient" in asked) == ("patients" in asked):
            yield f"tokens.{token}: give either patient or patients."
        elif "patient/" in str(asked.get("scopes")) and "patient" not in asked:
            yield f"tokens.{token}: patient/ scopes need one patient."
