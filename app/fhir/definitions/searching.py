"""Rows of search parameters, by the type that they are for, from ``SearchParameter`` resources.

https://hl7.org/fhir/R4/searchparameter.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from app.fhir.definitions.rows import SEARCH_PARAMETERS

Json = dict[str, Any]
Rows = dict[str, dict[str, Json]]
"""By type and code; canonicals are short where HL7 gave them, and what is empty is left out."""


def search_rows(parameters: Iterable[Json], resources: Collection[str]) -> Rows:
    """The rows of ``parameters``; ``resources`` are the names of all types. Of two for one type and code the first
    by URL counts.
    """
    found: Rows = {}
    for parameter in sorted(parameters, key=lambda each: str(each["url"])):
        targets = parameter.get("target", [])
        row = {
            "type": parameter["type"],
            "url": parameter["url"].removeprefix(SEARCH_PARAMETERS),
            # Every type as a target says no more than none; Parameters are never stored, so HL7 leaves them out.
            "targets": "" if set(targets) >= set(resources) - {"Parameters"} else " ".join(targets),
            "components": [
                [_canonical(each["definition"]), each["expression"]] for each in parameter.get("component", ())
            ],
        }
        for base in parameter.get("base", ()):
            expression = " | ".join(_alternatives(parameter.get("expression", ""), base))
            filled = {key: value for key, value in {**row, "expression": expression}.items() if value}
            found.setdefault(base, {}).setdefault(parameter["code"], filled)
    return {base: dict(sorted(rows.items())) for base, rows in sorted(found.items())}


def _canonical(definition: str | Json) -> str:
    canonical = definition if isinstance(definition, str) else str(definition["reference"])
    return canonical.removeprefix(SEARCH_PARAMETERS)


def _alternatives(expression: str, base: str) -> list[str]:
    """The alternatives of a union that start at ``base``; all of them when none does, as in ``Resource`` parameters."""
    parts = list(_split(expression))
    return [part for part in parts if re.match(rf"\(*{base}\b", part)] or parts


def _split(expression: str) -> Iterator[str]:
    """The operands of the outermost ``|``."""
    depth, quoted, start = 0, False, 0
    for position, character in enumerate(expression):
        if character == "'":
            quoted = not quoted
        elif not quoted:
            depth += (character == "(") - (character == ")")
            if character == "|" and depth == 0:
                yield expression[start:position].strip()
                start = position + 1
    if expression:
        yield expression[start:].strip()
