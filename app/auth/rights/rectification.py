"""What a provider entered is not changed by the person: they say beside it what is not right, or have it erased.

https://gdpr-info.eu/art-16-gdpr/ MODEL 5.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final

import yaml

from app.auth.recipients import parts
from app.auth.rights.sources import entered_by
from app.database import Reader
from app.errors import Issue
from app.server.access import APP, OWN_USE, Access
from app.server.rules import Change, ChangeSet, Rule, Verdict

Own = Callable[[ChangeSet, Reader], Awaitable[AbstractSet[tuple[str, str]]]]
"""By type and id."""
_OF_PEOPLE: Final = frozenset({"session", APP})
_PROVIDER: Final = "organization"


def changed_together() -> Mapping[str, str]:
    """The types that the person may change although a provider entered them, each with the reason."""
    found: Mapping[str, str] = yaml.load(
        Path(__file__).with_name("changed_together.yaml").read_text("utf-8"), yaml.CSafeLoader
    )
    return found


def provider_data(numbers: Mapping[str, int], own: Own) -> Rule:
    """For the server. ``numbers``: those of the resource types in the tables; ``own``: which of the changes are under
    other rules, since they are of the person's own.
    """
    together = frozenset(changed_together())

    def concerns(change: Change) -> bool:
        return change.was is not None and change.type not in together

    async def check(changes: ChangeSet, reader: Reader) -> Verdict:
        if not _is_of_the_person(changes.access):
            return Verdict()
        issues = []
        theirs = [each for each in changes.changes if concerns(each)]
        exempt = await own(changes, reader) if theirs else frozenset()
        for change in theirs:
            if (change.type, change.id) in exempt:
                continue
            source = await entered_by(reader, changes.patient, numbers[change.type], change.id)
            if parts(source)[0] == _PROVIDER:
                issues.append(_issue(change))
        return Verdict(tuple(issues))

    return Rule("provider-data", None, check, concerns)


def _is_of_the_person(access: Access) -> bool:
    """Whether this is the person, who represents or helps them, or an app of one of these."""
    return access.purpose == OWN_USE and access.kind in _OF_PEOPLE


def _issue(change: Change) -> Issue:
    about = f"{change.type}/{change.id}"
    return Issue(
        "business-rule",
        f"{about} was entered by a care provider and is not changed by the person. Put your own words beside it with"
        f" POST {about}/$annotate, ask the care provider to correct it, or erase it under My data.",
        (change.type,),
        rule="provider-data",
    )
