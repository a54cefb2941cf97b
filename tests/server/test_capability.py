"""The CapabilityStatement does not lie. https://hl7.org/fhir/R4/capabilitystatement.html"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any, Final

import pytest

from app.config import RELEASED, VERSION
from app.fhir.resource import Resource, decode
from app.fhir.validation import validate
from app.server.capability import SYSTEM_ROWS, TYPE_ROWS
from app.server.dispatch import ROUTES
from app.server.search.description import modifiers
from app.server.server import FhirServer
from app.server.urls import Form
from tests.builders import goal
from tests.postgresql import CHECKOUT
from tests.server.service import BASE, Caller, Service, codes

VALUES: Final[Mapping[str, str]] = {
    "token": "x",
    "date": "ge2020",
    "string": "x",
    "reference": "Patient/anna",
    "uri": "http://x.example",
    "number": "gt1",
    "quantity": "gt1||kg",
    "special": "52.1|4.9|10|km",
}
CODE_SYSTEM: Final[Resource] = {
    "resourceType": "CodeSystem",
    "url": "http://x.example/codes",
    "status": "active",
    "content": "complete",
    "concept": [{"code": "a"}],
}
VALUE_SET: Final[Resource] = {
    "resourceType": "ValueSet",
    "url": "http://x.example/set",
    "status": "active",
    "compose": {"include": [{"system": CODE_SYSTEM["url"], "concept": [{"code": "a"}]}]},
}
_CODE: Final = f"{CODE_SYSTEM['url']}|a"
MODIFIED: Final[Mapping[str, Mapping[str, str]]] = {
    "token": {
        "of-type": "urn:x|MR|1",
        "above": _CODE,
        "below": _CODE,
        "in": VALUE_SET["url"],
        "not-in": VALUE_SET["url"],
    },
    "reference": {"identifier": "urn:x|1"},
}


async def statement(caller: Caller) -> Resource:
    answer = await caller.get("/metadata")
    assert answer.status_code == 200
    return decode(answer.content)


async def resources(caller: Caller) -> list[Resource]:
    listed: list[Resource] = (await statement(caller))["rest"][0]["resource"]
    return listed


async def test_everybody_may_read_what_the_server_can_do(anonymous: Caller, anna: Caller) -> None:
    assert await statement(anonymous) == await statement(anna)


async def test_the_statement_is_valid(service: Service, anonymous: Caller) -> None:
    found = await statement(anonymous)
    assert [
        issue for issue in validate(found, service.server.definitions) if issue.severity in ("error", "fatal")
    ] == []


async def test_another_library_can_read_the_statement(anonymous: Caller) -> None:
    from fhir.resources.R4B.capabilitystatement import CapabilityStatement

    read = CapabilityStatement.model_validate_json((await anonymous.get("/metadata")).content)
    assert read.fhirVersion == "4.0.1"
    assert read.rest
    assert {each.type for each in read.rest[0].resource or ()} >= {"Patient", "CarePlan", "Goal", "Observation"}


async def test_the_statement_can_be_read_as_xml(anonymous: Caller) -> None:
    answer = await anonymous.get("/metadata?_format=xml")
    assert answer.status_code == 200
    assert b'<fhirVersion value="4.0.1"/>' in answer.content


async def test_every_type_that_is_listed_can_be_searched_and_no_other(service: Service, anna: Caller) -> None:
    listed = {row["type"]: {each["code"] for each in row["interaction"]} for row in await resources(anna)}
    for name in service.server.definitions.resource_types:
        status = (await anna.get(f"/{name}?_count=1")).status_code
        assert status == (200 if "search-type" in listed.get(name, ()) else 404), name


def value_of(service: Service, resource_type: str, code: str) -> str:
    """A value that the parameter takes; of a composite one for each of its parts."""
    param = service.server.registry.params(resource_type).get(code)
    if param is None:
        return VALUES["date" if code == "_lastUpdated" else "token"]
    return "$".join(VALUES[each.kind] for each in param.components or (param,))


async def test_every_parameter_that_is_listed_can_be_used_in_one_record(service: Service, anna: Caller) -> None:
    used = 0
    for row in await resources(anna):
        for param in row["searchParam"]:
            value = value_of(service, row["type"], param["name"])
            answer = await anna.get(f"/{row['type']}?{param['name']}={value}&_count=1")
            assert answer.status_code == 200, (row["type"], param["name"], answer.text)
            used += 1
    assert used > 1000


async def test_every_parameter_that_is_listed_can_be_used_among_several_patients(
    service: Service, practice: Caller
) -> None:
    for row in (await resources(practice))[::3]:
        names = [param["name"] for param in row["searchParam"] if param["name"] != "_id"]
        params = [f"{name}={value_of(service, row['type'], name)}" for name in names]
        for start in range(0, len(params), 8):
            answer = await practice.get(f"/{row['type']}?{'&'.join(params[start : start + 8])}")
            assert answer.status_code == 200, (row["type"], answer.text)


@pytest.mark.parametrize("kind", ["Observation", "Patient", "CarePlan", "Appointment", "Provenance", "ValueSet"])
async def test_every_modifier_that_is_documented_can_be_used(
    service: Service, anna: Caller, operator: Caller, kind: str
) -> None:
    for resource in (CODE_SYSTEM, VALUE_SET):
        await operator.create(resource)
    for code, param in service.server.registry.offered(kind).items():
        targets = param.definition.targets or ("Patient",)
        for modifier in modifiers(param):
            written = targets[-1] if modifier == "[type]" else modifier
            plain = {"missing": "true", "[type]": "x"}.get(modifier, value_of(service, kind, code))
            value = MODIFIED.get(param.kind, {}).get(modifier, plain)
            answer = await anna.get(f"/{kind}?{code}:{written}={value}")
            assert answer.status_code == 200, (code, modifier, answer.text)


async def test_every_parameter_of_a_kind_that_is_served_is_listed(service: Service, anonymous: Caller) -> None:
    server: FhirServer = service.server
    left_out = {"_text", "_content", "_query", "_filter"}
    for row in await resources(anonymous):
        defined = {
            code
            for code, each in server.definitions.search_parameters[row["type"]].items()
            if each.type in VALUES and each.expression and code not in left_out
        }
        for provider in server.providers.by_type.get(row["type"], ()):
            if provider.whole:
                defined = {*provider.parameters, "patient"}
        assert {param["name"] for param in row["searchParam"]} >= defined, row["type"]


async def test_every_interaction_that_is_routed_is_listed_and_no_other(anonymous: Caller) -> None:
    rest = (await statement(anonymous))["rest"][0]
    goal = next(row for row in rest["resource"] if row["type"] == "Goal")
    for listed, rows in ((goal["interaction"], TYPE_ROWS), (rest["interaction"], SYSTEM_ROWS)):
        assert {each["code"] for each in listed} == {code for code, row in rows.items() if row in ROUTES}
    assert goal["conditionalUpdate"] is ((Form.TYPE, "PUT") in ROUTES)
    assert (goal["conditionalDelete"] != "not-supported") is ((Form.TYPE, "DELETE") in ROUTES)


def test_every_row_of_the_routes_is_told_of() -> None:
    told = {*TYPE_ROWS.values(), *SYSTEM_ROWS.values()}
    conditional = {(Form.TYPE, method) for method in ("PUT", "PATCH", "DELETE")}
    searches = {(form, "POST") for form in (Form.SYSTEM_SEARCH, Form.TYPE_SEARCH, Form.COMPARTMENT_SEARCH)}
    compartment = {(Form.COMPARTMENT, "GET"), (Form.COMPARTMENT, "POST")}
    assert set(ROUTES) - told - conditional - searches - compartment == set()


async def test_every_listed_interaction_with_a_type_has_an_answer(anna: Caller) -> None:
    made = await anna.keep(goal(id="kept"))
    rest = (await statement(anna))["rest"][0]
    row = next(each for each in rest["resource"] if each["type"] == "Goal")
    requests: dict[str, tuple[str, str, Resource | bytes | None]] = {
        "read": ("GET", "/Goal/kept", None),
        "vread": ("GET", "/Goal/kept/_history/1", None),
        "update": ("PUT", "/Goal/kept", made),
        "patch": ("PATCH", "/Goal/kept", b'[{"op": "test", "path": "/resourceType", "value": "Goal"}]'),
        "delete": ("DELETE", "/Goal/gone", None),
        "history-instance": ("GET", "/Goal/kept/_history", None),
        "history-type": ("GET", "/Goal/_history", None),
        "create": ("POST", "/Goal", goal()),
        "search-type": ("GET", "/Goal", None),
        "transaction": ("POST", "/", {"resourceType": "Bundle", "type": "transaction"}),
        "batch": ("POST", "/", {"resourceType": "Bundle", "type": "batch"}),
        "search-system": ("GET", "/?_type=Goal", None),
        "history-system": ("GET", "/_history", None),
    }
    for code in [each["code"] for each in (*row["interaction"], *rest["interaction"])]:
        method, address, body = requests[code]
        headers = {"content-type": "application/json-patch+json"} if method == "PATCH" else None
        answer = await anna.send(method, address, body, headers)
        assert answer.status_code < 400 or (code, answer.status_code) == ("delete", 404), (code, answer.text)


async def test_the_statement_says_who_when_and_for_which_release(service: Service, anonymous: Caller) -> None:
    found = await statement(anonymous)
    for name in ("id", "name", "title", "publisher", "description", "software", "implementation", "patchFormat"):
        assert found[name], name
    assert found["url"] == f"{service.server.canonical_base}/CapabilityStatement/zelfregie"
    assert found["version"] == found["software"]["version"] == VERSION
    assert found["date"] == RELEASED
    assert found["implementation"]["url"] == BASE
    assert found["rest"][0]["security"]["cors"] is True
    assert "http://hl7.org/fhir/CompartmentDefinition/patient" in found["rest"][0]["compartment"]


def test_the_version_is_that_of_the_package() -> None:
    assert tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"] == VERSION


async def test_every_parameter_is_documented_with_its_modifiers(anonymous: Caller) -> None:
    listed = {row["type"]: row for row in await resources(anonymous)}
    for row in listed.values():
        assert all(param["documentation"].endswith(".") for param in row["searchParam"]), row["type"]
    documented = {param["name"]: param["documentation"] for param in listed["Observation"]["searchParam"]}
    assert documented["code"].startswith("Observation.code. ")
    assert "missing, not" in documented["code"] or "not" in documented["code"].partition("Modifiers: ")[2]
    assert "Prefixes: eq, ne, gt, lt, ge, le, sa, eb, ap" in documented["date"]
    assert "Refers to " in documented["subject"]
    assert " or Observation.component.code" in documented["combo-code"]


async def test_includes_are_the_references_of_the_type_and_those_to_it(anna: Caller) -> None:
    listed = {row["type"]: row for row in await resources(anna)}
    references = {
        f"{name}:{param['name']}"
        for name, row in listed.items()
        for param in row["searchParam"]
        if param["type"] == "reference" and name != "AuditEvent"  # a provider's are outside includes
    }
    for name, row in listed.items():
        assert set(row.get("searchInclude", ["*"])) - {"*"} == {
            each for each in references if each.startswith(f"{name}:")
        }
        assert set(row.get("searchRevInclude", ())) <= references
    assert {"Observation:subject", "Goal:patient", "Provenance:target"} <= set(listed["Patient"]["searchRevInclude"])
    assert "Observation:encounter" not in listed["Patient"]["searchRevInclude"]
    for name in ("Observation", "CarePlan"):
        for include in listed[name]["searchInclude"]:
            answer = await anna.get(f"/{name}?_include={include}")
            assert answer.status_code == 200, (include, answer.text)
        for include in listed[name]["searchRevInclude"][:10]:
            answer = await anna.get(f"/{name}?_revinclude={include}")
            assert answer.status_code == 200, (include, answer.text)


async def test_operations_are_listed_where_they_can_be_called(service: Service, anna: Caller) -> None:
    rest = (await statement(anna))["rest"][0]
    by_type = {row["type"]: {each["name"] for each in row.get("operation", ())} for row in rest["resource"]}
    system = {each["name"] for each in rest.get("operation", ())}
    for operation in service.server.operations.every():
        for name, listed in by_type.items():
            offered = operation.offers("type", name) or operation.offers("instance", name)
            assert not offered or operation.name in listed, (operation.name, name)
        assert (operation.name in system) or not operation.offers("system", "")
    assert "everything" in by_type["Patient"]
    for row in rest["resource"]:
        for each in row.get("operation", ()):
            address = each["definition"].removeprefix(service.server.canonical_base)
            assert (await anna.get(address)).status_code == 200, address


async def test_what_is_not_filled_yet_is_not_listed(service: Service, anonymous: Caller) -> None:
    registry = service.server.registry
    whole = await statement(anonymous)
    code = registry.params("Observation")["code"]
    registry.unready = frozenset({(code.type_number, code.number)})
    try:
        row = next(each for each in await resources(anonymous) if each["type"] == "Observation")
        names = {param["name"] for param in row["searchParam"]}
        assert "code" not in names
        assert "date" in names
    finally:
        registry.unready = frozenset()
    assert await statement(anonymous) == whole


async def test_who_has_the_statement_is_not_sent_it_again(anonymous: Caller) -> None:
    answer = await anonymous.get("/metadata")
    tag = answer.headers["etag"]
    for given in (tag, f'W/"other", {tag}', "*"):
        again = await anonymous.get("/metadata", {"if-none-match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await anonymous.get("/metadata", {"if-none-match": 'W/"other"'})).status_code == 200
    headed = await anonymous.send("HEAD", "/metadata")
    assert (headed.status_code, headed.content, headed.headers["etag"]) == (200, b"", tag)


async def test_the_statement_is_given_in_the_mode_asked_for(service: Service, anonymous: Caller) -> None:
    full = await anonymous.get("/metadata?mode=full")
    assert decode(full.content) == await statement(anonymous)
    normative = await anonymous.get("/metadata?mode=normative")
    found = decode(normative.content)
    assert {"Patient", "Observation", "ValueSet"} <= {row["type"] for row in found["rest"][0]["resource"]}
    assert "Goal" not in {row["type"] for row in found["rest"][0]["resource"]}
    assert not [each for each in validate(found, service.server.definitions) if each.severity in ("error", "fatal")]
    assert normative.headers["etag"] != full.headers["etag"]
    for query, code in (("mode=terminology", "not-supported"), ("mode=x", "value"), ("nonsense=1", "not-supported")):
        answer = await anonymous.get(f"/metadata?{query}")
        assert (answer.status_code, codes(answer)) == (400, [code])


@pytest.mark.parametrize("kind", ["AuditEvent"])
async def test_what_cannot_be_written_does_not_say_so(anonymous: Caller, kind: str) -> None:
    row: dict[str, Any] = next(each for each in await resources(anonymous) if each["type"] == kind)
    assert not {"create", "update", "delete"} & {each["code"] for each in row["interaction"]}
    assert row["updateCreate"] is False
    assert row["conditionalCreate"] is False


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_the_statement_can_only_be_read(anna: Caller, method: str) -> None:
    answer = await anna.send(method, "/metadata")
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
