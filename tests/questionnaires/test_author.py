"""Who may say who filled in, over HTTP on both databases: each caller × each that can be named."""

from __future__ import annotations

from typing import Final

import pytest

from tests import builders
from tests.careplan.actors import actor, represented
from tests.server.service import Service, issues

_NAMES: Final = {
    "patient": "Patient/anna",
    "another patient": "Patient/bram",
    "representative": "the RelatedPerson of a mandate",
    "another relative": "RelatedPerson/oom",
    "professional": "Practitioner/doctor",
    "another professional": "Practitioner/other",
    "app": "Device/app",
}
_AUTHORS: Final = {
    "patient": {"patient", "representative", "another relative", "app"},
    "app": {"patient", "representative", "another relative", "app"},
    "representative": {"representative", "app"},
    "professional": {"professional", "app"},
    "system": set(_NAMES),
}
"""Whom each caller may name as who wrote it down: themselves, a device; a patient also who helped."""
_SOURCES: Final = {
    "patient": {"patient"},
    "app": {"patient"},
    "representative": {"representative", "patient"},
    "professional": {"professional", "patient", "representative", "another relative"},
    "system": set(_NAMES) - {"app"},  # no device gives answers
}
"""Whom as who gave the answers: a relative and a professional write down what the patient says."""


@pytest.mark.parametrize("name", _AUTHORS)
async def test_a_caller_says_who_filled_in_and_never_that_it_was_somebody_else(service: Service, name: str) -> None:
    caller = await actor(service, name)
    names = {**_NAMES, "representative": await represented(service, "roos-account")}
    for element, allowed in (("author", _AUTHORS), ("source", _SOURCES)):
        for who, reference in names.items():
            sent = {**builders.questionnaire_response(), element: builders.reference(reference)}
            answer = await caller.post("/QuestionnaireResponse", sent, {"Prefer": "return=OperationOutcome"})
            accepted = answer.status_code == 201
            assert accepted == (who in allowed[name]), (element, who, answer.text)
            if not accepted:
                (wrong,) = [each["expression"][0] for each in issues(answer) if each["severity"] == "error"]
                assert wrong.startswith(f"QuestionnaireResponse.{element}")
