"""The ways from one value to one value of another type: each a pair of functions, there and back, over pairs of a value
and what stands beside it. None: the other version has nothing for it, and it is carried.

https://hl7.org/fhir/R4/datatypes.html https://hl7.org/fhir/STU3/datatypes.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.fhir.stu3.conversions import Pair
from app.fhir.stu3.systems import system_to_stu3

OneWay = Callable[[Pair], Pair | None]
Way = tuple[OneWay, OneWay]
"""From STU3 to R4, and back."""
Options = Mapping[str, Any]
_URI_SYSTEM: Final = "urn:ietf:rfc:3986"
_DISPLAY: Final = "http://hl7.org/fhir/StructureDefinition/display"


def code_as_concept(options: Options) -> Way:
    """A code as the only Coding of a concept: ``system`` as R4 calls it, ``codes`` for those with another name there,
    and ``back`` for those of R4 that none of STU3 becomes. What a way makes is content of STU3, and is translated like
    all else.
    """
    system, codes = system_to_stu3(options["system"]), options.get("codes", {})
    back = {**options.get("back", {}), **{r4: stu3 for stu3, r4 in reversed(tuple(codes.items()))}}

    def there(pair: Pair) -> Pair | None:
        value, beside = pair
        coding: dict[str, Any] = {"system": system}
        if value is not None:
            coding["code"] = codes.get(value, value)
        if beside is not None:
            coding["_code"] = beside
        return {"coding": [coding]}, None

    def again(pair: Pair) -> Pair | None:
        for coding in (pair[0] or {}).get("coding", ()):
            if coding.get("system") == system and ("code" in coding or "_code" in coding):
                code = coding.get("code")
                return back.get(code, code), coding.get("_code")
        return None

    return there, again


def concept_as_code(options: Options) -> Way:
    """The opposite: R4 has a code where STU3 has a concept; ``system`` is that of STU3's Coding."""
    there, again = code_as_concept(options)
    return again, there


def text_as_concept(_: Options) -> Way:
    """A string as the text of a concept."""

    def there(pair: Pair) -> Pair | None:
        return _without_none({"text": pair[0], "_text": pair[1]}), None

    def again(pair: Pair) -> Pair | None:
        concept = pair[0] or {}
        return _pair(concept, "text")

    return there, again


def coding_as_concept(_: Options) -> Way:
    """A Coding as the only one of a concept."""

    def there(pair: Pair) -> Pair | None:
        return {"coding": [pair[0]]}, None

    def again(pair: Pair) -> Pair | None:
        codings = (pair[0] or {}).get("coding")
        return (codings[0], None) if codings else None

    return there, again


def text_as_annotation(_: Options) -> Way:
    """A string as the text of an Annotation."""
    return text_as_concept(_)


def reference_as_canonical(options: Options) -> Way:
    """STU3 refers to a definition by its address; R4 names its canonical, and what it is called in an extension.
    ``absolute``: a relative reference, to what a server holds, is not taken for a canonical.
    """
    absolute = options.get("absolute", False)

    def there(pair: Pair) -> Pair | None:
        reference = pair[0] or {}
        value, beside = reference.get("reference"), reference.get("_reference")
        if absolute and ":" not in str(value):
            return None
        shown = _without_none({"valueString": reference.get("display"), "_valueString": reference.get("_display")})
        if shown:
            beside = {**(beside or {}), "extension": [*(beside or {}).get("extension", ()), {"url": _DISPLAY, **shown}]}
        return None if value is None and beside is None else (value, beside)

    def again(pair: Pair) -> Pair | None:
        value, beside = pair
        extensions = (beside or {}).get("extension", ())
        shown: Mapping[str, Any] = next((each for each in extensions if each.get("url") == _DISPLAY), {})
        if shown:
            kept = [each for each in extensions if each is not shown]
            rest = {name: each for name, each in beside.items() if name != "extension"}
            beside = ({**rest, "extension": kept} if kept else rest) or None
        made = {"reference": value, "_reference": beside, "display": shown.get("valueString")}
        return _without_none({**made, "_display": shown.get("_valueString")}), None

    return there, again


def uri_as_reference(_: Options) -> Way:
    """A uri where R4 has a Reference."""

    def there(pair: Pair) -> Pair | None:
        return _without_none({"reference": pair[0], "_reference": pair[1]}), None

    def again(pair: Pair) -> Pair | None:
        return _pair(pair[0] or {}, "reference")

    return there, again


def uri_as_concept(_: Options) -> Way:
    """A uri as the only Coding of a concept."""
    return code_as_concept({"system": _URI_SYSTEM})


def identified(_: Options) -> Way:
    """A backbone element with an ``identifier`` and a ``ref``, as a Reference that has both."""

    def there(pair: Pair) -> Pair | None:
        given = pair[0] or {}
        made = {**given.get("ref", {})}
        if "identifier" in given:
            made["identifier"] = given["identifier"]
        return (made, None) if made else None

    def again(pair: Pair) -> Pair | None:
        given = pair[0] or {}
        ref = {name: each for name, each in given.items() if name != "identifier"}
        return _without_none({"identifier": given.get("identifier"), "ref": ref or None}), None

    return there, again


def inner(options: Options) -> Way:
    """A backbone element of STU3 of which R4 keeps one member (``member``), as the value itself."""
    member = options["member"]

    def there(pair: Pair) -> Pair | None:
        return _pair(pair[0] or {}, member)

    def again(pair: Pair) -> Pair | None:
        return _without_none({member: pair[0], f"_{member}": pair[1]}), None

    return there, again


def outer(options: Options) -> Way:
    """The opposite: R4 has a backbone element where STU3 has the value itself."""
    there, again = inner(options)
    return again, there


def _pair(values: Mapping[str, Any], name: str) -> Pair | None:
    value, beside = values.get(name), values.get(f"_{name}")
    return None if value is None and beside is None else (value, beside)


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


WAYS: Final[Mapping[str, Callable[[Options], Way]]] = {
    "code-as-concept": code_as_concept,
    "concept-as-code": concept_as_code,
    "text-as-concept": text_as_concept,
    "coding-as-concept": coding_as_concept,
    "annotation": text_as_annotation,
    "reference-as-canonical": reference_as_canonical,
    "uri-as-reference": uri_as_reference,
    "uri-as-concept": uri_as_concept,
    "identified": identified,
    "inner": inner,
    "outer": outer,
}
"""By the name that a table gives them."""

BY_TYPES: Final[Mapping[tuple[str, str], str]] = {
    ("string", "CodeableConcept"): "text-as-concept",
    ("Coding", "CodeableConcept"): "coding-as-concept",
    ("string", "Annotation"): "annotation",
    ("Reference", "canonical"): "reference-as-canonical",
    ("uri", "CodeableConcept"): "uri-as-concept",
    ("uri", "Reference"): "uri-as-reference",
}
"""What follows from the types (STU3, R4) where a table names no way."""
