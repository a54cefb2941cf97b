"""Bringing resources in from files, as the service: ids kept, Patients made, what names nobody to the catalogue.

https://hl7.org/fhir/R4/nd-json.html
"""

from __future__ import annotations

import asyncio
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app.errors import Invalid, Issue, Unprocessable, ZelfregieError
from app.fhir.resource import Resource, decode
from app.fhir.xml import from_xml
from app.server.access import Access
from app.server.ids import key_of, new_id, write_key
from app.server.interactions.transaction.references import point_elsewhere
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import execute
from app.server.store.find import find_patient
from app.server.store.prepare import (
    Context,
    check_resource,
    check_type,
    finish,
    owner_of,
    partition_of_targets,
    person_key,
    place_unnamed,
)

CHUNK: Final = 500
_SUFFIXES: Final = (".json", ".xml", ".ndjson")
_OPENED: Final = frozenset({"transaction", "batch", "collection", "searchset"})
"""Bundles that only hold resources together; others are resources themselves."""
_UUID: Final = "urn:uuid:"
_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A resource that was not loaded: where it stood, and why."""

    source: str
    issues: tuple[Issue, ...]


@dataclass(slots=True)
class LoadReport:
    """What a load did. ``flagged``: how many of what was stored deviate from a profile or a limit; ``patients``:
    those of whom something was stored.
    """

    stored: int = 0
    flagged: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    patients: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Found:
    """A resource in a file; ``source`` says where, for the report."""

    source: str
    resource: Resource


def resources_in(paths: Sequence[Path], server: FhirServer, report: LoadReport) -> Iterator[Found]:
    """Every resource in files and folders (JSON, XML, NDJSON; Bundles opened). What cannot be read goes into the
    report.
    """
    for path in paths:
        if path.is_dir():
            yield from resources_in(
                sorted(each for each in path.iterdir() if each.suffix.lower() in _SUFFIXES or each.is_dir()),
                server,
                report,
            )
            continue
        try:
            yield from _in_file(path, server, report)
        except ZelfregieError as error:
            report.refusals.append(Refusal(path.name, error.all_issues()))
        except OSError as error:
            report.refusals.append(
                Refusal(path.name, (Issue("not-found", f"The file cannot be read: {error.strerror}."),))
            )


def _in_file(path: Path, server: FhirServer, report: LoadReport) -> Iterator[Found]:
    suffix = path.suffix.lower()
    if suffix == ".ndjson":
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    yield from _opened(f"{path.name}:{number}", decode(line.removeprefix(BOM_UTF8)))
                except ZelfregieError as error:
                    report.refusals.append(Refusal(f"{path.name}:{number}", error.all_issues()))
    elif suffix == ".xml":
        yield from _opened(path.name, from_xml(path.read_bytes(), server.definitions))
    else:
        yield from _opened(path.name, decode(path.read_bytes().removeprefix(BOM_UTF8)))


def _opened(source: str, resource: Resource) -> Iterator[Found]:
    if resource.get("resourceType") != "Bundle" or resource.get("type") not in _OPENED:
        yield Found(source, resource)
        return
    listed = resource.get("entry")
    entries = {
        index: entry
        for index, entry in enumerate(listed if isinstance(listed, list) else ())
        if isinstance(entry, dict) and isinstance(entry.get("resource"), dict)
    }
    addresses = dict(filter(None, map(_address, entries.values())))
    for index, entry in entries.items():
        point_elsewhere(entry["resource"], addresses)
        yield Found(f"{source} entry {index}", entry["resource"])


def _address(entry: dict[str, Any]) -> tuple[str, str] | None:
    """An entry's fullUrl with ``Type/id``, which references to it become; the UUID is its id when it has no other."""
    url, resource = entry.get("fullUrl"), entry["resource"]
    if not isinstance(url, str):
        return None
    if "id" not in resource and url.startswith(_UUID):
        resource["id"] = url.removeprefix(_UUID)
    target = f"{resource.get('resourceType')}/{resource.get('id')}"
    return None if target == url else (url, target)


async def load(
    server: FhirServer, access: Access, found: Iterable[Found], *, patient: str | None, report: LoadReport
) -> LoadReport:
    """Store what was found, in chunks of one transaction each; Patients of a chunk before the rest, what knows no
    patient yet at the end.

    ``patient`` is where resources go that name none. What is refused is reported, and the rest is stored.
    """
    context = Context(service=True)
    if patient is not None:
        key = await find_patient(server.database, access, patient, server.registry)
        if key is None:
            raise Invalid(f"There is no Patient/{patient} to load for.", "not-found")
        context = Context(key, service=True)
    waiting: list[Found] = []
    chunk: list[Found] = []
    for each in found:
        chunk.append(each)
        if len(chunk) == CHUNK:
            waiting += await _load_chunk(server, access, chunk, context, report, last=False)
            chunk = []
    waiting += await _load_chunk(server, access, chunk, context, report, last=False)
    for start in range(0, len(waiting), CHUNK):
        await _load_chunk(server, access, waiting[start : start + CHUNK], context, report, last=True)
    for tidy_up in server.after_load:
        problems = await tidy_up(server, access, sorted(report.patients))
        report.refusals += [Refusal(source, issues) for source, issues in problems.items()]
    if report.stored > CHUNK:
        await server.database.tidy()
    return report


