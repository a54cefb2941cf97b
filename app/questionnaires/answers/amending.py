"""Correcting answers that were sent: a draft with the extension ``amends`` is a working copy of them. Once it is
completed, by whatever door, the answers themselves are amended and the copy goes. Every version of them stays.
https://hl7.org/fhir/R4/valueset-questionnaire-answers-status.html

What an organisation's system delivers has had its life elsewhere and is stored as it says.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from app.database import Reader
from app.errors import Conflict, Issue, Unprocessable
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, decode, parse_reference
from app.fhir.scopes import Action
from app.questionnaires.answers.changing import same_questionnaire, same_subject
from app.questionnaires.answers.filled import ROOT
from app.questionnaires.answers.intake import COMPLETE
from app.questionnaires.answers.wording import problem
from app.questionnaires.names import Names
from app.server.access import SERVICE
from app.server.rules import Change, ChangeSet, Rule, Verdict
from app.server.store.narrowed import is_open
from app.server.store.sameness import ordered
from app.server.working_copies import Original, Present, WorkingCopy

OPEN: Final = "in-progress"
_PLACE: Final = f"{ROOT}.extension"
_OF_COPY: Final = ("item", "text", "contained", "language", "extension", "authored", "author", "source")
"""What the answers have of their correction; all else stays as it was sent first, such as what they were asked by."""
_STORED: Final = (
    "SELECT r.version, r.labels, r.body FROM resource r"
    " WHERE r.patient = $1 AND r.type = $2 AND r.id = $3 AND r.deleted = 0"
)


def original_of(response: Resource, names: Names, base: str = "") -> Original | None:
    """The answers that a response is a working copy of; None for one that is not, and where they are not named as
    they should be. ``base``: the address that an absolute reference may begin with.
    """
    marks = _marks(response, names)
    literal = parse_reference(str(marks[0].get("valueReference", {}).get("reference", ""))) if len(marks) == 1 else None
    if literal is None or literal.type != ROOT or literal.base not in ("", base):
        return None
    version = str(literal.version)
    return Original(literal.id, int(version)) if version.isdecimal() and len(version) < 10 else None


class Amendments:
    """What holds for working copies, in one installation. ``base``: the address of the FHIR base."""

    def __init__(self, names: Names, definitions: Definitions, base: str) -> None:
        self._names = names
        self._base = base
        self._number = definitions.type_numbers[ROOT]

    def working_copy(self) -> WorkingCopy:
        """For the server, which has its way with those that are finished."""
        return WorkingCopy(ROOT, self._finished, self._made_of, _is_open, self._amended, _told)

    def rule(self) -> Rule:
        """For the server's list: that a draft can become what it says."""
        return Rule("response-amendments", frozenset({ROOT}), self._check, self._concerns)

    def _finished(self, response: Resource) -> Original | None:
        if "extension" not in response or response.get("status") not in COMPLETE:
            return None
        return original_of(response, self._names, self._base)

    def _made_of(self, response: Resource) -> Iterable[str]:
        if "extension" not in response:
            return
        for mark in _marks(response, self._names):
            literal = parse_reference(str(mark.get("valueReference", {}).get("reference", "")))
            if literal is not None and literal.type == ROOT and literal.base in ("", self._base):
                yield literal.id

    def _amended(self, copy: Resource, original: Original, present: Present | None) -> Resource | None:
        self._refuse(copy, original, present, finished=True)
        assert present is not None, "what is not there is refused"
        answers = present.resource
        if _say_the_same(answers, copy):
            return None
        rest = {name: value for name, value in answers.items() if not _is_of_copy(name)}
        corrected = {name: value for name, value in copy.items() if _is_of_copy(name)}
        made = {**rest, "status": "amended", **corrected}
        made["extension"] = [each for each in copy["extension"] if each.get("url") != self._names.amends]
        return made if made["extension"] else {name: value for name, value in made.items() if name != "extension"}

    def _refuse(self, copy: Resource, original: Original, present: Present | None, *, finished: bool = False) -> None:
        """Raises ``Unprocessable`` with all that is wrong, and ``Conflict`` where the answers changed meanwhile."""
        known = present is not None and 0 < original.version <= present.version
        found = (
            _problems(copy, present.resource) if present is not None and known else [problem("amends-unknown", _PLACE)]
        )
        if found:
            raise Unprocessable("", "business-rule", issues=tuple(found))
        again = finished and present is not None and _say_the_same(present.resource, copy)
        if present is not None and present.version != original.version and not again:
            was, now = str(original.version), str(present.version)
            raise Conflict("", issues=(problem("amends-meanwhile", _PLACE, was=was, now=now),))

    def _concerns(self, change: Change) -> bool:
        return change.after is not None and bool(_marks(change.after, self._names))

    async def _check(self, changes: ChangeSet, reader: Reader) -> Verdict:
        if changes.access.kind == SERVICE or changes.access.is_system:
            return Verdict()
        issues: list[Issue] = []
        for each in changes.changes:
            if each.type != ROOT or each.after is None or not _marks(each.after, self._names):
                continue
            before, status = each.before or {}, each.after.get("status")
            if status not in COMPLETE | {OPEN} or before.get("status") in COMPLETE:
                continue
            original = original_of(each.after, self._names, self._base)
            if original is None:
                issues.append(problem("amends-form", _PLACE))
            elif status == OPEN and _marks(before, self._names) != _marks(each.after, self._names):
                # Later nothing that was typed is refused for what others did, until it is finished.
                self._refuse(each.after, original, await self._present(changes, reader, original.id))
        return Verdict(tuple(issues))

    async def _present(self, changes: ChangeSet, reader: Reader, resource_id: str) -> Present | None:
        """The answers as they are, for who may read them."""
        place = changes.patient, ROOT, resource_id
        for version, labels, body in await reader.fetch(_STORED, changes.patient, self._number, resource_id):
            stored = version, labels, body
            if await is_open(reader, changes.access, changes.registry, place, stored, action=Action.READ):
                return Present(version, decode(body))
        return None


def _marks(response: Resource, names: Names) -> list[Resource]:
    return [each for each in response.get("extension", ()) if each.get("url") == names.amends]


def _is_of_copy(name: str) -> bool:
    """Of a member, or of what is said beside its value: https://hl7.org/fhir/R4/json.html#primitive"""
    return name.removeprefix("_") in _OF_COPY


def _say_the_same(answers: Resource, copy: Resource) -> bool:
    """Whether the answers are the same to the digit, with what they refer to inside the response."""
    return all(ordered(answers.get(name)) == ordered(copy.get(name)) for name in ("item", "contained"))


def _is_open(stored: Resource) -> bool:
    return stored.get("status") == OPEN


def _problems(copy: Resource, answers: Resource) -> list[Issue]:
    """Why a response cannot be a correction of answers that are there."""
    found = []
    if not same_questionnaire(answers, copy):
        found.append(problem("amends-questionnaire", f"{ROOT}.questionnaire"))
    if not same_subject(answers, copy):
        found.append(problem("amends-subject", f"{ROOT}.subject"))
    if answers.get("status") not in COMPLETE:
        found.append(problem("amends-status", _PLACE, was=str(answers.get("status", ""))))
    return found


def _told(original: Original, made: Resource | None) -> Issue:
    rule = "amends-done" if made is not None else "amends-same"
    return problem(rule, ROOT, severity="information", name=f"{ROOT}/{original.id}")
