"""Required bindings: the codes an element may have. https://hl7.org/fhir/R4/terminologies.html#required"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from app.fhir.definitions import Definitions
from app.fhir.validation.codes import Form, formed
from app.fhir.validation.primitives import coded
from app.fhir.validation.problems import Check, Problem, Problems

_MANY = 16
"""Codes that a text lists; of a longer list it names the value set."""

Allows = Callable[[Any, Any], bool]
"""(system, code) -> whether the value set has it"""


def bound(kind: str, check: Check, *, value_set: str, definitions: Definitions, form: Form | None) -> Check:
    """``check`` of the type ``kind`` with a required binding besides; ``form`` is of a value set that has no list."""
    if value_set in definitions.not_enumerable:
        if form is None:
            return check
        if kind == "code":
            return formed(check, form)
        return _checked(
            kind, check, allows=lambda _, code: type(code) is str and bool(form.allows(code)), text=form.refused("")
        )
    codes, concepts = definitions.codes[value_set], definitions.concepts[value_set]
    listed = ", ".join(sorted(codes)) if len(codes) <= _MANY else f"those of the value set {value_set}"
    text = f"The code is not one of {listed}."
    if not _is_primitive(kind):
        text = f"None of the codes, with its system, is one of {listed}: look at both code and system."
    if kind == "code":
        return coded(codes, text)
    return _checked(kind, check, allows=_has_code(codes) if _is_primitive(kind) else _has(concepts), text=text)


def _is_primitive(kind: str) -> bool:
    return kind[0].islower()


def _has(concepts: frozenset[tuple[str, str]]) -> Allows:
    return lambda system, code: type(system) is str and type(code) is str and (system, code) in concepts


def _has_code(codes: frozenset[str]) -> Allows:
    return lambda _, code: type(code) is str and code in codes


def _checked(kind: str, check: Check, *, allows: Allows, text: str) -> Check:
    candidates = {"CodeableConcept": _codings, "Coding": _coding, "Quantity": _coding}.get(kind, _primitive)

    def checked(value: Any) -> Problems | None:
        problems = check(value)
        if problems is None and not any(allows(*pair) for pair in candidates(value)) and not _says_nothing(value):
            return [Problem("code-invalid", text)]
        return problems

    return checked


def _says_nothing(value: Any) -> bool:
    """Whether there are extensions alone, which say why there is no code."""
    return isinstance(value, dict) and value.keys() <= {"id", "extension"}


def _primitive(value: Any) -> Iterable[tuple[Any, Any]]:
    yield None, value


def _coding(value: Any) -> Iterable[tuple[Any, Any]]:
    yield value.get("system"), value.get("code")


def _codings(value: Any) -> Iterable[tuple[Any, Any]]:
    for coding in value.get("coding", ()):
        yield from _coding(coding)
