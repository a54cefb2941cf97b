"""ValueSet/$expand and what searches ask of value sets. https://hl7.org/fhir/R4/valueset-operation-expand.html"""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import Invalid
from app.fhir.resource import Resource, decode
from app.fhir.validation import validate
from app.server.access import Access, load_access
from app.server.terminology.answers import codes_in, subsumed, subsumers
from tests.builders import SNOMED
from tests.server.service import Caller, Service, codes
from tests.terminology.test_code_systems import ANIMALS

STATUS = "http://hl7.org/fhir/observation-status"


def code_system(**members: Any) -> Resource:
    return {
        "resourceType": "CodeSystem",
        "id": "animals",
        "status": "active",
        "version": "1",
        "name": "Animals",
        **{name: value for name, value in ANIMALS.items() if name != "resourceType"},
        **members,
    }


def value_set(id: str, *includes: Resource, **members: Any) -> Resource:
    made: Resource = {"resourceType": "ValueSet", "id": id, "url": f"urn:vs:{id}", "status": "active", **members}
    compose = made.setdefault("compose", {})
    if includes:
        compose["include"] = list(includes)
    else:
        del made["compose"]
    return made


def listed(expanded: Resource) -> list[str]:
    return [each["code"] for each in expanded["expansion"].get("contains", ())]


async def expanded(caller: Caller, query: str) -> Resource:
    answer = await caller.get(f"/ValueSet/$expand?{query}")
    assert answer.status_code == 200, answer.text
    return decode(answer.content)


async def access_of(service: Service, number: int = 0) -> Access:
    rows = await service.database.fetch("SELECT hash FROM access_grant ORDER BY hash")
    access = await load_access(service.database, rows[number][0], now=service.server.clock(), patient_type=103)
    assert access is not None
    return access


@pytest.fixture(autouse=True)
async def _animals(operator: Caller) -> None:
    await operator.keep(code_system())


@pytest.mark.parametrize(
    ("includes", "expected"),
    [
        ([{"system": "urn:animals"}], ["animal", "dog", "bird", "parrot", "unicorn"]),
        ([{"system": "urn:animals", "version": "1", "concept": [{"code": "dog"}]}], ["dog"]),
        ([{"system": SNOMED, "concept": [{"code": "44054006"}]}], ["44054006"]),
        (
            [{"system": "urn:animals", "filter": [{"property": "concept", "op": "is-a", "value": "bird"}]}],
            ["bird", "parrot"],
        ),
        ([{"valueSet": ["urn:vs:two-legs"]}], ["bird"]),
        ([{"system": "urn:animals", "valueSet": ["urn:vs:two-legs"]}], ["bird"]),
        ([{"valueSet": ["urn:vs:two-legs", "urn:vs:dogs"]}], []),
        ([{"valueSet": ["urn:vs:two-legs"]}, {"valueSet": ["urn:vs:dogs"]}], ["bird", "dog"]),
        ([{"valueSet": ["http://hl7.org/fhir/ValueSet/days-of-week"]}], "days"),
    ],
)
async def test_what_a_value_set_includes(
    operator: Caller, anna: Caller, includes: list[Resource], expected: list[str] | str
) -> None:
    legs = {"system": "urn:animals", "filter": [{"property": "legs", "op": "=", "value": "2"}]}
    await operator.keep(value_set("two-legs", legs))
    await operator.keep(value_set("dogs", {"system": "urn:animals", "concept": [{"code": "dog"}]}))
    await operator.keep(value_set("asked", *includes))
    found = listed(await expanded(anna, "url=urn:vs:asked"))
    assert found == expected or (expected == "days" and set(found) == {"mon", "tue", "wed", "thu", "fri", "sat", "sun"})


async def test_what_is_excluded_is_left_out(operator: Caller, anna: Caller) -> None:
    birds = {"system": "urn:animals", "filter": [{"property": "concept", "op": "is-a", "value": "bird"}]}
    await operator.keep(value_set("v", compose={"include": [{"system": "urn:animals"}], "exclude": [birds]}))
    stored = value_set("v", {"system": "urn:animals"})
    stored["compose"]["exclude"] = [birds]
    await operator.keep(stored)
    assert listed(await expanded(anna, "url=urn:vs:v")) == ["animal", "dog", "unicorn"]
    stored["compose"]["inactive"] = False
    await operator.keep(stored)
    assert listed(await expanded(anna, "url=urn:vs:v")) == ["animal", "dog"]


async def test_a_value_set_of_fhir_itself_is_known(service: Service, anna: Caller) -> None:
    found = await expanded(anna, "url=http://hl7.org/fhir/ValueSet/observation-status")
    assert "entered-in-error" in listed(found)
    assert {each["system"] for each in found["expansion"]["contains"]} == {STATUS}
    assert validate(found, service.server.definitions) == []


