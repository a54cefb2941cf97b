"""A request is one of those of the service, or less: what is asked besides may narrow it and never widen it.

The patient follows from the token and is never named. What is not known is passed over (``Prefer: handling=lenient``);
so is what could tell of resources that the service does not give: chains, ``_has`` and includes of another request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from app.errors import Invalid, Issue, NotFound
from app.medmij.services import INCLUDES, LINES_HIDDEN, Row, Service
from app.server import bsn

Asked = tuple[str, str]
"""Name and value of one parameter, decoded."""
NAMING_PATIENTS: Final = frozenset({"patient", "subject", "owner", "beneficiary"})
_OF_PATIENT: Final = frozenset({"identifier", "name", "family", "given", "birthdate", "telecom", "email", "phone"})
"""Parameters of Patient that say which one is meant."""
_PASSED_OVER: Final = frozenset(
    {"_has", "_filter", "_query", "_list", "_contained", "_containedType", "_type", "_text", "_content"}
)
_OF_LINES: Final = frozenset({"section", "entry", "_sort"})
"""Parameters of Composition that would tell of lines that are not given: what a report says in them, or refers to."""
_COMMA: Final = re.compile(r"(?<!\\),")


def not_served(service: Service, resource_type: str) -> NotFound:
    """The refusal of a type that the service has nothing to do with."""
    return NotFound(f"{resource_type} is not part of data service {service.id}.", "not-supported")


def check_patient(resource_type: str, asked: Sequence[Asked]) -> None:
    """Raises ``Invalid`` for parameters that say which patient is meant, in any form."""
    names = [name for name, _ in asked if _says_who(resource_type, name)]
    names += [name for name, value in asked if bsn.is_asked_for(value)]
    if names:
        raise Invalid(
            "The patient follows from the token.",
            issues=tuple(
                Issue("not-supported", f"'{name}' is not taken: the patient follows from the token.", (f"http.{name}",))
                for name in dict.fromkeys(names)
            ),
        )


def _says_who(resource_type: str, name: str) -> bool:
    base = re.split(r"[:.]", name, maxsplit=1)[0]
    return base in NAMING_PATIENTS or (resource_type == "Patient" and base in _OF_PATIENT)


def matched(service: Service, resource_type: str, operation: str, asked: Sequence[Asked]) -> tuple[Row, list[Asked]]:
    """The request of the service that this one is, and its parameters with what the service adds.

    Raises ``NotFound`` for a type or operation that is not its own, ``Invalid`` for a request that is none of its own.
    """
    rows = [each for each in service.rows if each.type == resource_type]
    if not rows:
        raise not_served(service, resource_type)
    check_patient(resource_type, asked)
    own = [each for each in rows if each.operation == operation]
    if not own and operation:
        raise NotFound(f"${operation} of {resource_type} is not part of data service {service.id}.", "not-supported")
    for row in own:
        narrowed = _narrowed(row, [each for each in asked if not _tells_of_lines(service, resource_type, *each)])
        if narrowed is not None:
            return row, narrowed
    known = "; ".join(each.written for each in rows)
    raise Invalid(f"Data service {service.id} does not answer this request. It answers: {known}.", "not-supported")


def _narrowed(row: Row, asked: Sequence[Asked]) -> list[Asked] | None:
    """The parameters as they are carried out; None where the request is not ``row``."""
    said = {name for name, _ in asked}
    if any(name not in said and name not in row.added for name in row.fixed):
        return None
    found: list[Asked] = []
    for name, value in asked:
        if name in row.fixed:
            values = [_allowed(each, row.fixed[name]) for each in _COMMA.split(value)]
            if None in values:
                return None
            found.append((name, ",".join(filter(None, values))))
        elif name.partition(":")[0] in INCLUDES:
            found += [(name, each) for each in value.split(",") if _is_included(row, name, each)]
        elif not _is_passed_over(name):
            found.append((name, value))
    found += [(name, ",".join(row.fixed[name])) for name in row.added if name not in said]
    limits = [*((name, ",".join(values)) for name, values in row.limited.items()), *row.brought]
    return [*found, *(each for each in limits if each not in found)]


def _tells_of_lines(service: Service, resource_type: str, name: str, value: str) -> bool:
    if resource_type != "Composition" or LINES_HIDDEN not in service.checks:
        return False
    base = name.partition(":")[0]
    return base in _OF_LINES and (base != "_sort" or not _OF_LINES.isdisjoint(re.split(r"[,-]", value)))


def _allowed(value: str, allowed: Sequence[str]) -> str | None:
    """A value with the system that the service has for it; None where it is none of those of the service."""
    for each in allowed:
        _, bar, code = each.rpartition("|")
        if value == each or (bar and code and value == code) or (not bar and value.endswith(f"|{each}")):
            return value if value.endswith(f"|{each}") else each
        if bar and not code and value.startswith(each):
            return value
    return None


def _is_included(row: Row, name: str, value: str) -> bool:
    same = ("_include:recurse", "_include:iterate")
    for known, each in row.includes:
        if (known == name or (known in same and name in same)) and (value == each or value.startswith(f"{each}:")):
            return True
    return False


def _is_passed_over(name: str) -> bool:
    return "." in name or name.partition(":")[0] in _PASSED_OVER
