"""A record of which a token sees the laboratory's part only, for the tests of A-59."""

from __future__ import annotations

from typing import Any, Final

from app.fhir.resource import Resource
from tests.builders import LOINC, OBSERVATION_CATEGORY, concept, observation
from tests.server.service import Caller

HIDDEN: Final = "hidden"
SHOWN: Final = "shown"
LABORATORY: Final = f"category={OBSERVATION_CATEGORY}|laboratory"
LABORATORY_ONLY: Final = f"patient/Observation.cruds?{LABORATORY} patient/Goal.cruds patient/Patient.rs"
CREATININE: Final = "2160-0"


def laboratory(**members: Any) -> Resource:
    return observation(
        **{"category": [concept(OBSERVATION_CATEGORY, "laboratory")], "code": concept(LOINC, CREATININE), **members}
    )


async def same_as_unknown(caller: Caller, address: str) -> None:
    """The answer to ``address`` is that to an id that nobody has, but for the id and the request's number."""
    answers = [await caller.get(each) for each in (address, address.replace(HIDDEN, "nobody"))]
    texts = [each.text.replace(HIDDEN, "?").replace("nobody", "?") for each in answers]
    heads = [
        {name: value for name, value in each.headers.items() if name not in ("x-request-id", "content-length")}
        for each in answers
    ]
    assert answers[0].status_code == answers[1].status_code == 404
    assert texts[0] == texts[1]
    assert heads[0] == heads[1]
