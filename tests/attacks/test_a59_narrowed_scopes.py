"""A-59: a scope with a query is honoured in every interaction; read without search, search without read, create alone.

Anna has a weight (vital signs) and a laboratory result; the token sees the laboratory only.
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters
"""

from __future__ import annotations

import pytest

from app.fhir.resource import Resource, decode
from tests.attacks.laboratory import CREATININE, HIDDEN, LABORATORY_ONLY, SHOWN, laboratory, same_as_unknown
from tests.builders import (
    LOINC,
    OBSERVATION_CATEGORY,
    WEIGHT,
    goal,
    observation,
    reference,
)
from tests.server.grants import token_with
from tests.server.service import Caller, Service, ids, link


@pytest.mark.parametrize("more", ["", "/_history", "/_history/1", "/$meta", "/_history/1/$meta"])
async def test_a59_what_the_query_does_not_let_through_answers_as_what_is_not_there(app: Caller, more: str) -> None:
    await same_as_unknown(app, f"/Observation/{HIDDEN}{more}")
    assert (await app.get(f"/Observation/{SHOWN}{more}")).status_code == 200


async def test_a59_what_was_deleted_is_judged_by_what_it_was(app: Caller, anna: Caller) -> None:
    for each in (HIDDEN, SHOWN):
        await anna.delete(f"/Observation/{each}")
    await same_as_unknown(app, f"/Observation/{HIDDEN}")
    await same_as_unknown(app, f"/Observation/{HIDDEN}/_history/2")
    assert (await app.get(f"/Observation/{SHOWN}")).status_code == 410
    assert (await app.get(f"/Observation/{SHOWN}/_history/2")).status_code == 410
    deletions = [entry["fullUrl"].rpartition("/")[2] for entry in (await app.bundle("/Observation/_history"))["entry"]]
    assert deletions == [SHOWN, SHOWN]
    assert (await app.delete(f"/Observation/{HIDDEN}")).status_code == 404
    assert (await app.delete(f"/Observation/{SHOWN}")).status_code == 204


async def test_a59_each_version_is_judged_by_what_it_says_itself(app: Caller, anna: Caller) -> None:
    await anna.keep(laboratory(id=HIDDEN))
    await anna.keep(observation(id=SHOWN))
    assert (await app.get(f"/Observation/{HIDDEN}")).status_code == 200
    assert (await app.get(f"/Observation/{HIDDEN}/_history/1")).status_code == 404
    assert (await app.get(f"/Observation/{SHOWN}")).status_code == 404
    assert (await app.get(f"/Observation/{SHOWN}/_history/1")).status_code == 200
    versions = (await app.bundle(f"/Observation/{HIDDEN}/_history"))["entry"]
    assert [entry["resource"]["meta"]["versionId"] for entry in versions] == ["2"]


@pytest.mark.parametrize(
    "address",
    [
        "/Observation",
        "/Observation?_id=hidden,shown",
        "/Observation?patient=anna",
        "/Observation?status=final",
        "/Observation?status:not=amended",
        "/Observation?code:missing=false",
        f"/Observation?category={OBSERVATION_CATEGORY}|vital-signs,{OBSERVATION_CATEGORY}|laboratory",
        "/Observation?_sort=-date",
        "/Observation?_lastUpdated=gt2000",
        "/Patient/anna/Observation",
        "/?_type=Observation",
        "/?_type=Observation&_id=hidden,shown",
        "/Observation/$lastn",
        "/Patient/anna/Observation/$lastn",
    ],
)
async def test_a59_searches_find_and_count_only_what_the_query_lets_through(app: Caller, address: str) -> None:
    assert await app.found(address) == [SHOWN]
    if "$lastn" not in address:
        mark = "&" if "?" in address else "?"
        assert (await app.bundle(f"{address}{mark}_summary=count"))["total"] == 1
        assert (await app.bundle(f"{address}{mark}_total=accurate"))["total"] == 1


