"""What FHIR's own definitions hold of code systems: the codes that its required value sets take from them.
https://hl7.org/fhir/R4/terminologies-systems.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from app.fhir.definitions import Definitions
from app.server.terminology.codesystem import CodeSystem, Concept

_FHIRS_OWN: Final = "http://hl7.org/fhir/"
"""What is published with FHIR and in its version; others have versions of their own, which are not known here."""


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


@lru_cache(maxsize=2)
def _codes(definitions: Definitions) -> Mapping[str, list[str]]:
    """The codes per system, in alphabetical order."""
    found: dict[str, set[str]] = {}
    for concepts in definitions.concepts.values():
        for system, code in concepts:
            found.setdefault(system, set()).add(code)
    return {system: sorted(codes) for system, codes in found.items()}
