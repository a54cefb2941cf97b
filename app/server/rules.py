"""Write rules: what a feature wants to hold for every change, by whatever door it comes in. Handed to the server in
``main``.

A rule runs once per transaction and patient, on the whole set of changes, after every entry is resolved and validated
and the patient's partition is locked. Resources that a rule derives are validated and stored with the rest, and are
not put through rules again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from app.database import Reader
from app.errors import Issue
from app.fhir.resource import Resource
from app.server.access import Access


@dataclass(frozen=True, slots=True)
class Change:
    """One resource before and after; None: it was not there, or is deleted."""

    type: str
    id: str
    before: Resource | None
    after: Resource | None


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """All that one transaction changes in one partition."""

    patient: int
    access: Access
    now: int
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says. ``claims`` are names to be taken once per patient, each by the (type, id) given with it."""

    issues: tuple[Issue, ...] = ()
    derived: tuple[Resource, ...] = ()
    claims: tuple[tuple[str, str, str], ...] = ()
    releases: tuple[str, ...] = field(default=())


Check = Callable[[ChangeSet, Reader], Awaitable[Verdict]]


@dataclass(frozen=True, slots=True)
class Rule:
    """``types``: run only when one of these is among the changes."""

    name: str
    types: frozenset[str]
    check: Check