async def test_a59_pages_and_their_links_say_nothing_of_the_rest(app: Caller, anna: Caller) -> None:
    for number in range(4):
        await anna.keep(observation(id=f"hidden-{number}"))
        await anna.keep(laboratory(id=f"shown-{number}"))
    for address in ("/Observation?_count=2", "/Observation/_history?_count=2", "/?_type=Observation&_count=2"):
        pages = await app.pages(address)
        assert [len(page["entry"]) for page in pages] == [2, 2, 1], address
        assert all(id.startswith(SHOWN) for page in pages for id in ids(page)), address
    pages = await app.pages("/Patient/anna/$everything?_count=3")
    found = [id for page in pages for id in ids(page)]
    assert not [id for id in found if id.startswith(HIDDEN)]
    assert all(len(page["entry"]) == 3 for page in pages[:-1])
    assert link(pages[-1], "next") is None


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("/Goal?_has:Observation:focus:status=final", ["goal-shown"]),
        (f"/Goal?_has:Observation:focus:code={LOINC}|{WEIGHT}", []),
        (f"/Goal?_has:Observation:focus:_id={HIDDEN}", []),
        (f"/Patient?_has:Observation:patient:code={LOINC}|{WEIGHT}", []),
        (f"/Patient?_has:Observation:patient:code={LOINC}|{CREATININE}", ["anna"]),
        (f"/Patient?_has:Goal:patient:_has:Observation:focus:code={LOINC}|{WEIGHT}", []),
        (f"/Patient?_has:Goal:patient:_has:Observation:focus:code={LOINC}|{CREATININE}", ["anna"]),
    ],
)
async def test_a59_has_is_no_oracle(app: Caller, address: str, found: list[str]) -> None:
    assert await app.found(address) == found


async def test_a59_chains_are_no_oracle(service: Service, record: None, anna: Caller) -> None:
    await anna.keep(laboratory(id="panel", hasMember=[reference(f"Observation/{HIDDEN}")]))
    app = await token_with(service, LABORATORY_ONLY, "anna", purpose="own-use")
    assert await anna.found(f"/Observation?has-member:Observation.code={LOINC}|{WEIGHT}") == ["panel"]
    for asked in (f"code={LOINC}|{WEIGHT}", "status=final", f"_id={HIDDEN}"):
        assert await app.found(f"/Observation?has-member:Observation.{asked}") == []


async def test_a59_includes_bring_only_what_the_query_lets_through(app: Caller, anna: Caller) -> None:
    await anna.keep(laboratory(id="panel", hasMember=[reference(f"Observation/{each}") for each in (HIDDEN, SHOWN)]))
    everything = {"panel", SHOWN, "anna", "goal-shown"}
    for include, brought in (
        ("_include=Observation:has-member", {"panel", SHOWN}),
        ("_include=*&_include:iterate=*", everything),
        ("_include=Observation:*&_include:iterate=Observation:*", everything),
        ("_revinclude=Observation:focus", {"panel"}),
    ):
        assert set(await app.found(f"/Observation?_id=panel&{include}")) == brought, include
    found = await app.found("/Goal?_id=goal-hidden,goal-shown&_revinclude=Observation:focus")
    assert set(found) == {"goal-hidden", "goal-shown", SHOWN}
    found = await app.found("/Patient?_id=anna&_revinclude=Observation:patient&_revinclude:iterate=Observation:focus")
    assert set(found) == {"anna", "panel", SHOWN}
    found = await app.found("/Patient?_id=anna&_revinclude=*")
    assert HIDDEN not in found


async def test_a59_what_only_the_hidden_part_refers_to_in_the_catalogue_does_not_come_with_the_record(
    service: Service, anna: Caller, record: None
) -> None:
    await anna.keep(observation(id=HIDDEN, performer=[reference("Practitioner/doctor")]))
    await anna.keep(laboratory(id=SHOWN, performer=[reference("Organization/practice")]))
    scopes = f"{LABORATORY_ONLY} patient/Practitioner.r patient/Organization.r"
    app = await token_with(service, scopes, "anna", purpose="own-use")
    for query in ("", "?_since=2000-01-01T00:00:00Z"):
        found = set(await app.found(f"/Patient/anna/$everything{query}"))
        assert {"practice", SHOWN} <= found
        assert not {"doctor", HIDDEN} & found


async def test_a59_a_tag_in_the_query_is_held_to_every_type_and_cannot_be_put_on_by_who_needs_it(
    service: Service, anna: Caller
) -> None:
    tagged: Resource = {"meta": {"tag": [{"system": "urn:app", "code": "mine"}]}}
    for number, members in enumerate(({}, tagged)):
        await anna.keep(observation(id=f"o-{number}", **members))
        await anna.keep(goal(id=f"g-{number}", **members))
    app = await token_with(service, "patient/*.cruds?_tag=urn:app|mine", "anna", purpose="own-use")
    assert await app.found("/?_sort=_id") == ["g-1", "o-1"]
    assert set(await app.found("/_history")) == {"g-1", "o-1"}
    assert (await app.get("/Goal/g-0")).status_code == 404
    assert (await app.put("/Goal/g-0", goal(id="g-0", **tagged))).status_code == 404
    assert (await app.post("/Goal", goal())).status_code == 403
    assert (await app.post("/Goal", goal(**tagged))).status_code == 201


