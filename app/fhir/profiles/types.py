"""The types that an element may have, and what these must conform to: type profiles and targets of references.

https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.type
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from app.fhir.profiles.elements import Item
from app.fhir.profiles.run import Place, Run
from app.fhir.profiles.tree import CORE, Node
from app.fhir.profiles.values import Test
from app.fhir.resource import Resource, parse_reference

ANY: Final = frozenset({"Resource", "DomainResource", "Any"})
_MOST_FOLLOWED: Final = 1
"""References in a row of which the target is held against its profile."""


class Held(Protocol):
    """What types ask of the profiles that are held."""

    def type_of(self, canonical: str) -> str | None:
        """The FHIR type that a profile is of, or a type's own canonical stands for; None when it is not held."""

    def conforms(self, item: Item, canonical: str, place: Place, run: Run) -> Run | None:
        """What is found when a value is held against a profile; None when that is not held."""

    def lineage(self, kind: str) -> frozenset[str]:
        """The type and all that it specializes."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What one profile says of an element's types: per type its profiles and its targets, in R4's form or STU3's.

    ``aggregation``: how a resource that is referred to may be there; none where every way will do.
    """

    profile: str
    profiles: Mapping[str, tuple[str, ...]]
    targets: Mapping[str, tuple[str, ...]]
    aggregation: frozenset[str]


def allowed_by(node: Node) -> Iterator[Allowed]:
    """What each profile of the chain says."""
    for listed, profile in node.every("type"):
        profiles: dict[str, tuple[str, ...]] = {}
        targets: dict[str, tuple[str, ...]] = {}
        for each in listed:
            if "code" in each:
                code = each["code"]
                own = _listed(each, "profile")
                if code == "Extension":  # which is known by its url: that says no version
                    own = tuple(profile.partition("|")[0] for profile in own)
                profiles[code] = profiles.get(code, ()) + own
                targets[code] = targets.get(code, ()) + _listed(each, "targetProfile")
        ways = [frozenset(each.get("aggregation", ())) for each in listed if each.get("code") == "Reference"]
        if profiles:
            yield Allowed(profile, profiles, targets, frozenset().union(*ways) if all(ways) else frozenset())


def _listed(entry: dict[str, Any], name: str) -> tuple[str, ...]:
    value = entry.get(name, ())
    return (value,) if isinstance(value, str) else tuple(value)


def types_of(node: Node, held: Held) -> Iterator[Test]:
    """The tests of one element's types."""
    choice = node.name.endswith("[x]") or set(node.types) == {"Resource"}
    for allowed in allowed_by(node):
        if choice:
            yield _of_type(allowed, held)
        for code, profiles in allowed.profiles.items():
            if profiles and code == "Extension":
                yield _extension(allowed.profile, frozenset(profiles))
            elif own := tuple(each for each in profiles if each != f"{CORE}{code}"):
                yield _conforming(code, own, allowed.profile, held)
        for code, targets in allowed.targets.items():
            if code == "Reference" and targets:
                yield Targets(targets, allowed.profile, held).test
        if allowed.aggregation:
            yield _aggregated(allowed.aggregation, allowed.profile)


def _of_type(allowed: Allowed, held: Held) -> Test:
    codes = frozenset(allowed.profiles)
    listed = ", ".join(sorted(codes))

    def test(item: Item, place: Place, run: Run) -> None:
        if item.type not in codes and codes.isdisjoint(held.lineage(item.type)):
            text = f"The profile allows other types here: {listed}."
            run.add(place, text, code="structure", rule="type", profile=allowed.profile)

    return test


def _extension(profile: str, urls: frozenset[str]) -> Test:
    """An extension's own definition is looked at with all extensions; here it must be one of those."""

    def test(item: Item, place: Place, run: Run) -> None:
        if isinstance(item.value, dict) and item.value.get("url") not in urls:
            text = f"The profile allows another extension here: {', '.join(sorted(urls))}."
            run.add(place, text, code="structure", rule="extension-url", profile=profile)

    return test


