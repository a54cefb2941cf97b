"""history of one resource, of a type and of all that the caller may see. https://hl7.org/fhir/R4/http.html#history

A type's history is that of the caller's patients, with the catalogues' where they hold the type. That of the system is
the caller's patients' only; an operator sees the catalogues' there too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Final

from app.database import Reader, Row
from app.errors import Forbidden, Invalid, Issue, NotFound
from app.fhir.dates import bounds, instant
from app.fhir.resource import Resource, encode
from app.fhir.scopes import Action
from app.server.bundles import bundle_of
from app.server.challenges import beyond_scopes
from app.server.interactions.addresses import bases_of
from app.server.messages import GENERAL, Answer, Request, Target
from app.server.outcomes import outcome
from app.server.search import page
from app.server.search.cursor import Cursor, read_cursor, write_cursor
from app.server.search.parse import split_query
from app.server.search.reach import Reach, reach_of
from app.server.server import FhirServer
from app.server.store.find import find_partitions, find_patient
from app.server.store.narrowed import versions_within
from app.server.store.read import check_guard, several
from app.server.store.removal import EMPTIED, REMOVAL, removed
from app.server.store.versions import Asked

DEFAULT_COUNT: Final = 50
LARGEST_COUNT: Final = 1000
_TAKES: Final = "_count, _since, _at and the general parameters"
_METHODS: Final[Mapping[str, tuple[str, str]]] = {
    "create": ("POST", "201"),
    "update-create": ("PUT", "201"),
    "update": ("PUT", "200"),
    "delete": ("DELETE", "204"),
    REMOVAL: ("DELETE", "204"),
    EMPTIED: ("DELETE", "410"),
}


@dataclass(frozen=True, slots=True)
class _Parameters:
    """What the query asks; ``written`` is what a link repeats of it. Times in µs."""

    count: int = DEFAULT_COUNT
    since: int | None = None
    at: tuple[int, int] | None = None
    page: str | None = None
    written: str = ""
    names: tuple[str, ...] = ()

    def asked(self, types: tuple[int, ...] | None, cursor: Cursor | None, now: int) -> Asked:
        """One version more than the page holds, to see whether there is another page."""
        after = None if cursor is None else (int(cursor.keys[0]), cursor.patient, cursor.n)
        return Asked(types, self.count + 1, now, since=self.since, at=self.at, after=after)


async def history(server: FhirServer, request: Request, target: Target) -> Answer:
    """All versions of one resource."""
    access, resource_type, resource_id = request.access, target.type, target.id
    asked = _parameters(request)
    what = f"{resource_type}/{resource_id}/_history"
    cursor = _cursor(server, asked, what)
    wanted = replace(asked.asked((server.registry.number(resource_type),), cursor, request.now), id=resource_id)
    partitions = await find_partitions(
        server.database, access, resource_type, resource_id, registry=server.registry, patient_id=target.patient_id
    )
    found: list[tuple[int, Sequence[Row]]] = []
    for patient in partitions:
        if found and patient <= 0:
            break  # the caller's own resource hides a catalogue's of the same id
        reach = Reach((patient,), (access.denied_labels(patient, Action.READ),))
        if cursor is not None and cursor.patient != patient:
            continue
        rows = await _versions(server, server.database, request, reach, wanted, action=Action.READ)
        if rows or await _is_known(server, request, reach, wanted):
            found.append((patient, rows))
    if len(found) > 1:
        raise await several(server.database, resource_type, resource_id, [each[0] for each in found], server.registry)
    if not found:
        await check_guard(server.database, access, request.now)
        raise NotFound(f"{resource_type}/{resource_id} is not known.")
    patient, rows = found[0]
    (base,) = await bases_of(server, request, [(patient, resource_type, resource_id)])
    url = f"{base}{what}"
    answer = await _answer(server, request, asked, rows, url=url, what=what)
    answer.interaction, answer.type, answer.patients = "history-instance", resource_type, (patient,)
    answer.resources = (f"{resource_type}/{resource_id}",)
    return answer


async def type_history(server: FhirServer, request: Request, target: Target) -> Answer:
    """All versions of one type, of the caller's patients or of the one before it in the address."""
    kind = target.type
    below = "" if target.patient_id is None else f"Patient/{target.patient_id}/"
    asked = _parameters(request)
    what = f"{below}{kind}/_history"
    patients = None if target.patient_id is None else await _addressed(server, request, target.patient_id)
    shared = request.access.catalogues if server.placement[kind].catalogue else ()
    reach = _reach(request, shared) if patients is None else patients
    answer = await _merged(server, request, asked, (server.registry.number(kind),), reach, what=what)
    answer.interaction, answer.type = "history-type", kind
    return answer


