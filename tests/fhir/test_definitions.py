"""The committed tables are what HL7's packages say, and the numbers in them never change."""

from __future__ import annotations

import hashlib
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fhir import definitions
from app.fhir.definitions import FILES, generate, numbers, package
from app.fhir.definitions.rows import VALUE_SETS, Element, read_row, write_row
from app.fhir.definitions.valuesets import NotEnumerable, expand

R4 = definitions.load("4.0.1")
STU3 = definitions.load("3.0.1")


def test_generating_again_gives_the_committed_tables(fhir_definitions: Path, tmp_path: Path) -> None:
    committed = Path(definitions.__file__).parent
    (tmp_path / "numbers.json").write_bytes((committed / "numbers.json").read_bytes())
    generate.main(tmp_path)
    for name in (*FILES.values(), "numbers.json"):
        assert (tmp_path / name).read_bytes() == (committed / name).read_bytes(), name


@pytest.mark.parametrize("loaded", [R4, STU3], ids=lambda each: each.version)
def test_the_tables_name_their_source(loaded: definitions.Definitions, fhir_definitions: Path) -> None:
    tarball = fhir_definitions / f"hl7.fhir.core-{loaded.version}.tar.gz"
    assert loaded.source.endswith(f"#{loaded.version}")
    assert loaded.sha256 == hashlib.sha256(tarball.read_bytes()).hexdigest()


def test_an_element_has_its_type_cardinality_and_binding() -> None:
    assert R4.types["Observation"]["status"] == Element(
        name="status",
        type="code",
        min=1,
        many=False,
        maximum=1,
        targets=(),
        binding=VALUE_SETS + "observation-status",
        choice=None,
        is_primitive=True,
        xml="element",
        summary=True,
        modifier=True,
    )


def test_elements_stand_in_the_order_of_the_definition() -> None:
    names = " ".join(list(R4.types["Observation"])[:10])
    assert names == "id meta implicitRules language text contained extension modifierExtension identifier basedOn"
    assert list(R4.types["Observation.component"])[:4] == ["id", "extension", "modifierExtension", "code"]


def test_a_choice_is_written_out() -> None:
    elements = R4.types["Observation"]
    assert [name for name, each in elements.items() if each.choice == "effective"] == [
        "effectiveDateTime",
        "effectivePeriod",
        "effectiveTiming",
        "effectiveInstant",
    ]
    assert elements["effectiveDateTime"].name == "effective[x]"
    assert elements["effectiveDateTime"].type == "dateTime"


@pytest.mark.parametrize("loaded", [R4, STU3], ids=lambda each: each.version)
def test_a_content_reference_leads_to_the_elements_it_names(loaded: definitions.Definitions) -> None:
    assert loaded.types["Observation.component"]["referenceRange"].type == "Observation.referenceRange"
    assert loaded.types["Questionnaire.item"]["item"].type == "Questionnaire.item"


@pytest.mark.parametrize("loaded", [R4, STU3], ids=lambda each: each.version)
def test_reference_targets_are_resource_types(loaded: definitions.Definitions) -> None:
    assert loaded.types["Observation"]["subject"].targets == ("Patient", "Group", "Device", "Location")
    assert loaded.types["Extension"]["valueReference"].targets == ()
    for elements in loaded.types.values():
        for element in elements.values():
            if element.type == "Reference":
                assert set(element.targets) <= loaded.resource_types


@pytest.mark.parametrize("loaded", [R4, STU3], ids=lambda each: each.version)
def test_every_type_and_binding_that_is_named_is_there(loaded: definitions.Definitions) -> None:
    for elements in loaded.types.values():
        for element in elements.values():
            assert element.is_primitive or element.type in loaded.types
            assert element.binding is None or (element.binding in loaded.codes) != (
                element.binding in loaded.not_enumerable
            )


