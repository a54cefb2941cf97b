"""The border of the base of one data service, ``/medmij/<id>/fhir``: around that of the version of FHIR it speaks.
https://afsprakenstelsel.medmij.nl (resource interface), MODEL 3 and 4

What goes in is a request of the service, of a token about one patient; what comes out follows the payload rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote

from msgspec.structs import replace as changed

from app.errors import AnotherVersion, AnotherVersionSent, Gone, Invalid, NotFound, ZelfregieError
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, decode, encode, parse_reference, walk_dicts
from app.medmij.asking import allowed_at, asked_of, check_sent, check_token
from app.medmij.batches import narrowed as narrowed_batch
from app.medmij.batches import read_batch
from app.medmij.capability import narrowed
from app.medmij.headers import CHALLENGE, check_headers, echoed
from app.medmij.lines import referred_to
from app.medmij.payload import Payload
from app.medmij.services import LINES_HIDDEN, Row, Service, fits
from app.medmij.targets import Targets
from app.medmij.withholding import is_withheld, passed_over, target_of, without_hidden_lines
from app.server.border import Border, Passage
from app.server.dispatch import find
from app.server.interactions.carrying_out import carried_out
from app.server.messages import Answer, Headers, Refused, Request
from app.server.outcomes import outcome
from app.server.returning import restored
from app.server.server import FhirServer

_OBSERVATION: Final = "Observation/"
_WRITTEN: Final = frozenset({"POST", "PUT"})
_READ: Final = 2
"""How many parts the address of a resource has."""
_NOT_MODIFIED: Final = 304
_CONDITIONS: Final = frozenset({b"if-none-match", b"if-modified-since"})
_APART: Final = frozenset({"OperationOutcome", "Bundle", "Parameters", "CapabilityStatement"})
"""What is no resource of anybody's."""


