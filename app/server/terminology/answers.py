"""What searches ask of terminology: is a code in a value set, what is below or above a code.
https://hl7.org/fhir/R4/search.html#modifiers
"""

from __future__ import annotations

from app.database import Reader
from app.fhir.resource import parse_reference
from app.fhir.terminology.codesystem import CodeSystem
from app.fhir.terminology.selection import NotHeld
from app.server.access import Access
from app.server.server import FhirServer
from app.server.terminology.expansion import expansion_of, expansion_of_resource
from app.server.terminology.held import held_by


async def codes_in(
    server: FhirServer, reader: Reader, access: Access, value_set_url: str, *, now: int
) -> frozenset[tuple[str, str]]:
    """The (system, code) pairs of a value set that is held here, named by its canonical or as ``ValueSet/<id>``.

    Raises ``Invalid`` saying what is not held.
    """
    held = await held_by(server, reader, access, now=now)
    literal = parse_reference(value_set_url)
    if literal is not None and literal.base in ("", server.base):
        known = await held.ask(lambda view: view.value_set(value_set_url))
        entries = () if known is not None else held.holding.entries.values()
        for entry in entries:
            if entry.kind == "ValueSet" == literal.type and entry.id == literal.id:
                value_set = await held.read(entry)
                if value_set is not None:
                    return frozenset((await expansion_of_resource(held, value_set)).concepts)
    return frozenset((await expansion_of(held, value_set_url)).concepts)


async def subsumed(
    server: FhirServer, reader: Reader, access: Access, system: str, code: str, *, now: int
) -> frozenset[str]:
    """The code and all codes of the system that are a kind of it. Raises ``Invalid`` where the system is not held."""
    return (await _system(server, reader, access, system, now=now)).below(code)


async def subsumers(
    server: FhirServer, reader: Reader, access: Access, system: str, code: str, *, now: int
) -> frozenset[str]:
    """The code and all codes of the system that it is a kind of. Raises ``Invalid`` where the system is not held."""
    return (await _system(server, reader, access, system, now=now)).above(code)


async def _system(server: FhirServer, reader: Reader, access: Access, url: str, *, now: int) -> CodeSystem:
    held = await held_by(server, reader, access, now=now)
    found = await held.ask(lambda view: view.code_system(url))
    # Of what is held only by FHIR's own definitions, nobody knows what is below what.
    if found is None or not found.concepts or not (found.complete or found.subsumes):
        raise NotHeld(f"The code system {url} is not held here.", "not-found")
    return found
