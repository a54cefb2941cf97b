"""Codes and the value sets that profiles bind them to. https://hl7.org/fhir/R4/terminologies.html#binding"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from app.errors import Severity
from app.fhir.definitions.rows import BINDABLE
from app.fhir.profiles.elements import Item
from app.fhir.profiles.run import Place, Run
from app.fhir.profiles.tree import Node
from app.fhir.profiles.values import Test
from app.fhir.terminology.membership import Membership, Terminology, Verdict

_SEVERITIES: Final[dict[str, Severity]] = {"required": "error", "extensible": "warning", "preferred": "warning"}
_BINDABLE: Final = BINDABLE | {"canonical", "url", "markdown"}
_MOST: Final = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
_REMEMBERED: Final = 512

Concept = tuple[str | None, str]
"""System and code; the system is None for an element that carries none."""


def bindings_of(node: Node, terminology: Terminology) -> Iterator[Test]:
    """The tests of one element's bindings; a value set that several profiles name is asked once, with the last."""
    found = {(strength, value_set): profile for strength, value_set, profile in asked_of(node)}
    for (strength, value_set), profile in found.items():
        if strength in _SEVERITIES:
            yield Bound(strength, terminology.membership(value_set), profile).test


def asked_of(node: Node) -> Iterator[tuple[str, str, str]]:
    """Strength, value set and profile of the last binding, and of all that are required: as they are said, or by the
    most that a weaker one allows. What a profile does not say of a binding is as in its base.
    """
    strength = value_set = ""
    last = None
    for binding, profile in node.every("binding"):
        strength = binding.get("strength", strength)
        value_set = value_set_of(binding) or value_set
        last = (strength, value_set, profile)
        if strength == "required" and value_set:
            yield last
        for each in binding.get("extension", ()):
            if each["url"] == _MOST and (most := _canonical(each)):
                yield "required", most, profile
    if last is not None and last[0] != "required" and last[1]:
        yield last


def _canonical(extension: dict[str, Any]) -> str | None:
    found: str | None = (
        extension.get("valueCanonical")
        or extension.get("valueUri")
        or extension.get("valueReference", {}).get("reference")
    )
    return found


def value_set_of(binding: dict[str, Any]) -> str | None:
    """The canonical that a binding names, in R4's form or STU3's."""
    found: str | None = (
        binding.get("valueSet") or binding.get("valueSetUri") or binding.get("valueSetReference", {}).get("reference")
    )
    return found


def concepts_of(value: Any) -> tuple[Concept, ...] | None:
    """The codes of a value that can be bound; None for another."""
    if isinstance(value, str):
        return ((None, value),)
    if not isinstance(value, dict):
        return None
    if "coding" in value:
        return tuple((each.get("system", ""), each["code"]) for each in value["coding"] if "code" in each)
    if "code" in value:
        return ((value.get("system", ""), value["code"]),)
    return ()


class Bound:
    """One binding. ``required`` asks for a code of the value set, the others for one when there is any."""

    def __init__(self, strength: str, membership: Membership, profile: str) -> None:
        self._strength = strength
        self._severity = _SEVERITIES[strength]
        self._membership = membership
        self._profile = profile
        self._known: dict[Concept, Verdict] = {}

    def test(self, item: Item, place: Place, run: Run) -> None:
        """Note what is not in the value set, or cannot be told."""
        concepts = concepts_of(item.value) if item.type in _BINDABLE else None
        if concepts is None:
            return
        verdicts = [self.verdict(each) for each in concepts]
        if "in" in verdicts or (not verdicts and (self._strength != "required" or self._says_why(item))):
            return
        if "unknown" in verdicts:
            unheld = self._membership.missing or self._undecided(concepts)
            text = f"Whether the code is in {self._membership.canonical} cannot be told: not held here, or not wholly:"
            note = f"{text} {', '.join(unheld)}."
            run.add(place, note, code="not-supported", rule="binding", profile=self._profile, severity="information")
            return
        asked = {
            "required": "The profile asks for a code of",
            "extensible": "Where one of its codes fits, the code should be of",
            "preferred": "The code would rather be of",
        }[self._strength]
        text = f"{asked} the value set {self._membership.canonical}, and none of the codes here is one."
        run.add(place, text, code="code-invalid", rule="binding", profile=self._profile, severity=self._severity)

    def verdict(self, concept: Concept) -> Verdict:
        """Whether the value set has it; remembered, since codes come again."""
        found = self._known.get(concept)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._known[concept] = self._membership.verdict(*concept)
        return found

    def _undecided(self, concepts: Iterable[Concept]) -> Sequence[str]:
        """The value set's code systems that keep some of the codes from being told; others are not repeated."""
        if any(system is None for system, _ in concepts):
            return sorted(self._membership.undecided)
        return sorted({each[0] or "" for each in concepts if self.verdict(each) == "unknown"})

    @staticmethod
    def _says_why(item: Item) -> bool:
        """Whether there are extensions alone, which say why there is no code."""
        return isinstance(item.value, dict) and item.value.keys() <= {"id", "extension"}
