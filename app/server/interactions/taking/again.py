"""What was kept is given once more, as who sent it then and with what they may do now: after an upgrade what could not
be read, and what was held once the person lets it in.

https://hl7.org/fhir/R4/http.html#transaction; MODEL 3
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final
from xml.sax.saxutils import quoteattr

import msgspec

from app.config import VERSION
from app.database import Reader
from app.errors import Conflict, Forbidden, Issue, NotFound, Unprocessable, ZelfregieError
from app.fhir.resource import decode
from app.server.access import Access, load_access
from app.server.border import Border
from app.server.dispatch import find
from app.server.intake.quarantine import Kept, claim, found, leave, taken, tried, untried
from app.server.interactions.carrying_out import carried_out
from app.server.messages import Answer, Request
from app.server.server import FhirServer
from app.server.store.read import GrantChanged
from app.server.tables import INSERT_GRANT

Told = Callable[[Kept, Sequence[str]], Awaitable[None]]
"""Told of what was tried, and as which versions it is stored now: none where it still cannot be read."""
_LIFE: Final = 600_000_000
"""How long the sender's stand-in can be used, in µs."""
_END: Final = "DELETE FROM access_grant WHERE hash = $1"
_R4: Final = "4.0"
_REFUSED: Final = 400
_XML: Final = "application/fhir+xml"
_JSON: Final = "application/fhir+json"


@dataclass(slots=True)
class Again:
    """``borders``: by the version of FHIR, what puts into R4 what came in otherwise."""

    borders: dict[str, Border] = field(default_factory=dict)

    async def release(self, server: FhirServer, kept: Kept, *, now: int) -> Answer:
        """Take in what was held, as it was given, once; then it is kept no longer. Raises what a delivery raises, and
        ``Conflict`` while another does.
        """
        await _claim(server, kept, now=now)
        try:
            answer = await self._given(server, kept, now=now)
            _check_taken(answer)
        except BaseException:
            async with server.database.write() as writer:
                await leave(writer, kept.patient, kept.id)
            raise
        async with server.database.write() as writer:
            await taken(writer, kept.patient, kept.id)
        return answer

    async def retry(self, server: FhirServer, kept: Kept, *, now: int) -> Answer | None:
        """Read once more what could not be read; the answer when it is stored, else None: it stays, with what is wrong
        with it now.
        """
        try:
            await _claim(server, kept, now=now)
        except (Conflict, NotFound):  # another tries it, or it was dropped
            return None
        try:
            answer = await self._given(server, kept, now=now)
        except (ZelfregieError, GrantChanged) as error:
            issues = error.all_issues() if isinstance(error, ZelfregieError) else kept.problems
            async with server.database.write() as writer:
                await tried(writer, kept.patient, kept.id, issues)
            return None
        response = decode(answer.body)["entry"][0]["response"]
        async with server.database.write() as writer:
            if int(response["status"][:3]) < _REFUSED:
                await taken(writer, kept.patient, kept.id)
                return answer
            await tried(writer, kept.patient, kept.id, _issues(response.get("outcome", {})))
        return None

    async def retry_all(self, server: FhirServer, *, now: int, told: Told, program: str = VERSION) -> tuple[int, int]:
        """Try everything that another version of the service tried last; how many were stored, and how many not."""
        stored = left = 0
        for patient, kept_id in await untried(server.database, program=program):
            try:
                kept = await found(server.database, patient, kept_id)
            except NotFound:  # dropped or erased meanwhile
                continue
            answer = await self.retry(server, kept, now=now)
            if answer is None:
                left += 1
                await told(kept, ())
            else:
                stored += 1
                await told(kept, tuple(name for part in answer.parts for name in part.resources))
        return stored, left

    async def _given(self, server: FhirServer, kept: Kept, *, now: int) -> Answer:
        async with _sender(server, kept, now=now) as access:
            if access is None or access.patient != kept.patient:
                raise Forbidden("Who sent this has no permission any more, so it is not taken in.", "forbidden")
            headers = {name.encode(): value.encode("latin-1") for name, value in kept.sent.headers.items()}
            body = kept.received
            if kept.kind == "entry":
                body = _batch(kept)
            media_type = _XML if "xml" in kept.media_type else _JSON
            headers[b"content-type"] = media_type.encode()
            request = Request("POST", [], "", headers, body, access, now, f"again-{kept.id}", released=True)
            if kept.fhir_version == _R4:
                return await carried_out(server, request, find)
            border = self.borders.get(kept.fhir_version)
            if border is None:
                raise Forbidden(f"FHIR {kept.fhir_version} is not read here.", "not-supported")
            request.access = replace(access, viewed=True)  # as at the base that it came in by
            passage = await border.enter(request)
            return await carried_out(server, passage.request, find)


async def _claim(server: FhirServer, kept: Kept, *, now: int) -> None:
    async with server.database.write() as writer:
        await claim(writer, kept.patient, kept.id, now=now)


@asynccontextmanager
async def _sender(server: FhirServer, kept: Kept, *, now: int) -> AsyncIterator[Access | None]:
    """The access of who sent it, for this patient alone, under a grant of its own while it lasts: permissions are those
    of now.
    """
    token_hash = secrets.token_bytes(32)
    made: dict[str, Any] = {
        "stamp": 1,
        "everyone": 0,
        "family": "",
        "fresh": 0,
        "services": "",
        **kept.sent.grant,
        "hash": token_hash,
        "patient": kept.patient,
        "expires": now + _LIFE,
    }
    if not kept.sent.grant:
        yield None
        return
    async with server.database.write() as writer:
        await writer.insert(INSERT_GRANT, [tuple(made[name] for name in INSERT_GRANT.columns)])
    try:
        yield await _access(server.database, server, token_hash, now)
    finally:
        async with server.database.write() as writer:
            await writer.execute(_END, token_hash)


async def _access(reader: Reader, server: FhirServer, token_hash: bytes, now: int) -> Access | None:
    return await load_access(reader, token_hash, now=now, patient_type=server.registry.number("Patient"))


def _check_taken(answer: Answer) -> None:
    """Raises ``Unprocessable`` where nothing of a batch was taken in."""
    statuses = [each["response"]["status"] for each in decode(answer.body).get("entry", ())]
    if statuses and all(int(each[:3]) >= _REFUSED for each in statuses):
        raise Unprocessable("Nothing of this delivery could be taken in, so it is still kept.", "processing")


def _batch(kept: Kept) -> bytes:
    """The one entry that it was, around the bytes as they came in."""
    sent = kept.sent
    if "xml" not in kept.media_type:
        entry: dict[str, Any] = {
            "resource": msgspec.Raw(kept.received),
            "request": {"method": sent.method, "url": sent.url or kept.type},
        }
        if sent.full_url:
            entry["fullUrl"] = sent.full_url
        return msgspec.json.encode({"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    full = f"<fullUrl value={quoteattr(sent.full_url)}/>" if sent.full_url else ""
    asked = f"<method value={quoteattr(sent.method)}/><url value={quoteattr(sent.url or kept.type)}/>"
    head = f'<Bundle xmlns="http://hl7.org/fhir"><type value="batch"/><entry>{full}<resource>'
    return head.encode() + kept.received + f"</resource><request>{asked}</request></entry></Bundle>".encode()


def _issues(outcome: dict[str, Any]) -> list[Issue]:
    return [
        Issue(each["code"], each.get("diagnostics", ""), tuple(each.get("expression", ())), each["severity"])
        for each in outcome.get("issue", ())
        if each["severity"] in ("error", "fatal")
    ]
