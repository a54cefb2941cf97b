"""Working copies: how a feature knows a resource that is filled in to correct another one, and what becomes of that.

As long as it is open a copy is stored as any resource is. Once it is finished it is no resource of its own: the one
that it was made of gets a new version, and the copy is deleted, in the same transaction. Handed to the server in
``main``. https://hl7.org/fhir/R4/valueset-questionnaire-answers-status.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.errors import Issue
from app.fhir.resource import Resource


@dataclass(frozen=True, slots=True)
class Original:
    """What a copy was made of: the ``version`` of the resource with this id, of the type of the copy."""

    id: str
    version: int


@dataclass(frozen=True, slots=True)
class Present:
    """That resource as it is now."""

    version: int
    resource: Resource


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """Of resources of ``type``. ``finished``: what one that is sent as finished was made of, seen without a look at
    what is there; None for all others, which cost nothing. ``made_of``: the ids of what one was made of, whatever state
    it is in, which is erased with these. ``is_open``: whether what is stored under its id is still to
    be finished. ``amended``: what the original becomes by a copy of it; None where they say the same. It raises what
    refuses that; the original is None where it is not there, or not for the caller. ``told``: what is said of it to
    who finished the copy; the second argument is what ``amended`` gave.
    """

    type: str
    finished: Callable[[Resource], Original | None]
    made_of: Callable[[Resource], Iterable[str]]
    is_open: Callable[[Resource], bool]
    amended: Callable[[Resource, Original, Present | None], Resource | None]
    told: Callable[[Original, Resource | None], Issue]
