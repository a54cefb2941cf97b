"""References: their form, and the types they may lead to. https://hl7.org/fhir/R4/references.html"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from app.fhir.resource import parse_reference
from app.fhir.validation.problems import (
    Check,
    ConditionalReference,
    LocalReference,
    Problem,
    Problems,
)
from app.fhir.validation.quick import Quick, unless

_CONDITIONAL = re.compile(r"([A-Z][A-Za-z]+)\?\S+").fullmatch
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+").fullmatch


def quick_reference(targets: Iterable[str]) -> Quick:
    """A quick check of ``Reference.reference`` that lets through ``Type/id`` with one of ``targets``, and what the
    entries of a Bundle are named by.
    """
    return unless(rf"(?:{'|'.join(sorted(targets))})/[A-Za-z0-9\-.]{{1,64}}|urn:uuid:[0-9A-Fa-f\-]{{36}}")


def reference(check: Check, targets: frozenset[str], known: frozenset[str]) -> Check:
    """``check`` of a string, and that it leads to one of ``targets`` (any when empty).

    ``known`` are the resource types of the version.
    """

    def checked(value: Any) -> Problems | None:
        return check(value) or _problems(value, targets, known)

    return checked


def reference_type(check: Check, targets: frozenset[str]) -> Check:
    """``check`` of a uri, and that it names one of ``targets`` (any when empty)."""

    def checked(value: Any) -> Problems | None:
        problems = check(value)
        if problems is None and (wrong := misdirected(value.rpartition("/")[2], targets)):
            return [wrong]
        return problems

    return checked


def _problems(text: str, targets: frozenset[str], known: frozenset[str]) -> Problems | None:
    if text.startswith("#"):
        return [LocalReference(text[1:], targets)]
    if (kind := _target(text, known)) is None:
        return (
            None
            if _ABSOLUTE(text)
            else [
                Problem(
                    "value",
                    "The reference must be Type/id with a resource type of FHIR, a URL, a urn, or #id.",
                    kind="reference-format",
                )
            ]
        )
    wrong = misdirected(kind, targets)
    problems: Problems = [] if wrong is None else [wrong]
    if _CONDITIONAL(text):
        problems.append(ConditionalReference())
    return problems or None


def misdirected(kind: str, targets: frozenset[str]) -> Problem | None:
    """The problem of a reference to the type ``kind`` where only ``targets`` may be (any when empty)."""
    if not targets or kind in targets:
        return None
    listed = ", ".join(sorted(targets))
    text = f"The reference leads to another type than it may. Allowed here: {listed}."
    return Problem("structure", text, kind="reference-target", facts=(("types", listed),))


def _target(text: str, known: frozenset[str]) -> str | None:
    """The resource type that a literal or conditional reference names; None for anything else."""
    literal = parse_reference(text)
    if literal is not None:
        return literal.type if literal.type in known else None
    conditional = _CONDITIONAL(text)
    return conditional[1] if conditional is not None and conditional[1] in known else None
