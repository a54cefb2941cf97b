"""Where a resource may name others: looked for once, asked for and rewritten at those places.

https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

from typing import Any, Final

from app.fhir.resource import Resource

Place = tuple[dict[str, Any], str]
"""An object in the resource and its member, which is a text."""

REFERENCE: Final = "reference"
NARRATIVE: Final = "div"
_MEMBERS: Final = frozenset(
    {REFERENCE, NARRATIVE, "url", "uri", "valueUri", "valueUrl", "valueCanonical", "valueOid", "valueUuid"}
)


def literals_in(resource: Resource) -> list[Place]:
    """The places of a resource whose shape is right."""
    found: list[Place] = []
    waiting = [resource]
    wait = waiting.append
    for value in waiting:  # which grows
        for name, each in value.items():
            if type(each) is str:
                if name in _MEMBERS:
                    found.append((value, name))
            elif type(each) is dict:
                wait(each)
            elif type(each) is list:
                for item in each:
                    if type(item) is dict:
                        wait(item)
    return found
