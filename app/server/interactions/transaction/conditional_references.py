"""References that are a search, such as ``Patient?identifier=…``, become references to the one resource that it finds.
https://hl7.org/fhir/R4/http.html#trules

They are judged by what is stored when the transaction comes in, without what it deletes, and within what the caller may
search. A search that is also the condition of an entry means that entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from app.database import Reader
from app.errors import Forbidden, Invalid, Issue, PreconditionFailed, ZelfregieError
from app.server.interactions.preconditions import condition_of, search_in
from app.server.interactions.transaction.order import Entry
from app.server.messages import Request
from app.server.search import page
from app.server.server import FhirServer

_WRITTEN: Final = re.compile(rb'"reference"\s*:\s*"[A-Za-z]+\?')
_SEARCH: Final = re.compile(r"(?P<type>[A-Z][A-Za-z]*)\?(?P<query>\S+)")
_MOST: Final = 500
"""Different searches in one transaction, each of which is a look in the database."""

Place = tuple[dict[str, Any], str]
"""A Reference and where it is."""


async def resolve_searches(server: FhirServer, request: Request, entries: Sequence[Entry], body: bytes | None) -> bool:
    """Rewrite in place; whether there were any. ``body`` is the JSON that the entries came in.

    Raises ``Invalid`` for searches that cannot be made, ``PreconditionFailed`` for those that find none or several, and
    ``Forbidden``, each with all that there are.
    """
    if body is not None and b"\\" not in body and (b"?" not in body or _WRITTEN.search(body) is None):
        return False
    found: dict[str, list[Place]] = {}
    asking: dict[str, Entry] = {}
    for entry in entries:
        if entry.resource is not None and entry.method != "patch":
            for reference, path in _references(entry.resource, f"Bundle.entry[{entry.index}].resource"):
                found.setdefault(reference["reference"], []).append((reference, path))
                asking.setdefault(reference["reference"], entry)
    if not found:
        return False
    if len(found) > _MOST:
        raise Invalid(
            f"A transaction may refer by {_MOST} different searches; this one has {len(found)}.", "too-costly"
        )
    own = _conditions(entries)
    refusals: dict[type[ZelfregieError], list[Issue]] = {}
    async with server.database.snapshot() as reader:
        for text, places in found.items():
            try:
                target = own.get(text) or await _target(
                    server, reader, request, text, entries=entries, asking=asking[text]
                )
            except ZelfregieError as error:
                refusals.setdefault(type(error), []).extend(
                    Issue(issue.code, issue.diagnostics, (path,)) for issue in error.all_issues() for _, path in places
                )
                continue
            for reference, _ in places:
                reference["reference"] = target
    for kind in (Invalid, Forbidden, *refusals):
        if kind in refusals:
            raise kind("The transaction has references that lead nowhere.", issues=tuple(refusals[kind]))
    return True


def _references(value: Any, path: str) -> Iterator[Place]:
    """The References below ``value`` that are a search."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            if isinstance(each, dict | list):
                yield from _references(each, f"{path}[{index}]")
        return
    for name, each in value.items():
        if isinstance(each, dict | list):
            yield from _references(each, f"{path}.{name}")
        elif name == "reference" and isinstance(each, str) and _SEARCH.fullmatch(each):
            yield value, f"{path}.reference"


def _conditions(entries: Sequence[Entry]) -> Mapping[str, str]:
    """The conditions on which entries create or update, with the fullUrl of the entry; one is given where there is
    none, which never leaves this transaction.
    """
    own: dict[str, str] = {}
    for entry in entries:
        condition = entry.none_exist if entry.method == "create" else entry.query if entry.method == "update" else None
        if condition:
            entry.full_url = entry.full_url or f"urn:uuid:entry-{entry.index}"
            own[f"{entry.type}?{search_in(condition)}"] = entry.full_url
    return own


async def _target(
    server: FhirServer, reader: Reader, request: Request, text: str, *, entries: Sequence[Entry], asking: Entry
) -> str:
    """``Type/id`` of the one resource that the search finds, which ``asking`` refers to by it. Raises."""
    parts = _SEARCH.fullmatch(text)
    assert parts is not None, "only searches are looked up"
    kind = parts["type"]
    if kind not in server.registry.stored:
        raise Invalid(f"'{kind}' is not a resource type that is served here.", "not-supported")
    deleted = {entry.id for entry in entries if entry.method == "delete" and entry.type == kind and entry.id}
    query = condition_of(server, request.access, kind, parts["query"])
    asking.asked = (*asking.asked, *query.asked)
    query.count = 2 + len(deleted)
    found = await page.run(server, reader, request.access, query, now=request.now)
    ids = [row[0] for row in found.rows if row[0] not in deleted]
    if not ids:
        raise PreconditionFailed(
            f"This search finds no {kind} that you may see. To refer to one that the transaction makes, use the fullUrl"
            " of its entry.",
            "not-found",
        )
    if len(ids) > 1:
        raise PreconditionFailed(f"This search finds several {kind}; make it narrower.", "multiple-matches")
    return f"{kind}/{ids[0]}"
