"""What must hold of a plan and its history, whatever people did to it."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from app.fhir.resource import Resource, decode, encode
from tests.careplan.applying import applied, state_of
from tests.careplan.histories import NAMES
from tests.careplan.living import SECRET, Living
from tests.careplan.turning import phase_of
from tests.server.service import Caller

_IZP: Final = f"{NAMES}/CodeSystem/care-plan-category|izp"


async def check(living: Living, *, pairs: int = 12) -> None:
    """All of it; ``pairs``: how many pairs of revisions are compared."""
    await one_open_plan(living)
    await revisions_without_gaps(living)
    await as_it_was_read(living)
    await compared(living, pairs)
    await nothing_beyond_the_permits(living)
    await as_the_profiles_have_it(living)


async def one_open_plan(living: Living) -> None:
    statuses = "draft,active,on-hold,unknown"
    found = await living.callers["patient"].bundle(f"/CarePlan?category={_IZP}&status={statuses}&_count=50")
    plans = [each["resource"]["id"] for each in found["entry"] if each["resource"]["intent"] == "plan"]
    assert plans == [living.plan]


async def revisions_without_gaps(living: Living) -> None:
    found = await revisions(living)
    numbers = [phase_of(each)[0] for each in found]
    assert numbers == list(range(len(numbers), 0, -1))
    assert set(living.seen) == set(numbers), "a revision that nobody saw come"
    for newer, older in pairwise(found):
        assert phase_of(newer)[1] >= phase_of(older)[1], "a cycle went back"


async def revisions(living: Living) -> list[Resource]:
    """The newest first."""
    pages = await living.callers["patient"].pages(f"/CarePlan/{living.plan}/$revisions?_count=20")
    return [each["resource"] for page in pages for each in page["entry"] if each["search"]["mode"] == "match"]


async def as_it_was_read(living: Living) -> None:
    for number, readers in living.seen.items():
        for name, caller in living.readers.items():
            bundle = await caller.bundle(f"/CarePlan/{living.plan}/$as-of?number={number}")
            listed = [each["resource"] for each in bundle["entry"] if each["search"]["mode"] == "match"]
            shown = {f"{each['resourceType']}/{each['id']}": each for each in listed}
            said = {key for key, each in shown.items() if each["resourceType"] == "Observation"}
            assert shown.keys() - said == readers[name].keys(), (number, name)
            for key, body in readers[name].items():
                assert encode(shown[key]) == body, (number, name, key)


async def compared(living: Living, pairs: int) -> None:
    numbers = sorted(living.seen)
    states = {}
    for _ in range(pairs):
        low, high = sorted(living.draw.choices(numbers, k=2))
        for each in (low, high):
            if each not in states:
                address = f"/CarePlan/{living.plan}/$as-of?number={each}"
                states[each] = state_of(await living.callers["patient"].bundle(address))
        answer = await living.callers["patient"].get(f"/CarePlan/{living.plan}/$compare?from={low}&to={high}")
        assert answer.status_code == 200, answer.text
        made = applied(decode(answer.content), states[low])
        wrong = {key: (made.get(key), states[high].get(key)) for key in made | states[high]}
        differing = {key: both for key, both in wrong.items() if both[0] != both[1]}
        assert not differing, (low, high)


async def nothing_beyond_the_permits(living: Living) -> None:
    """The narrow reader meets no condition, whatever they ask of whatever version."""
    narrow, numbers = living.callers["narrow"], sorted(living.seen)
    addresses = [f"$as-of?number={each}" for each in numbers]
    addresses += [f"$compare?from={numbers[0]}&to={each}" for each in numbers]
    addresses += ["$revisions?_count=100", "_history?_count=100", "$document"]
    for each in addresses:
        answer = await narrow.get(f"/CarePlan/{living.plan}/{each}")
        assert answer.status_code == 200, (each, answer.text)
        assert SECRET not in answer.text, each
        assert '"resourceType":"Condition"' not in answer.text, each
    for name in ("bystander",):
        caller = living.callers.get(name)
        if caller is not None:
            for each in addresses:
                assert (await caller.get(f"/CarePlan/{living.plan}/{each}")).status_code == 404


async def as_the_profiles_have_it(living: Living) -> None:
    anna = living.callers["patient"]
    for each in await revisions(living):
        stored = decode((await anna.get(f"/Provenance/{each['id']}")).content)
        await _is_valid(anna, stored, "PlanRevision")
    for readers in living.seen.values():
        await _is_valid(anna, decode(readers["patient"][f"CarePlan/{living.plan}"]), "IndividualCarePlan")


async def _is_valid(caller: Caller, resource: Resource, profile: str) -> None:
    kind = resource["resourceType"]
    answer = await caller.post(
        f"/{kind}/$validate?profile={NAMES}/StructureDefinition/{profile}",
        {**resource, "meta": {"profile": resource["meta"]["profile"]}},
    )
    assert answer.status_code == 200, answer.text
    wrong = [each for each in decode(answer.content)["issue"] if each["severity"] in ("error", "fatal", "warning")]
    assert wrong == []
