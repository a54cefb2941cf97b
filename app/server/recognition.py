"""What comes in again: how a feature knows a resource that is created for one that is there already.

It is looked for once the patient's partition is locked, so that two who send the same at the same time make one. Handed
to the server in ``main``. https://hl7.org/fhir/R4/http.html#ccreate; MODEL 3, "Home and clinic together".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.errors import Issue
from app.fhir.resource import Resource


@dataclass(frozen=True, slots=True)
class Marks:
    """By what a resource is looked for: its identifiers (system, value), and the moment (µs) that its search parameter
    ``date`` begins with.
    """

    identifiers: tuple[tuple[str, str], ...] = ()
    moment: int | None = None


@dataclass(frozen=True, slots=True)
class Recogniser:
    """Of resources of ``type``. ``concerns``: whether one can be recognised at all, seen without a look at what is
    there; the others cost nothing. ``marks``: what it is looked for by, among what has an identifier of it or a moment
    at most ``around`` µs away. ``same``: the first is the second again: the answer to its create is what is there.
    ``otherwise``: what there is to say when it is and says something else, which is not stored.
    ``remark``: what there is to say when it is not, but resembles what is there (named by its address).
    """

    type: str
    concerns: Callable[[Resource], bool]
    marks: Callable[[Resource], Marks]
    around: int
    same: Callable[[Resource, Resource], bool]
    otherwise: Callable[[Resource, Resource], Issue | None]
    remark: Callable[[Resource, Resource, str], Issue | None]
