"""A batch that a source gives: each entry on its own, what cannot be read kept for the person, one Provenance of all.

https://hl7.org/fhir/R4/http.html#brules; MODEL 3, "Intake table"
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import structlog

from app.errors import Invalid, Issue, Unprocessable, ZelfregieError
from app.faults import trace_of
from app.fhir.resource import Resource, decode, encode, parse_reference
from app.fhir.scopes import Action
from app.server.intake.delivering import Source, source_of, with_name
from app.server.intake.received import resources_of
from app.server.interactions.addresses import version_headers
from app.server.interactions.carrying_out import Find, Handler
from app.server.interactions.entries import refused
from app.server.interactions.stored import stored_for
from app.server.interactions.taking.clashes import clashes_in, issue_of
from app.server.interactions.taking.delivery import account_of
from app.server.interactions.taking.keeping import IN_QUARANTINE, is_structural, keep_entry, received_of
from app.server.interactions.taking.names import Names
from app.server.interactions.taking.persons import Delivered, persons_in
from app.server.interactions.taking.single import take_one, taken_from
from app.server.interactions.taking.whole import check_held, masked_in
from app.server.interactions.write import create, resource_in, update
from app.server.messages import Answer, Request, Target
from app.server.outcomes import outcome
from app.server.server import FhirServer
from app.server.store.execute import execute
from app.server.store.find import find_patient
from app.server.store.read import GrantChanged

_REFUSED: Final = frozenset({400, 404, 422})
_ABSENT: Final = 404
_WRITES: Final = frozenset({"create", "update"})
_OUTCOME: Final = b'{"resourceType":"OperationOutcome"'
_UNACCOUNTED: Final = Issue(
    "incomplete",
    "This was stored, but no Provenance says that it came with this delivery.",
    severity="warning",
    kind="unaccounted",
)
_log: Final = structlog.get_logger(__name__)


@dataclass(slots=True)
class GivenBatch:
    """One batch of one source. ``held``: why none of it is taken; ``said``: what there is to say of an entry besides;
    ``bodies``: the resources as they came in, cut out when the first is needed; ``unclear``: the entries that cannot be
    told from another.
    """

    server: FhirServer
    request: Request
    source: Source
    persons: Delivered
    held: ZelfregieError | None = None
    said: dict[int, list[Issue]] = field(default_factory=lambda: defaultdict(list))
    bodies: Sequence[bytes] | None = None
    unclear: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    async def of(
        cls, server: FhirServer, request: Request, bundle: Resource, *, may_hold_bsn: bool
    ) -> GivenBatch | None:
        """None for what no system of an organisation gives. Masks what is a BSN, in place."""
        source = source_of(server.base, request.access)
        if source is None:
            return None
        source = await with_name(server.database, server.registry, request.access, source)
        masked = list(masked_in(bundle)) if may_hold_bsn else []
        listed = bundle.get("entry")
        unclear = clashes_in(listed) if isinstance(listed, list) else {}
        made = cls(server, request, source, Delivered(), unclear=unclear)
        try:
            made.persons = await persons_in(server, request, bundle)
            await check_held(server, request, source, made.persons)
        except Unprocessable as error:
            made.held = error
        for each in (*masked, *(issue for one in made.persons.persons.values() for issue in one.differences)):
            index = int(each.expression[0].split("[", 1)[1].split("]", 1)[0])
            made.said[index].append(each)
        return made

    def names(self, names: Names) -> Names:
        """With the Patients whom the source calls otherwise."""
        for person in self.persons.persons.values():
            for each in person.names:
                names.known[f"Patient/{each}"] = f"Patient/{person.id}"
        for url, index in names.first.items():
            if index in self.persons.persons:
                names.known[url] = f"Patient/{self.persons.persons[index].id}"
                names.made.pop(url, None)
        return names

    def finding(self, find: Find) -> Find:
        """As ``find``, but that what is created or updated is known again."""

        def taking(server: FhirServer, own: Request) -> tuple[Handler, Target]:
            handler, target = find(server, own)
            source = taken_from(server, own, target) if handler in (create, update) else None
            return (handler if source is None else partial(_take, source)), target

        return taking

    async def met(self, index: int) -> Answer | None:
        """The answer to an entry that is not carried out: of a delivery that is held, and of a Patient."""
        if self.held is not None:
            return refused(replace(self.held, issues=self.held.all_issues()))
        if index in self.unclear:
            issue = issue_of(index, self.unclear[index])
            return refused(Invalid("The entry cannot be told from another.", issues=(issue,)))
        person = self.persons.persons.get(index)
        if person is None:
            return None
        access, request = self.request.access, self.request
        try:
            stored = await stored_for(self.server, request, "Patient", person.id, partition=person.patient)
        except ZelfregieError as error:
            return refused(error)
        location = f"{self.server.base}Patient/{person.id}/_history/{stored.version}".encode()
        body = stored.body if access.scopes.allow("Patient", Action.READ) else b""
        headers = [*version_headers(stored), (b"location", location)]
        return Answer(200, body, headers, "create", "Patient", (person.patient,), (f"Patient/{person.id}",), rows=1)

    async def answered(self, index: int, entry: Any, answer: Answer, names: Names) -> None:
        """Tell what there is to say besides, in the answer, and keep what could not be read."""
        said = self.said[index]
        if self.held is None and answer.status in _REFUSED and await self._keep(index, entry, answer, names):
            said = [*said, IN_QUARANTINE]
        if said:
            _tell(answer, said, index)
        location = dict(answer.headers).get(b"location")
        url = entry.get("fullUrl") if isinstance(entry, dict) else None
        if answer.status < 400 and location and isinstance(url, str):
            literal = parse_reference(location.decode())
            if literal is not None:
                names.known.setdefault(url, f"{literal.type}/{literal.id}")
                names.made.pop(url, None)

    async def _keep(self, index: int, entry: Any, answer: Answer, names: Names) -> bool:
        asked = entry.get("request") if isinstance(entry, dict) else None
        method = asked.get("method") if isinstance(asked, dict) else "POST"
        if method not in ("POST", "PUT") or not isinstance(entry, dict) or index in self.persons.persons:
            return False
        listed = decode(answer.body)["issue"] if answer.body else []
        if index not in self.request.refused and not is_structural(listed):
            return False
        if answer.status == _ABSENT and any(each["code"] != "not-supported" for each in listed):
            return False
        issues = [
            Issue(each["code"], each.get("diagnostics", ""), tuple(each.get("expression", ())), each["severity"])
            for each in listed
        ]
        return await keep_entry(
            self.server,
            self.request,
            self.source,
            resource=self._received(index),
            entry=entry,
            issues=issues,
            patient=await self._whose(),
            names=names.known,
        )

    def _received(self, index: int) -> bytes:
        refusal = self.request.refused.get(index)
        if refusal is not None and refusal.body:
            return refusal.body
        if self.bodies is None:
            body, media_type, _ = received_of(self.request)
            self.bodies = resources_of(body, media_type)
        return self.bodies[index] if index < len(self.bodies) else b""

    async def _whose(self) -> int | None:
        """Whose is what names nobody: the token's patient, the one that the header names, or the only one there is."""
        people = {each.patient for each in self.persons.persons.values()}
        if self.request.access.patient is not None:
            return self.request.access.patient
        text = self.request.header(b"x-security-context").removeprefix(self.server.base)
        if text.startswith("Patient/"):
            name = text.removeprefix("Patient/")
            return await find_patient(self.server.database, self.request.access, name, self.server.registry)
        return people.pop() if len(people) == 1 else None

    async def account(self, answers: Sequence[Answer]) -> dict[int, Issue]:
        """Write down what this delivery wrote. That this cannot be done is no reason to say that nothing was: it is
        said of the entries that it holds for, by their index.
        """
        written: dict[int, list[str]] = defaultdict(list)
        for each in answers:
            if each.wrote and each.interaction in _WRITES and each.patients and each.patients[0] > 0:
                written[each.patients[0]] += each.resources
        unaccounted: set[int] = set()
        for patient, targets in written.items():
            draft = account_of(self.server, self.request, self.source, patient, targets)
            try:
                await execute(self.server, self.request.access, [draft], now=self.request.now, request=self.request.id)
            except (ZelfregieError, GrantChanged) as error:
                _log.warning("delivery.unaccounted", request=self.request.id, error=type(error).__name__)
                unaccounted.add(patient)
            except Exception as error:  # noqa: BLE001 - the entries are stored, whatever went wrong: the answer says so
                _log.error("delivery.unaccounted", request=self.request.id, trace=trace_of(error))
                unaccounted.add(patient)
        return {
            index: replace(_UNACCOUNTED, expression=(f"Bundle.entry[{index}]",))
            for index, each in enumerate(answers)
            if each.wrote and unaccounted.intersection(each.patients)
        }


def told_besides(entry: bytes, issue: Issue) -> bytes:
    """An entry of the answer that is made already, with one more thing that there is to say."""
    made: Resource = decode(entry)
    response = made["response"]
    said = response.get("outcome", {}).get("issue", ())
    response["outcome"] = {**outcome([issue]), "issue": [*said, *outcome([issue])["issue"]]}
    return encode(made)


async def _take(source: Source, server: FhirServer, own: Request, target: Target) -> Answer:
    return await take_one(server, own, target, source, lambda: resource_in(server, own, target))


def _tell(answer: Answer, said: Sequence[Issue], index: int) -> None:
    """Put issues into what is answered to an entry: beside its resource, or into the outcome that there is."""
    listed = outcome([replace(each, expression=each.expression or (f"Bundle.entry[{index}]",)) for each in said])
    if answer.body.startswith(_OUTCOME):
        there: Mapping[str, Any] = decode(answer.body)
        answer.body = encode({**there, "issue": [*there["issue"], *listed["issue"]]})
    elif answer.beside:
        there = decode(answer.beside)
        answer.beside = encode({**there, "issue": [*there["issue"], *listed["issue"]]})
    else:
        answer.beside = encode(listed)
