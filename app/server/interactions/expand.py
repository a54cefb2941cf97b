"""``ValueSet/$expand``: the codes of a value set that is held here, flat and in pages, or nested.
https://hl7.org/fhir/R4/valueset-operation-expand.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.errors import Unprocessable
from app.fhir.dates import instant
from app.fhir.resource import Resource, encode
from app.fhir.terminology.checking import shown
from app.fhir.terminology.selection import Key, Listed, NotHeld, Selection, TooCostly
from app.fhir.terminology.words import speaks
from app.server.interactions.codings import (
    BY_LANGUAGE,
    DISPLAY_LANGUAGE,
    OF_A_VALUE_SET,
    languages_of,
    one_of,
    stored_at,
    value_set_sent,
    versioned,
)
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Parameter
from app.server.server import FhirServer
from app.server.terminology.expansion import expansion_of, expansion_of_resource
from app.server.terminology.held import Held, held_by

EXPAND_PARAMETERS: Final = (
    *OF_A_VALUE_SET,
    Parameter("filter", "in", 0, "1", "string", "Only concepts whose code or words contain this, in any case."),
    Parameter("offset", "in", 0, "1", "integer", "How many concepts to pass over."),
    Parameter("count", "in", 0, "1", "integer", "How many concepts to give; 0 asks for their number only."),
    Parameter("includeDesignations", "in", 0, "1", "boolean", "With other words and languages."),
    Parameter(
        "designation",
        "in",
        0,
        "*",
        "string",
        "Only other words in this language, such as nl or urn:ietf:bcp:47|nl, or with this use, system|code.",
    ),
    Parameter("includeDefinition", "in", 0, "1", "boolean", "With what the value set says is in it."),
    Parameter("activeOnly", "in", 0, "1", "boolean", "Without concepts that are no longer in use."),
    Parameter(
        "excludeNested",
        "in",
        0,
        "1",
        "boolean",
        "false: concepts stand within the one above them, and all are given; flat if not said.",
    ),
    Parameter("excludeNotForUI", "in", 0, "1", "boolean", "Without concepts that are not meant to be selected."),
    Parameter("exclude-system", "in", 0, "*", "canonical", "Without the concepts of this code system."),
    DISPLAY_LANGUAGE,
    Parameter("return", "out", 1, "1", "ValueSet", "The value set with its expansion."),
)
_LEFT_OUT: Final = ("text", "contained", "expansion", "meta")
_DEEPEST: Final = 50
"""Concepts within each other; what is further below stands beside the others."""
_LANGUAGES: Final = "urn:ietf:bcp:47"
_TYPES: Final = {"url": "valueUri", "exclude-system": "valueUri", "displayLanguage": "valueCode"}


async def expand(server: FhirServer, request: Request, target: Target) -> Answer:
    """The value set of the address, of ``url``, or the one that is sent. Raises ``NotFound`` where it is not held, and
    ``Unprocessable`` where something that it needs is not.
    """
    inputs = inputs_of(server, request, EXPAND_PARAMETERS)
    held = await held_by(server, server.database, request.access, now=request.now)
    try:
        value_set, expansion = await _expanded(server, request, target, inputs, held)
    except (NotHeld, TooCostly) as error:
        raise Unprocessable(error.diagnostics, error.code) from error
    left_out = _LEFT_OUT if inputs.first("includeDefinition") else (*_LEFT_OUT, "compose")
    head = {name: value for name, value in value_set.items() if name not in left_out}
    page = _Page(inputs, languages_of(request, inputs))
    body = {**head, "expansion": page.of(expansion, now=request.now)}
    return Answer(
        200,
        encode(body),
        [BY_LANGUAGE],
        interaction="$expand",
        type="ValueSet",
        parameters=inputs.names,
        resources=(f"ValueSet/{target.id}",) if target.id else (),
        rows=len(body["expansion"].get("contains", ())),
    )


async def _expanded(
    server: FhirServer, request: Request, target: Target, inputs: Inputs, held: Held
) -> tuple[Resource, Selection]:
    """The value set, as far as it is known, and its codes."""
    if one_of(inputs, target, "url", "valueSet", what="value set") == "url":
        canonical = versioned(inputs.first("url"), inputs.first("valueSetVersion"))
        return await held.shown_value_set(canonical), await expansion_of(held, canonical)
    given = await stored_at(server, request, target) if target.id else value_set_sent(server, inputs)
    return given, await expansion_of_resource(held, given)


@dataclass(frozen=True, slots=True)
class _Page:
    """How an expansion is written: what is asked for, in which languages."""

    inputs: Inputs
    languages: Sequence[str]

    def of(self, expansion: Selection, *, now: int) -> dict[str, Any]:
        """The page that is asked for, with what it was made by."""
        asked = self.inputs
        listed = [each for each in expansion.concepts.values() if self._wants(each)]
        offset, count = asked.first("offset") or 0, asked.first("count")
        nested = asked.first("excludeNested") is False and count != 0
        made: dict[str, Any] = {"timestamp": instant(now), "total": len(listed)}
        if not nested and ("offset" in asked.values or "count" in asked.values):
            made["offset"] = offset
        parameters = [
            *self._said(),
            *({"name": "used-codesystem", "valueUri": each} for each in sorted(expansion.systems)),
        ]
        if parameters:
            made["parameter"] = parameters
        if nested:
            contains = self._nested(listed)
        else:
            chosen = listed[offset:] if count is None else listed[offset : offset + count]
            contains = [self._written(each) for each in chosen]
        if contains:
            made["contains"] = contains
        return made

    def _wants(self, listed: Listed) -> bool:
        asked = self.inputs
        if (asked.first("activeOnly") and not listed.active) or (asked.first("excludeNotForUI") and listed.abstract):
            return False
        versions = (listed.system, f"{listed.system}|{listed.version}")
        if any(each in versions for each in asked.values.get("exclude-system", ())):
            return False
        words = asked.first("filter")
        return words is None or _contains(listed, words.casefold())

    def _said(self) -> Iterator[dict[str, Any]]:
        """What the expansion was asked by."""
        for name, values in self.inputs.values.items():
            for value in values:
                if isinstance(value, bool):
                    yield {"name": name, "valueBoolean": value}
                elif isinstance(value, int):
                    yield {"name": name, "valueInteger": value}
                elif isinstance(value, str):
                    yield {"name": name, _TYPES.get(name, "valueString"): value}
        if self.languages and "displayLanguage" not in self.inputs.values:
            yield {"name": "displayLanguage", "valueCode": self.languages[0]}

    def _nested(self, listed: Sequence[Listed]) -> list[dict[str, Any]]:
        """The concepts, each within the first of those above it that is listed, too."""
        known = {(each.system, each.code): each for each in listed}
        above = {key: _above(each, known) for key, each in known.items()}
        written = {key: self._written(each) for key, each in known.items()}
        roots = []
        for key, made in written.items():
            parent = above[key]
            if parent is not None and _is_below(key, above):
                written[parent].setdefault("contains", []).append(made)
            else:
                roots.append(made)
        return roots

    def _written(self, listed: Listed) -> dict[str, Any]:
        """One ``ValueSet.expansion.contains``."""
        made: dict[str, Any] = {"system": listed.system}
        if listed.abstract:
            made["abstract"] = True
        if not listed.active:
            made["inactive"] = True
        if listed.version is not None:
            made["version"] = listed.version
        made["code"] = listed.code
        display = shown(listed, self.languages)
        if display is not None:
            made["display"] = display
        wanted = self.inputs.values.get("designation", ())
        if wanted or self.inputs.first("includeDesignations"):
            words = [each for each in listed.designations if not wanted or any(_is(each, one) for one in wanted)]
            if words:
                made["designation"] = words
        return made


def _contains(listed: Listed, words: str) -> bool:
    texts = (listed.code, listed.display or "", *(str(each.get("value", "")) for each in listed.designations))
    return any(words in each.casefold() for each in texts)


def _is(designation: Resource, token: str) -> bool:
    """Whether other words are in the language, or have the use, of a token."""
    system, bar, code = token.rpartition("|")
    if not bar or system == _LANGUAGES:
        return speaks(designation.get("language", ""), code.lower())
    use = designation.get("use", {})
    return bool(use.get("code") == code and use.get("system", "") == system)


def _above(listed: Listed, known: dict[Key, Listed]) -> Key | None:
    parents = () if listed.concept is None else listed.concept.parents
    return next((key for each in parents if (key := (listed.system, each)) in known), None)


def _is_below(key: Key, above: dict[Key, Key | None]) -> bool:
    """Whether a concept can stand within the one above it: not where that leads back to it, however wrong that is, nor
    where it would stand too deep.
    """
    at = above[key]
    for _ in range(_DEEPEST):
        if at is None:
            return True
        if at == key:
            return False
        at = above[at]
    return False
