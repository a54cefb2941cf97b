"""Names of a source that do not tell its resources apart: an id at two addresses, or an identifier that two of one
delivery have, and no own id.

Such a pair would be taken for one and the same when it is given again, so it is refused at once.
https://hl7.org/fhir/R4/resource.html#identification
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from app.errors import Issue
from app.server.intake.delivering import Given, given_as

TEXT: Final = (
    "This has the id of entry {first}, or an identifier that it has too while not both have an id or a fullUrl of their"
    " own: they could not be told apart when they are given again."
)
_METHODS: Final = ("POST", "PUT")
_CONDITIONS: Final = frozenset({"ifMatch", "ifNoneMatch", "ifNoneExist"})


def clashes(givens: Iterable[tuple[int, str, Given]]) -> Mapping[int, int]:
    """From the entries that cannot be told from another to that one. Each with its index, and whose it is."""
    seen: dict[tuple[str, str, str], tuple[int, bool]] = {}
    ids: dict[tuple[str, str, str], tuple[int, str]] = {}
    found: dict[int, int] = {}
    for index, whose, given in givens:
        first, url = ids.setdefault((whose, given.type, given.id), (index, given.url)) if given.id else (index, "")
        if first != index and url != given.url:
            found[index] = first
        for each in given.identifiers:
            first, has_id = seen.setdefault((whose, given.type, each), (index, bool(given.id)))
            if first != index and not (has_id and given.id):
                found.setdefault(index, first)
    return found


def issue_of(index: int, first: int) -> Issue:
    """What is said of one of them."""
    return Issue("duplicate", TEXT.format(first=first), (f"Bundle.entry[{index}].resource",))


def clashes_in(entries: Sequence[Any]) -> Mapping[int, int]:
    """The same of the entries of a batch, whose shape is not known to be right."""
    return clashes(_given(entries))


def _given(entries: Sequence[Any]) -> Iterable[tuple[int, str, Given]]:
    for index, entry in enumerate(entries):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        asked = entry.get("request") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or not isinstance(asked, dict) or not _CONDITIONS.isdisjoint(asked):
            continue
        kind, url, full = resource.get("resourceType"), asked.get("url"), entry.get("fullUrl", "")
        if asked.get("method") not in _METHODS or kind == "Patient" or not isinstance(kind, str):
            continue
        if not isinstance(url, str) or not isinstance(full, str):
            continue
        named = url.rpartition("/")[2] if asked["method"] == "PUT" else ""
        whose = str(resource.get("subject", resource.get("patient", "")))
        yield index, whose, given_as(resource, full_url=full, named=named)