def _aggregated(ways: frozenset[str], profile: str) -> Test:
    """A literal reference is to what is contained or not, as the profile says; which of what is not contained is in the
    same Bundle shows only there. https://hl7.org/fhir/R4/valueset-resource-aggregation-mode.html
    """

    def test(item: Item, place: Place, run: Run) -> None:
        literal = item.value.get("reference") if isinstance(item.value, dict) else None
        if not isinstance(literal, str):
            return
        if literal.startswith("#") if "contained" not in ways else not literal.startswith("#") and len(ways) == 1:
            text = f"The profile lets the reference lead only to what is {' or '.join(sorted(ways))}."
            run.add(place, text, code="structure", rule="reference-type", profile=profile)

    return test


def _conforming(code: str, profiles: tuple[str, ...], asking: str, held: Held) -> Test:
    def test(item: Item, place: Place, run: Run) -> None:
        if item.type != code and code not in held.lineage(item.type):
            return
        for each in profiles:
            found = held.conforms(item, each, place, run)
            if found is None or not found.failed or len(profiles) == 1:
                run.take(found)
                return
        text = f"The value conforms to none of the profiles that it may have here: {', '.join(profiles)}."
        run.add(place, text, code="structure", rule="type-profile", profile=asking)

    return test


class Targets:
    """What a Reference may lead to. A profile that is not held stands for anything: nothing can be told of it."""

    def __init__(self, targets: tuple[str, ...], profile: str, held: Held) -> None:
        self._targets = targets
        self._profile = profile
        self._held = held
        self._known: Mapping[str, tuple[str, ...]] | None = None
        self._open = False

    def test(self, item: Item, place: Place, run: Run) -> None:
        """Note a target of another type, or one that is known and does not conform."""
        reference = item.value
        if item.type != "Reference" or not isinstance(reference, dict):
            return
        known = self.by_type()
        target = run.target(reference)
        kind = target["resourceType"] if target is not None else type_referred(reference)
        if self._open or kind is None:
            return
        if kind not in known and known.keys().isdisjoint(self._held.lineage(kind)):
            text = f"The profile lets the reference lead to another type only: {', '.join(sorted(known))}."
            run.add(place, text, code="structure", rule="reference-type", profile=self._profile)
            return
        profiles = known.get(kind, ())
        if target is None or not profiles or run.depth >= _MOST_FOLLOWED:
            return
        aside = run.aside(target)
        tried = (self._held.conforms(whole(target), each, place, aside) for each in profiles)
        if all(each is not None and each.failed for each in tried):
            text = f"What the reference leads to conforms to none of: {', '.join(profiles)}."
            run.add(place, text, code="structure", rule="target-profile", profile=self._profile)

    def by_type(self) -> Mapping[str, tuple[str, ...]]:
        """The types with the profiles that their resources must have one of; none when any will do."""
        if self._known is None:
            found: dict[str, tuple[str, ...]] = {}
            anything: set[str] = set()
            for each in self._targets:
                kind = self._held.type_of(each)
                if kind is None or kind in ANY:
                    self._open = True
                elif each == f"{CORE}{kind}":
                    anything.add(kind)
                else:
                    found[kind] = (*found.get(kind, ()), each)
            self._known = found | dict.fromkeys(anything, ())
        return self._known


def whole(resource: Resource) -> Item:
    """A resource as a value."""
    return Item(resource, None, resource["resourceType"], None)


def type_referred(reference: Mapping[str, Any]) -> str | None:
    """The type that a Reference says it leads to, by its literal or its ``type``."""
    literal = reference.get("reference")
    found = parse_reference(literal) if isinstance(literal, str) else None
    if found is not None:
        return found.type
    kind = reference.get("type")
    return kind.rpartition("/")[2] if isinstance(kind, str) else None
