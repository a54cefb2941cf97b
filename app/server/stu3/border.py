"""The border of a base that speaks STU3. https://hl7.org/fhir/STU3/http.html

A request is put into R4 and carried out by the server that ``/fhir`` has, on the same resources, rights and log; its
answer is put into STU3 again. Scopes of tokens name types of R4: ``ServiceRequest`` is what allows a
``ProcedureRequest``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import quote, unquote

from msgspec.structs import replace

from app.errors import Invalid, MethodNotAllowed, UnsupportedMediaType, ZelfregieError
from app.fhir.definitions import Definitions, load
from app.fhir.resource import Resource, decode, encode
from app.fhir.scopes import Action
from app.fhir.stu3 import R4_TYPES, STU3_TYPES, Translator
from app.fhir.xml import from_xml
from app.server.border import Views
from app.server.dispatch import allowed
from app.server.formats import check_content_type, media_type_of
from app.server.interactions.binary import is_sent_raw
from app.server.interactions.parameters import search_parts
from app.server.messages import Answer, Headers, Received, Request
from app.server.metadata import Metadata
from app.server.presentation import asked_presentation
from app.server.server import FhirServer
from app.server.stu3.addresses import Addresses
from app.server.stu3.answers import Answers, Asked
from app.server.stu3.bodies import Bodies, Taken
from app.server.stu3.capability import capability_statement
from app.server.stu3.large import LARGE, Large, has_many
from app.server.stu3.queries import Pair, Queries, Translated
from app.server.stu3.refusals import Speech, without_patch
from app.server.stu3.returning import Returning

_JSON: Final = b"application/fhir+json"
_FORM: Final = "application/x-www-form-urlencoded"
_SEARCH: Final = "_search"
_EVERY: Final = "*"
_NO_HEADERS: Final[Headers] = []


@dataclass(slots=True)
class Crossing:
    """One request past the border, and its answer back."""

    request: Request
    asked: Asked
    answers: Answers
    addresses: Addresses

    async def leave(self, answer: Answer) -> Answer:
        """The answer in STU3."""
        return await self.answers.leave(answer, self.asked, self.request)

    def refused(self, error: ZelfregieError) -> ZelfregieError:
        """What the server refused, in STU3."""
        return self.asked.speech.refusal(error, self.addresses)


class Stu3Border:
    """``base`` is the public address of the base, with a slash at the end; ``views``: how what was born here is seen
    through it.
    """

    version: Final = "3.0"

    def __init__(self, server: FhirServer, base: str, *, views: Views | None = None) -> None:
        self.definitions: Definitions = load("3.0.1")
        self._server = server
        translator = Translator(server.canonical_base)
        self._addresses = Addresses(base, server.base)
        self._queries = Queries(self._addresses)
        self._large = Large()
        self._bodies = Bodies(self._addresses, translator, self.definitions, self._large)
        self._returning = Returning(server, translator, views)
        self._answers = Answers(self._addresses, translator, self.definitions, views)
        self._metadata = Metadata(server, partial(capability_statement, base), modes=())

    def headers(self, asked: Mapping[bytes, bytes]) -> Headers:
        """Nothing beside what every base says."""
        del asked
        return _NO_HEADERS

    def check(self, method: str, path: str, asked: Mapping[bytes, bytes]) -> None:
        """Nothing is asked before the token."""

    def refused(self, error: ZelfregieError) -> ZelfregieError:
        """What was refused outside, which is in nobody's words yet or in STU3's already."""
        return Speech(within=False).refusal(error, self._addresses)

    async def metadata(self, method: str, query: str, asked: Mapping[bytes, bytes]) -> Answer:
        """The CapabilityStatement of STU3."""
        return await self._metadata.answer(method, query, asked)

    def allowed(self, path: list[str]) -> str:
        """The methods of an address."""
        return without_patch(allowed(self._server, self._addresses.path_to_r4(path)))

    async def enter(self, request: Request) -> Crossing:
        """The request in R4. Raises what STU3's definitions, or the tables, have against it."""
        if request.method == "PATCH":
            allow = self.allowed(request.path)
            raise MethodNotAllowed(
                "A resource is not patched in STU3: what a patch names stands elsewhere in R4. Update it, or patch it"
                " in R4 at /fhir.",
                headers=(("allow", allow),),
            )
        headers = dict(request.headers)
        if b"x-security-context" in headers:
            text = headers[b"x-security-context"].decode("latin-1")
            headers[b"x-security-context"] = self._addresses.own_to_r4(text).encode("latin-1")
        if b"if-none-exist" in headers and request.path:
            text = self._condition(request.path[-1], headers[b"if-none-exist"].decode("latin-1"))
            headers[b"if-none-exist"] = text.encode()
        path = self._addresses.path_to_r4(request.path)
        made = replace(request, path=path, headers=headers)
        sent = request.query
        if request.body:
            if path and path[-1] == _SEARCH:
                sent, made.body = self._form(request), b""
            elif not self._is_content(request, path):
                return await self._with_body(request, made)
        if path and path[-1] == "$validate":
            _check_no_profile([name for name, _ in _plain_parts(sent)])
        query, asked = self._asked(request, request.path, sent)
        made.query = query.query
        return Crossing(made, asked, self._answers, self._addresses)

    async def _with_body(self, request: Request, made: Request) -> Crossing:
        """A request whose body is a resource."""
        media_type = request.header(b"content-type")
        check_content_type(media_type, self.version)
        given = await self._given(request)
        own = self._addresses.base_bytes in request.body or b"\\/" in request.body
        made.received = Received(request.body, media_type, self.version)
        headers = made.headers = {**made.headers, b"content-type": _JSON}
        sent, taken = request.query, None
        if made.path and made.path[-1] == "$lastn":
            plain = replace(request, headers=headers, body=encode(given))
            sent = "&".join(part[2] for part in search_parts(self._server, plain))
            made.method, made.body = "GET", b""
        elif not made.path and given.get("resourceType") == "Bundle":
            taken = await self._bundle(request, made, given, own=own)
            made.bundle = _Once(taken.bundle, partial(self._bundle_again, request, made, own=own))
        else:
            made.body = encode(await self._resource(made, given, own=own))
        if made.path and made.path[-1] == "$validate":
            _check_no_profile([name for name, _ in _plain_parts(sent)])
        query, asked = self._asked(request, request.path, sent)
        made.query = query.query
        if taken is not None:
            made.refused = taken.refused
            told = Asked(speech=Speech(within=False))
            asked.entries = {**taken.asked, **dict.fromkeys(taken.refused, told)}
            asked.speech = Speech(asked.speech.names, taken.types)
        return Crossing(made, asked, self._answers, self._addresses)

    def _is_content(self, request: Request, path: Sequence[str]) -> bool:
        """Whether the body is that of a Binary itself, which has no version of FHIR."""
        return "Binary" in path[-2:] and is_sent_raw(request, self.definitions)

    async def _resource(self, made: Request, given: Resource, *, own: bool) -> Resource:
        """One resource that is not carried out itself."""
        if not made.path:
            return given  # the server says what is to be posted to the base
        translated = partial(self._bodies.resource, given, own=own)
        resource = await self._returning.one(made, await self._large.do(translated, large=has_many(given)))
        if made.path[-1] == "$validate" and resource["resourceType"] == "Parameters":
            _check_no_profile([str(each.get("name")) for each in resource.get("parameter", ())])
        return resource

    async def _bundle_again(self, request: Request, made: Request, *, own: bool) -> Resource:
        return (await self._bundle(request, made, await self._given(request), own=own)).bundle

    async def _given(self, request: Request) -> Resource:
        is_xml = "xml" in request.header(b"content-type")
        read = partial(from_xml, request.body, self.definitions) if is_xml else partial(decode, request.body)
        return await self._large.do(read, large=len(request.body) > LARGE)

    async def _bundle(self, request: Request, made: Request, given: Resource, *, own: bool) -> Taken:
        """A Bundle that is posted to the base; ``made``: the request in R4."""
        urls: dict[tuple[str, str], tuple[str, Asked]] = {}  # most entries of a delivery ask for one of a few

        def url(method: str, text: str) -> tuple[str, Asked]:
            made = urls.get((method, text))
            if made is None:
                made = urls[method, text] = self._entry_url(request, method, text)
            return made

        # A reference that is a search has a question mark, or one that is written as an escape.
        searches = any(sign in request.body for sign in (b"?", b"\\u00", b"&#"))
        taken = await self._bodies.bundle(given, url, self._condition, own=own, searches=searches)
        await self._returning.entries(made, taken.bundle, taken.refused)
        return taken

    def _entry_url(self, request: Request, method: str, text: str) -> tuple[str, Asked]:
        """What an entry of a batch or transaction asks for."""
        address, _, query = text.partition("?")
        if "://" in address:
            if not f"{address}/".startswith(self._addresses.base):
                raise Invalid(
                    "The url of an entry leads to another server; only requests to this one can be made.", "value"
                )
            address = address[len(self._addresses.base) :]
        parts = [unquote(part) for part in address.split("/") if part]
        path = self._addresses.path_to_r4(parts)
        own = replace(request, method="GET" if method == "HEAD" else method)
        made, asked = self._asked(own, parts, query)
        cut = asked_presentation(query, counts=True)
        if cut.cuts:
            asked.cut = cut
        url = "/".join(quote(part, safe="$*") for part in path)
        return (f"{url}?{made.query}" if made.query else url), asked

    def _asked(self, request: Request, path: Sequence[str], query: str) -> tuple[Translated, Asked]:
        """The query in R4, and what is to be known when the answer leaves."""
        types, plus = self._searched(request, path, query)
        if types:
            made = self._queries.search(types, query, lenient=request.prefers("handling=lenient"), plus=plus)
        else:
            made = self._queries.others(query)
        below = path[:-1] if path and path[-1] == _SEARCH else path
        return made, Asked("/".join(below), made.linked, Speech(made.names))

    def _searched(self, request: Request, path: Sequence[str], query: str) -> tuple[Sequence[str], list[Pair]]:
        """The types of STU3 that are searched, none where it is no search, and what is to be asked besides: only types
        that have a table are searched.
        """
        last = path[-1] if path else ""
        place = path[:-1] if last == _SEARCH else path
        if last == "$lastn":
            return ("Observation",), []
        if len(place) not in (0, 1, 3) or last.startswith(("$", "_history")):
            return (), []
        kind = place[-1] if place else _EVERY
        if len(place) == 3 and place[1:2] and place[2] not in (*R4_TYPES, _EVERY):
            return (), []
        if request.method == "POST" and last != _SEARCH:
            return (), []
        if kind != _EVERY:
            return (kind,), []
        given = [value for name, value in _plain_parts(query) if name == "_type"]
        if given:
            named = [each for value in given for each in value.split(",") if each]
            return tuple(each for each in named if each in R4_TYPES) or tuple(R4_TYPES), []
        scopes = request.access.scopes
        within = [each for each in sorted(STU3_TYPES) if each in self._server.registry.stored]
        seen = [each for each in within if scopes.allow(each, Action.SEARCH)]
        if len(place) == 3:
            members = self._server.definitions.compartments.get(place[0], {})
            seen = [each for each in seen if each in members]
        return tuple(STU3_TYPES[each] for each in seen or within), [("_type", ",".join(seen))] if seen else []

    def _condition(self, kind: str, query: str) -> str:
        """The condition of a conditional interaction or reference."""
        return (
            self._queries.search((kind,), query.removeprefix("?"), lenient=False).query if kind in R4_TYPES else query
        )

    def _form(self, request: Request) -> str:
        """The parameters of a search by POST, after those of its address."""
        if media_type_of(request.header(b"content-type")) != _FORM:
            raise UnsupportedMediaType(f"A search by POST sends its parameters as {_FORM}.")
        try:
            body = request.body.decode()
        except UnicodeDecodeError as error:
            raise Invalid("The parameters are not written in UTF-8.", "value") from error
        return "&".join(each for each in (request.query, body.strip()) if each)


class _Once:
    """A Bundle as ``Request.bundle`` gives it: what was made is given to the first who asks, who may change it, and
    then it is made ``again``.
    """

    def __init__(self, made: Resource, again: Callable[[], Awaitable[Resource]]) -> None:
        self._made: Resource | None = made
        self._again = again

    async def __call__(self) -> Resource:
        made, self._made = self._made, None
        return await self._again() if made is None else made


def _check_no_profile(names: Sequence[str]) -> None:
    """Raises ``Invalid``: a profile of R4 may have the same canonical and mean another thing."""
    if "profile" in names:
        raise Invalid("Profiles of STU3 are not validated against here.", "not-supported")


def _plain_parts(query: str) -> list[Pair]:
    return [(name, unquote(value)) for name, _, value in (part.partition("=") for part in query.split("&"))]
