"""Run drafts as one transaction, with the conditions that can only be judged once the partition is locked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from app.database import Writer
from app.errors import PreconditionFailed
from app.fhir.resource import Resource
from app.server.access import Access
from app.server.search import page
from app.server.search.query import SearchQuery
from app.server.server import FhirServer
from app.server.store.append import append, is_append
from app.server.store.changes import Draft
from app.server.store.prepare import check_resource, finish, fresh_id
from app.server.store.read import read
from app.server.store.write import Write

Redirect = Callable[[Mapping[str, str]], None]
"""Told where conditional creates lead: from the ``Type/id`` that others refer to now to the one that was found."""


@dataclass(slots=True)
class Condition:
    """``If-None-Exist`` of a create: when ``query`` finds one resource, that one is the answer.
    https://hl7.org/fhir/R4/http.html#ccreate
    """

    draft: Draft
    query: SearchQuery
    id: str = field(init=False)
    patient: int = field(init=False)

    def __post_init__(self) -> None:
        """Remember what the create makes where nothing is found."""
        self.id, self.patient = self.draft.id, self.draft.patient


def _prepare_derived(server: FhirServer, resource: Resource, patient: int) -> Draft:
    """What a rule derives, as a draft in the partition of what it was derived from."""
    check_resource(server, resource, may_hold_bsn=True)
    given = resource.get("id")
    resource_id = given if isinstance(given, str) else fresh_id(server, patient)
    fresh = resource_id is not given
    return finish(server, Draft("update", resource["resourceType"], resource_id, patient, resource, fresh=fresh))


async def execute(
    server: FhirServer,
    access: Access,
    drafts: Sequence[Draft],
    *,
    now: int,
    request: str,
    conditions: Sequence[Condition] = (),
    redirect: Redirect | None = None,
    service: bool = False,
) -> None:
    """Write all of ``drafts`` or nothing; afterwards they carry version, time and body. Raises as the checks do."""
    changing = [draft for draft in drafts if not draft.unchanged]

    async def work(writer: Writer) -> None:
        for draft in changing:  # a second try starts from nothing
            draft.before, draft.unchanged = None, False
        for condition in conditions:
            condition.draft.patient = condition.patient
        write = Write(
            writer,
            access,
            registry=server.registry,
            labels=server.labels,
            rules=server.rules,
            prepare=partial(_prepare_derived, server),
            now=now,
            request=request,
            dialect=server.database.dialect,
            service=service,
        )
        if any(condition.draft.birth for condition in conditions):
            await write.lock_persons()
        await write.lock(changing)
        led: dict[str, str] = {}
        for condition in conditions:
            before = condition.draft.id
            await _judge(server, writer, access, condition, now=now)
            if condition.draft.id != before:
                led[f"{condition.draft.type}/{before}"] = f"{condition.draft.type}/{condition.draft.id}"
        if led and redirect is not None:
            redirect(led)
        await write.store()

    plain = server.database.dialect == "postgresql" and not conditions
    if plain and changing and is_append(changing, server.labels, server.rules):
        await append(server.database, access, changing, registry=server.registry, now=now, request=request)
    elif changing:
        await server.database.transact(work)


async def _judge(server: FhirServer, writer: Writer, access: Access, condition: Condition, *, now: int) -> None:
    condition.query.count = 2
    # What makes the answer certain is the lock on the partition that the create goes to; for a new person, who has
    # none yet, that on all new persons.
    within = None if condition.draft.birth else condition.patient
    matched = await page.run(server, writer, access, condition.query, now=now, within=within)
    found = matched.rows
    if len(found) > 1:
        raise PreconditionFailed("If-None-Exist matches several resources; make it narrower.", "multiple-matches")
    draft = condition.draft
    draft.id = found[0][0] if found else condition.id
    if found:
        draft.unchanged = True
        partition = found[0][4] if matched.patient is None else matched.patient
        stored = await read(
            writer, access, draft.type, draft.id, registry=server.registry, now=now, partition=partition
        )
        draft.patient, draft.version, draft.updated, draft.body = (
            stored.patient,
            stored.version,
            stored.updated,
            stored.body,
        )
