"""What must hold of every reply, whatever was asked."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fhir.resources.R4B.operationoutcome import OperationOutcome
from lxml import etree

from app.errors import ZelfregieError
from app.fhir.definitions import Definitions
from app.fhir.resource import decode, encode
from app.fhir.validation import validate
from app.fhir.xml import from_xml
from tests.fuzz.attempts import Attempt, Reply, send
from tests.fuzz.drawing import Requests
from tests.server.service import Service

MARK: Final = "Zqx7geheim"
"""Stands in everything of the other patient's that is not a name."""
SENT: Final = "Vrg9verstuurd"
"""Stands in what is sent; it goes to the database and back to the sender, and nowhere else."""
_COMPARED: Final = (
    b"content-type",
    b"etag",
    b"location",
    b"allow",
    b"www-authenticate",
    b"retry-after",
    b"last-modified",
)
_BUNDLES: Final = ("/fhir", "/fhir/")
_ACCEPTED: Final = {b"application/fhir+json": "application/fhir+json", b"application/fhir+xml": "application/fhir+xml"}
_VOLATILE: Final = re.compile(
    rb"[0-7][0-9a-hjkmnp-tv-z]{12}-[0-9a-hjkmnp-tv-z]{16}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z|_page=[\w-]+|[0-9a-f]{16}-[0-9a-f]+"
    rb"|\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"
)
_PAGE: Final = re.compile(rb"_page=([\w-]+)")


def marks(mark: str) -> list[bytes]:
    """A mark as it may show itself: in any case, in base 64 at any place, and as percent escapes leave it."""
    found = {mark.lower().encode()}
    for before in range(3):
        coded = base64.b64encode(b"x" * before + mark.encode())
        found.add(coded[4 if before else 0 : -4].lower())
    return sorted(found)


class Judge:
    """Sends requests as one caller, and notes what is wrong with the replies.

    ``hidden``: what the caller may never see; ``twins``: from what names another patient to what names nobody.
    """

    def __init__(self, service: Service, *, twins: Mapping[str, str], hidden: str = MARK) -> None:
        self._service = service
        self._definitions: Definitions = service.server.definitions
        self._twins = twins
        self._hidden = marks(hidden) if hidden else []
        self.pages: list[bytes] = []
        self.findings: list[str] = []
        self.statuses: Counter[int] = Counter()

    async def send(self, attempt: Attempt) -> Reply:
        """One request, and everything that can be said of its reply."""
        try:
            reply = await send(self._service.application, attempt)
        except Exception as error:  # noqa: BLE001 - the finding is that something was raised
            self.findings.append(f"raises {type(error).__name__} {error}: {attempt.told()}")
            return Reply()
        self.statuses[reply.status] += 1
        if reply.status >= 500:
            self._note(f"fails with {reply.status}", attempt, reply)
        if any(byte < 32 for _, value in reply.headers for byte in value):
            self._note("has a control character in a header", attempt, reply)
        shown = reply.shown().lower()
        if any(mark in shown for mark in self._hidden):
            self._note("shows what is hidden", attempt, reply)
        if attempt.path.startswith("/fhir/") and attempt.method != "HEAD":
            self._check_format(attempt, reply)
        if len(self.pages) < 200:
            self.pages += _PAGE.findall(reply.body)
        return reply

    async def judge(self, attempt: Attempt) -> None:
        """Send it; when it names the other patient, its reply is to be that for a person who does not exist."""
        reply = await self.send(attempt)
        twin = attempt.replaced(self._twins)
        if twin == attempt or b"_page=" in attempt.query + attempt.body:
            return
        changes = attempt.method in ("PUT", "PATCH", "DELETE") or attempt.path in _BUNDLES or "$meta-" in attempt.path
        if changes and twin.path == attempt.path:
            return  # the first of the two may change what the second finds
        other = await self.send(twin)
        if self._comparable(reply) != self._comparable(other):
            answers = f"{reply.status} {reply.shown()!r}\n{other.status} {other.shown()!r}"
            self.findings.append(f"differs from absent: {attempt.told()}\n{answers}")
        if attempt.method in ("PUT", "PATCH", "POST") and reply.status in (200, 201):
            for each in (attempt, twin):
                await self._tidy(each)

    async def _tidy(self, attempt: Attempt) -> None:
        """What the caller now has by the other's name goes, so that later searches find it by neither name."""
        await send(self._service.application, Attempt("DELETE", attempt.path, headers=attempt.headers[-1:]))

    def _check_format(self, attempt: Attempt, reply: Reply) -> None:
        if not reply.body:
            if reply.status >= 400:
                self._note("refuses without a word", attempt, reply)
            return
        asked = dict(attempt.headers)
        kind = reply.media_type
        if "/Binary/" in attempt.path and reply.status == 200 and "fhir" not in kind:
            return
        expected = _ACCEPTED.get(asked.get(b"accept", b""))
        sayings = attempt.query + (attempt.body if b"urlencoded" in asked.get(b"content-type", b"") else b"")
        told = b"format" in sayings.lower() or b"%" in sayings or b"accept-charset" in asked
        if expected and not told and kind != expected and "/Binary/" not in attempt.path:
            self._note(f"is not in {expected}", attempt, reply)
        try:
            resource = from_xml(reply.body, self._definitions) if kind == "application/fhir+xml" else decode(reply.body)
        except (ZelfregieError, etree.XMLSyntaxError) as error:
            self._note(f"cannot be read: {error}", attempt, reply)
            return
        if reply.status >= 400:
            self._check_outcome(resource, attempt, reply)

    def _check_outcome(self, resource: dict[str, Any], attempt: Attempt, reply: Reply) -> None:
        if resource.get("resourceType") != "OperationOutcome":
            self._note("refuses with something else than an OperationOutcome", attempt, reply)
            return
        problems = validate(resource, self._definitions)
        if problems:
            self._note(f"is no valid OperationOutcome: {problems[:3]}", attempt, reply)
            return
        try:
            OperationOutcome.model_validate_json(encode(resource))
        except ValueError as error:
            self._note(f"is no valid OperationOutcome to fhir.resources: {error}", attempt, reply)

    def _note(self, what: str, attempt: Attempt, reply: Reply) -> None:
        self.findings.append(f"{what}: {attempt.told()}\n{reply.status} {reply.shown()[:1500]!r}")

    def _comparable(self, reply: Reply) -> list[bytes]:
        texts = [b"%d" % reply.status, reply.body, *(reply.header(name) for name in _COMPARED)]
        texts = [_VOLATILE.sub(b"...", text) for text in texts]
        for name, instead in self._twins.items():
            texts = [text.replace(instead.encode(), name.encode()) for text in texts]
        return texts


async def fuzz(judge: Judge, requests: Requests, tokens: Sequence[str], number: int, *, most: int = 10) -> None:
    """So many requests by callers that take turns, until too much is wrong."""
    for turn in range(number):
        attempt = requests.next()
        if turn % 50 == 49:
            attempt = Attempt(
                attempt.method,
                attempt.path,
                attempt.query,
                (*attempt.headers, (b"authorization", requests.authorization())),
                attempt.body,
            )
        else:
            attempt = attempt.with_token(tokens[turn % len(tokens)])
        await judge.judge(attempt)
        if len(judge.findings) >= most:
            return
