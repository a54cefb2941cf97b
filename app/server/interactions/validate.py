"""``$validate``: would this resource be right, and would the server take it? Nothing is stored.
https://hl7.org/fhir/R4/resource-operation-validate.html

With mode create, update or delete the whole write is carried out and undone again, so that its answer is what the real
one would say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from app.errors import Forbidden, Invalid, Issue, Unauthenticated, Unavailable, Unprocessable, ZelfregieError
from app.fhir.resource import Resource, decode, encode
from app.fhir.scopes import NAMES, Action
from app.fhir.validation import has_shape
from app.fhir.validation import validate as problems_of
from app.server import bsn
from app.server.challenges import beyond_scopes
from app.server.intake.checking import issues_against, partition_to_look_in, profile_issues
from app.server.intake.claims import Claimant, claimed_in
from app.server.intake.findings import concerned, deviations, feature_findings
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.interactions.preconditions import if_match
from app.server.interactions.stored import stored_for
from app.server.interactions.write import body_of, context_of, draft_create, draft_delete, draft_update
from app.server.messages import Answer, Request, Target
from app.server.operations import Parameter
from app.server.outcomes import outcome
from app.server.server import FhirServer
from app.server.store.changes import NO_REMARKS, Draft
from app.server.store.execute import execute
from app.server.store.prepare import check_type
from app.server.store.read import Stored

MODES: Final = ("create", "update", "delete", "profile")
VALIDATE_PARAMETERS: Final = (
    Parameter(
        "resource", "in", 0, "1", "Resource", "What is to be validated; for an address with an id, else what is stored."
    ),
    Parameter("mode", "in", 0, "1", "code", f"What it is meant for: {', '.join(MODES)}."),
    Parameter(
        "profile",
        "in",
        0,
        "1",
        "uri",
        "The canonical of a profile that is held here, to validate against besides those that the resource claims.",
    ),
    Parameter("return", "out", 1, "1", "OperationOutcome", "What there is to say of it."),
)
_ACTIONS: Final = {"create": Action.CREATE, "update": Action.UPDATE, "delete": Action.DELETE}
_GOOD: Final = Issue("informational", "All OK: nothing was found that is wrong.", severity="information", kind="all-ok")
_NOT_LOOKED_AT: Final = Issue(
    "informational",
    "Profiles are looked at once it is FHIR: solve the rest first.",
    severity="information",
    kind="profiles-later",
)
_MASKED: Final = Issue(
    "informational",
    "It carries a BSN, which is masked before anything is stored.",
    severity="information",
    kind="bsn-masked",
)
_OWN_PATIENT: Final = Issue(
    "informational",
    "A Patient that is posted never makes a person: it means the one that the token is for.",
    ("Patient",),
    "information",
    kind="own-patient",
)


@dataclass(slots=True)
class _Findings:
    """What there is to say so far. ``readable``: it is enough of a resource for profiles to look at."""

    issues: list[Issue] = field(default_factory=list)
    readable: bool = False

    @property
    def failed(self) -> bool:
        return any(each.severity in ("error", "fatal") for each in self.issues)


async def validate(server: FhirServer, request: Request, target: Target) -> Answer:
    """Always an OperationOutcome with 200, when there is something to validate."""
    try:
        sent = body_of(request, server.definitions)[0] if request.method == "POST" and request.body else None
    except Invalid as error:
        return _answer(target, error.all_issues())
    inputs = inputs_of(server, request, VALIDATE_PARAMETERS, body=sent)
    mode = inputs.first("mode")
    if mode not in (None, *MODES):
        raise Invalid(f"mode takes one of {', '.join(MODES)}.", "value")
    if mode == "delete":
        return await _validate_delete(server, request, target)
    resource: Resource | None = inputs.first("resource")
    found = await _stored(server, request, target) if resource is None else None
    if found is not None:
        resource = decode(found.body)
    assert resource is not None, "what was not sent was read, or that was refused"
    findings = _Findings()
    _check(server, target, resource, findings)
    patient = None if found is None else found.patient
    await _check_profiles(server, request, resource, inputs, findings, patient=patient)
    if not findings.failed and mode in _ACTIONS:
        await _rehearse(server, request, target, resource, mode, findings)
    answer = _answer(target, findings.issues)
    if found is not None:
        answer.resources = (f"{target.type}/{target.id}",)
    return answer


async def _stored(server: FhirServer, request: Request, target: Target) -> Stored:
    """What is at the address. Raises as a read does, and ``Invalid`` where the address has no id."""
    if not target.id:
        raise Invalid("Nothing to validate: send a resource, or ask it of one that is stored.", "required")
    if not request.access.scopes.allow(target.type, Action.READ):
        text = f"The token's scopes do not allow to read {target.type}."
        raise beyond_scopes(request.access.scopes, text, (target.type, Action.READ))
    return await stored_for(server, request, target.type, target.id, patient_id=target.patient_id)


def _check(server: FhirServer, target: Target, resource: Resource, findings: _Findings) -> None:
    """Type, structure, bindings and invariants, of the resource as it would be stored."""
    kind = resource.get("resourceType")
    if kind != target.type:
        findings.issues.append(Issue("invalid", f"It is of another type than {target.type}, which the address says."))
    if isinstance(kind, str) and kind in server.definitions.resource_types:
        if bsn.mask(resource):
            findings.issues.append(_MASKED)
        problems = problems_of(resource, server.definitions)
        findings.issues += problems
        findings.readable = has_shape(problems)


async def _check_profiles(
    server: FhirServer,
    request: Request,
    resource: Resource,
    inputs: Inputs,
    findings: _Findings,
    *,
    patient: int | None,
) -> None:
    """The profile that is asked for, those that it claims, and what features ask. ``patient``: the partition of what
    is stored.
    """
    asked: str | None = inputs.first("profile")
    claims = claimed_in(resource)
    checks = concerned(server.intake, resource) if findings.readable else []
    if asked is None and not claims and not checks:
        return
    if not findings.readable:
        findings.issues.append(_NOT_LOOKED_AT)
        return
    database, access = server.database, request.access
    if patient is None:
        patient = await partition_to_look_in(server, database, access, resource)
    claimant = Claimant(resource["resourceType"], resource, claims, patient)
    said: list[Issue] = []
    try:
        if asked is not None:
            said += await issues_against(server, database, access, claimant, asked)
        found = deviations(await profile_issues(server, database, access, [claimant])) if claims else []
        if checks:
            found += await feature_findings(server, database, access, resource, patient)
        # A write of a system would be taken in with them.
        lenient = access.is_system and inputs.first("mode") in _ACTIONS
        said += NO_REMARKS.joined(found, lenient=lenient).issues
    except Unprocessable as error:
        said += error.all_issues()
    findings.issues += dict.fromkeys(said)


async def _rehearse(
    server: FhirServer, request: Request, target: Target, resource: Resource, mode: str, findings: _Findings
) -> None:
    """What a create or an update of it would be refused for."""
    try:
        _check_scope(request, target.type, mode)
        check_type(server, resource, target.type)
        context = await context_of(server, request)
        if mode == "create":
            if target.type == "Patient" and not request.access.everyone:
                findings.issues.append(_OWN_PATIENT)
                return
            made = {name: value for name, value in resource.items() if name != "id"}
            draft = await draft_create(server, request, made, context, target.patient_id)
        else:
            _check_id(target, resource)
            draft = await draft_update(server, request, resource, context, target.patient_id)
            draft.if_match = if_match(request.headers)
        await _try(server, request, draft)
    except (Unauthenticated, Unavailable):
        raise
    except ZelfregieError as error:
        findings.issues += error.all_issues()


def _check_scope(request: Request, resource_type: str, mode: str) -> None:
    action = _ACTIONS[mode]
    if not request.access.scopes.allow(resource_type, action):
        raise Forbidden(f"The token's scopes do not allow to {NAMES[action]} {resource_type}.", "forbidden")


def _check_id(target: Target, resource: Resource) -> None:
    given = resource.get("id")
    if given is None or (target.id and given != target.id):
        raise Invalid(
            f"An update carries the id of its address: {target.type}.id is to be the last part of the URL.",
            "value",
            kind="another-id",
        )


async def _validate_delete(server: FhirServer, request: Request, target: Target) -> Answer:
    """What a delete of the resource at the address would be refused for."""
    if not target.id:
        raise Invalid("What is to be deleted is named by its address: call $validate below it.", "required")
    try:
        _check_scope(request, target.type, "delete")
        draft = await draft_delete(server, request, target.type, target.id, target.patient_id)
        draft.if_match = if_match(request.headers)
        await _try(server, request, draft)
    except (Unauthenticated, Unavailable):
        raise
    except ZelfregieError as error:
        return _answer(target, error.all_issues())
    return _answer(target, ())


async def _try(server: FhirServer, request: Request, draft: Draft) -> None:
    await execute(server, request.access, [draft], now=request.now, request=request.id, rehearse=True)


def _answer(target: Target, issues: tuple[Issue, ...] | list[Issue]) -> Answer:
    wrong = any(each.severity in ("error", "fatal", "warning") for each in issues)
    listed = list(issues) if wrong else [_GOOD, *issues]
    return Answer(200, encode(outcome(listed)), interaction="$validate", type=target.type)
