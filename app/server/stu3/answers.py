"""Answers of the server, given in STU3 on this base. https://hl7.org/fhir/STU3/http.html

A Bundle is cut into its entries, which are translated one after the other; others have their turn in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from app.errors import Issue, NotFound, Unprocessable
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, decode, encode, walk_dicts
from app.fhir.stu3 import STU3_TYPES, Translator, Untranslatable
from app.server.border import Views
from app.server.bundles import outcome_entry
from app.server.messages import Answer, Headers, Request
from app.server.outcomes import outcome
from app.server.presentation import Presentation, render
from app.server.stu3.addresses import Addresses
from app.server.stu3.queries import Linked
from app.server.stu3.refusals import Speech, without_patch
from app.server.stu3.turns import Turns

_LOCATED: Final = frozenset({b"location", b"content-location"})
_INSTANCES: Final = frozenset({"read", "vread", "create", "update"})
"""Where the body is the resource itself, also when that is a Bundle."""
_OF_MANY: Final = frozenset({"searchset", "history"})
_OUTCOME: Final = "OperationOutcome"
_SEEN_AT_ONCE: Final = 100
"""Resources whose views are asked for together: a page has no more, and others have their turn in between."""
_APART: Final = frozenset({_OUTCOME, "Bundle", "Parameters"})
"""What is no resource of anybody's."""

Raws = dict[str, msgspec.Raw]
_split: Final = msgspec.json.Decoder(Raws).decode
_split_list: Final = msgspec.json.Decoder(list[Raws]).decode
_decode_list: Final = msgspec.json.Decoder(list[dict[str, Any]]).decode
_text: Final = msgspec.json.Decoder(str).decode


@dataclass(slots=True)
class Asked:
    """What is known of a request when its answer leaves. ``path`` below this base and ``linked`` make the self link,
    where there is one. ``speech`` says refusals in STU3; ``cut``: how the answer to an entry of a batch is to look.
    ``entries``: those of a batch, where they ask for something themselves.
    """

    path: str = ""
    linked: Sequence[Linked] = ()
    speech: Speech = field(default_factory=Speech)
    cut: Presentation | None = None
    entries: Mapping[int, Asked] = field(default_factory=dict)


