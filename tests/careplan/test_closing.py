"""A plan that is closed leaves nothing open: what was proposed for it is rejected, with that as the reason."""

from __future__ import annotations

from app.fhir.resource import Resource
from tests.careplan.histories import NAMES
from tests.careplan.proposing import goal, planned
from tests.careplan.turning import done, event, newest, rules
from tests.server.service import Caller

WHY = "Het plan is afgesloten. / The plan was closed."


def answers(proposal: Resource) -> dict[str, tuple[str, str]]:
    """Answer and reason by item."""
    found = {}
    for each in proposal["extension"]:
        if each["url"].endswith("/proposal-answer"):
            parts = {part["url"]: part for part in each["extension"]}
            item = parts.get("item", {}).get("valueString", "")
            found[item] = (parts["answer"]["valueCode"], parts.get("reason", {}).get("valueString", ""))
    return found


async def test_what_was_still_proposed_is_rejected_with_the_plan_in_one_transaction(
    anna: Caller, practice: Caller
) -> None:
    plan = await planned(anna)
    whole = await plan.propose(practice, title="Samen verder", goal=goal())
    half = await plan.propose(practice, title="Anders", note="Graag bellen")
    await half.accept("title")
    words = await plan.propose(practice, reason="Zullen we het erover hebben?")
    before = await plan.propose(practice, title="Nog anders")
    await before.reject(reason="Nee")
    named = {
        "url": f"{NAMES}/StructureDefinition/proposed-for-plan",
        "valueReference": {"reference": f"CarePlan/{plan.plan}"},
    }
    beside = await practice.create(goal("Meer bewegen", extension=[named]))
    last = (await anna.bundle(f"/CarePlan/{plan.plan}/$revisions?_count=1"))["entry"][0]["resource"]
    await done(anna, plan.plan, "close", status="completed")
    assert (await newest(anna, plan.plan))["id"] != last["id"]
    one, two, three, four = [await plan.resource("CarePlan", each.id) for each in (whole, half, words, before)]
    assert [each["status"] for each in (one, two, three, four)] == ["revoked", "completed", "revoked", "revoked"]
    assert set(answers(one).values()) == {("rejected", WHY)}
    assert set(answers(one)) == set(whole.items)
    assert sorted(answers(two).values()) == [("accepted", ""), ("rejected", WHY)]
    assert answers(three) == {"": ("rejected", WHY)}
    assert set(answers(four).values()) == {("rejected", "Nee")}, "what was answered stays answered"
    gone = await plan.resource("Goal", beside["id"])
    assert (gone["lifecycleStatus"], gone["statusReason"]) == ("rejected", WHY)
    closed = {each["meta"]["lastUpdated"] for each in (one, two, three, gone)}
    assert len(closed) == 1, "it is one transaction"
    assert set((await whole.states()).values()) == {"rejected"}
    assert (await whole.ask("accept")).status_code in (409, 422)
    assert [
        each["resource"]["id"]
        for each in (await anna.bundle("/CarePlan?intent=proposal&status=draft")).get("entry", ())
    ] == []


async def test_a_close_that_is_refused_leaves_proposals_open(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    made = await plan.propose(practice, title="Samen verder")
    assert rules(await event(anna, plan.plan, "close")) == ["plan-close-as"]
    assert (await plan.resource("CarePlan", made.id))["status"] == "draft"
    assert set((await made.states()).values()) == {"open"}
