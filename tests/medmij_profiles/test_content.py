"""What ``medmij_profiles`` publishes is valid FHIR, complete, and says what the code says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from app.audit.audit_event import EVENTS, subtype_of
from app.auth.code_systems import files
from app.auth.consents.purposes import PURPOSES
from app.auth.rights.annotation import RECTIFICATION, category_system
from app.auth.roles import Role
from app.config import CANONICAL_BASE, RELEASED, VERSION
from app.fhir.profiles.tree import tree_of
from app.fhir.resource import Resource, decode
from app.fhir.validation import validate
from app.main.definitions import every_operation
from app.server.intake import flags
from app.server.labels import load_labels
from tests.medmij_profiles.package import (
    BASE,
    FOLDER,
    codes_of,
    definitions,
    library,
    near_misses,
    of_type,
    paths,
    read,
    walk,
)

APP: Final = Path(__file__).parents[2] / "app"
TYPES: Final = {
    "profiles": "StructureDefinition",
    "extensions": "StructureDefinition",
    "codesystems": "CodeSystem",
    "valuesets": "ValueSet",
    "searchparameters": "SearchParameter",
    "operations": "OperationDefinition",
    "questionnaires": "Questionnaire",
    "namingsystems": "NamingSystem",
    "plandefinitions": "PlanDefinition",
    "activitydefinitions": "ActivityDefinition",
}
CANONICAL: Final = re.compile(rf"({'|'.join(sorted(set(TYPES.values())))})/[A-Za-z][A-Za-z0-9-]*")
IN_CODE: Final = re.compile(rf"""(?:"|base\}}/|BASE\}}/|\$base/)({CANONICAL.pattern})[|"]""")
SAID: Final = ("version", "name", "status", "date", "publisher", "description")


def named(paths: list[Path]) -> list[Any]:
    return [pytest.param(each, id=f"{each.parent.name}/{each.stem}") for each in paths]


def published() -> set[str]:
    """``Type/id`` of everything that has a file."""
    return {f"{each['resourceType']}/{each['id']}" for each in map(read, paths())}


@pytest.mark.parametrize("path", named([*paths(), *paths("examples")]))
def test_every_file_is_valid(path: Path) -> None:
    assert [each for each in validate(read(path), definitions()) if each.severity == "error"] == []


@pytest.mark.parametrize("path", named(paths()))
def test_every_definition_says_what_it_is(path: Path) -> None:
    resource = read(path)
    assert resource["resourceType"] == TYPES[path.parent.name]
    if path.parent.name != "operations":
        assert path.stem == f"{resource['resourceType']}-{resource['id']}"
    if resource["resourceType"] == "NamingSystem":  # has neither canonical nor version in R4
        assert [each["value"] for each in resource["uniqueId"]] == [f"{BASE}NamingSystem/{resource['id']}"]
        return
    assert resource["url"] == f"{BASE}{resource['resourceType']}/{resource['id']}"
    assert all(resource[each] for each in SAID)
    assert (resource["version"], resource["date"]) == (VERSION, RELEASED)


@pytest.mark.parametrize("path", named(paths("examples")))
def test_an_example_is_in_the_file_of_its_name(path: Path) -> None:
    assert path.stem == f"{read(path)['resourceType']}-{read(path)['id']}"


def test_the_manifest_is_of_this_version_and_base() -> None:
    manifest = decode((FOLDER / "package.json").read_bytes())
    assert (manifest["name"], manifest["version"], manifest["canonical"]) == (
        "zelfregie.profiles",
        VERSION,
        CANONICAL_BASE,
    )


def test_every_canonical_of_ours_that_is_spoken_of_is_published() -> None:
    spoken = {
        match[1]
        for path in [*APP.rglob("*.py"), *APP.rglob("*.yaml")]
        for match in IN_CODE.finditer(path.read_text("utf-8"))
    }
    assert {"CodeSystem/roles", "StructureDefinition/request-id", "CodeSystem/communication"} <= spoken
    for path in [*paths(), *paths("examples"), *paths("near-misses")]:
        texts = (each for each in walk(read(path)) if isinstance(each, str) and each.startswith(BASE))
        found = (CANONICAL.match(each.removeprefix(BASE)) for each in texts)
        spoken |= {each[0] for each in found if each is not None}
    assert spoken - published() == set()


def test_the_code_systems_of_tables_are_made_from_them() -> None:
    for name, content in files().items():
        assert (FOLDER / "codesystems" / name).read_bytes() == content, "run python -m app.auth.code_systems"


def test_every_code_of_ours_that_the_code_writes_is_in_its_system() -> None:
    systems = {url.removeprefix(BASE): codes_of(each) for url, each in of_type("CodeSystem").items()}
    assert set(systems["CodeSystem/roles"]) == set(Role)
    assert set(systems["CodeSystem/data-categories"]) == set(load_labels().categories)
    own = {each.code: each.display for each in PURPOSES.values() if not each.system}
    assert systems["CodeSystem/purposes"] == own
    assert set(systems[category_system(CANONICAL_BASE).removeprefix(BASE)]) == {RECTIFICATION}
    assert flags.PROFILE_DEVIATION in systems[flags.intake_system(CANONICAL_BASE).removeprefix(BASE)]
    assert flags.DISPLAYS.items() <= systems["CodeSystem/intake"].items()
    assert logged() - set(systems[EVENTS]) == set()


def logged() -> set[str]:
    """Our own codes of what the access log says was done: what the code records, and every operation."""
    words = {f"${each.name}" for each in every_operation()} | {"refusal", ""}
    for path in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                words |= set(recorded(node))
    found = {subtype_of(each, CANONICAL_BASE) for each in words}
    assert len(found) > 60
    return {code for system, code in found if system == f"{BASE}{EVENTS}"}


def recorded(call: ast.Call) -> Iterator[str]:
    """The word for what is done in a call that records it, whichever branch is taken."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = [each.value for each in call.keywords if each.arg == "interaction"]
    if name == "record":
        given += call.args[:1]
    elif name in ("_done", "_in_record"):
        given += call.args[-1:]
    for each in given:
        for node in (each.body, each.orelse) if isinstance(each, ast.IfExp) else (each,):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_every_code_of_ours_in_a_file_is_in_its_system_with_its_display() -> None:
    systems = {url: words_of(each) for url, each in of_type("CodeSystem").items()}
    refused = {name for name, each in near_misses() if each.rule in ("binding", "slice-closed")}
    seen = 0
    for path in [*paths(), *paths("examples"), *paths("near-misses")]:
        if path.stem in refused:
            continue
        for each in walk(read(path)):
            if isinstance(each, dict) and isinstance(each.get("code"), str) and each.get("system") in systems:
                seen += 1
                codes = systems[each["system"]]
                assert each["code"] in codes, path
                # In English, or in a resource that is in Dutch in Dutch, as what an application shows of a choice.
                assert each.get("display") in (None, *codes[each["code"]]), path
    assert seen > 100


