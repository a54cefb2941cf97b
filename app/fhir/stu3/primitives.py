"""Codings and References, which are everywhere: written by hand, since most time of a translation is spent here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.fhir.stu3.carrying import carry, member_url
from app.fhir.stu3.conversions import REFERENCE, Converter, Direction, Values

_PLAIN: Final = frozenset({"system", "code", "display", "version", "userSelected", "id"})


def coding_to(direction: Direction, there: Mapping[str, str], here: Mapping[str, str], whole: Converter) -> Converter:
    """A Coding, its system under the address that the other version has for it. A system that already stands under the
    other version's address is carried besides, so that it comes back as it was.
    """
    element = direction.source.elements("Coding")["system"]
    url = member_url(direction, "Coding", "system", element)
    carried = f"{direction.target.prefix}Coding.system"

    def apply(given: Values) -> Values:
        brought = None
        if "extension" in given:
            brought, given = _without(given, carried, "valueUri")
        system = given.get("system")
        made: Values = given if given.keys() <= _PLAIN else whole(given)
        if system is None:
            return made
        if brought is not None and brought == system:
            return made
        renamed = there.get(system)
        if renamed is not None:
            return {**made, "system": renamed}
        if here.get(system) is not None:
            return {**made, "extension": [*made.get("extension", ()), *carry(direction, url, "system", element, given)]}
        return made

    return apply


def _without(given: Values, url: str, member: str) -> tuple[str | None, Values]:
    """What an extension carries, and the value without it."""
    brought = next((each.get(member) for each in given["extension"] if each.get("url") == url), None)
    if brought is None:
        return None, given
    kept = [each for each in given["extension"] if each.get("url") != url]
    rest = {name: value for name, value in given.items() if name != "extension"}
    return brought, {**rest, "extension": kept} if kept else rest


def reference_to(direction: Direction, whole: Converter) -> Converter:
    """A Reference, its literal under the name that the other version has for the type. One to a type that the other
    version does not have is carried: nothing there could be what it is to.
    """
    known = direction.target.definitions.resource_types
    gone = direction.source.definitions.resource_types - known
    renamed = direction.source.renamed
    element = direction.source.elements(REFERENCE)["reference"]
    url = member_url(direction, REFERENCE, "reference", element)
    carried = f"{direction.target.prefix}{REFERENCE}.reference"

    def apply(given: Values) -> Values:
        brought = None
        if "extension" in given and "reference" not in given:
            brought, given = _without(given, carried, "valueString")
        made: Values = whole(given)
        if brought is not None:
            return {**made, "reference": brought}
        value = given.get("reference")
        if value is None or value[:1] == "#":
            return made
        head, kind, tail = _parts(value)
        if kind not in gone:
            return made
        other = renamed.get(kind)
        if other is not None:
            return {**made, "reference": f"{head}{other}/{tail}"}
        kept = {name: each for name, each in made.items() if name != "reference"}
        kept["extension"] = [*kept.get("extension", ()), *carry(direction, url, "reference", element, given)]
        return kept

    return apply


def unlinked(direction: Direction) -> Converter:
    """A Reference to what may not stand in its place in the other version: its literal is carried, the rest stays."""
    element = direction.source.elements(REFERENCE)["reference"]
    url = member_url(direction, REFERENCE, "reference", element)
    convert = direction.datatype(REFERENCE)

    def apply(given: Values) -> Values:
        rest: Values = convert({name: each for name, each in given.items() if name.removeprefix("_") != "reference"})
        return {**rest, "extension": [*rest.get("extension", ()), *carry(direction, url, "reference", element, given)]}

    return apply


def _parts(reference: str) -> tuple[str, str, str]:
    """What stands before the type of a literal reference, the type, and its id with what follows."""
    front, version, number = reference.partition("/_history/")
    before, _, name = front.rpartition("/")
    base, slash, kind = before.rpartition("/")
    return base + slash, kind, name + version + number
