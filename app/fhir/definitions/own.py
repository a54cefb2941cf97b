"""Search parameters of our own beside HL7's. https://hl7.org/fhir/R4/searchparameter.html

They are the ``SearchParameter`` resources in ``medmij_profiles/searchparameters``, under the canonical base that an
adopting organisation replaces. Their numbers are in ``numbers.json``, to which ``generate.py`` appends them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

from app.config import CANONICAL_BASE
from app.fhir.definitions import Definitions, Lazy, SearchParameter, lineage, load, search_parameter
from app.fhir.definitions.searching import search_rows

FOLDER: Final = Path(__file__).parents[3] / "medmij_profiles" / "searchparameters"

Json = dict[str, Any]


def read_search_parameters(folder: Path = FOLDER, *, canonical_base: str = CANONICAL_BASE) -> list[Json]:
    """The resources of the folder in the order of their file names, under ``canonical_base``."""
    written, wanted = (msgspec.json.encode(each)[1:-1] for each in (CANONICAL_BASE, canonical_base))
    return [msgspec.json.decode(path.read_bytes().replace(written, wanted)) for path in sorted(folder.glob("*.json"))]


def extended(definitions: Definitions, parameters: Iterable[Json]) -> Definitions:
    """The definitions with these ``SearchParameter`` resources beside their own.

    Raises ValueError for a type that there is not, and for a code without a number after those that the type has: what
    is stored says by the order of these numbers which parameters have a value.
    """
    added: dict[str, dict[str, SearchParameter]] = {}
    for base, rows in search_rows(parameters, definitions.resource_types).items():
        if base not in definitions.types:
            raise ValueError(f"FHIR {definitions.version} has no type {base} to search for")
        for code, row in rows.items():
            if code not in definitions.parameter_numbers:
                raise ValueError(f"the search parameter {code} has no number: run the generator")
            added.setdefault(base, {})[code] = search_parameter(code, **row)

    def together(name: str) -> Mapping[str, SearchParameter]:
        known = definitions.search_parameters[name]
        own = {code: each for base in lineage(name, definitions.bases) for code, each in added.get(base, {}).items()}
        return MappingProxyType(dict(sorted({**known, **own}.items()))) if own else known

    for name in definitions.resource_types:
        for base in added.keys() & set(lineage(name, definitions.bases)):
            last = max(definitions.parameter_numbers[code] for code in definitions.search_parameters[name])
            if early := [code for code in added[base] if definitions.parameter_numbers[code] <= last]:
                raise ValueError(f"{name} cannot have search parameters named {', '.join(early)}: choose new names")
    return replace(definitions, search_parameters=Lazy(definitions.search_parameters, together))


@functools.cache
def served(canonical_base: str = CANONICAL_BASE) -> Definitions:
    """R4 as it is served: HL7's definitions with our search parameters. The same object for the same base."""
    return extended(load("4.0.1"), read_search_parameters(canonical_base=canonical_base))
