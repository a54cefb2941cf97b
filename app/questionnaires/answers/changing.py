"""What may become of a response: a draft is completed or stopped, what is completed is amended and keeps its versions,
and whose answers they are to what never changes. https://hl7.org/fhir/R4/valueset-questionnaire-answers-status.html

What a system delivers has had its life elsewhere: of it only subject and Questionnaire stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.database import Reader
from app.errors import Issue
from app.fhir.resource import Resource, parse_reference
from app.questionnaires.answers.filled import ROOT
from app.questionnaires.answers.wording import problem
from app.server.access import SERVICE
from app.server.rules import Change, ChangeSet, Rule, Verdict

FOLLOWING: Final[Mapping[str, tuple[str, ...]]] = {
    "in-progress": ("in-progress", "completed", "stopped", "entered-in-error"),
    "completed": ("completed", "amended", "entered-in-error"),
    "amended": ("amended", "entered-in-error"),
    "stopped": ("stopped", "entered-in-error"),
    "entered-in-error": ("entered-in-error",),
}
"""From the status that a response has to those that it may get."""


def response_rule() -> Rule:
    """For the server's list."""
    return Rule("questionnaire-response", frozenset({ROOT}), _check, lambda change: change.was is not None)


async def _check(changes: ChangeSet, _reader: Reader) -> Verdict:
    if changes.access.kind == SERVICE:
        return Verdict()
    lenient = changes.access.is_system
    return Verdict(
        tuple(
            issue for each in changes.changes if each.type == ROOT for issue in change_problems(each, lenient=lenient)
        )
    )


def change_problems(change: Change, *, lenient: bool = False) -> list[Issue]:
    """What is wrong with one change; ``lenient``: it comes from a system."""
    before, after = change.before, change.after
    if before is None or after is None:
        return []
    found = [
        problem("fixed", f"{ROOT}.{element}", element=element)
        for element, same in (("questionnaire", same_questionnaire), ("subject", same_subject))
        if not same(before, after)
    ]
    was, now = before.get("status", ""), after.get("status", "")
    others = FOLLOWING.get(was, ())
    if lenient or was == "":
        return found
    if now not in others:
        found.append(problem("status", f"{ROOT}.status", was=was, now=now, others=", ".join(others)))
    elif was == now == "completed" and before.get("item") != after.get("item"):
        found.append(problem("amend", f"{ROOT}.status"))
    return found


def same_questionnaire(before: Resource, after: Resource) -> bool:
    """A draft may begin without a Questionnaire or its version, and get it."""
    was, now = before.get("questionnaire"), after.get("questionnaire", "")
    if was is None or was == now:
        return True
    return "|" not in was and bool(now.partition("|")[0] == was)


def same_subject(before: Resource, after: Resource) -> bool:
    """Nobody is made another; a draft may begin without a subject."""
    was, now = _subject(before), _subject(after)
    return not was or was == now


def _subject(resource: Resource) -> str:
    text: str = resource.get("subject", {}).get("reference", "")
    literal = parse_reference(text)
    return text if literal is None else literal.relative
