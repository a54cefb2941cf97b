"""From a resource as it came in to a draft: placed, checked, masked, indexed and encoded, before any lock is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from app.database import Reader
from app.errors import Forbidden, Invalid, Issue, MethodNotAllowed, Unprocessable
from app.fhir.resource import Resource, parse_reference
from app.fhir.validation import has_shape, validate
from app.server import bsn
from app.server.access import Access
from app.server.ids import key_of, new_id, new_key, write_key
from app.server.intake.checking import issues_of_each, partition_to_look_in
from app.server.intake.claims import Claimant, claimed_in
from app.server.intake.findings import completed, deviations, feature_findings
from app.server.intake.flags import set_flags
from app.server.placement import Place, elements, named_patient
from app.server.server import FhirServer
from app.server.store.changes import Draft, Remarks
from app.server.store.find import find_partitions, find_patient
from app.server.store.frame import frame


@dataclass(frozen=True, slots=True)
class Context:
    """Where a resource that names no patient goes: ``patient`` from X-Security-Context, or the one of its transaction.

    ``service``: load, restore and seeds, which keep ids of our own form.
    """

    patient: int | None = None
    service: bool = False


def check_type(server: FhirServer, resource: Resource, expected: str | None) -> str:
    """The resource's type, which must be one that this server stores, and the one in the URL. Raises."""
    resource_type = resource.get("resourceType")
    if not isinstance(resource_type, str) or resource_type not in server.definitions.resource_types:
        raise Invalid("The body has no resourceType that FHIR R4 knows.", "structure", kind="no-resource-type")
    if expected is not None and resource_type != expected:
        text = f"The body is a {resource_type} where the address says {expected}."
        raise Invalid(text, "invalid", kind="another-type")
    place = server.placement[resource_type]
    if place.refused:
        raise MethodNotAllowed(f"{resource_type} cannot be written: {place.refused}", headers=(("allow", "GET"),))
    for name, values in place.never.items():
        if resource.get(name) in values:
            path = (f"{resource_type}.{name}",)
            text = f"A {resource_type} is not accepted with one of these: {', '.join(values)}. {place.because}"
            raise Unprocessable(text, issues=(Issue("not-supported", text, path),))
    server.providers.check_write(resource)
    return resource_type


async def check_resource(
    server: FhirServer,
    reader: Reader,
    access: Access,
    resource: Resource,
    *,
    may_hold_bsn: bool,
    patient: int | None = None,
    derived: bool = False,
) -> Remarks:
    """Mask, validate, check the profiles that it claims and what features ask, and flag it; what there is to remark.
    Raises ``Unprocessable`` with every problem.

    ``patient``: the partition, where it is known already. ``derived``: a rule made it, whose mistake a deviation is.
    """
    (remarks,) = await check_resources(
        server, reader, access, [resource], may_hold_bsn=may_hold_bsn, patient=patient, derived=derived
    )
    return remarks


async def check_resources(
    server: FhirServer,
    reader: Reader,
    access: Access,
    resources: Sequence[Resource],
    *,
    may_hold_bsn: bool,
    patient: int | None = None,
    derived: bool = False,
) -> list[Remarks]:
    """The same for several of one request, with no more statements than for one of them where ``patient`` is known."""
    checked: list[Remarks] = []
    claimants: dict[int, Claimant] = {}
    asked: dict[int, int | None] = {}
    for number, resource in enumerate(resources):
        if may_hold_bsn:
            bsn.mask(resource)
        remarks = Remarks(tuple(validate(resource, server.definitions)))
        claims = claimed_in(resource)
        features = bool(server.intake) and not derived and has_shape(remarks.issues)
        features = features and completed(server.intake, access, resource)
        if features or (claims and has_shape(remarks.issues)):
            place = patient
            if place is None:
                place = await partition_to_look_in(server, reader, access, resource)
            if claims:
                claimants[number] = Claimant(resource["resourceType"], resource, claims, place)
            if features:
                asked[number] = place
        checked.append(remarks)
    if claimants:
        found = await issues_of_each(server, reader, access, [*claimants.values()])
        for number, issues in zip(claimants, found, strict=True):
            checked[number] = checked[number].joined(deviations(issues), lenient=access.is_system and not derived)
    for number, place in asked.items():
        said = await feature_findings(server, reader, access, resources[number], place)
        checked[number] = checked[number].joined(said, lenient=access.is_system)
    for resource, remarks in zip(resources, checked, strict=True):
        if any(issue.severity in ("error", "fatal") for issue in remarks.issues):
            text = "The resource is not valid FHIR R4, or not as its profiles have it."
            raise Unprocessable(text, issues=remarks.issues)
        flag(server, resource, remarks)
    return checked


def flag(server: FhirServer, resource: Resource, remarks: Remarks) -> None:
    """Say in a valid resource, in place, what it was taken in with."""
    set_flags(resource, server.canonical_base, *remarks.flags)


