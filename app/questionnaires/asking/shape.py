"""What a Task that asks for a questionnaire must look like, and what it may ask for: every problem at once.
https://hl7.org/fhir/R4/task.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from app.database import Reader
from app.errors import Issue
from app.fhir.resource import Resource, decode, parse_reference
from app.questionnaires import refusals
from app.questionnaires.asking.people import same_person, side_of, speaks_for
from app.questionnaires.asking.request import TASK, asked_inputs, codes_of
from app.questionnaires.asking.transitions import transitions
from app.questionnaires.library import Held, Numbered, QuestionnaireLibrary
from app.questionnaires.licensing import usable
from app.questionnaires.names import Names
from app.server.access import Access
from app.server.labels import QUESTIONNAIRE

_IN_CATALOGUE: Final = (
    "SELECT r.body FROM resource r WHERE r.patient IN ($1, $2) AND r.type = $3 AND r.id = $4 AND r.deleted = 0"
    " ORDER BY r.patient"
)
"""The tenant's own first: its number is negative."""


def issue(code: str, element: str, **facts: str) -> Issue:
    """The issue of a rule at an element of the Task."""
    return refusals.issue(f"ask-{code}", f"{TASK}.{element}" if element else TASK, **facts)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a Task asks for: the canonical (with version, where it names one), and the Questionnaire, None where it is
    not held. ``exact``: the Task names this version, and takes no other.
    """

    canonical: str
    held: Held | None
    exact: bool

    @property
    def url(self) -> str:
        """Without version."""
        return self.canonical.partition("|")[0]


class Shape:
    """Looks at Tasks, for one installation. ``base``: the address of its FHIR base."""

    def __init__(self, names: Names, library: QuestionnaireLibrary, base: str) -> None:
        self._names = names
        self._library = library
        self.base = base

    async def asked(
        self, numbered: Numbered, reader: Reader, catalogues: tuple[int, int], task: Resource
    ) -> Asked | None:
        """What a Task asks for; None where it names nothing that can be looked for."""
        named = [each for _, each in asked_inputs(task)]
        if len(named) != 1:
            return None
        canonical, exact = str(named[0].get("valueCanonical", "")), True
        if not canonical:
            canonical = await self._canonical_of(numbered, reader, catalogues, named[0].get("valueReference", {}))
            exact = False
        if not canonical:
            return None
        held = await self._library.find(numbered, reader, catalogues, canonical)
        return Asked(canonical, held, exact and "|" in canonical)

    async def problems(
        self, numbered: Numbered, reader: Reader, access: Access, task: Resource, *, now: int
    ) -> list[Issue]:
        """What is wrong with a Task that is new."""
        table = transitions()
        found: list[Issue] = []
        if side_of(access) not in table.begins_by:
            return [issue("not-yours", "")]
        if task.get("status") != table.begins:
            found.append(issue("begins", "status", status=table.begins))
        if task.get("intent") != "order":
            found.append(issue("intent", "intent"))
        if codes_of(task, self._names.system("plan-task")):
            found.append(issue("code-of-ours", "code"))
        if not same_person(task, self.base):
            found.append(issue("owner", "owner"))
        if not speaks_for(access, task, self.base):
            found.append(issue("requester", "requester"))
        if "authoredOn" not in task:
            found.append(issue("authored", "authoredOn"))
        if task.get("output"):
            found.append(issue("output", "output"))
        return [*found, *await self._of_questionnaire(numbered, reader, access, task, now=now)]

    async def _of_questionnaire(
        self, numbered: Numbered, reader: Reader, access: Access, task: Resource, *, now: int
    ) -> list[Issue]:
        inputs = asked_inputs(task)
        if len(inputs) != 1:
            return [issue("input", "input")]
        number, named = inputs[0]
        if not named.get("valueCanonical") and not named.get("valueReference", {}).get("reference"):
            return [issue("input", f"input[{number}]")]
        asked = await self.asked(numbered, reader, access.catalogues, task)
        place = f"input[{number}].value"
        if asked is None or asked.held is None:
            return [issue("not-held", place)]
        if asked.held.form.resource.get("status") == "retired":
            return [issue("retired", place)]
        refused = usable(asked.held, now=now)
        if refused is not None:
            return [replace(refused, expression=(f"{TASK}.{place}",))]
        return self.personal(asked, task, place, care=side_of(access) == "care")

    def personal(self, asked: Asked, task: Resource, place: str, *, care: bool) -> list[Issue]:
        """Answers that are for the person only are asked for by nobody else, and by canonical, by which alone such a
        Task is kept from others.
        """
        if not is_person_only(asked):
            return []
        if care:
            return [issue("person-only", place)]
        by_canonical = any("valueCanonical" in each for _, each in asked_inputs(task))
        return [] if by_canonical else [issue("by-canonical", place)]

    async def _canonical_of(
        self, numbered: Numbered, reader: Reader, catalogues: tuple[int, int], reference: Resource
    ) -> str:
        """That of a Questionnaire in the catalogue that is named by reference; "" where there is none. An address
        elsewhere is the canonical itself: a repository has its Questionnaires where their canonicals say.
        """
        named = str(reference.get("reference", ""))
        literal = parse_reference(named)
        if literal is None or literal.type != QUESTIONNAIRE:
            return ""
        if literal.base not in ("", self.base):
            return named
        number = numbered.definitions.type_numbers[QUESTIONNAIRE]
        rows = await reader.fetch(_IN_CATALOGUE, *catalogues, number, literal.id)
        if not rows or rows[0][0] is None:
            return ""
        found = decode(rows[0][0])
        url, version = str(found.get("url", "")), found.get("version")
        return f"{url}|{version}" if url and version else url


def is_person_only(asked: Asked) -> bool:
    """Whether the answers are for the person only."""
    instrument = asked.held.instrument if asked.held is not None else None
    return instrument is not None and bool(instrument.row.get("person_only"))
