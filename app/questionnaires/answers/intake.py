"""What is asked of a response as it comes in: that its Questionnaire may be used and that the answers fit it, and that
who sends it does not say that somebody else filled it in.
https://hl7.org/fhir/R4/questionnaireresponse.html

A person or an app is refused; what a system delivers is stored and flagged (MODEL 3). A Questionnaire of somebody else
need not be held here: then the answers are kept as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from app.database import Reader
from app.errors import Issue
from app.fhir.dates import LOCAL, instant
from app.fhir.resource import Resource, decode
from app.fhir.terminology.composing import selection_of, selection_of_resource
from app.fhir.terminology.membership import Verdict
from app.fhir.terminology.selection import Selection, TooCostly
from app.questionnaires.answers.author import author_problems
from app.questionnaires.answers.checking import problems
from app.questionnaires.answers.choices import ValueSets, sets_asked
from app.questionnaires.answers.filled import ROOT
from app.questionnaires.answers.wording import problem
from app.questionnaires.calculated import has_expressions
from app.questionnaires.items import Form, answers_of
from app.questionnaires.library import Held, QuestionnaireLibrary
from app.questionnaires.licensing import usable
from app.server.access import Access
from app.server.intake.effort import INLINE, values_in
from app.server.intake.findings import Finding, IntakeCheck
from app.server.intake.flags import PROFILE_DEVIATION
from app.server.server import FhirServer
from app.server.terminology.held import held_by

COMPLETE: Final = frozenset({"completed", "amended"})
ERROR: Final = "entered-in-error"
_STORED: Final = "SELECT r.body FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = $3 AND r.deleted = 0"
_QUESTIONNAIRE: Final = f"{ROOT}.questionnaire"


def response_check(library: QuestionnaireLibrary) -> IntakeCheck:
    """For the server's intake."""

    async def check(
        server: FhirServer, reader: Reader, access: Access, resource: Resource, patient: int | None
    ) -> Sequence[Finding]:
        if resource.get("status") == ERROR:
            return ()
        now = server.clock()
        if not access.is_system:
            resource.setdefault("authored", instant(now))
        found = author_problems(server, access, resource, await _stored(server, reader, resource, patient))
        found += await _of_questionnaire(server, reader, access, resource, library=library, now=now)
        return [Finding(each, (PROFILE_DEVIATION,) if each.severity == "error" else ()) for each in found]

    return IntakeCheck("questionnaire-response", frozenset({ROOT}), check, lambda _: True)


async def _of_questionnaire(
    server: FhirServer, reader: Reader, access: Access, resource: Resource, *, library: QuestionnaireLibrary, now: int
) -> list[Issue]:
    complete = resource.get("status") in COMPLETE
    canonical = resource.get("questionnaire")
    if not canonical:
        return [problem("no-questionnaire", _QUESTIONNAIRE)] if complete else []
    held = await library.find(server, reader, access.catalogues, canonical)
    if held is None:
        ours = canonical.startswith((f"{server.canonical_base}/", server.base))
        if ours and complete and not access.is_system:  # what a system has may be of a release that had it
            return [problem("not-held", _QUESTIONNAIRE)]
        return [problem("not-checked", _QUESTIONNAIRE, severity="information")]
    refused = usable(held, now=now)
    if refused is not None:
        return [replace(refused, expression=(_QUESTIONNAIRE,))]
    return await checked(server, reader, access, held, resource, complete=complete, now=now)


async def checked(
    server: FhirServer, reader: Reader, access: Access, held: Held, resource: Resource, *, complete: bool, now: int
) -> list[Issue]:
    """The problems of a response to a Questionnaire that is held, with what terminology can be told here. Raises
    ``GrantChanged``.
    """
    value_sets = await value_sets_for(server, reader, access, held.form, resource, now=now)
    moment = datetime.fromtimestamp(now / 1_000_000, LOCAL)
    work = partial(problems, held.form, resource, complete=complete, value_sets=value_sets, now=moment)
    if values_in(resource) <= INLINE and not has_expressions(held.form):
        return work()
    async with server.packages.large_checks:
        return await asyncio.to_thread(work)


async def value_sets_for(
    server: FhirServer, reader: Reader, access: Access, form: Form, resource: Resource, *, now: int
) -> ValueSets:
    """What can be told of the value sets that the answers of a response are looked up in. Raises ``GrantChanged``."""
    answered = answers_of(resource).keys() & form.by_link_id.keys()
    asked = {canonical for each in answered for canonical in sets_asked(form.by_link_id[each])}
    made: dict[str, Selection] = {}
    if asked:
        held = await held_by(server, reader, access, now=now)
        contained = {f"#{each.get('id')}": each for each in form.resource.get("contained", ())}
        for canonical in sorted(asked):
            value_set = contained.get(canonical)
            try:
                if value_set is not None:
                    made[canonical] = await held.ask(partial(selection_of_resource, value_set=value_set))
                else:
                    made[canonical] = await held.ask(partial(selection_of, canonical=canonical))
            except TooCostly:
                continue

    def verdict(canonical: str, system: str | None, code: str) -> Verdict:
        selection = made.get(canonical)
        if selection is None:
            return "unknown"
        if system is not None:
            return selection.verdict((system, code))
        if _has_code(selection.concepts, code):
            return "in"
        return "out" if selection.known else "unknown"

    return verdict


def _has_code(concepts: Iterable[tuple[str, str]], code: str) -> bool:
    """Of a code that came without its system."""
    return any(each == code for _, each in concepts)


async def _stored(server: FhirServer, reader: Reader, resource: Resource, patient: int | None) -> Resource | None:
    """The response as it is stored now; None where it is new."""
    resource_id = resource.get("id")
    if patient is None or not isinstance(resource_id, str):
        return None
    rows = await reader.fetch(_STORED, patient, server.registry.number(ROOT), resource_id)
    return decode(rows[0][0]) if rows and rows[0][0] is not None else None
