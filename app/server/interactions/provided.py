"""read, vread, history and search of what a provider serves, and its part of ``$everything``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from app.database import Reader
from app.errors import Forbidden, Invalid, Issue, NotFound
from app.fhir.dates import instant
from app.fhir.resource import encode, parse_reference
from app.fhir.scopes import Action
from app.server.access import Access
from app.server.bundles import Entry, bundle_of, match_entry, searchset
from app.server.interactions.addresses import http_date
from app.server.interactions.preconditions import is_unmodified
from app.server.messages import Answer, Request, Target
from app.server.presentation import check_parameters
from app.server.providers import Asked, Coded, Keys, Provided, Provider, Referred, Wanted
from app.server.search.cursor import Cursor, read_cursor, write_cursor
from app.server.search.dates import DateValue, parse_date
from app.server.search.escaping import split, unescape
from app.server.search.parse import Part
from app.server.search.results import LARGEST_COUNT, is_linked
from app.server.server import FhirServer
from app.server.store.find import find_patient
from app.server.store.read import check_guard

MOST_PATIENTS: Final = 100
"""Whose records are looked through at once."""
MOST_VALUES: Final = 100
_DEFAULT_COUNT: Final = 50
_FORM: Final = frozenset({"_format", "_pretty", "_summary", "_elements"})
_ALWAYS: Final = ("_id", "_lastUpdated", "patient")
_TOTALS: Final = ("none", "estimate", "accurate")


@dataclass(slots=True)
class _Search:
    """What the query string asks. ``written`` is what a link repeats."""

    criteria: list[tuple[str, list[Asked]]] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)
    count: int = _DEFAULT_COUNT
    total: bool = False
    only_count: bool = False
    page: str | None = None
    names: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)


async def read(server: FhirServer, request: Request, target: Target) -> Answer:
    """The current version; 304 when the caller has it."""
    provider = _provider(server, target)
    async with server.database.snapshot() as reader:
        patients = await _patients(server, reader, request, target, provider, Action.READ)
        found = await provider.read(reader, patients, target.id) if patients else None
    if found is None:
        raise NotFound(f"{target.type}/{target.id} is not known.")
    return _found(request, target, found, "read", f"{target.type}/{target.id}")


async def vread(server: FhirServer, request: Request, target: Target) -> Answer:
    """One version."""
    name = f"{target.type}/{target.id}/_history/{target.version}"
    for found in await _versions(server, request, target):
        if str(found.version) == target.version:
            return _found(request, target, found, "vread", name)
    raise NotFound(f"{name} is not known.")


async def history(server: FhirServer, request: Request, target: Target) -> Answer:
    """All versions of one resource; they are few, so they come on one page."""
    check_parameters(request.query, lenient=request.prefers("handling=lenient"))
    name = f"{target.type}/{target.id}"
    versions = await _versions(server, request, target)
    if not versions:
        raise NotFound(f"{name} is not known.")
    entries = [
        encode({"fullUrl": f"{server.base}{name}"})[:-1]
        + b',"resource":'
        + each.body
        + b","
        + encode(
            {
                "request": {"method": "PUT" if each.version > 1 else "POST", "url": name},
                "response": {
                    "status": "200" if each.version > 1 else "201",
                    "etag": f'W/"{each.version}"',
                    "lastModified": instant(each.updated),
                },
            }
        )[1:]
        for each in versions
    ]
    return Answer(
        200,
        bundle_of("history", [("self", f"{server.base}{name}/_history")], entries),
        interaction="history-instance",
        type=target.type,
        patients=(versions[0].patient,),
        resources=(name,),
        rows=len(versions),
    )


async def refuse(server: FhirServer, _: Request, target: Target) -> Answer:
    """A write. Raises ``Forbidden`` saying what changes it."""
    raise Forbidden(_provider(server, target).refusal, "forbidden")


async def search(
    server: FhirServer, request: Request, target: Target, provider: Provider, parts: Sequence[Part]
) -> Answer:
    """A page of what a provider serves."""
    asked = _asked(server, provider, parts, lenient=request.prefers("handling=lenient"))
    where = target.type if target.patient_id is None else f"Patient/{target.patient_id}/{target.type}"
    written = "&".join(asked.written)
    signed = f"{where}?{written}"
    after = None if asked.page is None else read_cursor(asked.page, server.page_key, signed)
    total: int | None = None
    async with server.database.snapshot() as reader:
        patients = await _patients(server, reader, request, target, provider, Action.SEARCH, asked.patients)
        keys: Keys | None = None if after is None else tuple(after.keys)  # type: ignore[arg-type]
        wanted = Wanted(patients, asked.criteria, asked.count + 1, request.now, keys)
        if asked.total or asked.only_count:
            total = await provider.count(reader, wanted) if patients else 0
        rows = await provider.search(reader, wanted) if patients and not asked.only_count else ()
    url = f"{server.base}{where}"
    links = [("self", f"{url}?{written}" if written else url)]
    if len(rows) > asked.count:
        rows = rows[: asked.count]
        page = write_cursor(_cursor(rows[-1]), server.page_key, signed)
        links.append(("next", f"{url}?{written}{'&' if written else ''}_page={page}"))
    entries = [match_entry(server.base, target.type, each.id, each.body) for each in rows]
    return Answer(
        200,
        searchset(links, entries, total),
        interaction="search-type",
        type=target.type,
        patients=tuple(dict.fromkeys(each.patient for each in rows)) or tuple(patients[:1] if asked.patients else ()),
        parameters=tuple(asked.names),
        rows=len(entries),
    )


async def of_record(
    server: FhirServer,
    request: Request,
    *,
    patient: int,
    provider: Provider,
    since: int | None,
    after: Keys,
    limit: int,
) -> tuple[list[Entry], Keys | None]:
    """Entries of one record for ``$everything``, behind ``after``, and where the next page begins."""
    criteria: list[tuple[str, list[Asked]]] = []
    if since is not None:
        criteria.append(("_lastUpdated", [DateValue("ge", since, since + 1)]))
    async with server.database.snapshot() as reader:
        await check_guard(reader, request.access, request.now)
        if not _may(server, request.access, provider, patient, Action.READ):
            return [], None
        rows = await provider.search(reader, Wanted((patient,), criteria, limit + 1, request.now, after or None))
    entries = [match_entry(server.base, provider.type, each.id, each.body) for each in rows[:limit]]
    return entries, rows[limit - 1].keys if len(rows) > limit else None


def _provider(server: FhirServer, target: Target) -> Provider:
    found = server.providers.of(target.type, target.id)
    assert found is not None, "dispatch has looked"
    return found


def _cursor(last: Provided) -> Cursor:
    return Cursor(1, 0, last.keys, last.patient, 0)


async def _versions(server: FhirServer, request: Request, target: Target) -> Sequence[Provided]:
    provider = _provider(server, target)
    async with server.database.snapshot() as reader:
        patients = await _patients(server, reader, request, target, provider, Action.READ)
        return await provider.versions(reader, patients, target.id) if patients else ()


def _found(request: Request, target: Target, found: Provided, interaction: str, name: str) -> Answer:
    unmodified = is_unmodified(request.headers, found.version, found.updated)
    return Answer(
        304 if unmodified else 200,
        b"" if unmodified else found.body,
        [(b"etag", b'W/"%d"' % found.version), (b"last-modified", http_date(found.updated // 1_000_000))],
        interaction=interaction,
        type=target.type,
        patients=(found.patient,),
        resources=(name,),
        rows=1,
    )


def _may(server: FhirServer, access: Access, provider: Provider, patient: int, action: int) -> bool:
    """Whether the caller has the provider's category for a patient. A scope that a query narrows does not reach it:
    what it would let through is not known here.
    """
    label = server.labels.bits((provider.category,))
    if access.scopes.limits(provider.type, action) is not None:
        return False
    return access.may_see(patient) and not access.denied_labels(patient, action) & label


async def _patients(
    server: FhirServer,
    reader: Reader,
    request: Request,
    target: Target,
    provider: Provider,
    action: int,
    named: Sequence[str] = (),
) -> Sequence[int]:
    """Whose records may be looked into. Raises ``GrantChanged``, ``NotFound`` or ``Forbidden``."""
    access = request.access
    await check_guard(reader, access, request.now)
    wanted = [*named, *(() if target.patient_id is None else (target.patient_id,))]
    if wanted:
        found = {await find_patient(reader, access, each, server.registry) for each in wanted}
        if target.patient_id is not None and None in found and not named:
            raise NotFound(f"Patient/{target.patient_id} is not known.")
        patient = found.pop() if len(found) == 1 else None
        may = patient is not None and _may(server, access, provider, patient, action)
        return (patient,) if patient is not None and may else ()
    own = [each for each in sorted(access.denied) if _may(server, access, provider, each, action)]
    if access.everyone or len(own) > MOST_PATIENTS:
        raise Forbidden(
            f"This would look through the records of more than {MOST_PATIENTS} patients; name one: by patient=, or"
            f" Patient/<id>/{provider.type}.",
            "too-costly",
        )
    return own


def _asked(server: FhirServer, provider: Provider, parts: Sequence[Part], *, lenient: bool) -> _Search:
    """What is asked. Raises ``Invalid`` naming every parameter that cannot be used."""
    found = _Search()
    issues: list[Issue] = []
    for name, value, written in parts:
        try:
            known = _result(provider, found, name, value) or _criterion(server, provider, found, name, value)
        except Invalid as error:
            issues += [
                Issue(each.code, f"{name}: {each.diagnostics}", (f"http.{name}",)) for each in error.all_issues()
            ]
            continue
        if known:
            if is_linked(name):
                found.names.append(name)
                found.written.append(written)
        elif not lenient:
            takes = ", ".join(sorted({*_ALWAYS, *provider.parameters}))
            text = f"'{name}' cannot be used to search these; they are searched by {takes}."
            issues.append(Issue("not-supported", text, (f"http.{name}",), kind="unknown-parameter"))
    if issues:
        raise Invalid("The search has parameters that cannot be used.", issues=tuple(issues))
    return found


def _result(provider: Provider, found: _Search, name: str, value: str) -> bool:
    """Take a result parameter; False for a name that is none. Raises ``Invalid``."""
    match name:
        case "_count":
            if not value.isascii() or not value.isdecimal():
                raise Invalid("takes a whole number; 0 asks for the number of matches only.", "value")
            count = min(int(value[-9:]), LARGEST_COUNT)
            found.count, found.only_count = count or found.count, found.only_count or not count
        case "_page":
            found.page = value
        case "_total":
            if value not in _TOTALS:
                raise Invalid(f"takes one of {', '.join(_TOTALS)}.", "value")
            found.total = value != "none"
        case "_sort":
            if value not in provider.order:
                raise Invalid(f"takes {' or '.join(sorted(provider.order))}.", "not-supported")
        case _ if name in _FORM:
            found.only_count = found.only_count or (name == "_summary" and value == "count")
        case _:
            return False
    return True


def _criterion(server: FhirServer, provider: Provider, found: _Search, name: str, value: str) -> bool:
    """Take what is asked of the resources; False for a name that is not known. Raises ``Invalid``."""
    base, _, modifier = name.partition(":")
    if base not in _ALWAYS and base not in provider.parameters:
        return False
    kind = _kind(server, provider, base)
    if modifier and not (kind == "reference" and (modifier == "identifier" or modifier[:1].isupper())):
        return False
    texts = [each for each in split(value, ",") if each]
    if not texts:
        raise Invalid("has no value.", "value")
    if len(texts) > MOST_VALUES:
        raise Invalid(f"has {len(texts)} values; it takes {MOST_VALUES} at a time.", "too-costly")
    values = [_value(server, kind, modifier, each) for each in texts]
    if base != "patient":
        found.criteria.append((base, values))
        return True
    named = [each.id for each in values if isinstance(each, Referred) and each.type in ("", "Patient")]
    if len(values) > 1 or not named or modifier == "identifier":
        raise Invalid("names one patient, by reference.", "not-supported")
    found.patients += named
    return True


def _kind(server: FhirServer, provider: Provider, name: str) -> str:
    if name == "_id":
        return "token"
    if name == "_lastUpdated":
        return "date"
    return server.definitions.search_parameters[provider.type][name].type


def _value(server: FhirServer, kind: str, modifier: str, text: str) -> Asked:
    """One value as its type reads it. Raises ``Invalid``."""
    if kind == "date":
        return DateValue(*parse_date(text))
    if kind == "reference" and modifier != "identifier":
        literal = parse_reference(text)
        if literal is None or literal.base not in ("", server.base):
            return Referred(modifier, unescape(text))
        return Referred(literal.type, literal.id)
    written = split(text, "|")
    if len(written) > 2:
        raise Invalid("is written as system|code.", "value")
    system, code = (None, written[0]) if len(written) == 1 else written
    if kind == "reference":
        return Referred("", unescape(code), "" if system is None else unescape(system))
    return Coded(None if system is None else unescape(system), unescape(code))
