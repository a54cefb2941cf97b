"""Token parameters: what a resource is found by, and what a search for a token asks.
https://hl7.org/fhir/R4/search.html#token

``system|code`` is kept as a 64-bit hash; ``term`` says per patient what a hash stands for, which is how ``code``
without a system is found.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any, Final

NO_SYSTEM: Final = ""
_HL7: Final = "http://hl7.org/fhir/"

Term = tuple[int, str, str]
"""(hash, system, code): what a row of ``token`` and ``term`` is made of."""


@lru_cache(maxsize=65536)
def hash_token(system: str, code: str) -> int:
    """The 64-bit signed hash of ``system|code``; a code without a system has the empty system."""
    digest = hashlib.blake2b(f"{system}|{code}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@lru_cache(maxsize=65536)
def term(system: str, code: str) -> Term:
    """One token as it is stored."""
    return hash_token(system, code), system, code


def terms(found: list[tuple[str, Any]]) -> list[Term]:
    """The tokens among the values that a parameter's path found, of any type that a token search may ask for."""
    result: list[Term] = []
    for kind, value in found:
        if kind == "CodeableConcept":
            result += [
                term(coding.get("system", NO_SYSTEM), coding["code"])
                for coding in value.get("coding", ())
                if "code" in coding
            ]
        elif kind == "Coding":
            if "code" in value:
                result.append(term(value.get("system", NO_SYSTEM), value["code"]))
        elif kind in ("Identifier", "ContactPoint"):
            if "value" in value:
                # A phone number or e-mail address has a use and a kind, no system that is an address.
                result.append(
                    term(value.get("system", NO_SYSTEM) if kind == "Identifier" else NO_SYSTEM, value["value"])
                )
        elif isinstance(value, bool):
            result.append(term(NO_SYSTEM, "true" if value else "false"))
        elif isinstance(value, str):
            result.append(term(NO_SYSTEM, value))
    return result


def implied(system: str) -> bool:
    """Whether ``system`` may be that of an element of type ``code``, whose values are stored without one."""
    return system.startswith(_HL7)