@pytest.mark.parametrize("tag", ["mine", "urn:app|mine", "urn:app|", "other,mine"])
async def test_a59_a_tag_is_held_to_over_several_records_and_types(
    service: Service, anna: Caller, bram: Caller, tag: str
) -> None:
    tagged: Resource = {"meta": {"tag": [{"system": "urn:app", "code": "mine"}]}}
    for caller, person in ((anna, "anna"), (bram, "bram")):
        await caller.keep(goal(f"Patient/{person}", id=f"g-{person}", **tagged))
        await caller.keep(goal(f"Patient/{person}", id=f"h-{person}"))
        focus = [reference(f"Goal/{each}-{person}") for each in "gh"]
        await caller.keep(observation(f"Patient/{person}", id=f"o-{person}", focus=focus, **tagged))
    app = await token_with(service, f"system/*.rs?_tag={tag} system/Patient.r", "anna", "bram")
    seen = {"g-anna", "o-anna", "g-bram", "o-bram"}
    assert set(await app.found("/?_type=Goal,Observation,Condition")) == seen
    assert set(await app.found("/")) == seen
    assert (await app.bundle("/?_summary=count"))["total"] == len(seen)
    assert set(await app.found("/Goal")) == {"g-anna", "g-bram"}
    assert set(await app.found("/Patient/anna/$everything")) == {"anna", "g-anna", "o-anna"}
    assert set(await app.found("/Observation?_include=Observation:focus")) == seen
    assert set(await app.found("/Goal?_revinclude=*")) == seen
    assert set(await app.found("/_history")) == seen
    assert await app.found("/Goal?_has:Observation:focus:status=final&patient=anna") == ["g-anna"]


@pytest.mark.parametrize("subject", ["Patient/anna", "anna", "http://zelfregie.test/fhir/Patient/anna"])
async def test_a59_a_query_may_name_the_patient(service: Service, record: None, bram: Caller, subject: str) -> None:
    await bram.keep(observation("Patient/bram", id="of-bram"))
    both = await token_with(service, f"user/Observation.cruds?patient={subject}", "anna", "bram")
    assert set(await both.found("/Observation")) == {HIDDEN, SHOWN}
    assert (await both.get("/Observation/of-bram")).status_code == 404
    assert (await both.get(f"/Patient/anna/Observation/{SHOWN}")).status_code == 200
    assert (await both.post("/Observation", observation("Patient/bram"))).status_code == 403
    assert (await both.post("/Observation", observation())).status_code == 201
    assert (await both.bundle("/Observation?patient=bram&_summary=count"))["total"] == 0


async def test_a59_a_query_that_cannot_be_held_lets_nothing_through(service: Service, record: None) -> None:
    for query in ("code:in=http://evil", "subject.name=Anna", "nonsense=1", "_id=shown", "date=yesterday"):
        app = await token_with(service, f"patient/Observation.cruds?{query}", "anna", purpose="own-use")
        assert await app.found("/Observation") == []
        assert (await app.get(f"/Observation/{SHOWN}")).status_code == 404
        assert (await app.post("/Observation", laboratory())).status_code == 403


def concept_map(name: str) -> Resource:
    """Of code 1, and of code 2 in the one of ``b``, to which the one of ``a`` leads."""
    target = [{"code": "x", "equivalence": "equal"}]
    group: Resource = {"source": f"urn:s-{name}", "target": "urn:t", "element": [{"code": "1", "target": target}]}
    groups = [group]
    if name == "a":
        group["unmapped"] = {"mode": "other-map", "url": "urn:m-b"}
    else:
        groups.append({"source": "urn:s-a", "target": "urn:t", "element": [{"code": "2", "target": target}]})
    return {
        "resourceType": "ConceptMap",
        "id": f"m-{name}",
        "url": f"urn:m-{name}",
        "status": "active",
        "group": groups,
    }