class ServiceBorder:
    """``inner``: the border of the version of FHIR; ``base``: the public address of the base, with a slash at the
    end.
    """

    def __init__(self, inner: Border, service: Service, server: FhirServer, base: str) -> None:
        self._inner = inner
        self._service = service
        self._server = server
        self._base = base
        self._payload = Payload(inner.definitions, service.claimed)

    @property
    def version(self) -> str:
        return self._inner.version

    @property
    def definitions(self) -> Definitions:
        return self._inner.definitions

    def headers(self, asked: Mapping[bytes, bytes]) -> Headers:
        """The ids of request and session."""
        return [*self._inner.headers(asked), *echoed(asked)]

    def check(self, method: str, path: str, asked: Mapping[bytes, bytes]) -> None:
        """The headers that each request has."""
        check_headers(asked)
        self._inner.check(method, path, asked)

    def allowed(self, path: list[str]) -> str:
        """The methods of an address."""
        return allowed_at(self._service, path)

    async def metadata(self, method: str, query: str, asked: Mapping[bytes, bytes]) -> Answer:
        """The CapabilityStatement, with what the service is for."""
        answer = await self._inner.metadata(method, query, {name: asked[name] for name in asked if name != _MATCH})
        if answer.body:
            answer.body = encode(narrowed(decode(answer.body), self._service))
            answer.headers = [each for each in answer.headers if each[0] != b"etag"]
        return answer

    async def enter(self, request: Request) -> Crossing:
        """The request of the service that this is."""
        check_token(request)
        asked, row = asked_of(self._service, request)
        asked = changed(asked, access=replace(request.access, viewed=True))
        if not asked.path and self._service.takes_reads:
            return await self._enter_batch(asked)
        if len(asked.path) == _READ and asked.method == "GET":
            await self._check_within(asked)
        passage = await self._inner.enter(asked)
        if row is not None:
            await self._pass_over(passage.request, {0: row})
            added = [f"{name}={quote(value, safe='')}" for name, value in self._besides(row)]
            passage.request.query = "&".join(filter(None, [passage.request.query, *added]))
        if asked.method in _WRITTEN:
            await passage.request.write_out()
            check_sent(self._service, passage.request)
            await self._restore(asked, passage.request)
        return Crossing(passage, asked, self)

    async def _enter_batch(self, asked: Request) -> Crossing:
        """A batch of requests of the service."""
        batch = read_batch(self._service, asked, self.definitions, self._base)
        for place, (own, _) in list(batch.parts.items()):
            try:
                await self._check_within(own)
            except NotFound as error:
                batch.refused[place] = Refused(error)
        passage = await self._inner.enter(batch.request)
        await passage.request.write_out()
        rows = {place: row for place, (_, row) in batch.parts.items() if row is not None}
        refused = {**passage.request.refused, **batch.refused}
        narrowed_batch(passage.request, lambda place: self._besides(rows[place]) if place in rows else ())
        await self._pass_over(passage.request, rows)
        passage.request.refused = refused
        return Crossing(passage, asked, self, {place: own for place, (own, _) in batch.parts.items()})

    def _besides(self, row: Row) -> list[tuple[str, str]]:
        return passed_over(self._service, row, self._server.canonical_base)

    async def _pass_over(self, within: Request, rows: Mapping[int, Row]) -> None:
        """Have searches pass over what the lines refer to that are not given: neither a page nor a number tells of
        them.
        """
        if LINES_HIDDEN in self._service.checks and any(each.type == "Observation" for each in rows.values()):
            within.without = await referred_to(self._server, within, None)

    async def _check_within(self, asked: Request) -> None:
        """Raises ``NotFound`` for what is read that nothing refers to which the service gives."""
        reading = self._service.reading(asked.path[0])
        if len(asked.path) == _READ and reading is not None and reading.within:
            await self._check_referred(reading.within, asked)

    def refused(self, error: ZelfregieError) -> ZelfregieError:
        """As the inner border says it. Another version of FHIR than the base speaks is 400 here, as MedMij has it; a
        format that is not FHIR's stays 406 or 415.
        """
        said = self._inner.refused(error)
        if isinstance(said, AnotherVersion | AnotherVersionSent):
            kind = said.kind or type(said).__name__
            return Invalid(said.diagnostics, said.code, said.issues, (*said.headers, CHALLENGE), kind)
        if isinstance(said, Invalid) and CHALLENGE[0] not in {name for name, _ in said.headers}:
            return replace(said, headers=(*said.headers, CHALLENGE))
        return said

    async def _restore(self, asked: Request, within: Request) -> None:
        """Put what comes back as it was given out as it is stored (``returning.py``), and what answers a questionnaire
        by its address as an answer to its canonical.
        """
        body = decode(within.body)
        if within.path:
            if within.method == "PUT":
                within.body = encode(await self._as_stored(asked, body))
            return
        for place, entry in enumerate(body.get("entry", ())):
            if place in within.refused or "resource" not in entry:
                continue
            if entry.get("request", {}).get("method") == "PUT":
                entry["resource"] = await self._as_stored(asked, entry["resource"])
            elif entry["resource"].get("resourceType") == "QuestionnaireResponse":
                await self._name_questionnaire(asked, entry["resource"])
        within.body = encode(body)

    async def _name_questionnaire(self, asked: Request, answers: Resource) -> None:
        """In STU3 answers refer to their questionnaire, in R4 they name it."""
        found = parse_reference(str(answers.get("questionnaire")))
        if found is None or found.type != "Questionnaire" or found.base not in ("", self._server.base):
            return
        try:
            held = await self._read(asked, found.type, found.id)
        except (NotFound, Gone):
            return  # the server says what is wrong
        if "url" in held:
            answers["questionnaire"] = f"{held['url']}|{held['version']}" if "version" in held else held["url"]

    async def _read(self, asked: Request, kind: str, resource_id: str) -> Resource:
        """A read of our own, within what the caller may see, in R4. Raises ``NotFound`` and ``Gone``."""
        request = changed(asked, method="GET", path=[kind, resource_id], query="", body=b"", headers={})
        return decode((await carried_out(self._server, request, find)).body)

    async def _as_stored(self, asked: Request, sent: Resource) -> Resource:
        kind, resource_id = sent.get("resourceType"), sent.get("id")
        if not isinstance(kind, str) or not isinstance(resource_id, str) or self._service.reading(kind) is None:
            return sent
        reading = changed(asked, method="GET", path=[kind, resource_id], query="", body=b"", headers={})
        try:
            crossing = await self.enter(reading)
            stored = await carried_out(self._server, crossing.request, find)
            as_stored = decode(stored.body)
            given = await crossing.leave(stored)
        except (NotFound, Gone):
            return sent  # the server says what is wrong
        media_type = {b"content-type": b"application/fhir+json"}
        back = changed(reading, method="PUT", body=given.body, headers=media_type)
        return restored(sent, decode((await self._inner.enter(back)).request.body), as_stored)

    async def _check_referred(self, kind: str, asked: Request) -> None:
        """Raises ``NotFound`` for a Binary that no document refers to which the service gives."""
        name = "/".join(asked.path)
        row = next(each for each in self._service.rows if each.type == kind)
        fixed = [f"{each}={quote(','.join(values), safe=',')}" for each, values in row.fixed.items()]
        where = ",".join((name, f"{self._server.base}{name}", f"{self._base}{name}"))
        found = await self._looked_up(asked, kind, "&".join([*fixed, f"location={quote(where, safe=',')}", "_count=1"]))
        if not any("resource" in each for each in found.get("entry", ())):
            raise NotFound(f"{name} is not known.")

    async def _looked_up(self, asked: Request, kind: str, query: str) -> Resource:
        """A search of our own, within what the caller may see."""
        request = changed(asked, method="GET", path=[kind], query=query, body=b"", headers={})
        return decode((await carried_out(self._server, request, find)).body)

    async def hidden(self, asked: Request, resources: Sequence[Resource]) -> frozenset[str]:
        """What the lines S and O refer to, of the Observations among ``resources`` and of those that they name."""
        if LINES_HIDDEN not in self._service.checks:
            return frozenset()
        ids = {str(each["id"]) for each in resources if each["resourceType"] == "Observation" and "id" in each}
        named = (target_of(part.get("reference")) for each in resources for part in walk_dicts(each))
        ids |= {each.removeprefix(_OBSERVATION) for each in named if each.startswith(_OBSERVATION)}
        return await referred_to(self._server, asked, ids)

    async def written_out(self, asked: Request, resources: Sequence[Resource]) -> list[Resource | None]:
        """Resources as they leave; None for those that do not."""
        hidden = await self.hidden(asked, resources)
        checks = self._service.checks
        kept = [None if is_withheld(each, checks, hidden) else each for each in resources]
        leaving = [each for each in kept if each is not None]
        if LINES_HIDDEN in checks:
            for each in leaving:
                if each["resourceType"] == "Composition":
                    without_hidden_lines(each)
        targets = Targets(
            *(self._server, asked, self._base, self._service.types),
            withheld=lambda each: is_withheld(each, checks, hidden),
        )
        references = [target for each in leaving for target in self._payload.references(each)]
        parts = [part for each in leaving for part in walk_dicts(each)] if LINES_HIDDEN in checks else []
        references += [part["reference"] for part in parts if target_of(part.get("reference")).startswith(_OBSERVATION)]
        await targets.learn(leaving, references)
        for part in parts:
            if targets.is_withheld(part.get("reference")):
                part.pop("display", None)  # what its source calls it may tell what it says
        for each in leaving:
            self._payload.apply(each, targets.display)
        return kept

    async def read_again(self, within: Request) -> Answer:
        """What a request is answered, once more."""
        return await carried_out(self._server, within, find)

    def is_given(self, resource: Resource) -> bool:
        """Whether what was read by id is of the service."""
        reading = self._service.reading(resource["resourceType"])
        return reading is not None and fits(resource, reading.only)


