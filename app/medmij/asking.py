"""What a request at the base of a data service asks for, before it goes in: only what the service is for.
https://hl7.org/fhir/STU3/http.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from msgspec.structs import replace

from app.errors import Forbidden, Invalid, Issue, MethodNotAllowed, NotFound, UnsupportedMediaType, ZelfregieError
from app.fhir.resource import decode
from app.fhir.stu3 import R4_TYPES
from app.medmij.headers import BEARER
from app.medmij.matching import check_patient, matched, not_served
from app.medmij.services import Row, Service, Writing, fits
from app.server.formats import media_type_of
from app.server.messages import Refused, Request
from app.server.search.parse import split_query

_FORM: Final = "application/x-www-form-urlencoded"
_LENIENT: Final = b"handling=lenient"
_SAFE: Final = "/:|,$.-_"


def check_token(request: Request) -> None:
    """Raises ``Forbidden`` for a token that is not about exactly one patient."""
    if request.access.patient is None:
        challenge = ("www-authenticate", f'{BEARER}, error="insufficient_scope"')
        raise Forbidden("The token is not about one patient.", "forbidden", headers=(challenge,))


def asked_of(service: Service, request: Request) -> tuple[Request, Row | None]:
    """The request as it is carried out, and which of the service's it is where it is a search. Raises ``NotFound`` for
    types and operations that the service has nothing to do with, ``MethodNotAllowed`` and ``Invalid`` for what it does
    not do with its own.
    """
    request = _lenient(request)
    path = request.path
    if path and path[0] not in service.types:
        raise not_served(service, path[0])
    match path, request.method:
        case [], "POST":
            return _bundle(service, request), None
        case [kind], "GET":
            return _search(service, request, kind, "")
        case [kind, "_search"], "POST":
            return _search(service, _by_get(request), kind, "")
        case [kind, operation], "GET" if operation.startswith("$"):
            return _search(service, request, kind, operation[1:])
        case [kind], "POST" if writing_of(service, "POST", kind, alone=True):
            return request, None
        case [kind, resource_id], "PUT" if resource_id[0] not in "_$" and writing_of(service, "PUT", kind, alone=True):
            return request, None
        case [kind, resource_id], "GET" if resource_id[0] not in "_$":
            if service.reading(kind) is None:
                raise NotFound(f"{kind} is not read by id in data service {service.id}.", "not-supported")
            check_patient(kind, [(name, value) for name, value, _ in split_query(request.query)])
            return request, None
    raise _not_here(service, path)


def allowed_at(service: Service, path: list[str]) -> str:
    """The methods of an address. Raises ``NotFound``."""
    if path and path[0] not in service.types:
        raise not_served(service, path[0])
    methods: list[str] = []
    if not path:
        methods = ["POST"] if service.bundles else []
    elif len(path) == 1 or path[1][0] in "_$":
        rows = [each for each in service.rows if each.type == path[0]]
        methods = ["GET", "HEAD"] if rows else []
        methods += ["POST"] if len(path) == 1 and writing_of(service, "POST", path[0], alone=True) else []
    else:
        methods = ["GET", "HEAD"] if service.reading(path[0]) is not None else []
        methods += ["PUT"] if writing_of(service, "PUT", path[0], alone=True) else []
    return ", ".join([*methods, "OPTIONS"])


def _not_here(service: Service, path: list[str]) -> ZelfregieError:
    if len(path) > 2:
        return NotFound(f"There is nothing at this address in data service {service.id}.", "not-supported")
    allow = allowed_at(service, path)
    return MethodNotAllowed(
        f"Data service {service.id} takes only {allow} at this address.", headers=(("allow", allow),)
    )


def writing_of(service: Service, method: str, kind: str, *, alone: bool) -> Writing | None:
    """What the service takes of a type by a method; ``alone``: outside of a Bundle."""
    found = (each for each in service.writings if (each.method, each.type) == (method, kind))
    return next((each for each in found if each.alone or not alone), None)


def _lenient(request: Request) -> Request:
    """What is not known is passed over, and does not stand in the self link."""
    given = request.headers.get(b"prefer")
    prefer = _LENIENT if given is None else b", ".join((given, _LENIENT))
    return replace(request, headers={**request.headers, b"prefer": prefer})


def _by_get(request: Request) -> Request:
    if request.body and media_type_of(request.header(b"content-type")) != _FORM:
        raise UnsupportedMediaType(f"A search by POST sends its parameters as {_FORM}.")
    both = "&".join(each for each in (request.query, request.body.decode("latin-1").strip()) if each)
    return replace(request, method="GET", path=request.path[:-1], query=both, body=b"")


def _search(service: Service, request: Request, kind: str, operation: str) -> tuple[Request, Row]:
    asked = [(name, value) for name, value, _ in split_query(request.query)]
    row, parts = matched(service, kind, operation, asked)
    query = "&".join(f"{quote(name, safe=_SAFE)}={quote(value, safe=_SAFE)}" for name, value in parts)
    return replace(request, query=query), row


def _bundle(service: Service, request: Request) -> Request:
    if not service.bundles:
        raise NotFound(f"Data service {service.id} takes no Bundles.", "not-supported")
    return request


def check_sent(service: Service, request: Request) -> None:
    """What is sent, in R4 as it goes in. An entry of a batch that is not the service's is refused by itself, another
    one with the whole transaction. Raises ``ZelfregieError``.
    """
    body = decode(request.body)
    if request.path:
        if problem := _problem(service, request.method, request.path[0], body, "", alone=True):
            raise problem
        return
    kind = body.get("type")
    if body.get("resourceType") != "Bundle" or kind not in service.bundles:
        known = " or ".join(service.bundles)
        raise Invalid(f"Data service {service.id} takes a Bundle of type {known}.", "not-supported")
    problems = dict(_entry_problems(service, body))
    if problems and kind == "transaction":
        issues = tuple(issue for each in problems.values() for issue in each.all_issues())
        first = next(iter(problems.values()))
        raise type(first)("The transaction has entries that are not of this data service.", first.code, issues)
    if problems:
        request.refused = {**{place: Refused(each) for place, each in problems.items()}, **request.refused}


def _entry_problems(service: Service, bundle: Mapping[str, Any]) -> Iterator[tuple[int, ZelfregieError]]:
    entries = bundle.get("entry", ())
    for place, entry in enumerate(entries if isinstance(entries, list) else ()):
        asked = entry.get("request", {}) if isinstance(entry, dict) else {}
        if not isinstance(asked, dict) or not isinstance(asked.get("url"), str):
            continue  # what is put wrongly is told by the server
        kind = asked["url"].partition("?")[0].partition("/")[0]
        resource = entry.get("resource")
        at = f"Bundle.entry[{place}]"
        problem = _problem(service, str(asked.get("method")), kind, resource if isinstance(resource, dict) else {}, at)
        if problem is not None:
            yield place, problem


def _problem(
    service: Service, method: str, kind: str, resource: Mapping[str, Any], at: str, *, alone: bool = False
) -> ZelfregieError | None:
    known = {R4_TYPES.get(each.type, each.type): each for each in service.writings if each.method == method}
    writing = known.get(kind)
    if writing is None or (alone and not writing.alone):
        text = f"{method} of {kind} is not part of data service {service.id}."
        return NotFound(text, "not-supported", (Issue("not-supported", text, (at,) if at else ()),))
    if not fits(dict(resource), writing.only):
        names = ", ".join(writing.only)
        text = f"Data service {service.id} does not take a {kind} with this {names}."
        path = f"{at}.resource.{names}" if at else f"{kind}.{names}"
        return Invalid(text, "not-supported", (Issue("not-supported", text, (path,)),))
    return None
