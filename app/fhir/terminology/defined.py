"""What FHIR's own definitions hold: its required value sets, and the codes that these take from code systems.
https://hl7.org/fhir/R4/terminologies-systems.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from app.fhir.definitions import Definitions
from app.fhir.resource import Resource
from app.fhir.terminology.codesystem import CodeSystem, Concept

_FHIRS_OWN: Final = "http://hl7.org/fhir/"
"""What is published with FHIR and in its version; others have versions of their own, which are not known here."""


def defined_value_set(definitions: Definitions, canonical: str) -> Resource | None:
    """A value set that FHIR requires, as one that names its codes; None for another, or one that cannot be listed."""
    url, _, wanted = canonical.partition("|")
    if url not in definitions.concepts or wanted not in ("", definitions.version):
        return None
    systems: dict[str, list[Resource]] = {}
    for system, code in sorted(definitions.concepts[url]):
        systems.setdefault(system, []).append({"code": code})
    include = [{"system": system, "concept": concepts} for system, concepts in systems.items()]
    return {
        "resourceType": "ValueSet",
        "url": url,
        "version": definitions.version,
        "status": "active",
        "compose": {"include": include},
    }


def defined_code_system(definitions: Definitions, canonical: str) -> CodeSystem | None:
    """The codes without words, never as the complete system; None where there are none of it."""
    url, _, wanted = canonical.partition("|")
    codes = _codes(definitions).get(url)
    version = definitions.version if url.startswith(_FHIRS_OWN) else None
    if codes is None or wanted not in ("", version):
        return None
    return CodeSystem(
        url=url,
        version=version,
        name=None,
        complete=False,
        ignores_case=False,
        subsumes=False,
        languages=None,
        concepts={code: Concept(code, {"code": code}, (), (), active=True, abstract=False) for code in codes},
        children={},
    )


@lru_cache(maxsize=4)  # R4, R4 as it is served, STU3
def _codes(definitions: Definitions) -> Mapping[str, list[str]]:
    """The codes per system, in alphabetical order."""
    found: dict[str, set[str]] = {}
    for concepts in definitions.concepts.values():
        for system, code in concepts:
            found.setdefault(system, set()).add(code)
    return {system: sorted(codes) for system, codes in found.items()}
