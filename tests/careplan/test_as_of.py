"""``CarePlan/$as-of``: the plan as it was, in the bytes of then and under the permissions of now."""

from __future__ import annotations

from app.auth import hash_token
from app.database import Writer
from app.fhir.resource import decode
from app.server.store.erase import Erasing
from tests import builders
from tests.careplan.histories import NAMES, members, outcomes, started
from tests.server.grants import token_with
from tests.server.service import Caller, Service, codes, issues


async def test_the_plan_of_a_revision_is_what_was_read_then_byte_for_byte(anna: Caller) -> None:
    condition = await anna.create(builders.condition("Patient/anna"))
    journey = await started(anna)
    states = [await journey.now()]
    await journey.add_goal("Beter slapen")
    states.append(await journey.now())
    await journey.change("CarePlan", journey.plan, addresses=[{"reference": f"Condition/{condition['id']}"}])
    states.append(await journey.now())
    await journey.change("Goal", journey.goal, description={"text": "Elke dag"})
    states.append(await journey.now())
    await journey.agree()
    states.append(await journey.now())
    for number, state in enumerate(states, 1):
        bundle = await journey.as_of(f"number={number}")
        assert members(bundle) == state
        assert outcomes(bundle) == []
        included = [each["resource"] for each in bundle["entry"] if each["search"]["mode"] == "include"]
        assert [each["extension"][0]["extension"][0]["valuePositiveInt"] for each in included] == [number]
        urls = [each["fullUrl"] for each in bundle["entry"]]
        assert len(set(urls)) == len(urls) == len(state) + 1


async def test_the_plan_at_a_time_has_what_was_changed_meanwhile_without_a_revision(anna: Caller) -> None:
    condition = await anna.create(builders.condition("Patient/anna"))
    journey = await started(anna)
    await journey.change("CarePlan", journey.plan, addresses=[{"reference": f"Condition/{condition['id']}"}])
    before = await journey.now()
    changed = await anna.put(f"/Condition/{condition['id']}", {**condition, "note": [{"text": "Valt mee"}]})
    between = decode(changed.content)["meta"]["lastUpdated"]
    after = await journey.now()
    await journey.add_goal("Beter slapen")
    assert members(await journey.as_of("number=2")) == before
    assert members(await journey.as_of(f"time={between}")) == after != before
    revisions = await anna.bundle(f"/CarePlan/{journey.plan}/$revisions")
    recorded = [each["resource"]["recorded"] for each in revisions["entry"]]
    assert members(await journey.as_of(f"time={recorded[1]}")) == before
    assert members(await journey.as_of("time=2100")) == await journey.now()
    assert (await anna.get(f"/CarePlan/{journey.plan}/$as-of?time=2020-01-01")).status_code == 404


async def test_the_plan_at_a_time_has_what_had_been_said_of_its_goals(
    anna: Caller, practice: Caller, service: Service
) -> None:
    journey = await started(anna)

    async def told(text: str) -> tuple[str, str]:
        """The id and the time of a word about the goal that is no event of the plan."""
        made = await practice.create(
            {
                "resourceType": "Observation",
                "meta": {"profile": [f"{NAMES}/StructureDefinition/GoalRating"]},
                "status": "final",
                "code": {"coding": [{"system": f"{NAMES}/CodeSystem/goal-observation", "code": "barriers"}]},
                "subject": {"reference": "Patient/anna"},
                "focus": [{"reference": f"Goal/{journey.goal}"}],
                "effectiveDateTime": "2026-11-20",
                "performer": [{"display": "De Proef"}],
                "valueString": text,
            }
        )
        return made["id"], made["meta"]["lastUpdated"]

    first, after_first = await told("Regen")
    second, after_second = await told("Kou")
    changed = await anna.bundle(f"/Observation?_id={second}")
    await practice.keep({**changed["entry"][0]["resource"], "valueString": "Sneeuw"})
    at_first = await journey.as_of(f"time={after_first}")
    assert f"Observation/{first}" in members(at_first)
    assert f"Observation/{second}" not in members(at_first), "it had not been said yet"
    at_second = members(await journey.as_of(f"time={after_second}"))
    assert b"Kou" in at_second[f"Observation/{second}"]
    assert f"Observation/{first}" in at_second
    assert b"Sneeuw" in members(await journey.as_of("time=2100"))[f"Observation/{second}"]
    assert not any(each.startswith("Observation") for each in members(await journey.as_of("number=1")))
    scopes = "patient/CarePlan.rs patient/Goal.rs patient/Provenance.rs patient/Patient.rs"
    blind = await token_with(service, scopes, "anna")
    left = await journey.as_of("time=2100", blind)
    assert not any(each.startswith("Observation") for each in members(left))
    assert outcomes(left) == ["suppressed"]