async def _load_chunk(
    server: FhirServer, access: Access, chunk: list[Found], context: Context, report: LoadReport, *, last: bool
) -> list[Found]:
    """Store one chunk; gives back those whose patient is not there yet, unless this is the ``last`` try."""
    waiting: list[Found] = []
    for group in _in_turn(server, chunk):
        drafts: dict[tuple[str, str], tuple[Found, Draft]] = {}
        for each in group:
            await asyncio.sleep(0)  # where this is done beside serving, requests go between
            name = (str(each.resource.get("resourceType")), str(each.resource.get("id")))
            if name in drafts:  # two versions of one resource: one after the other
                await _store(server, access, list(drafts.values()), report)
                drafts = {}
            try:
                draft = await _draft(server, access, each.resource, context)
                drafts[draft.type, draft.id] = (each, draft)
            except Unprocessable as error:
                unknown = not last and any(issue.code == "not-found" for issue in error.all_issues())
                if unknown:
                    waiting.append(each)
                else:
                    report.refusals.append(Refusal(each.source, error.all_issues()))
            except ZelfregieError as error:
                report.refusals.append(Refusal(each.source, error.all_issues()))
        await _store(server, access, list(drafts.values()), report)
    return waiting


def _in_turn(server: FhirServer, chunk: list[Found]) -> tuple[list[Found], ...]:
    """Persons, then what they own, then what goes where that is: each group is stored before the next is placed."""
    turns: tuple[list[Found], ...] = ([], [], [])
    for each in chunk:
        place = server.placement.get(str(each.resource.get("resourceType")))
        turns[1 if place is None else 0 if place.is_person else 2 if place.follows else 1].append(each)
    return turns


async def _store(server: FhirServer, access: Access, ready: list[tuple[Found, Draft]], report: LoadReport) -> None:
    if not ready:
        return
    try:
        await execute(server, access, [draft for _, draft in ready], now=server.clock(), request="load", service=True)
        report.stored += len(ready)
        report.patients.update(draft.patient for _, draft in ready if draft.patient > 0)
        report.flagged += sum(bool(draft.remarks.flagged) for _, draft in ready)
    except ZelfregieError as error:
        if len(ready) == 1:
            report.refusals.append(Refusal(ready[0][0].source, error.all_issues()))
            return
        for each in ready:  # one of them breaks a rule: find out which, and keep the others
            await _store(server, access, [each], report)


async def _draft(server: FhirServer, access: Access, resource: Resource, context: Context) -> Draft:
    resource_type = check_type(server, resource, None)
    remarks = await check_resource(server, server.database, access, resource, may_hold_bsn=True)
    draft = finish(server, await _placed(server, access, resource_type, resource, context))
    draft.remarks = remarks
    draft.first = _version_of(resource)
    return draft


def _version_of(resource: Resource) -> int:
    """The version that a resource had where it comes from, which it keeps where it is new: what names that version, as
    the revisions of a care plan do, then still means the same.
    """
    given = resource.get("meta", {}).get("versionId")
    return int(given) if isinstance(given, str) and _VERSION.fullmatch(given) else 1


async def _placed(
    server: FhirServer, access: Access, resource_type: str, resource: Resource, context: Context
) -> Draft:
    """A checked resource where it goes. Raises."""
    given: Any = resource.get("id")
    if resource_type == "Patient":
        known = await find_patient(server.database, access, given, server.registry) if given else None
        key = known if known is not None else person_key(server, given)
        return Draft("update", "Patient", given or write_key(key), key, resource, owned=True, birth=known is None)
    owner = await owner_of(server, server.database, access, resource)
    place = owner if owner is not None else await partition_of_targets(server, server.database, access, resource)
    if place is None and server.placement[resource_type].follows and context.patient is None:
        raise Unprocessable("It goes where what it refers to is, and no patient here has any of that.", "not-found")
    patient = place if place is not None else place_unnamed(server, access, resource_type, context)
    resource_id = given or new_id(write_key(max(patient, 0)), server.random)
    key_in_id = key_of(resource_id)
    if key_in_id is not None and key_in_id not in (patient, 0):
        raise Unprocessable("The id carries another patient's key.", "business-rule")
    return Draft("update", resource_type, resource_id, patient, resource, owned=owner is not None)
