"""What an identity provider says of a person: pure rules.

A BSN is refused wherever it stands, and nothing of it is kept: a PGO has no ground to use it (MODEL 3). A
professional's numbers count only in the form that their register has.
https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.auth.organizations.identity_providers import Claims
from app.fhir.validation.identifiers import REGISTERS, is_bsn

SYSTEMS: Final = {
    "agb": "http://fhir.nl/fhir/NamingSystem/agb-z",
    "big": "http://fhir.nl/fhir/NamingSystem/big",
    "uzi": "http://fhir.nl/fhir/NamingSystem/uzi-nr-pers",
}
"""The register of each number that a professional may have."""
_BSN_NAMES: Final = frozenset({"bsn", "burgerservicenummer", "sofinummer", "citizenservicenumber"})
_BSN_SYSTEM: Final = re.compile(r"namingsystem/bsn|2\.16\.840\.1\.113883\.2\.4\.6\.3(?!\d)")
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Person:
    """Who logged in elsewhere. ``identifiers``: a professional's, by register: agb, big, uzi."""

    subject: str = field(repr=False)
    name: str = field(repr=False)
    assurance: str
    role: str
    identifiers: Mapping[str, str] = field(repr=False)
    strong: bool = False


def holds_bsn(claims: Mapping[str, Any], names: Iterable[str] = ()) -> bool:
    """Whether a BSN is among the claims, at any depth: under a name that means one (ours and ``names``), under the
    BSN's system, or as the subject itself.
    """
    known = _BSN_NAMES | {_plain(name) for name in names}
    subject = claims.get("sub")
    if isinstance(subject, str) and is_bsn(subject):
        return True
    return any(_means_bsn(name, known) or _names_system(value) for name, value in _walk(claims))


def person_of(claims: Mapping[str, Any], table: Claims, *, fresh: bool) -> Person:
    """What the claims say, as ``table`` reads them. ``fresh``: the person proved who they are just now. Numbers that do
    not have the form of their register are left out.
    """
    assurance = _text(claims.get(table.assurance))
    names = {"agb": table.agb, "big": table.big, "uzi": table.uzi}
    identifiers = {
        register: number
        for register, claim in names.items()
        if (number := _text(claims.get(claim))) and REGISTERS[SYSTEMS[register]].check(number) is None
    }
    return Person(
        subject=str(claims["sub"]),
        name=_text(claims.get(table.name)),
        assurance=assurance,
        role=_text(claims.get(table.role)),
        identifiers=identifiers,
        strong=fresh and assurance in table.strong,
    )


def _text(value: Any) -> str:
    """A claim as one line; "" for what is no text or number, or is too long."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    line = " ".join(str(value).split())
    return line if len(line) <= _LONGEST else ""


def _walk(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every name with its value, at any depth; what stands in a list has the list's name."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key), inner
            yield from _walk(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield name, inner
            yield from _walk(inner, name)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _means_bsn(name: str, known: frozenset[str] | set[str]) -> bool:
    """Whether a claim's name means a BSN: as a whole, or as one of its words (``urn:nl-eid-gdi:1.0:BSN``,
    ``legalSubjectBsn``).
    """
    if _plain(name) in known or _BSN_SYSTEM.search(name.lower()):
        return True
    return any(word.lower() in known for word in _WORD.findall(name))


def _names_system(value: Any) -> bool:
    return isinstance(value, str) and _BSN_SYSTEM.search(value.lower()) is not None