async def test_a_moment_is_said_in_one_way_and_must_be_there(anna: Caller, bram: Caller) -> None:
    journey = await started(anna)
    address = f"/CarePlan/{journey.plan}/$as-of"
    for query, code in (
        ("", "required"),
        ("?number=1&time=2026", "required"),
        ("?number=2", "not-found"),
        ("?number=0", "not-found"),
        ("?number=999999999", "not-found"),
        ("?time=morgen", "not-supported"),
    ):
        answer = await anna.get(f"{address}{query}")
        assert answer.status_code in (400, 404)
        assert codes(answer)[0] in (code, "value"), query
    assert (await bram.get(f"{address}?number=1")).status_code == 404
    other = await anna.create(builders.care_plan("Patient/anna"))
    answer = await anna.get(f"/CarePlan/{other['id']}/$as-of?number=1")
    assert (answer.status_code, codes(answer)) == (404, ["business-rule"])


async def test_what_the_caller_may_not_see_now_is_left_out_of_an_old_version_and_that_is_said(
    anna: Caller, service: Service
) -> None:
    condition = await anna.create(builders.condition("Patient/anna"))
    journey = await started(anna)
    await journey.change("CarePlan", journey.plan, addresses=[{"reference": f"Condition/{condition['id']}"}])
    planner = service.caller("anna-planner")
    bundle = await journey.as_of("number=2", planner)
    assert {name.partition("/")[0] for name in members(bundle)} == {"CarePlan", "Goal"}
    assert outcomes(bundle) == ["suppressed"]


async def test_what_was_erased_is_told_in_its_place(anna: Caller, service: Service) -> None:
    journey = await started(anna)
    second = await journey.add_goal("Beter slapen")
    await journey.change("Goal", second, description={"text": "Acht uur slapen"})
    await erase(service, "Goal", second)
    bundle = await journey.as_of("number=2")
    assert f"Goal/{second}" not in members(bundle)
    assert outcomes(bundle) == ["deleted"]
    told = bundle["entry"][-1]["resource"]["issue"][0]
    assert told["diagnostics"].startswith(f"Goal/{second}: removed at the person's request on ")
    revisions = await anna.bundle(f"/CarePlan/{journey.plan}/$revisions")
    assert "Acht uur" not in str(revisions)
    assert "Beter slapen" not in str(revisions)


async def test_a_revision_that_was_erased_keeps_its_number(anna: Caller, service: Service) -> None:
    journey = await started(anna)
    await journey.add_goal("Beter slapen")
    address = f"/CarePlan/{journey.plan}/$revisions"
    newest = (await anna.bundle(address))["entry"][0]["resource"]["id"]
    await erase(service, "Provenance", newest)
    await journey.change("Goal", journey.goal, description={"text": "Elke dag"})
    bundle = await anna.bundle(address)
    numbers = [
        each["resource"]["extension"][0]["extension"][0]["valuePositiveInt"]
        for each in bundle["entry"]
        if each["search"]["mode"] == "match"
    ]
    assert (numbers, outcomes(bundle)) == ([3, 1], ["deleted"])
    answer = await anna.get(f"/CarePlan/{journey.plan}/$as-of?number=2")
    assert answer.status_code == 410
    assert issues(answer)[0]["diagnostics"].startswith("Revision 2: removed at the person's request on ")
    dutch = issues(await anna.get(f"/CarePlan/{journey.plan}/$as-of?number=2", {"accept-language": "nl"}))
    assert dutch[0]["details"]["text"].startswith("Dit is verwijderd omdat de persoon dat vroeg.")


async def test_a_professional_sees_old_versions_as_far_as_the_permission_of_now_goes(
    anna: Caller, service: Service
) -> None:
    await anna.put("/Patient/anna", builders.patient("anna"))
    condition = await anna.create(builders.condition("Patient/anna"))
    journey = await started(anna)
    await journey.change("CarePlan", journey.plan, addresses=[{"reference": f"Condition/{condition['id']}"}])
    await journey.add_goal("Beter slapen")
    before = await journey.as_of("number=2", service.caller("practice"))
    assert f"Condition/{condition['id']}" in members(before)
    labels = service.server.labels.bits(("conditions",))
    everything = "UPDATE permit SET labels = labels & ~$1::bigint WHERE recipient = $2"
    grants = await service.database.fetch(
        "SELECT hash, recipient, stamp FROM access_grant WHERE hash = $1", hash_token("practice")
    )
    await service.database.change(everything, labels, grants[0][1])
    await service.database.change("UPDATE access_grant SET stamp = stamp + 1 WHERE hash = $1", grants[0][0])
    after = await journey.as_of("number=2", service.caller("practice"))
    assert members(after).keys() == members(before).keys() - {f"Condition/{condition['id']}"}
    assert outcomes(after) == ["suppressed"]
    sentences = await service.caller("practice").bundle(f"/CarePlan/{journey.plan}/$revisions")
    assert outcomes(sentences) == []


async def erase(service: Service, kind: str, resource_id: str) -> None:
    """Erase one resource of Anna's, as the page of her data does."""
    server, patient = service.server, await service.key_of("anna")
    assert service.application.parts is not None
    access = await service.application.parts.authenticator("Bearer anna", server.clock())

    async def work(writer: Writer) -> None:
        erasing = Erasing(server, writer, access, patient, request="test")
        await erasing.begin(now=server.clock())
        assert len(await erasing.erase(kind, [resource_id])) == 1
        await erasing.finish()

    await server.database.transact(work)
