"""What a Task does by: STU3 has a uri or a Reference, R4 may have both a uri and a canonical.
https://hl7.org/fhir/R4/task-version-maps.html
"""

from __future__ import annotations

from typing import Final

from app.fhir.stu3.conversions import Direction, Values, pairs_of, put
from app.fhir.stu3.ways import reference_as_canonical

_URI: Final = ("definitionUri", "instantiatesUri")
_OTHER: Final = ("definitionReference", "instantiatesCanonical")
_THERE, _AGAIN = reference_as_canonical({"absolute": True})


def to_r4(values: Values, direction: Direction) -> Values:
    """``definition[x]`` → ``instantiatesUri`` or ``instantiatesCanonical``."""
    made: Values = {}
    for uri, beside in pairs_of(values, _URI[0], many=False):
        put(made, _URI[1], [(uri, None if beside is None else direction.element(beside))], many=False)
    for pair in pairs_of(values, _OTHER[0], many=False):
        found = _THERE(pair)
        if found is not None:
            canonical, beside = found
            put(made, _OTHER[1], [(canonical, None if beside is None else direction.element(beside))], many=False)
    return made


def to_stu3(values: Values, direction: Direction) -> Values:
    """The opposite: the canonical, else the uri."""
    made: Values = {}
    for here, there in (_OTHER, _URI):
        for value, beside in pairs_of(values, there, many=False) if not made else ():
            pair = (value, None if beside is None else direction.element(beside))
            found = _AGAIN(pair) if here == _OTHER[0] else pair
            put(made, here, [] if found is None else [found], many=False)
    return made