def test_ids_and_extension_urls_are_attributes_in_xml() -> None:
    assert R4.types["Extension"]["url"].xml == "attribute"
    assert R4.types["Coding"]["id"].xml == "attribute"
    assert R4.types["Patient"]["id"].xml == "element"
    assert R4.types["Patient"]["id"].type == "id"
    assert R4.types["Narrative"]["div"].xml == "xhtml"


@pytest.mark.parametrize("loaded", [R4, STU3], ids=lambda each: each.version)
def test_an_element_tells_whether_it_is_in_the_summary_and_whether_it_modifies(loaded: definitions.Definitions) -> None:
    def flags(type_name: str, member: str) -> tuple[bool, bool]:
        element = loaded.types[type_name][member]
        return element.summary, element.modifier

    assert flags("Observation", "valueQuantity") == (True, False)
    assert flags("Observation", "method") == (False, False)
    assert flags("Observation", "status") == (True, True)
    assert flags("Observation", "implicitRules") == (True, True)
    assert flags("Observation", "modifierExtension") == (False, True)
    assert flags("Observation.component", "code") == (True, False)
    assert flags("Observation.component", "modifierExtension") == (True, True)
    assert flags("Identifier", "use") == (True, True)
    assert flags("Attachment", "data") == (False, False)


@pytest.mark.parametrize("loaded", [R4, STU3], ids=lambda each: each.version)
def test_the_marks_are_those_of_the_packages(loaded: definitions.Definitions, fhir_definitions: Path) -> None:
    read = package.read(package.tarball(loaded.version))
    seen = 0
    for structure in read.resources["StructureDefinition"].values():
        if structure.get("derivation") == "constraint" or structure.get("type") not in loaded.types:
            continue
        for element in structure["snapshot"]["element"][1:]:
            path, member = element["path"].rsplit(".", 1)
            for held in loaded.types[path].values():
                if held.name == member:
                    assert held.summary == element.get("isSummary", False), element["path"]
                    assert held.modifier == element.get("isModifier", False), element["path"]
                    seen += 1
    assert seen > 5000


def test_required_codes_are_listed_with_their_systems() -> None:
    gender = VALUE_SETS + "administrative-gender"
    assert R4.codes[gender] == {"male", "female", "other", "unknown"}
    assert ("http://hl7.org/fhir/administrative-gender", "other") in R4.concepts[gender]


def test_a_hierarchy_of_codes_is_listed_whole() -> None:
    assert {"structure", "required", "too-long"} <= R4.codes[VALUE_SETS + "issue-type"]


def test_what_the_packages_cannot_list_is_told() -> None:
    assert set(R4.not_enumerable) == {
        VALUE_SETS + "currencies",
        VALUE_SETS + "mimetypes",
        VALUE_SETS + "ucum-units",
        "http://loinc.org/vs/LL379-9",
    }
    assert set(STU3.not_enumerable) == {VALUE_SETS + "designation-use", "http://www.rfc-editor.org/bcp/bcp13.txt"}


def test_a_search_parameter_has_the_expression_of_its_type() -> None:
    parameter = R4.search_parameters["Observation"]["code"]
    assert (parameter.type, parameter.expression) == ("token", "Observation.code")
    assert parameter.url == "http://hl7.org/fhir/SearchParameter/clinical-code"
    assert "Encounter" in R4.search_parameters["Encounter"]["date"].expression
    assert (
        R4.search_parameters["Observation"]["patient"].expression == "Observation.subject.where(resolve() is Patient)"
    )


def test_a_search_parameter_of_all_resources_stands_under_each() -> None:
    for loaded in (R4, STU3):
        assert all("_lastUpdated" in loaded.search_parameters[each] for each in loaded.resource_types)
    assert "_text" in R4.search_parameters["Patient"]
    assert "_text" not in R4.search_parameters["Bundle"]