async def system_history(server: FhirServer, request: Request, _: Target) -> Answer:
    """All versions of all types that the token's scopes allow to search."""
    allowed = request.access.scopes.types(Action.SEARCH)
    types = None
    if allowed != "every":
        types = tuple(sorted(server.registry.number(each) for each in allowed if each in server.registry.stored))
        if not types:
            raise beyond_scopes(request.access.scopes, "The token's scopes do not allow to search any type.")
    answer = await _merged(server, request, _parameters(request), types, _reach(request, ()), what="_history")
    answer.interaction = "history-system"
    return answer


async def _is_known(server: FhirServer, request: Request, reach: Reach, wanted: Asked) -> bool:
    """Whether there is any version at all, when none is on this page."""
    plain = wanted.since is None and wanted.at is None and wanted.after is None
    if plain:
        return False
    any_version = replace(wanted, since=None, at=None, after=None, limit=1)
    return bool(await _versions(server, server.database, request, reach, any_version, action=Action.READ))


async def _addressed(server: FhirServer, request: Request, patient_id: str) -> Reach:
    patient = await find_patient(server.database, request.access, patient_id, server.registry)
    if patient is None:
        await check_guard(server.database, request.access, request.now)
        raise NotFound(f"Patient/{patient_id} is not known.")
    return reach_of(request.access, (patient,), Action.SEARCH)


def _reach(request: Request, shared: tuple[int, ...]) -> Reach:
    """The caller's own partitions, and the catalogues given. Raises ``Forbidden`` where they are too many."""
    access = request.access
    if access.everyone:
        return Reach((), (), tenant=access.tenant)
    own = (access.patient,) if access.patient is not None else tuple(sorted(access.denied))
    if len(own) > page.MOST_PATIENTS:
        raise Forbidden(
            f"This would be the history of {len(own)} patients; ask for Patient/<id>/<type>/_history.", "too-costly"
        )
    return reach_of(access, (*own, *shared), Action.SEARCH)


async def _merged(
    server: FhirServer,
    request: Request,
    asked: _Parameters,
    types: tuple[int, ...] | None,
    reach: Reach,
    *,
    what: str,
) -> Answer:
    """One page of the versions of several resources."""
    access, now = request.access, request.now
    cursor = _cursor(server, asked, what)
    walk: Row | None = None
    async with nullcontext(server.database) if reach.single else server.database.snapshot() as reader:
        if cursor is not None and cursor.walk:
            reach = await page.kept_walk(reader, access, cursor.walk, now=now)
        rows = await _rows(server, reader, request, asked.asked(types, cursor, now), reach)
        if len(rows) > asked.count and cursor is None and not reach.single:
            walk = await page.new_walk(server, reader, access, reach, now=now)
    if walk is not None:
        await page.keep(server, page.Page((), "", walk=walk), now=now)
    name = walk[0] if walk is not None else "" if cursor is None else cursor.walk
    answer = await _answer(server, request, asked, rows, url=f"{server.base}{what}", what=what, walk=name)
    seen = {row[0] for row in rows[: asked.count]} | set(reach.patients if reach.single else ())
    answer.patients = tuple(patient for patient in seen if patient > 0)
    return answer


async def _rows(server: FhirServer, reader: Reader, request: Request, asked: Asked, reach: Reach) -> Sequence[Row]:
    if not (reach.patients or reach.tenant is not None):
        rows: Sequence[Row] = ()
    else:
        rows = await _versions(server, reader, request, reach, asked, action=Action.SEARCH)
    if not rows:
        await check_guard(reader, request.access, request.now)
    return rows