@dataclass(frozen=True, slots=True)
class Persons:
    """The Patients of the same transaction: ``names`` gives what a reference to their entry stands for, ``meant`` of
    these what does not stand for itself, ``keys`` their partitions by id; ``found``: those of others that were looked
    up for it.
    """

    names: dict[str, str] = field(default_factory=dict)
    meant: dict[str, str] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)


NO_PERSONS: Final = Persons()
NO_ENTRIES: Final[Mapping[str, int]] = MappingProxyType({})


async def owner_of(
    server: FhirServer, reader: Reader, access: Access, resource: Resource, *, persons: Persons = NO_PERSONS
) -> int | None:
    """The partition of the patient that the resource names as subject; None when it names none. Raises
    ``Unprocessable``.
    """
    resource_type = resource["resourceType"]
    place = server.placement[resource_type]
    name = named_patient(resource, place, base=server.base, entries=persons.names)
    if name is None:
        return None
    patient = persons.keys.get(name) or persons.found.get(name)
    if patient is None:
        patient = await find_patient(reader, access, name, server.registry)
        if patient is not None and persons is not NO_PERSONS:
            persons.found[name] = patient
    if patient is None:
        raise Unprocessable(
            "The patient that the resource is about is not known to you.", issues=(_not_found(resource_type, place),)
        )
    return patient


async def partition_of_targets(
    server: FhirServer, reader: Reader, access: Access, resource: Resource, *, entries: Mapping[str, int] = NO_ENTRIES
) -> int | None:
    """The partition of what a Provenance refers to, for a caller with several patients; None when there is none.

    ``entries``: the partitions of what the same transaction stores, by what refers to it. Raises ``Unprocessable``
    where the targets are with several patients.
    """
    resource_type: str = resource["resourceType"]
    place = server.placement[resource_type]
    if not place.follows or access.patient is not None:
        return None
    found: set[int] = set()
    for each in elements(resource, place.subject):
        text = each.get("reference", "")
        literal = parse_reference(text)
        partition = entries.get(text if literal is None else literal.relative, entries.get(text))
        if partition is not None:
            found.add(partition)
            continue
        if literal is None or literal.base not in ("", server.base) or literal.type not in server.registry.stored:
            continue
        held = await find_partitions(reader, access, literal.type, literal.id, registry=server.registry)
        found.update(held)
    found = {patient for patient in found if patient > 0}
    if len(found) > 1:
        path = f"{resource_type}.{'.'.join(place.subject)}"
        raise Unprocessable(f"{path} is with several patients; a resource belongs to one.", "business-rule")
    return next(iter(found), None)


def place_unnamed(server: FhirServer, access: Access, resource_type: str, context: Context) -> int:
    """Where a resource goes that names no patient. Raises ``Unprocessable`` saying how to name one."""
    place = server.placement[resource_type]
    if access.patient is not None:
        return access.patient
    if context.patient is not None and not (context.service and place.catalogue):
        return context.patient
    if place.catalogue and access.keeps_catalogue:
        return access.catalogues[0]
    subject = f"name the patient in {resource_type}.{'.'.join(place.subject)}, or " if place.subject else ""
    raise Unprocessable(
        f"{resource_type} belongs to one patient: {subject}send X-Security-Context: Patient/<id>.", "business-rule"
    )


async def place_resource(
    server: FhirServer, reader: Reader, access: Access, resource: Resource, context: Context
) -> tuple[int, bool]:
    """The partition of a resource on its own, and whether it names its patient as subject."""
    owner = await owner_of(server, reader, access, resource)
    if owner is not None:
        return owner, True
    followed = await partition_of_targets(server, reader, access, resource)
    if followed is not None:
        return followed, False
    return place_unnamed(server, access, resource["resourceType"], context), False


def _not_found(resource_type: str, place: Place) -> Issue:
    path = ".".join((resource_type, *place.subject))
    return Issue("not-found", "This reference names a Patient that is not known to you.", (path,))


def catalogue_is_closed() -> Forbidden:
    """For who would change what is in the catalogue and is not one of its administrators."""
    return Forbidden("What is in the catalogue is changed by its administrators.", "forbidden")


def finish(server: FhirServer, draft: Draft) -> Draft:
    """Fill in what follows from the resource: labels, index rows, bytes."""
    resource = draft.resource
    assert resource is not None, "only a delete has no resource"
    server.providers.check_write(resource)  # a patch may have made it what only a provider serves
    catalogue = draft.patient <= 0
    draft.labels = 1 << server.labels.categories["catalogue"].bit if catalogue else server.labels.of(resource)
    draft.rows = server.indexer(draft.type).rows(resource, owned=draft.owned)
    draft.frame = frame(resource, draft.id)
    return draft


def fresh_id(server: FhirServer, patient: int) -> str:
    """An id that carries its partition; those of catalogues carry the shared one's key."""
    return new_id(write_key(max(patient, 0)), server.random)


def person_key(server: FhirServer, patient_id: str | None) -> int:
    """The partition of a new Patient: the key in its id when it has our form, else a fresh one."""
    key = key_of(patient_id) if patient_id is not None else None
    return key if key is not None and key > 0 else new_key(server.random)
