"""The profiles that resources claim, checked. https://hl7.org/fhir/R4/profiling.html

Where nothing is claimed nothing is asked of the database; where something is, one small statement tells whether other
packages are held than before, and one more reads what the resource refers to when a profile of it is held.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Final

from app.database import Reader
from app.errors import Issue, Unprocessable
from app.fhir.profiles.verdicts import asked_issues, claimed_issues
from app.fhir.resource import Resource
from app.server.access import Access
from app.server.intake.claims import Claimant
from app.server.intake.effort import INLINE, MOST_TOGETHER, effort_of, too_much
from app.server.intake.held import NO_ENTRIES, read_held
from app.server.placement import named_patient
from app.server.server import FhirServer
from app.server.store.find import find_patient

NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})


async def profile_issues(
    server: FhirServer,
    reader: Reader,
    access: Access,
    claimants: Sequence[Claimant],
    *,
    entries: Mapping[str, Resource] = NO_ENTRIES,
) -> list[Issue]:
    """What the claimed profiles say of each, with its place in the whole; that one is not held is information.

    ``entries``: what comes in with the claimants, by what refers to it. Raises ``Unprocessable`` for what would take
    too long.
    """
    found = await issues_of_each(server, reader, access, claimants, entries=entries)
    return [issue for issues in found for issue in issues]


async def issues_of_each(
    server: FhirServer,
    reader: Reader,
    access: Access,
    claimants: Sequence[Claimant],
    *,
    entries: Mapping[str, Resource] = NO_ENTRIES,
) -> list[list[Issue]]:
    """The same, claimant by claimant."""
    profiles = await server.packages.profiles(reader)
    efforts = [effort_of(profiles, each.resource) for each in claimants]
    if sum(efforts) > MOST_TOGETHER:
        raise too_much(MOST_TOGETHER)
    known = [each for each in claimants if any(map(profiles.knows, each.profiles))]
    held = await read_held(server, reader, access, known, entries=entries) if known else None
    issues: list[list[Issue]] = []
    for number, (each, effort) in enumerate(zip(claimants, efforts, strict=True)):
        if number:
            await asyncio.sleep(0)  # others have their turn
        resolve = None if held is None else held.resolving(each.patient)
        check = partial(claimed_issues, profiles, each.resource, resolve)
        found = await _carried_out(server, check, effort, made=all(map(profiles.is_made, each.profiles)))
        issues.append(placed(found, each))
    return issues


async def _carried_out(server: FhirServer, check: Callable[[], list[Issue]], effort: int, *, made: bool) -> list[Issue]:
    """At once when it is small and the profiles are made already; of the large ones a few at a time, so that they
    never take all threads, nor the processor from everybody else.
    """
    if effort > INLINE:
        async with server.packages.large_checks:
            return await asyncio.to_thread(check)
    return check() if made else await asyncio.to_thread(check)


async def issues_against(
    server: FhirServer, reader: Reader, access: Access, claimant: Claimant, canonical: str
) -> list[Issue]:
    """What one profile says of a resource, which may not claim it; that it is not held is an error. Raises
    ``Unprocessable`` for what would take too long.
    """
    profiles = await server.packages.profiles(reader)
    effort = effort_of(profiles, claimant.resource, (canonical,))
    held = await read_held(server, reader, access, [claimant])
    resolve = held.resolving(claimant.patient)
    check = partial(asked_issues, profiles, claimant.resource, canonical, resolve)
    return await _carried_out(server, check, effort, made=profiles.is_made(canonical))


def placed(issues: Iterable[Issue], claimant: Claimant) -> list[Issue]:
    """Issues of a claimant as issues of the whole that it stands in."""
    kind = claimant.resource["resourceType"]
    if claimant.path == kind:
        return list(issues)
    return [
        replace(each, expression=tuple(f"{claimant.path}{path.removeprefix(kind)}" for path in each.expression))
        for each in issues
    ]


async def partition_to_look_in(
    server: FhirServer,
    reader: Reader,
    access: Access,
    resource: Resource,
    names: Mapping[str, str] = NO_NAMES,
    *,
    found: dict[str, int | None] | None = None,
) -> int | None:
    """The partition that a resource will be in, as far as it says so itself; ``names``: the Patients among the entries
    of a transaction, by what refers to them; ``found``: those that were looked up for it. What is wrong with the
    patient is for who places the resource to say.
    """
    if access.patient is not None:
        return access.patient
    place = server.placement.get(resource["resourceType"])
    try:
        named = None if place is None else named_patient(resource, place, base=server.base, entries=names)
    except Unprocessable:
        return None
    if named is None:
        return None
    known = {} if found is None else found
    if named not in known:
        known[named] = await find_patient(reader, access, named, server.registry)
    return known[named]
