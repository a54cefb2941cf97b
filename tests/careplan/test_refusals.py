"""What is refused names its rule, and says the way out in Dutch and English, whatever the status that answers."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
import yaml

from app.careplan.gas import LOWEST
from app.careplan.operations.agree import WAYS
from app.careplan.refusals import PREFIX, text_of
from app.careplan.scales import ACHIEVEMENTS, RATINGS
from app.fhir.resource import Resource, decode
from tests import builders
from tests.careplan.histories import started
from tests.careplan.turning import parameters
from tests.postgresql import CHECKOUT
from tests.server.service import Caller, issues

TEXTS: Final[dict[str, dict[str, str]]] = yaml.safe_load(
    (CHECKOUT / "app" / "careplan" / "refusals.yaml").read_text("utf-8")
)
PUBLISHED: Final = CHECKOUT / "medmij_profiles"
NUMBER: Final[Resource] = {
    "resourceType": "Parameters",
    "parameter": [{"name": "number", "valuePositiveInt": 100}],
}
PLAN: Final = parameters(plan={"reference": "CarePlan/x"})
REFUSED: Final[list[tuple[str, str, Resource | None, tuple[int, str, str]]]] = [
    ("DELETE", "/CarePlan/{plan}", None, (409, "business-rule", "closed-not-deleted")),
    ("DELETE", "/Goal/{goal}", None, (409, "business-rule", "not-deleted")),
    ("DELETE", "/Provenance/{revision}", None, (409, "business-rule", "revision-not-deleted")),
    ("GET", "/CarePlan/{plan}/$compare", None, (400, "required", "from-needed")),
    ("GET", "/CarePlan/{plan}/$compare?from=1&to=99", None, (404, "not-found", "revision-unknown")),
    ("GET", "/CarePlan/{plan}/$compare?from=2&to=1", None, (400, "value", "turned-round")),
    ("GET", "/CarePlan/{plan}/$compare?from=gisteren", None, (400, "value", "no-moment")),
    ("GET", "/CarePlan/{plan}/$compare?from=1&proposal=x", None, (400, "invalid", "moments-or-proposal")),
    ("GET", "/CarePlan/{plan}/$as-of", None, (400, "required", "one-moment")),
    ("GET", "/CarePlan/{plan}/$as-of?number=1&time=2026", None, (400, "required", "one-moment")),
    ("GET", "/CarePlan/{plan}/$as-of?number=0", None, (404, "not-found", "revision-unknown")),
    ("GET", "/CarePlan/{plan}/$as-of?time=1990", None, (404, "not-found", "not-there-yet")),
    ("POST", "/CarePlan/{plan}/$restore", NUMBER, (404, "not-found", "revision-unknown")),
    ("POST", "/CarePlan/{plan}/$accept", parameters(), (404, "business-rule", "no-proposal")),
    ("POST", "/Goal/{goal}/$accept", parameters(), (404, "business-rule", "goal-not-proposed")),
    ("POST", "/CarePlan/{plan}/$propose", parameters(), (422, "business-rule", "proposes-nothing")),
    ("POST", "/CarePlan/{plan}/$merge", PLAN, (404, "not-found", "merge-unknown")),
    ("GET", "/CarePlan/{other}/$revisions", None, (404, "business-rule", "other-plan")),
    ("GET", "/CarePlan/{plan}/$revisions?event=agree,dansen", None, (400, "value", "event-unknown")),
    ("GET", "/CarePlan/{other}/$document", None, (404, "business-rule", "other-plan")),
    ("POST", "/CarePlan/{other}/$agree", parameters(), (404, "business-rule", "other-plan")),
]
"""Requests of Anna, with what each is answered: status, type of the issue, code of the rule."""


@pytest.mark.parametrize(("method", "address", "body", "expected"), REFUSED)
async def test_a_refusal_names_its_rule_and_the_way_out_in_both_languages(
    anna: Caller, method: str, address: str, body: Resource | None, expected: tuple[int, str, str]
) -> None:
    status, kind, rule = expected
    journey = await started(anna)
    await journey.agree()
    other = await anna.create(builders.care_plan())
    revision = (await anna.found(f"/CarePlan/{journey.plan}/$revisions"))[0]
    known = {"plan": journey.plan, "goal": journey.goal, "revision": revision, "other": other["id"]}
    answer = await anna.send(method, address.format(**known), body)
    assert answer.status_code == status, answer.text
    (issue,) = issues(answer)
    assert (issue["severity"], issue["code"], issue["details"]["text"]) == ("error", kind, f"{PREFIX}{rule}")
    for text in TEXTS[rule].values():
        pieces = [each for each in re.split(r"\{\w+\}", text) if each.strip()]
        assert all(each in issue["diagnostics"] for each in pieces), issue["diagnostics"]


async def test_who_answered_a_proposal_wholly_is_told_so_by_the_rule(anna: Caller, practice: Caller) -> None:
    journey = await started(anna)
    sent = await practice.post(f"/CarePlan/{journey.plan}/$propose", parameters(title="Naar het bos"))
    proposal = decode(sent.content)["parameter"][0]["resource"]["id"]
    assert (await anna.post(f"/CarePlan/{proposal}/$accept")).status_code == 200
    for caller, method, address, rule in (
        (practice, "POST", f"/CarePlan/{proposal}/$retract", "plan-proposal-answered"),
        (anna, "DELETE", f"/CarePlan/{proposal}", "plan-proposal-stays"),
    ):
        answer = await caller.send(method, address)
        assert (answer.status_code, issues(answer)[0]["details"]["text"]) == (409, rule), answer.text


def test_every_text_is_in_dutch_and_english_with_the_same_facts() -> None:
    for code, texts in TEXTS.items():
        assert list(texts) == ["nl", "en"], code
        named = [set(re.findall(r"\{(\w+)\}", each)) for each in texts.values()]
        assert named[0] == named[1], code
        told = text_of(code, **dict.fromkeys(named[0], "…"))
        assert " / " in told


def _codes(name: str) -> list[str]:
    """The codes of a published code system."""
    system: dict[str, Any] = decode((PUBLISHED / "codesystems" / f"CodeSystem-{name}.json").read_bytes())
    return [each["code"] for each in system["concept"]]


def test_what_can_be_said_is_what_is_published() -> None:
    value_set = decode((PUBLISHED / "valuesets" / "ValueSet-goal-evaluation-result.json").read_bytes())
    assert [each["code"] for each in value_set["compose"]["include"][0]["concept"]] == list(ACHIEVEMENTS)
    assert set(_codes("goal-attainment-scale")) == set(LOWEST)
    assert set(_codes("agreement-way")) == set(WAYS)
    assert set(RATINGS.values()) < set(_codes("goal-observation"))
