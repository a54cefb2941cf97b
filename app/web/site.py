"""The frame that people's own pages share: who visits, in which language, and how a page is sent.

Pages need no script, keep nothing in caches, and are nobody's frame. https://www.w3.org/TR/WCAG22/
https://www.w3.org/TR/CSP3/ https://www.rfc-editor.org/rfc/rfc6265
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.auth.accounts.names import display_name
from app.auth.accounts.sessions import Session, Sessions
from app.auth.recording import Recording
from app.auth.sealing import Seal
from app.config import Settings
from app.errors import Forbidden, Gone, NotFound
from app.fhir.resource import decode
from app.server.access import Access
from app.server.server import FhirServer
from app.server.store.read import GrantChanged, read
from app.web.dates import date, moment
from app.web.forms import Form, check_origin, check_token, path_of, read_form
from app.web.languages import LANGUAGES, language
from app.web.menu import menu, part_of
from app.web.pages import environment
from app.web.texts import translate
from app.web.visitor import Visitor

SESSION_COOKIE: Final = "__Host-session"
VISIT_COOKIE: Final = "__Host-visit"
LANGUAGE_COOKIE: Final = "__Host-language"
_YEAR: Final = 365 * 24 * 3600
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
HEADERS: Final = {"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin", "X-Frame-Options": "DENY"}


@dataclass(frozen=True, slots=True)
class Site:
    """What every area of pages is given."""

    server: FhirServer
    sessions: Sessions
    recording: Recording
    settings: Settings
    seal: Seal
    sandbox: bool = False

    async def visitor(self, request: Request) -> Visitor:
        """Who is asking. Never raises: somebody without a session is nobody."""
        now = self.server.clock()
        cookies = request.cookies
        session = await self.sessions.find(cookies.get(SESSION_COOKIE, ""), now=now)
        access = None if session is None or session.patient is None else await self.sessions.access(session, now=now)
        if access is not None and access.patient is None:
            access = None  # what was allowed in the record that was chosen has ended
        asked = request.query_params.get("lang")
        chosen = language(
            asked if asked in LANGUAGES else cookies.get(LANGUAGE_COOKIE) or (session.language if session else None),
            request.headers.get("accept-language", ""),
        )
        visit = cookies.get(VISIT_COOKIE, "")
        visitor = Visitor(
            now=now,
            language=chosen,
            visit=visit or secrets.token_urlsafe(24),
            csrf="",
            address=request.client.host if request.client else "",
            session=session,
            access=access,
            t=translate(chosen),
        )
        visitor.csrf = self._token(visitor)
        if not visit:
            visitor.cookies[VISIT_COOKIE] = (visitor.visit, 0)
        if asked in LANGUAGES and asked != cookies.get(LANGUAGE_COOKIE):
            visitor.cookies[LANGUAGE_COOKIE] = (asked, _YEAR)
        if access is not None:
            visitor.record_name = await record_name(self.server, access)
        return visitor

    async def person(self, request: Request) -> Visitor:
        """Somebody who has logged in. Raises ``Unauthenticated``, which sends others to the log-in page."""
        visitor = await self.visitor(request)
        _ = visitor.person
        return visitor

    async def in_record(self, request: Request) -> Visitor:
        """Somebody who works in a record. Raises ``Unauthenticated``, or ``Forbidden`` where none is chosen."""
        visitor = await self.visitor(request)
        _ = visitor.record
        return visitor

    def check_fresh(self, visitor: Visitor) -> None:
        """Raises ``Unauthenticated`` for nobody, and ``Forbidden`` where the second factor was not just given, which
        sends people to give it.
        """
        _ = visitor.person
        if not visitor.is_fresh:
            raise Forbidden("Give your second factor again first.", "fresh")

    def speak(self, visitor: Visitor, chosen: str) -> None:
        """Keep the language that was chosen in the browser."""
        visitor.cookies[LANGUAGE_COOKIE] = (chosen, _YEAR)

    async def form(self, request: Request, visitor: Visitor) -> Form:
        """What was posted, by this visitor from our own page. Raises ``Forbidden`` and what ``read_form`` does."""
        check_origin(request, self.origin)
        form = await read_form(request)
        check_token(form, visitor.csrf)
        return form

    @property
    def origin(self) -> str:
        """Scheme, host and port of our own pages."""
        parts = urlsplit(self.settings.public_url)
        return f"{parts.scheme}://{parts.netloc}"

    def page(
        self,
        request: Request,
        visitor: Visitor,
        template: str,
        *,
        status: int = 200,
        scripts: Sequence[str] = (),
        form_targets: Sequence[str] = (),
        **values: Any,
    ) -> Response:
        """A page, from a template that extends ``frame.html``. ``scripts`` are names of assets; ``form_targets`` are
        origins or schemes that a form's answer may lead on to (an app's redirect URI).
        """
        policy = " ".join([_POLICY, *form_targets])
        if scripts:
            policy += "; script-src 'self'; connect-src 'self'"
        content = (
            environment()
            .get_template(template)
            .render(
                t=visitor.t,
                language=visitor.language,
                visitor=visitor,
                path=path_of(request),
                menu=menu,
                part_of=part_of,
                in_language=lambda name: f"?{urlencode({**dict(request.query_params), 'lang': name})}",
                scripts=scripts,
                moment=lambda at: moment(at, visitor.language),
                date=lambda at: date(at, visitor.language),
                sandbox=self.sandbox,
                **values,
            )
        )
        headers = {**HEADERS, "Content-Language": visitor.language, "Content-Security-Policy": policy}
        return self.finish(HTMLResponse(content, status, headers), visitor)

    def go(self, visitor: Visitor, address: str) -> Response:
        """On to another page, by GET. ``address``: a path of ours, or an app's redirect URI that was checked."""
        return self.finish(RedirectResponse(address, HTTPStatus.SEE_OTHER, dict(HEADERS)), visitor)

    def log_in_as(self, visitor: Visitor, cookie: str) -> None:
        """Give the browser this session: a new cookie at every step up, so that one set before is worth nothing."""
        visitor.cookies[SESSION_COOKIE] = (cookie, 0)
        visitor.cookies[VISIT_COOKIE] = (secrets.token_urlsafe(24), 0)

    def log_out(self, visitor: Visitor) -> None:
        """Take the cookie of the session away."""
        visitor.cookies[SESSION_COOKIE] = ("", -1)

    def finish(self, response: Response, visitor: Visitor) -> Response:
        """The answer with the visitor's new cookies."""
        for name, (value, age) in visitor.cookies.items():
            if age < 0:
                response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
            else:
                _set_cookie(response, name, value, age)
        return response

    def _token(self, visitor: Visitor) -> str:
        """The token of this visit's forms: of the session, or of the browser's visit while nobody is logged in."""
        about = visitor.session.csrf if visitor.session else visitor.visit.encode()
        return self.seal.digest(b"form:" + about).hex()

    def under(self, visitor: Visitor, session: Session) -> Visitor:
        """The same visit, as this session from now on."""
        changed = replace(visitor, session=session)
        changed.csrf = self._token(changed)
        return changed


def _set_cookie(response: Response, name: str, value: str, age: int) -> None:
    response.set_cookie(name, value, max_age=age or None, path="/", secure=True, httponly=True, samesite="lax")


def keep_language(response: Response, chosen: str) -> None:
    """Keep the language that was chosen in the browser, for the pages that come after."""
    _set_cookie(response, LANGUAGE_COOKIE, chosen, _YEAR)


async def record_name(server: FhirServer, access: Access) -> str:
    """What the Patient of the chosen record is called, as far as this person may see it; else their id."""
    try:
        stored = await read(
            server.database,
            access,
            "Patient",
            access.patient_id,
            registry=server.registry,
            now=server.clock(),
            partition=access.patient,
        )
    except (NotFound, Gone, GrantChanged):
        return access.patient_id
    return display_name(decode(stored.body)) or access.patient_id