def test_a_composite_names_its_components() -> None:
    composite = R4.search_parameters["Observation"]["component-code-value-quantity"]
    assert composite.expression == "Observation.component"
    assert composite.components == (
        ("http://hl7.org/fhir/SearchParameter/Observation-component-code", "code"),
        ("http://hl7.org/fhir/SearchParameter/Observation-component-value-quantity", "value.as(Quantity)"),
    )


@pytest.mark.parametrize("loaded", [R4, STU3], ids=lambda each: each.version)
def test_a_compartment_names_search_parameters(loaded: definitions.Definitions) -> None:
    assert loaded.compartments["Patient"]["Observation"] == ("subject", "performer")
    assert "Practitioner" not in loaded.compartments["Patient"]
    assert set(loaded.compartments) == {"Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"}


def test_types_and_parameters_of_both_versions_have_numbers() -> None:
    for loaded in (R4, STU3):
        assert loaded.resource_types <= loaded.type_numbers.keys()
        assert all(
            loaded.search_parameters[each].keys() <= loaded.parameter_numbers.keys() for each in loaded.resource_types
        )
    assert len(set(R4.type_numbers.values())) == len(R4.type_numbers)
    assert len(set(R4.parameter_numbers.values())) == len(R4.parameter_numbers)
    assert min(R4.type_numbers.values()) == 1


@pytest.mark.parametrize(
    ("kind", "count", "digest"),
    [
        ("types", 159, "4473858f07d6f16bd0b7cb33b7f546416675a7fbd6ab84b8839c59c0163f83ea"),
        ("parameters", 512, "753e0d1cf9f80480bdc5f7c58f1f343f0f642df1581bc57bc5acce8e42457bdb"),
    ],
)
def test_numbers_that_databases_hold_never_change(kind: str, count: int, digest: str) -> None:
    """The first entries are those of the first release; later ones may only follow."""
    given = [f"{name}={number}" for name, number in islice(numbers.read()[kind].items(), count)]
    assert hashlib.sha256("\n".join(given).encode()).hexdigest() == digest


def test_numbers_grow_at_the_end_only() -> None:
    given = {"types": {"B": 1, "A": 2}, "parameters": {}}
    grown = numbers.append(given, "types", ["A", "C", "B"])
    assert grown == {"types": {"B": 1, "A": 2, "C": 3}, "parameters": {}}
    assert given["types"] == {"B": 1, "A": 2}


@pytest.mark.parametrize(
    "changed",
    [
        {"types": {"A": 1}, "parameters": {}},
        {"types": {"B": 1, "A": 2}, "parameters": {}},
        {"types": {"A": 1, "C": 2}, "parameters": {}},
        {"types": {"A": 1, "B": 3}, "parameters": {}},
        {"types": {"A": 1, "B": 1}, "parameters": {}},
    ],
)
def test_the_generator_refuses_to_renumber(changed: dict[str, dict[str, int]], tmp_path: Path) -> None:
    file = tmp_path / "numbers.json"
    numbers.write({"types": {"A": 1, "B": 2}, "parameters": {}}, file)
    before = file.read_bytes()
    with pytest.raises(ValueError, match="number"):
        numbers.write(changed, file)
    assert file.read_bytes() == before


def test_another_version_is_unknown() -> None:
    with pytest.raises(KeyError):
        definitions.load("4.3.0")


NAMES = st.from_regex(r"[A-Z][A-Za-z]{0,8}", fullmatch=True)


