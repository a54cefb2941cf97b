"""The codes of a value set, or what is lacking to list them. https://hl7.org/fhir/R4/valueset.html#expansion"""

from __future__ import annotations

from app.fhir.resource import Resource
from app.fhir.terminology.composing import selection_of, selection_of_resource, too_costly
from app.fhir.terminology.selection import NotHeld, Selection
from app.server.terminology import held as limits
from app.server.terminology.held import Held


async def expansion_of(held: Held, canonical: str) -> Selection:
    """The codes of the value set of a canonical. Raises ``NotHeld``, ``TooCostly`` or ``Invalid``."""
    return _settled(await held.ask(lambda view: selection_of(view, canonical)))


async def expansion_of_resource(held: Held, value_set: Resource) -> Selection:
    """The codes of a value set that is given. Raises the same."""
    return _settled(await held.ask(lambda view: selection_of_resource(view, value_set)))


def _settled(selection: Selection) -> Selection:
    """A selection of which every code is known. Raises what keeps it from being so, all of it where it is not held."""
    if selection.known:
        if len(selection.concepts) > limits.MOST_CONCEPTS:
            raise too_costly(limits.MOST_CONCEPTS)
        return selection
    for each in selection.lacking:
        if not isinstance(each, NotHeld):
            raise each
    raise NotHeld(" ".join(str(each) for each in selection.lacking), "not-found")