_MATCH: Final = b"if-none-match"


@dataclass(slots=True)
class Crossing:
    """One request of the service, and its answer. ``parts``: what the entries of a batch ask for."""

    passage: Passage
    asked: Request
    border: ServiceBorder
    parts: Mapping[int, Request] = field(default_factory=dict)

    @property
    def request(self) -> Request:
        return self.passage.request

    def refused(self, error: ZelfregieError) -> ZelfregieError:
        """As outside of a passage, in the words of this one."""
        return self.border.refused(self.passage.refused(error))

    async def leave(self, answer: Answer) -> Answer:
        """The answer as the payload rules have it. Raises ``NotFound`` for what is not of the service."""
        if answer.status == _NOT_MODIFIED:
            await self._check_seen()
        answer = await self.passage.leave(answer)
        if not answer.body or answer.media_type:
            return answer
        body = decode(answer.body)
        if self.parts:
            # Its entries may have met a grant that was changed meanwhile, which stands as it is now.
            self.asked.access = replace(self.passage.request.access, viewed=True)
            answer.body = encode(await self._batch(body))
        elif body["resourceType"] == "Bundle" and answer.interaction != "read":
            answer.body = encode(await self._bundle(body))
        elif body["resourceType"] not in _APART:
            answer.body = encode(await self._one(self.asked, body))
        return answer

    async def _check_seen(self) -> None:
        """Raises ``NotFound`` where a read that is answered without the resource is of one that is not given."""
        headers = {name: value for name, value in self.asked.headers.items() if name not in _CONDITIONS}
        crossing = await self.border.enter(changed(self.asked, headers=headers))
        await crossing.leave(await self.border.read_again(crossing.request))

    async def _one(self, asked: Request, resource: Resource) -> Resource:
        written = asked.method in _WRITTEN
        found = (await self.border.written_out(asked, [resource]))[0]
        if found is None or not (written or self.border.is_given(found)):
            raise NotFound(f"{'/'.join(asked.path)} is not known.")
        return found

    async def _batch(self, bundle: Resource) -> Resource:
        """Each answer as it would be on its own."""
        for place, entry in enumerate(bundle.get("entry", ())):
            resource, asked = entry.get("resource"), self.parts.get(place)
            if resource is None or asked is None:
                continue
            if resource["resourceType"] == "Bundle":
                entry["resource"] = await self._bundle(resource)
                continue
            try:
                entry["resource"] = await self._one(asked, resource)
            except NotFound as error:
                del entry["resource"]
                entry["response"] = {"status": "404 Not Found", "outcome": outcome(error.all_issues())}
                entry.pop("fullUrl", None)
        return bundle

    async def _bundle(self, bundle: Resource) -> Resource:
        entries: list[dict[str, Any]] = bundle.get("entry", [])
        places = [
            place
            for place, each in enumerate(entries)
            if each.get("resource", {}).get("resourceType", "OperationOutcome") not in _APART
        ]
        seen = await self.border.written_out(self.asked, [entries[place]["resource"] for place in places])
        gone = {place for place, each in zip(places, seen, strict=True) if each is None}
        if any(entries[place].get("search", {}).get("mode") != "include" for place in gone):
            bundle.pop("total", None)  # it would tell how many there are
        if gone:
            kept = [each for place, each in enumerate(entries) if place not in gone]
            bundle.pop("entry")
            if kept:
                bundle["entry"] = kept
        return bundle