@given(
    minimum=st.integers(0, 3),
    maximum=st.sampled_from(["1", "*", "4"]),
    types=st.lists(st.tuples(NAMES, st.lists(NAMES, max_size=3)), min_size=1, max_size=3),
    binding=st.none() | NAMES.map(lambda name: VALUE_SETS + name) | st.just("http://loinc.org/vs/LL379-9"),
    attribute=st.booleans(),
    summary=st.booleans(),
    modifier=st.booleans(),
)
def test_a_row_is_read_as_it_was_written(
    *,
    minimum: int,
    maximum: str,
    types: list[tuple[str, list[str]]],
    binding: str | None,
    attribute: bool,
    summary: bool,
    modifier: bool,
) -> None:
    row = write_row(
        minimum, maximum, types=types, binding=binding, attribute=attribute, summary=summary, modifier=modifier
    )
    elements = [element for _, element in read_row("value[x]", row)]
    assert [(each.type, list(each.targets)) for each in elements] == types
    assert {each.min for each in elements} == {minimum}
    assert {each.maximum for each in elements} == {None if maximum == "*" else int(maximum)}
    assert {each.many for each in elements} == {maximum != "1"}
    assert {each.binding for each in elements} <= {binding, None}
    assert {each.xml for each in elements} == {"attribute" if attribute else "element"}
    assert {(each.summary, each.modifier) for each in elements} == {(summary, modifier)}


ANIMALS: dict[str, Any] = {
    "url": "urn:animals",
    "content": "complete",
    "concept": [
        {"code": "bird", "concept": [{"code": "hen", "property": [{"code": "flies", "valueBoolean": False}]}]},
        {"code": "fish", "concept": [{"code": "eel"}, {"code": "pike"}]},
    ],
}


def codes(**compose: Any) -> set[str]:
    sets = {
        "urn:asked": {"compose": compose},
        "urn:fish": {"compose": {"include": [only("is-a", "fish")]}},
        "urn:unknown": {"compose": {"include": [{"system": "urn:nowhere"}]}},
    }
    expanded = expand("urn:asked", {"ValueSet": sets, "CodeSystem": {"urn:animals": ANIMALS}})
    return set(expanded.get("urn:animals", ()))


def only(operator: str, value: str, name: str = "concept") -> dict[str, Any]:
    return {"system": "urn:animals", "filter": [{"property": name, "op": operator, "value": value}]}


def test_a_value_set_of_a_whole_system_has_the_codes_of_every_level() -> None:
    assert codes(include=[{"system": "urn:animals"}]) == {"bird", "hen", "fish", "eel", "pike"}


def test_a_value_set_may_list_import_filter_and_exclude() -> None:
    assert codes(include=[{"system": "urn:animals", "concept": [{"code": "hen"}]}]) == {"hen"}
    assert codes(include=[{"valueSet": ["urn:fish|1.0"]}]) == {"fish", "eel", "pike"}
    assert codes(include=[{"system": "urn:animals", "valueSet": ["urn:fish"]}]) == {"fish", "eel", "pike"}
    assert codes(include=[only("is-a", "bird")]) == {"bird", "hen"}
    assert codes(include=[only("descendent-of", "bird")]) == {"hen"}
    assert codes(include=[only("is-not-a", "fish")]) == {"bird", "hen"}
    assert codes(include=[only("=", "False", "flies")]) == {"hen"}
    assert codes(include=[{"system": "urn:animals"}], exclude=[only("is-a", "fish")]) == {"bird", "hen"}


@pytest.mark.parametrize(
    "include",
    [{"system": "urn:nowhere"}, only("regex", "f.*"), {"valueSet": ["urn:unknown"]}, {"valueSet": ["urn:missing"]}],
)
def test_a_value_set_that_the_package_cannot_list_is_told(include: dict[str, Any]) -> None:
    with pytest.raises(NotEnumerable):
        codes(include=[include])


def test_a_table_file_has_an_element_a_line(tmp_path: Path) -> None:
    content = {"types": {"A": {"b": "0..1 string"}}, "resources": ["A"], "empty": {}}
    rendered = generate.render(content)
    assert msgspec.json.decode(rendered) == content
    assert b'\n   "b": "0..1 string"\n' in rendered


def test_the_folder_of_the_packages_is_seen_from_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(package.VARIABLE, "../elsewhere")
    assert package.tarball("4.0.1") == package.PROJECT / "../elsewhere/hl7.fhir.core-4.0.1.tar.gz"