def words_of(system: Resource) -> dict[str, list[str]]:
    """Code, and its display and designations."""
    return {
        each["code"]: [each["display"], *(said["value"] for said in each["designation"])] for each in system["concept"]
    }


@pytest.mark.parametrize("system", [pytest.param(each, id=each["id"]) for each in of_type("CodeSystem").values()])
def test_a_code_system_says_every_code_in_english_and_dutch(system: Resource) -> None:
    assert system["count"] == len(codes_of(system)) == len(system["concept"])
    for concept in system["concept"]:
        assert concept["display"]
        assert [each["language"] for each in concept["designation"] if each["value"]] == ["nl"]
    whole = of_type("ValueSet")[system["valueSet"]]["compose"]
    assert whole == {"include": [{"system": system["url"]}]}


def test_every_value_set_has_codes_of_systems_that_have_them() -> None:
    systems = {url: codes_of(each) for url, each in of_type("CodeSystem").items()}
    for value_set in of_type("ValueSet").values():
        for include in value_set["compose"]["include"]:
            system, listed = include["system"], {each["code"] for each in include.get("concept", ())}
            assert listed or system in systems, value_set["id"]
            assert not system.startswith(BASE) or listed <= set(systems[system]), value_set["id"]


@pytest.mark.parametrize(
    "profile", [pytest.param(each, id=each["id"]) for each in of_type("StructureDefinition").values()]
)
def test_every_element_that_a_profile_speaks_of_is_in_the_tables(profile: Resource) -> None:
    tree = tree_of(profile["url"], library(), definitions())
    assert tree.chain[-1]["url"] == profile["url"]
    elements = profile["differential"]["element"]
    assert len({each["id"] for each in elements}) == len(elements)
    for each in elements:
        assert re.sub(r":[^.]+", "", each["id"]) == each["path"]
        assert each.get("sliceName", "") == each["id"].rpartition(".")[2].partition(":")[2]


def test_every_binding_has_its_value_set() -> None:
    own = of_type("ValueSet")
    bound: list[str] = [
        each["valueSet"]
        for profile in of_type("StructureDefinition").values()
        for element in profile["differential"]["element"]
        if (each := element.get("binding"))
    ]
    assert len(bound) > 20
    assert [each for each in bound if each.startswith(BASE) and each not in own] == []
    assert all(each.startswith((BASE, "http://hl7.org/fhir/ValueSet/")) for each in bound)


def test_every_rule_has_a_key_of_its_own_and_words() -> None:
    keys = [
        each["key"]
        for profile in of_type("StructureDefinition").values()
        for element in profile["differential"]["element"]
        for each in element.get("constraint", ())
        if each["human"] and each["expression"] and each["source"] == profile["url"]
    ]
    assert len(keys) == len(set(keys)) > 25


@pytest.mark.parametrize(("profile", "form"), [("SharedDecision", "samen-beslissen"), ("WhoIAm", "wie-ben-ik")])
def test_a_profile_of_answers_knows_the_questions(profile: str, form: str) -> None:
    questions = {
        each["linkId"] for each in walk(of_type("Questionnaire")[f"{BASE}Questionnaire/{form}"]) if is_item(each)
    }
    elements = of_type("StructureDefinition")[f"{BASE}StructureDefinition/{profile}"]["differential"]["element"]
    assert {each["fixedString"] for each in elements if each["path"].endswith(".linkId")} == questions


@pytest.mark.parametrize("form", [pytest.param(each, id=each["id"]) for each in of_type("Questionnaire").values()])
def test_a_form_asks_in_dutch_and_english(form: Resource) -> None:
    for item in filter(is_item, walk(form)):
        (translation,) = item["_text"]["extension"]
        assert {each["url"]: each.get("valueCode") for each in translation["extension"]} == {
            "lang": "en",
            "content": None,
        }


def is_item(value: Any) -> bool:
    return isinstance(value, dict) and "linkId" in value