async def test_an_expansion_is_a_valid_value_set_with_words(service: Service, operator: Caller, anna: Caller) -> None:
    await operator.keep(value_set("v", {"system": "urn:animals"}, title="Dieren"))
    found = await expanded(anna, "url=urn:vs:v&activeOnly=true&includeDesignations=true")
    assert [each for each in validate(found, service.server.definitions) if each.severity == "error"] == []
    assert found["title"] == "Dieren"
    assert "compose" not in found
    assert found["expansion"]["contains"][0] == {
        "system": "urn:animals",
        "abstract": True,
        "version": "1",
        "code": "animal",
    }
    assert {"name": "used-codesystem", "valueUri": "urn:animals|1"} in found["expansion"]["parameter"]


async def test_pages_filter_and_language(operator: Caller, anna: Caller) -> None:
    english = [{"language": "en-GB", "value": "Dog"}]
    await operator.keep(
        code_system(concept=[{"code": "a", "display": "Hond", "designation": english}, {"code": "b"}, {"code": "c"}])
    )
    await operator.keep(value_set("v", {"system": "urn:animals"}))
    assert listed(await expanded(anna, "url=urn:vs:v&offset=1&count=1")) == ["b"]
    number = await expanded(anna, "url=urn:vs:v&count=0")
    assert (number["expansion"]["total"], listed(number)) == (3, [])
    assert listed(await expanded(anna, "url=urn:vs:v&filter=HON")) == ["a"]
    assert listed(await expanded(anna, "url=urn:vs:v&filter=dog")) == ["a"]
    spoken = await expanded(anna, "url=urn:vs:v&displayLanguage=en")
    assert spoken["expansion"]["contains"][0]["display"] == "Dog"
    assert "designation" not in spoken["expansion"]["contains"][0]
    with_words = await expanded(anna, "url=urn:vs:v&includeDesignations=true")
    assert with_words["expansion"]["contains"][0]["designation"] == english


@pytest.mark.parametrize(
    ("include", "named"),
    [
        ({"system": SNOMED, "filter": [{"property": "concept", "op": "is-a", "value": "73211009"}]}, SNOMED),
        ({"system": "urn:animals", "version": "7"}, "urn:animals|7"),
        ({"valueSet": ["urn:vs:never"]}, "urn:vs:never"),
        ({"system": "urn:fragment"}, "urn:fragment"),
    ],
)
async def test_what_is_not_held_is_named(operator: Caller, anna: Caller, include: Resource, named: str) -> None:
    await operator.keep(code_system(id="fragment", url="urn:fragment", content="fragment"))
    await operator.keep(value_set("v", include))
    answer = await anna.get("/ValueSet/$expand?url=urn:vs:v")
    assert (answer.status_code, codes(answer)) == (422, ["not-found"])
    assert named in answer.text


async def test_the_expansion_that_came_along_is_taken_where_it_is_whole(operator: Caller, anna: Caller) -> None:
    snomed = {"system": SNOMED, "filter": [{"property": "concept", "op": "is-a", "value": "73211009"}]}
    contains = [{"system": SNOMED, "code": "73211009", "contains": [{"system": SNOMED, "code": "44054006"}]}]
    expansion = {"timestamp": "2026-01-01", "total": 2, "contains": contains}
    await operator.keep(value_set("v", snomed, expansion=expansion))
    assert listed(await expanded(anna, "url=urn:vs:v")) == ["73211009", "44054006"]
    await operator.keep(value_set("v", snomed, expansion={**expansion, "total": 3}))
    assert (await anna.get("/ValueSet/$expand?url=urn:vs:v")).status_code == 422
    await operator.keep(value_set("v", expansion=expansion))
    assert listed(await expanded(anna, "url=urn:vs:v")) == ["73211009", "44054006"]


async def test_value_sets_that_import_each_other_are_refused(operator: Caller, anna: Caller) -> None:
    await operator.keep(value_set("a", {"valueSet": ["urn:vs:b"]}))
    await operator.keep(value_set("b", {"valueSet": ["urn:vs:a"]}))
    answer = await anna.get("/ValueSet/$expand?url=urn:vs:a")
    assert answer.status_code == 400
    assert "imports itself" in answer.text


async def test_a_change_holds_from_the_next_request_on(operator: Caller, anna: Caller) -> None:
    await operator.keep(value_set("v", {"valueSet": ["urn:vs:w"]}))
    await operator.keep(value_set("w", {"system": "urn:animals", "concept": [{"code": "dog"}]}))
    assert listed(await expanded(anna, "url=urn:vs:v")) == ["dog"]
    await operator.keep(value_set("w", {"system": "urn:animals"}))
    assert len(listed(await expanded(anna, "url=urn:vs:v"))) == 5
    await operator.keep(code_system(concept=[{"code": "cat"}]))
    assert listed(await expanded(anna, "url=urn:vs:v")) == ["cat"]
    await operator.delete("/ValueSet/w")
    assert (await anna.get("/ValueSet/$expand?url=urn:vs:v")).status_code == 422


