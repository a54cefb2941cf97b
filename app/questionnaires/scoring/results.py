"""Results of responses: written when a response is complete, by whatever door it comes in, and kept true to it.
https://hl7.org/fhir/R4/questionnaireresponse.html

An amended response has amended results; one that was entered in error, or is not there any more, has results entered in
error; so have those of an earlier key, once other answers stand there than it counted. Nobody but the service writes
under these ids or says that the service computed a score. A result that was obtained elsewhere is an Observation of the
same profile: anybody may write it, and it is never computed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from app.database import Reader
from app.errors import Conflict, Forbidden, PreconditionFailed
from app.fhir.dates import instant
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, decode
from app.questionnaires.library import Held, QuestionnaireLibrary
from app.questionnaires.names import Names
from app.questionnaires.refusals import text_of
from app.questionnaires.scoring.compute import score
from app.questionnaires.scoring.elements import Unreadable
from app.questionnaires.scoring.observations import (
    MARK,
    STATUSES,
    VOID,
    Origin,
    basis_of,
    is_computed,
    observations_of,
    same,
)
from app.questionnaires.scoring.program import Program, Words
from app.questionnaires.scoring.reading import read_program
from app.questionnaires.scoring.shown import words_of
from app.server.access import SELECT_PATIENT_ID, SERVICE
from app.server.rules import Change, ChangeSet, Rule, Verdict

RESPONSE: Final = "QuestionnaireResponse"
_DRAFT: Final = b'"status":"in-progress"'
_RESULTS: Final = (
    "SELECT DISTINCT r.n, r.body FROM link l JOIN resource r ON r.patient = l.patient AND r.n = l.n"
    " WHERE l.patient = $1 AND l.type = $2 AND l.param = $3 AND l.target_type = $4 AND l.target_id = $5"
    " AND r.deleted = 0 ORDER BY r.n"
)
_VERSION: Final = "SELECT r.version FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = $3"
_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rescored:
    """What ``$rescore`` means by the Observations that it writes: the response that they come of, as it was read."""

    response_id: str
    version: int


def program_of(held: Held, canonical_base: str) -> Program | None:
    """The scoring program of a Questionnaire that is held; None where nothing is scored, and where the program cannot
    be read, which is logged: answers are not refused for it.
    """
    scoring = held.instrument.scoring if held.instrument is not None else None
    if not scoring:
        return None
    try:
        return read_program(scoring, canonical_base)
    except Unreadable as error:
        _log.warning("a scoring program cannot be read", questionnaire=held.form.canonical, problems=error.problems)
        return None


class Results:
    """What comes of responses, for one installation."""

    def __init__(self, names: Names, library: QuestionnaireLibrary, definitions: Definitions) -> None:
        self._names = names
        self._library = library
        self.definitions = definitions
        self._observation = definitions.type_numbers["Observation"]

    def rule(self) -> Rule:
        """For the server's list."""
        return Rule("scores", frozenset({RESPONSE, "Observation"}), self._check, self._concerns, meant=Rescored)

    async def of(
        self,
        reader: Reader,
        catalogues: tuple[int, int],
        response: Resource,
        *,
        patient: int,
        effective: str,
        cut_offs: str = "",
    ) -> tuple[Program, list[Resource]] | None:
        """The program by which a complete response (with its id) is scored, and the results; None when it is not.
        ``effective``: when it was filled in, where it does not say; ``cut_offs``: another version of them than counts.
        """
        canonical = response.get("questionnaire", "")
        held = await self._library.find(self, reader, catalogues, canonical) if canonical else None
        program = program_of(held, self._names.base) if held is not None else None
        if held is None or program is None:
            return None
        if cut_offs:
            program = replace(program, cut_offs=cut_offs)
        origin = Origin(
            response,
            response["id"],
            patient,
            await self._patient_id(reader, patient, response),
            held.form,
            _name_of(held),
            response.get("authored", effective),
        )
        return program, observations_of(score(program, held.form, response), origin, self._names)

    async def stored(self, reader: Reader, patient: int, response_id: str) -> list[Resource]:
        """The results of a response that this service computed, by any version of a key, in the order of their first
        writing.
        """
        types, parameters = self.definitions.type_numbers, self.definitions.parameter_numbers
        rows = await reader.fetch(
            _RESULTS, patient, self._observation, parameters["derived-from"], types[RESPONSE], response_id
        )
        found = [decode(body) for _, body in rows]
        return [each for each in found if is_computed(each, self._names)]

    def _concerns(self, change: Change) -> bool:
        if change.type == "Observation":
            was = change.was is not None and MARK in change.was
            return was or (change.after is not None and basis_of(change.after, self._names) is not None)
        if change.after is None or change.after.get("status") in STATUSES:
            return True
        return change.was is not None and _DRAFT not in change.was

    async def _check(self, changes: ChangeSet, reader: Reader) -> Verdict:
        if isinstance(changes.intent, Rescored):
            await self._check_meanwhile(changes, reader, changes.intent)
            return Verdict()
        derived: list[Resource] = []
        for each in changes.changes:
            if each.type == "Observation":
                self._protect(changes, each)
            elif each.type == RESPONSE:
                derived += await self._follow(changes, reader, each)
        given = {each.id for each in changes.changes if each.type == "Observation"}
        return Verdict(derived=tuple(each for each in derived if each["id"] not in given))

    def _protect(self, changes: ChangeSet, change: Change) -> None:
        """What the service computed stays as it is until the answers change. Raises ``Forbidden``, ``Conflict``."""
        if changes.access.kind == SERVICE:
            return
        if is_computed(change.before, self._names):
            if change.after is None:
                raise Conflict(text_of("score-stays"), "business-rule")
            if not same(change.before or {}, change.after):
                raise Forbidden(text_of("score-by-service"), "business-rule")
        elif is_computed(change.after, self._names):
            raise Forbidden(text_of("score-by-service"), "business-rule")

    async def _follow(self, changes: ChangeSet, reader: Reader, change: Change) -> list[Resource]:
        """The results that follow from one change of a response."""
        before = [] if change.was is None else await self.stored(reader, changes.patient, change.id)
        if not before and changes.access.kind == SERVICE:  # scored once all that comes with it is there: loading.py
            return []
        wanted: list[Resource] = []
        if change.after is not None and change.after.get("status") in STATUSES:
            when = next((each["effectiveDateTime"] for each in before), instant(changes.now))
            response = {**change.after, "id": change.id}
            found = await self.of(reader, changes.access.catalogues, response, patient=changes.patient, effective=when)
            wanted = found[1] if found is not None else []
        ids = {each["id"] for each in wanted}
        void = [{**each, "status": VOID} for each in before if each["id"] not in ids and each["status"] != VOID]
        return [*changed(before, wanted), *void]

    async def _check_meanwhile(self, changes: ChangeSet, reader: Reader, meant: Rescored) -> None:
        rows = await reader.fetch(_VERSION, changes.patient, self.definitions.type_numbers[RESPONSE], meant.response_id)
        if not rows or rows[0][0] != meant.version:
            raise PreconditionFailed(f"{RESPONSE}/{meant.response_id} was changed a moment ago; send it again.")

    async def _patient_id(self, reader: Reader, patient: int, response: Resource) -> str:
        rows = await reader.fetch(SELECT_PATIENT_ID, patient, self.definitions.type_numbers["Patient"])
        if rows:
            return str(rows[0][0])
        return str(response.get("subject", {}).get("reference", "")).rpartition("/")[2]  # both come in one load


def changed(before: Sequence[Resource], wanted: Sequence[Resource]) -> list[Resource]:
    """Of what results are to be, those that are not there yet, or not so."""
    held: dict[str, Any] = {each["id"]: each for each in before}
    return [each for each in wanted if each["id"] not in held or not same(held[each["id"]], each)]


def _name_of(held: Held) -> Words:
    """The name of the instrument, else the title of the Questionnaire in both languages."""
    row = held.instrument.row if held.instrument is not None else {}
    form = held.form.resource
    if row.get("name"):
        return Words(str(row["name"]), str(row["name"]))
    text = str(form.get("title") or form.get("name") or held.form.canonical)
    return words_of({"text": text, "_text": form.get("_title", {})})