class Answers:
    """Gives answers in STU3 on one base."""

    def __init__(
        self, addresses: Addresses, translator: Translator, definitions: Definitions, views: Views | None
    ) -> None:
        self._addresses = addresses
        self._translator = translator
        self._definitions = definitions
        self._views = views

    async def leave(self, answer: Answer, asked: Asked, request: Request) -> Answer:
        """The same answer in STU3; ``request`` is the server's. Raises ``NotFound`` or ``Unprocessable`` for one
        resource that does not leave.
        """
        answer.headers = self._headers(answer.headers)
        if answer.body and not answer.media_type:
            answer.body = await self._body(answer.body, answer, asked, request)
        return answer

    async def _body(self, body: bytes, answer: Answer, asked: Asked, request: Request) -> bytes:
        parts = _split(body)
        kind = _text(parts["resourceType"])
        if kind == "Bundle" and answer.interaction not in _INSTANCES:
            return await self._bundle(parts, answer, asked, request)
        if kind == _OUTCOME:
            return encode(asked.speech.outcome(decode(body)))
        resource = decode(body)
        seen = [resource] if self._views is None or kind in _APART else await self._views.seen([resource], request)
        if seen[0] is None:
            raise NotFound("There is nothing at this address.", "not-found")
        try:
            return self._resource(seen[0])[0]
        except Untranslatable as error:
            raise Unprocessable("The resource cannot be given in STU3.", issues=error.all_issues()) from error

    def _headers(self, headers: Headers) -> Headers:
        made = []
        for name, value in headers:
            if name in _LOCATED:
                made.append((name, self._addresses.url_to_stu3(value.decode("latin-1")).encode("latin-1")))
            else:
                made.append((name, without_patch(value.decode()).encode() if name == b"allow" else value))
        return made

    def _resource(self, resource: Resource) -> tuple[bytes, Resource]:
        """In STU3, with absolute addresses of our own on this base. Raises ``Untranslatable``."""
        made = self._translator.to_stu3(resource)
        body = encode(made)
        if self._addresses.server_bytes not in body:
            return body, made
        server = self._addresses.server_base
        made = decode(body)
        for each in walk_dicts(made):
            for member in ("reference", "url"):
                text = each.get(member)
                if isinstance(text, str) and text.startswith(server):
                    each[member] = self._addresses.url_to_stu3(text)
        return encode(made), made

    async def _bundle(self, parts: Raws, answer: Answer, asked: Asked, request: Request) -> bytes:
        entries = _split_list(parts["entry"]) if "entry" in parts else []
        kind = _text(parts["type"])
        turns = Turns()
        resources = await self._seen(entries, request, turns)
        made: list[bytes] = []
        left_out: dict[str, None] = {}
        for index, (entry, resource) in enumerate(zip(entries, resources, strict=True)):
            await turns.take()
            own = asked.entries.get(index, asked)
            if resource is None:
                if "resource" not in entry and not self._is_of_no_table(entry):
                    made.append(self._entry(entry, own))
                continue
            try:
                body, leaving = await self._within(resource, own, request)
            except Untranslatable:
                left_out[resource["resourceType"]] = None
                if kind not in _OF_MANY:
                    made.append(self._entry({name: each for name, each in entry.items() if name != "resource"}, own))
                continue
            made.append(self._entry(entry, own, body, leaving))
        if left_out and kind == "searchset":
            made.append(b"".join(outcome_entry(encode(outcome([_left_out(left_out)])))))
        return self._joined(parts, made, answer, asked)

    async def _within(self, resource: Resource, asked: Asked, request: Request) -> tuple[bytes, Resource | None]:
        """The resource of an entry: its bytes, and what it became. Raises ``Untranslatable``."""
        kind = resource["resourceType"]
        leaving = None
        if kind == _OUTCOME:
            return encode(asked.speech.outcome(resource)), None
        if kind == "Bundle" and resource.get("type") in _OF_MANY:
            inner = Answer(200, encode(resource), interaction="search-type")
            body = (await self.leave(inner, asked, request)).body
        else:
            body, leaving = self._resource(resource)
        if asked.cut is not None:
            interaction = "read" if leaving is not None else "search-type"
            body = render(Answer(200, body, interaction=interaction), "json", asked.cut, self._definitions)
        return body, leaving

    async def _seen(self, entries: Sequence[Raws], request: Request, turns: Turns) -> list[Resource | None]:
        """The resources of the entries, as their asker sees them; None where there is none."""
        resources: list[Resource | None] = []
        for each in entries:
            resources.append(decode(memoryview(each["resource"])) if "resource" in each else None)
            await turns.take()
        if self._views is None:
            return resources
        given = [
            (place, resource)
            for place, resource in enumerate(resources)
            if resource is not None and resource["resourceType"] not in _APART
        ]
        for start in range(0, len(given), _SEEN_AT_ONCE):
            some = given[start : start + _SEEN_AT_ONCE]
            seen = await self._views.seen([resource for _, resource in some], request)
            for (place, _), view in zip(some, seen, strict=True):
                resources[place] = view
            await turns.take()
        return resources

    def _is_of_no_table(self, entry: Raws) -> bool:
        """Whether an entry of a history is about a type that STU3 has no table for."""
        if "request" not in entry:
            return False
        kind = decode(memoryview(entry["request"]))["url"].partition("/")[0].partition("?")[0]
        return kind not in STU3_TYPES

    def _entry(self, entry: Raws, asked: Asked, body: bytes | None = None, leaving: Resource | None = None) -> bytes:
        row: dict[str, Any] = {**entry}
        if body is not None:
            row["resource"] = msgspec.Raw(body)
        if "fullUrl" in row:
            row["fullUrl"] = self._full_url(_text(row["fullUrl"]), leaving)
        if "response" in row:
            response = decode(memoryview(row["response"]))
            if "location" in response:
                response["location"] = self._addresses.url_to_stu3(response["location"])
            if "outcome" in response:
                response["outcome"] = asked.speech.outcome(response["outcome"])
            row["response"] = msgspec.Raw(encode(response))
        if "request" in row:
            asked_for: Resource = decode(memoryview(row["request"]))
            row["request"] = {**asked_for, "url": self._addresses.path_to_stu3(asked_for["url"])}
        return msgspec.json.encode(row)

    def _full_url(self, url: str, leaving: Resource | None) -> str:
        made = self._addresses.url_to_stu3(url)
        if leaving is None or made == url or "id" not in leaving:
            return made
        # A view may be of another type than what it is a view of.
        return f"{made.rsplit('/', 2)[0]}/{leaving['resourceType']}/{leaving['id']}"

    def _joined(self, parts: Raws, entries: Sequence[bytes], answer: Answer, asked: Asked) -> bytes:
        row: dict[str, Any] = {**parts}
        row.pop("entry", None)
        links = row.pop("link", None)
        if "timestamp" in row:  # that of a document; STU3 has none
            row = self._translator.to_stu3(decode(msgspec.json.encode(row)))
        if links is not None:
            row["link"] = self._links(_decode_list(links), answer, asked)
        if entries:
            row["entry"] = msgspec.Raw(b"[" + b",".join(entries) + b"]")
        return msgspec.json.encode(row)

    def _links(self, links: Sequence[Resource], answer: Answer, asked: Asked) -> list[Resource]:
        """The self link as it was asked, without what the server passed over; others go on from there."""
        understood = frozenset(answer.parameters)
        kept = [
            each.written for each in asked.linked if not (each.names and understood) or understood & set(each.names)
        ]
        url = f"{self._addresses.base}{asked.path}" if asked.path else self._addresses.base.rstrip("/")
        made = []
        for each in links:
            # What is not linked again is the cursor alone.
            page = each["url"].rpartition("_page=")[2] if each["relation"] != "self" else ""
            query = "&".join([*kept, f"_page={page}"] if page else kept)
            made.append({"relation": each["relation"], "url": f"{url}?{query}" if query else url})
        return made


def _left_out(types: Mapping[str, None]) -> Issue:
    text = f"Resources are left out that are not given in STU3 here: {', '.join(types)}. They are in R4 at /fhir."
    return Issue("not-supported", text, severity="warning", kind="not-in-this-version")
