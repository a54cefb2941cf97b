"""The demo patients: the same every time, valid R4, whole, and nobody's."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from app.cli.demo import SEED, demo_resources, sandbox_tokens
from app.cli.demo.terms import BSN, SNOMED
from app.config import CANONICAL_BASE
from app.errors import Issue
from app.fhir.definitions import load
from app.fhir.packages import Library
from app.fhir.packages.reading import read
from app.fhir.profiles import Profiles
from app.fhir.resource import Resource, decode, encode, parse_reference, walk_dicts
from app.fhir.terminology.library import LibraryTerminology
from app.fhir.validation import validate
from app.server.packages.built_in import built_in
from app.server.packages.built_in import resources as published

CHECKOUT = Path(__file__).parents[2]
TODAY = date(2026, 11, 23)
DUTCH = re.compile(r"\b(ik|de|het|een|mijn|van|en|naar|wil|weet|blijft|elke|op)\b", re.IGNORECASE)
GOAL_CATEGORY = "https://zelfregie.example/fhir/CodeSystem/goal-category"
PLAN_CATEGORY = "https://zelfregie.example/fhir/CodeSystem/care-plan-category"
OURS = "https://zelfregie.example/fhir/StructureDefinition/"
NL_CORE = "http://nictiz.nl/fhir/StructureDefinition/nl-core-"


@pytest.fixture(scope="module")
def resources() -> list[Resource]:
    return list(demo_resources(today=TODAY))


def of_type(resources: list[Resource], name: str) -> list[Resource]:
    return [resource for resource in resources if resource["resourceType"] == name]


def address(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def owner(resource: Resource) -> str | None:
    """The id of the patient whose resource it is, None for one of the catalogue."""
    if resource["resourceType"] == "Patient":
        return str(resource["id"])
    named = resource.get("subject") or resource.get("patient") or resource.get("for")
    return str(named["reference"]).removeprefix("Patient/") if named else None


def references(value: Resource) -> Iterator[str]:
    for member in walk_dicts(value):
        if isinstance(member.get("reference"), str):
            yield member["reference"]


def codes(concepts: list[dict[str, Any]], system: str) -> list[str]:
    return [
        coding["code"] for concept in concepts for coding in concept.get("coding", []) if coding["system"] == system
    ]


def digest(resources: list[Resource]) -> str:
    return hashlib.sha256(b"\n".join(map(encode, resources))).hexdigest()


def test_another_process_with_other_hashes_makes_the_same_bytes(resources: list[Resource]) -> None:
    program = (
        "import hashlib, sys; from datetime import date; from app.cli.demo import demo_resources;"
        "from app.fhir.resource import encode;"
        f"made = map(encode, demo_resources(today=date.fromisoformat('{TODAY}')));"
        "print(hashlib.sha256(b'\\n'.join(made)).hexdigest())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        cwd=CHECKOUT,
        env={"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"},
    )
    assert answer.stdout.decode().strip() == digest(resources)


def test_another_seed_gives_other_measurements_of_the_same_persons(resources: list[Resource]) -> None:
    other = list(demo_resources(today=TODAY, seed=SEED + 1))
    assert [address(resource) for resource in other] == [address(resource) for resource in resources]
    changed = {mine["resourceType"] for mine, theirs in zip(resources, other, strict=True) if mine != theirs}
    assert changed == {"Observation"}


def test_there_are_ten_patients_each_with_a_whole_plan(resources: list[Resource]) -> None:
    patients = {patient["id"] for patient in of_type(resources, "Patient")}
    assert len(patients) == 10
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for resource in resources:
        patient = owner(resource)
        if patient is not None:
            counts[patient][resource["resourceType"]] += 1
    assert counts.keys() == patients
    for count in counts.values():
        assert count["CarePlan"] == count["CareTeam"] == 1
        assert 1 <= count["Condition"] <= 3
        assert 2 <= count["Goal"] <= 4
        assert count["QuestionnaireResponse"] >= 1
        assert count["MedicationStatement"] >= 1
        assert count["Task"] == 2
        assert count["Observation"] >= 60


def test_fewer_patients_are_the_first_ones_unchanged(resources: list[Resource]) -> None:
    three = list(demo_resources(3, today=TODAY))
    assert len(of_type(three, "Patient")) == 3
    assert three == resources[: len(three)]
    assert not of_type(list(demo_resources(0, today=TODAY)), "Patient")


@pytest.mark.parametrize("count", [-1, 11])
def test_more_patients_than_there_are_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="There are 10 demo patients"):
        next(demo_resources(count, today=TODAY))


def test_all_are_valid_r4(resources: list[Resource]) -> None:
    definitions = load("4.0.1")
    found = {address(resource): validate(resource, definitions) for resource in resources}
    assert {name: issues for name, issues in found.items() if issues} == {}


def test_all_are_valid_r4_on_a_leap_day() -> None:
    definitions = load("4.0.1")
    assert [
        issue for resource in demo_resources(today=date(2028, 2, 29)) for issue in validate(resource, definitions)
    ] == []


def test_all_parse_in_fhir_resources(resources: list[Resource]) -> None:
    from fhir.resources.R4B import get_fhir_model_class

    for resource in resources:
        model = get_fhir_model_class(resource["resourceType"]).model_validate_json(encode(resource))
        assert model.get_resource_type() == resource["resourceType"]


def test_what_is_made_is_plain_json_that_comes_back_equal(resources: list[Resource]) -> None:
    for resource in resources:
        assert decode(encode(resource)) == resource


def test_ids_are_unique_over_the_whole_set(resources: list[Resource]) -> None:
    addresses = [address(resource) for resource in resources]
    assert len(set(addresses)) == len(addresses)


def test_every_reference_names_an_earlier_resource_of_the_same_patient_or_the_catalogue(
    resources: list[Resource],
) -> None:
    # The lists are our own: they are in every database's catalogue.
    earlier: dict[str, str | None] = {address(each): None for _, each in published(CANONICAL_BASE) if "id" in each}
    for resource in resources:
        earlier[address(resource)] = owner(resource)
        for text in references(resource):
            parsed = parse_reference(text)
            assert parsed is not None
            assert parsed.relative == text
            assert text in earlier, f"{address(resource)} refers to {text}"
            assert earlier[text] in {None, owner(resource)}


def test_every_reference_has_the_type_and_a_name_to_show(resources: list[Resource]) -> None:
    for resource in resources:
        for member in walk_dicts(resource):
            if isinstance(member.get("reference"), str):
                assert member["reference"].startswith(member["type"] + "/")
                assert member["display"]


def test_answers_fit_the_questionnaire_that_they_name(resources: list[Resource]) -> None:
    assert not of_type(resources, "Questionnaire")
    lists = {each["url"]: each for _, each in published(CANONICAL_BASE) if each["resourceType"] == "Questionnaire"}
    answered_lists = set()
    for response in of_type(resources, "QuestionnaireResponse"):
        asked = {item["linkId"] for item in walk_dicts(lists[response["questionnaire"]]) if "linkId" in item}
        answered = {item["linkId"] for item in walk_dicts(response) if "linkId" in item}
        assert answered
        assert answered <= asked
        answered_lists.add(response["questionnaire"])
    assert answered_lists == {f"{CANONICAL_BASE}/Questionnaire/{each}" for each in ("samen-beslissen", "wie-ben-ik")}


def looks(resources: list[Resource], packages: list[Path]) -> Iterator[tuple[str, Issue]]:
    """What the profiles that are claimed say of each resource, errors and warnings, with the seeds held beside it."""
    definitions = load("4.0.1")
    library = Library(
        [*built_in(CANONICAL_BASE), *(each for path in packages for kept in read(path) for each in kept.artifacts)]
    )
    profiles = Profiles(definitions, library, LibraryTerminology(library, definitions))
    held = {address(each): each for each in resources}
    for resource in resources:
        for claimed in resource.get("meta", {}).get("profile", []):
            if claimed.startswith(OURS) or packages:
                assert profiles.knows(claimed), claimed
                found = profiles.check(resource, claimed, held.get)
                yield from ((address(resource), each) for each in found if each.severity != "information")


def test_plans_goals_and_answers_follow_our_own_profiles(resources: list[Resource]) -> None:
    claimed = Counter(
        (resource["resourceType"], profile.removeprefix(OURS))
        for resource in resources
        for profile in resource.get("meta", {}).get("profile", [])
        if profile.startswith(OURS)
    )
    assert claimed.keys() == {
        ("CarePlan", "IndividualCarePlan"),
        ("CareTeam", "CareNetwork"),
        ("Goal", "PersonalGoal"),
        ("Goal", "PlanGoal"),
        ("Observation", "GoalRating"),
        ("QuestionnaireResponse", "WhoIAm"),
        ("QuestionnaireResponse", "SharedDecision"),
    }
    for name in ("CarePlan", "CareTeam", "Goal", "QuestionnaireResponse"):
        assert sum(count for (kind, _), count in claimed.items() if kind == name) == len(of_type(resources, name))
    assert list(looks(resources, [])) == []


@pytest.mark.parametrize("today", [TODAY, date(2028, 2, 29)])
def test_what_claims_a_dutch_profile_follows_it(fhir_definitions: Path, today: date) -> None:
    made = list(demo_resources(today=today))
    claimed = {
        profile.removeprefix(NL_CORE)
        for resource in made
        for profile in resource.get("meta", {}).get("profile", [])
        if profile.startswith(NL_CORE)
    }
    assert claimed == {"Patient", "Problem", "BloodPressure", "BodyWeight", "HeartRate", "O2Saturation"}
    official = [fhir_definitions / "Nictiz-R4-zib2020", fhir_definitions / "hl7.fhir.core-4.0.1.tar.gz"]
    assert list(looks(made, official)) == []


def test_a_plan_is_in_its_cycle_and_reviewed_after_today(resources: list[Resource]) -> None:
    phases = Counter[str]()
    for plan in of_type(resources, "CarePlan"):
        (cycle,) = plan["extension"]
        parts = {part["url"]: part for part in cycle["extension"]}
        assert parts["since"]["valueDateTime"] <= TODAY.isoformat() < parts["nextReview"]["valueDate"]
        assert plan["created"] <= parts["since"]["valueDateTime"]
        assert (parts["phase"]["valueCode"] == "plan") == (plan["status"] == "draft")
        phases[parts["phase"]["valueCode"]] += 1
    assert phases == {"plan": 1, "do": 9}


def test_the_kinds_of_goal_are_worded_as_our_code_system_words_them(resources: list[Resource]) -> None:
    (system,) = (each for _, each in published(CANONICAL_BASE) if each.get("url") == GOAL_CATEGORY)
    dutch = {each["code"]: each["designation"][0]["value"] for each in system["concept"]}
    for goal in of_type(resources, "Goal"):
        for category in goal["category"]:
            (coding,) = category["coding"]
            assert coding["display"] == dutch[coding["code"]]


def is_bsn(digits: str) -> bool:
    """The 11-check of the citizen service number."""
    weighted = sum(int(digit) * weight for digit, weight in zip(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True))
    return weighted % 11 == 0


def test_the_check_for_citizen_service_numbers_knows_a_test_number() -> None:
    assert is_bsn("999911120")
    assert not is_bsn("999911121")


def test_no_text_holds_a_citizen_service_number(resources: list[Resource]) -> None:
    for resource in resources:
        for member in walk_dicts(resource):
            for name, value in member.items():
                if name == "code" and member.get("system") == SNOMED:
                    continue
                texts = value if isinstance(value, list) else [value]
                for digits in re.findall(
                    r"(?<!\d)\d{9}(?!\d)", " ".join(str(text) for text in texts if not isinstance(text, dict))
                ):
                    assert not is_bsn(digits)
                    assert not digits.startswith("9999")


def test_every_patient_has_a_masked_citizen_service_number(resources: list[Resource]) -> None:
    for patient in of_type(resources, "Patient"):
        numbers = [identifier for identifier in patient["identifier"] if identifier["system"] == BSN]
        absent = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}
        assert numbers == [{"system": BSN, "_value": {"extension": [absent]}}]


def test_identifiers_are_in_no_real_numbering_system(resources: list[Resource]) -> None:
    for resource in resources:
        for identifier in resource.get("identifier", []):
            assert identifier["system"] == BSN or ".example/" in identifier["system"]


def test_addresses_cannot_exist(resources: list[Resource]) -> None:
    homes = [home for resource in resources for home in resource.get("address", [])]
    assert len(homes) == 14
    assert all(home["postalCode"].startswith("0") for home in homes)
    contacts = [contact for resource in resources for contact in resource.get("telecom", [])]
    assert all(contact["system"] == "email" and contact["value"].endswith(".example") for contact in contacts)


def test_family_names_carry_their_parts_as_nl_core_has_them(resources: list[Resource]) -> None:
    core = "http://hl7.org/fhir/StructureDefinition/humanname-"
    names = {patient["id"]: patient["name"][0] for patient in of_type(resources, "Patient")}
    parts = {
        part["url"].removeprefix(core): part["valueString"] for part in names["corrie-demosma"]["_family"]["extension"]
    }
    assert parts == {"own-name": "Demosma", "partner-prefix": "van der", "partner-name": "Schets"}
    assert names["corrie-demosma"]["family"] == "Demosma-van der Schets"
    assert names["bram-van-testen"]["text"] == "Bram van Testen"


def test_goals_are_in_dutch_and_personal_ones_are_expressed_by_the_patient(resources: list[Resource]) -> None:
    kinds: set[str] = set()
    for goal in of_type(resources, "Goal"):
        assert goal["language"] == "nl"
        assert DUTCH.search(goal["description"]["text"])
        categories = codes(goal["category"], GOAL_CATEGORY)
        personal = goal["expressedBy"]["reference"] == goal["subject"]["reference"]
        assert ("personal" in categories) == personal
        kinds.update(categories)
    assert kinds == {"life", "health", "lifestyle", "behaviour", "care", "personal"}


def test_every_plan_is_an_individual_care_plan_with_our_category_first(resources: list[Resource]) -> None:
    goals = Counter(owner(goal) for goal in of_type(resources, "Goal"))
    conditions = Counter(owner(condition) for condition in of_type(resources, "Condition"))
    for plan in of_type(resources, "CarePlan"):
        assert plan["intent"] == "plan"
        assert [(each["system"], each["code"]) for each in plan["category"][0]["coding"]] == [
            (PLAN_CATEGORY, "izp"),
            (SNOMED, "135411000146103"),
        ]
        assert len(plan["goal"]) == goals[owner(plan)]
        assert len(plan["addresses"]) == conditions[owner(plan)]
        assert len({activity["id"] for activity in plan["activity"]}) == len(plan["activity"])


def test_a_care_team_has_one_coordinator_and_one_responsible_clinician(resources: list[Resource]) -> None:
    for team in of_type(resources, "CareTeam"):
        roles = [role for participant in team["participant"] for role in participant["role"]]
        assert codes(roles, SNOMED) == ["768832004"]
        assert codes(roles, "http://terminology.hl7.org/CodeSystem/v3-ParticipationType") == ["RESP"]


def test_measurements_are_by_the_patient_over_a_year_or_more_and_end_before_today(resources: list[Resource]) -> None:
    taken: defaultdict[str | None, list[datetime]] = defaultdict(list)
    for observation in of_type(resources, "Observation"):
        assert [performer["reference"] for performer in observation["performer"]] == [
            observation["subject"]["reference"]
        ]
        taken[owner(observation)].append(datetime.fromisoformat(observation["effectiveDateTime"]))
    assert len(taken) == 10
    for moments in taken.values():
        assert max(moments).date() < TODAY
        assert max(moments) - min(moments) >= timedelta(days=360)


def test_measurements_of_one_kind_are_in_order_of_time(resources: list[Resource]) -> None:
    series: defaultdict[str, list[datetime]] = defaultdict(list)
    for observation in of_type(resources, "Observation"):
        kind = observation["id"].rpartition("-")[0]
        series[kind].append(datetime.fromisoformat(observation["effectiveDateTime"]))
    assert all(before < after for moments in series.values() for before, after in pairwise(moments))


def test_times_have_the_dutch_offset_of_their_day(resources: list[Resource]) -> None:
    offsets = {
        (moment.month, moment.utcoffset())
        for observation in of_type(resources, "Observation")
        for moment in [datetime.fromisoformat(observation["effectiveDateTime"])]
    }
    assert {offset for month, offset in offsets if month in {11, 12, 1, 2}} == {timedelta(hours=1)}
    assert {offset for month, offset in offsets if 4 <= month <= 9} == {timedelta(hours=2)}


@pytest.mark.parametrize(("unit", "digits"), [("kg", 2), ("mmol/L", 1), ("mm[Hg]", 0), ("{steps}", 0)])
def test_decimals_keep_the_digits_that_the_device_shows(resources: list[Resource], unit: str, digits: int) -> None:
    written = b"\n".join(map(encode, of_type(resources, "Observation")))
    pattern = rf'"value":(\d+(?:\.\d+)?),"unit":"[^"]*","system":"http://unitsofmeasure.org","code":"{re.escape(unit)}"'
    values = re.findall(pattern, written.decode())
    assert len(values) >= 60
    assert {len(value.partition(".")[2]) for value in values} == {digits}
    if digits:
        assert any(value.endswith("0") for value in values)


def test_the_target_of_a_goal_keeps_its_digits(resources: list[Resource]) -> None:
    goals = {goal["id"]: goal for goal in of_type(resources, "Goal")}
    value = goals["anna-goal-3"]["target"][0]["detailQuantity"]["value"]
    assert isinstance(value, Decimal)
    assert str(value) == "84.00"


def test_sandbox_tokens_are_one_for_each_patient_one_for_a_practice_an_operator_and_another_pgo(
    resources: list[Resource],
) -> None:
    tokens = sandbox_tokens(resources)
    patients = [patient["id"] for patient in of_type(resources, "Patient")]
    own = {f"demo-{patient}" for patient in patients}
    assert tokens.keys() == own | {"demo-gp", "demo-operator", "demo-medmij"}
    assert tokens["demo-anna-proefstra"] == {
        "patient": "anna-proefstra",
        "scopes": "patient/*.cruds",
        "purpose": "own-use",
    }
    practice = tokens["demo-gp"]
    assert practice["scopes"] == "system/*.rs"
    assert practice["purpose"] == "treatment"
    assert practice["organization"] in {organization["name"] for organization in of_type(resources, "Organization")}
    assert 1 < len(practice["patients"]) < len(patients)
    assert set(practice["patients"]) < set(patients)
    assert tokens["demo-operator"] == {"patients": "all", "scopes": "system/*.cruds"}
    assert (tokens["demo-medmij"]["patient"], tokens["demo-medmij"]["profile"]) == (patients[0], "medmij")


def test_patients_without_a_practice_give_no_practice_token() -> None:
    tokens = sandbox_tokens([{"resourceType": "Patient", "id": "a"}])
    assert tokens.keys() == {"demo-a", "demo-operator", "demo-medmij"}


def test_offering_the_demo_does_not_import_the_slow_models() -> None:
    program = "import sys, app.cli.demo, app.cli.demo.bulk; print('fhir.resources' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, cwd=CHECKOUT)
    assert answer.stdout.decode().split() == ["False"]