async def test_a_change_by_another_process_holds_too(service: Service, operator: Caller, anna: Caller) -> None:
    await operator.keep(value_set("v", {"system": "urn:animals", "concept": [{"code": "dog"}]}))
    assert listed(await expanded(anna, "url=urn:vs:v")) == ["dog"]
    known = service.server.holdings
    kept = dict(known._held)
    await operator.keep(value_set("v", {"system": "urn:animals", "concept": [{"code": "bird"}]}))
    known._held.clear()
    known._held.update(kept)  # what a process knows that did not write
    assert listed(await expanded(anna, "url=urn:vs:v")) == ["bird"]


async def test_the_newest_in_use_is_meant_unless_a_version_is_named(operator: Caller, anna: Caller) -> None:
    for id, version, status, code in (
        ("v-9", "9", "active", "dog"),
        ("v-10", "10", "active", "bird"),
        ("v-11", "11", "draft", "parrot"),
    ):
        include = {"system": "urn:animals", "concept": [{"code": code}]}
        await operator.keep(value_set(id, include, url="urn:vs:v", version=version, status=status))
    assert listed(await expanded(anna, "url=urn:vs:v")) == ["bird"]
    assert listed(await expanded(anna, "url=urn:vs:v|9")) == ["dog"]
    assert listed(await expanded(anna, "url=urn:vs:v&valueSetVersion=11")) == ["parrot"]
    assert (await anna.get("/ValueSet/$expand?url=urn:vs:v|12")).status_code == 404


async def test_an_id_or_a_body_will_do(operator: Caller, anna: Caller, bram: Caller) -> None:
    own = value_set("own", {"system": "urn:animals", "concept": [{"code": "dog"}]})
    await anna.keep(own)
    answer = await anna.get("/ValueSet/own/$expand")
    assert listed(decode(answer.content)) == ["dog"]
    assert (await bram.get("/ValueSet/own/$expand")).status_code == 404
    assert (await anna.get("/ValueSet/$expand?url=urn:vs:own")).status_code == 404, "only the catalogues are looked in"
    sent = {"resourceType": "Parameters", "parameter": [{"name": "valueSet", "resource": own}]}
    for body in (own, sent):
        posted = await bram.post("/ValueSet/$expand", body)
        assert listed(decode(posted.content)) == ["dog"]
    wrong = await bram.post("/ValueSet/$expand", {**own, "status": "never"})
    assert wrong.status_code == 422


@pytest.mark.parametrize(
    "query", ["", "url=urn:vs:v&count=x", "url=urn:vs:v&activeOnly=yes", "url=a&url=b", "valueSet=x"]
)
async def test_what_cannot_be_asked_is_refused(anna: Caller, query: str) -> None:
    assert (await anna.get(f"/ValueSet/$expand?{query}")).status_code == 400


async def test_too_many_codes_are_too_costly(operator: Caller, anna: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.server.terminology.held.MOST_CONCEPTS", 3)
    await operator.keep(value_set("v", {"system": "urn:animals"}))
    answer = await anna.get("/ValueSet/$expand?url=urn:vs:v")
    assert (answer.status_code, codes(answer)) == (422, ["too-costly"])


async def test_no_more_is_kept_than_there_is_room_for(
    operator: Caller, anna: Caller, monkeypatch: pytest.MonkeyPatch, service: Service
) -> None:
    monkeypatch.setattr("app.server.terminology.holdings.MOST_KEPT", 6)
    for name in ("v", "w"):
        await operator.keep(value_set(name, {"system": "urn:animals"}))
    for name in ("v", "w", "v"):
        assert len(listed(await expanded(anna, f"url=urn:vs:{name}"))) == 5
    (holding,) = service.server.holdings._held.values()
    assert list(holding.expansions) == ["urn:vs:v"]


async def test_what_searches_ask(service: Service, operator: Caller) -> None:
    await operator.keep(value_set("v", {"system": "urn:animals", "concept": [{"code": "dog"}]}))
    server, database, access = service.server, service.database, await access_of(service)
    now = server.clock()
    assert await codes_in(server, database, access, "urn:vs:v", now=now) == {("urn:animals", "dog")}
    assert await subsumed(server, database, access, "urn:animals", "bird", now=now) == {"bird", "parrot"}
    assert await subsumers(server, database, access, "urn:animals", "bird", now=now) == {"bird", "animal"}
    with pytest.raises(Invalid, match="urn:vs:never"):
        await codes_in(server, database, access, "urn:vs:never", now=now)
    with pytest.raises(Invalid, match=SNOMED):
        await subsumed(server, database, access, SNOMED, "73211009", now=now)