async def test_a59_catalogue_operations_tell_only_of_what_the_query_lets_through(
    service: Service, operator: Caller
) -> None:
    for name in ("a", "b"):
        await operator.keep(
            {
                "resourceType": "CodeSystem",
                "id": f"s-{name}",
                "url": f"urn:s-{name}",
                "status": "active",
                "content": "complete",
                "concept": [{"code": "1", "display": "een"}],
            }
        )
        await operator.keep(
            {
                "resourceType": "ValueSet",
                "id": f"v-{name}",
                "url": f"urn:v-{name}",
                "status": "active",
                "compose": {"include": [{"system": f"urn:s-{name}"}]},
            }
        )
        await operator.keep(concept_map(name))
    scopes = "patient/ValueSet.rs?url=urn:v-a patient/CodeSystem.rs?url=urn:s-a patient/ConceptMap.rs?url=urn:m-a"
    app = await token_with(service, scopes, "anna", purpose="own-use")
    for name, status in (("a", 200), ("b", 404)):
        for address in (
            f"/ValueSet/v-{name}",
            f"/ValueSet/v-{name}/$expand",
            f"/ValueSet/$expand?url=urn:v-{name}",
            f"/CodeSystem/s-{name}/$lookup?code=1",
            f"/CodeSystem/$lookup?system=urn:s-{name}&code=1",
            f"/CodeSystem/$subsumes?system=urn:s-{name}&codeA=1&codeB=1",
            f"/CodeSystem/s-{name}/$validate-code?code=1",
            f"/ValueSet/v-{name}/$validate-code?system=urn:s-{name}&code=1",
            f"/ValueSet/$validate-code?url=urn:v-{name}&system=urn:s-{name}&code=1",
            f"/ConceptMap/m-{name}/$translate?system=urn:s-{name}&code=1",
            f"/ConceptMap/$translate?url=urn:m-{name}&system=urn:s-{name}&code=1",
        ):
            assert (await app.get(address)).status_code == status, address
        for address in (
            f"/CodeSystem/$validate-code?url=urn:s-{name}&code=1",
            f"/ConceptMap/$translate?system=urn:s-{name}&code=1",
        ):
            told = decode((await app.get(address)).content)["parameter"][0]
            assert told == {"name": "result", "valueBoolean": status == 200}, address
    led = decode((await app.get("/ConceptMap/m-a/$translate?system=urn:s-a&code=2")).content)["parameter"]
    assert led[0] == {"name": "result", "valueBoolean": False}, "a map that may be seen leads to one that may not"
    assert await app.found("/ValueSet") == ["v-a"]


async def test_a59_a_binary_is_held_to_a_tag(service: Service, anna: Caller) -> None:
    binary = {"resourceType": "Binary", "contentType": "text/plain", "data": "aGFsbG8="}
    await anna.keep({**binary, "id": "plain"})
    await anna.keep({**binary, "id": "tagged", "meta": {"tag": [{"code": "mine"}]}})
    app = await token_with(service, "patient/Binary.cr?_tag=mine", "anna", purpose="own-use")
    assert (await app.get("/Binary/plain")).status_code == 404
    assert (await app.get("/Binary/tagged")).content == b"hallo"
    answer = await app.post("/Binary", b"hallo", {"content-type": "text/plain"})
    assert answer.status_code == 403


async def test_a59_read_without_search_finds_nothing_and_tells_nothing_by_searching(
    service: Service, record: None
) -> None:
    app = await token_with(service, "patient/Observation.r patient/Goal.rs", "anna", purpose="own-use")
    assert (await app.get(f"/Observation/{SHOWN}")).status_code == 200
    for address in (
        "/Observation",
        "/Observation?_summary=count",
        "/Patient/anna/Observation",
        "/Observation/_history",
        "/Observation/$lastn",
        "/?_type=Observation",
        "/Goal?_has:Observation:focus:status=final",
    ):
        assert (await app.get(address)).status_code == 403, address
    assert set(await app.found("/_history")) == {"goal-hidden", "goal-shown"}


async def test_a59_search_without_read_finds_and_does_not_read(service: Service, record: None) -> None:
    app = await token_with(service, "patient/Observation.s patient/Goal.rs", "anna", purpose="own-use")
    assert set(await app.found("/Observation")) == {HIDDEN, SHOWN}
    for address in (f"/Observation/{SHOWN}", f"/Observation/{SHOWN}/_history", f"/Observation/{SHOWN}/_history/1"):
        assert (await app.get(address)).status_code == 403, address
    assert set(await app.found("/Goal?_revinclude=Observation:focus")) == {"goal-hidden", "goal-shown"}


async def test_a59_create_alone_tells_nothing_of_what_is_there(service: Service, record: None) -> None:
    app = await token_with(service, "patient/Observation.c", "anna", purpose="own-use")
    assert (await app.post("/Observation", laboratory())).status_code == 201
    for method, address in (
        ("GET", f"/Observation/{SHOWN}"),
        ("GET", "/Observation"),
        ("GET", f"/Observation/{SHOWN}/_history"),
        ("GET", f"/Observation/{SHOWN}/$meta"),
        ("GET", f"/Observation/{SHOWN}/$validate"),
        ("GET", "/_history"),
        ("GET", "/Patient/anna/$everything"),
        ("DELETE", f"/Observation/{SHOWN}"),
        ("DELETE", f"/Observation?_id={SHOWN}"),
    ):
        assert (await app.send(method, address)).status_code == 403, address
    assert (await app.put(f"/Observation/{SHOWN}", laboratory(id=SHOWN))).status_code == 403
    exists = await app.post("/Observation", laboratory(), {"if-none-exist": f"_id={SHOWN}"})
    assert exists.status_code == 403
