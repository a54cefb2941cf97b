"""How much work a check against profiles may be, counted before it is done: the same verdict on every machine.

A constraint in FHIRPath may cost a tenth of a millisecond for each value of the resource, and whoever sends one can
make it large, claim many profiles and refer to large things.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from app.errors import Unprocessable
from app.fhir.profiles.claims import claims_of
from app.fhir.profiles.profiles import Profiles
from app.fhir.resource import Resource

MOST_OF_ONE: Final = 50_000
"""Values of one resource times the profiles that it is held against."""
MOST_TOGETHER: Final = 200_000
"""The same of all that one request brings."""
MOST_RESOLVED: Final = 500_000
"""Values of what is looked at because something refers to it; what is beyond counts as what is not held."""
INLINE: Final = 200
"""What is done at once: the rest in a thread, and what is the first of its profile, so that other requests have their
turn.
"""


def values_in(value: Any) -> int:
    """How many values there are in JSON: objects, arrays, and what stands in them."""
    count = 0
    waiting = [value]
    while waiting:
        each = waiting.pop()
        count += 1
        if isinstance(each, dict):
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
    return count


def effort_of(profiles: Profiles, resource: Resource, asked: Sequence[str] = ()) -> int:
    """What it takes to hold a valid resource against those profiles that it claims and that are held, and those
    ``asked`` for besides.

    Raises ``Unprocessable`` beyond the limit of one resource.
    """
    efforts = [values_in(resource)] * len(asked)
    for each in claims_of(resource, None):
        if number := sum(map(profiles.knows, set(each.profiles))):
            efforts.append(values_in(each.resource) * number)
    if max(efforts, default=0) > MOST_OF_ONE:
        raise too_much(MOST_OF_ONE)
    return sum(efforts)


def too_much(most: int) -> Unprocessable:
    """The refusal of what would take too long."""
    return Unprocessable(
        f"This is too much to be held against profiles: {most} values at most, times the profiles that are claimed."
        " Claim fewer, or send it in parts.",
        "too-costly",
    )