async def _versions(
    server: FhirServer, reader: Reader, request: Request, reach: Reach, asked: Asked, *, action: int
) -> Sequence[Row]:
    dialect = server.database.dialect
    return await versions_within(reader, dialect, request.access, server.registry, reach, asked, action=action)


def _parameters(request: Request) -> _Parameters:
    """What the query asks. Raises ``Invalid`` naming what it cannot use."""
    found = _Parameters()
    written, names = [], []
    issues: list[Issue] = []
    for name, value, part in split_query(request.query):
        try:
            read = _read(found, name, value)
        except Invalid as error:
            issues.append(Issue("value", f"{name}: {error.diagnostics}", (f"http.{name}",)))
            continue
        if read is not None:
            found = read
            if name != "_page":
                written.append(part)
                names.append(name)
        elif name in GENERAL:
            if name in ("_summary", "_elements"):
                written.append(part)
        elif not request.prefers("handling=lenient"):
            issues.append(
                Issue(
                    "not-supported",
                    f"'{name}' is not a parameter of a history; it takes {_TAKES}.",
                    (f"http.{name}",),
                    kind="unknown-parameter",
                )
            )
    if issues:
        raise Invalid("The history has parameters that cannot be used.", issues=tuple(issues))
    return replace(found, written="&".join(written), names=tuple(names))


def _read(found: _Parameters, name: str, value: str) -> _Parameters | None:
    """``found`` with one more parameter; None for a name that is none of a history's own."""
    match name:
        case "_count":
            count = int(value.lstrip("0")[:9] or "0") if value.isascii() and value.isdecimal() else 0
            if not count:
                raise Invalid("takes a whole number of at least 1.", "value")
            return replace(found, count=min(count, LARGEST_COUNT))
        case "_since":
            return replace(found, since=bounds(value.replace(" ", "+"))[0])
        case "_at":
            return replace(found, at=bounds(value.replace(" ", "+")))
        case "_page":
            return replace(found, page=value)
        case "_summary" if value == "count":
            raise Invalid("count is for searches.", "not-supported")
    return None


def _cursor(server: FhirServer, asked: _Parameters, what: str) -> Cursor | None:
    return None if asked.page is None else read_cursor(asked.page, server.page_key, f"{what}?{asked.written}")


async def _answer(
    server: FhirServer,
    request: Request,
    asked: _Parameters,
    rows: Sequence[Row],
    *,
    url: str,
    what: str,
    walk: str = "",
) -> Answer:
    """The Bundle of a page, of rows of which one may be too many."""
    written = asked.written
    links = [("self", f"{url}{'?' if written else ''}{written}")]
    if len(rows) > asked.count:
        rows = rows[: asked.count]
        last = rows[-1]
        following = Cursor(1, 0, (last[5],), last[0], last[1], walk)
        text = write_cursor(following, server.page_key, f"{what}?{written}")
        links.append(("next", f"{url}?{written}{'&' if written else ''}_page={text}"))
    names = server.registry.type_names
    bases = await bases_of(server, request, [(row[0], names[row[2]], row[3]) for row in rows])
    entries = [_entry(base, names[row[2]], row) for base, row in zip(bases, rows, strict=True)]
    return Answer(200, bundle_of("history", links, entries), parameters=asked.names, rows=len(rows))


def _entry(base: str, resource_type: str, row: Row) -> bytes:
    resource_id, version, updated, interaction, body = row[3:]
    method, status = _METHODS[interaction]
    name = f"{resource_type}/{resource_id}"
    response: Resource = {"status": status, "etag": f'W/"{version}"', "lastModified": instant(updated)}
    if interaction in (REMOVAL, EMPTIED):
        text = removed(name, updated) if interaction == REMOVAL else f"{name}: removed at the person's request."
        response["outcome"] = outcome([Issue("deleted", text, severity="information", kind="erased")])
    about = encode(
        {"request": {"method": method, "url": resource_type if method == "POST" else name}, "response": response}
    )
    resource = b"" if body is None else b'"resource":' + body + b","
    return b'{"fullUrl":"' + f"{base}{name}".encode() + b'",' + resource + about[1:]
