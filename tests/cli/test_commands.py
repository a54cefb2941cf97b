"""The commands: what each says of good and of wrong input, and the exit code that scripts go by. Never a traceback."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from app.config import CANONICAL_BASE
from app.database import Row, open_database
from app.database.migrations import migrate
from app.fhir import definitions
from app.fhir.resource import Resource, decode, encode
from app.fhir.xml import to_xml
from tests import builders
from tests.cli.runner import saved, zelfregie

R4 = definitions.load("4.0.1")
ANNA = builders.patient("anna")
WEIGHT = builders.observation("Patient/anna", id="weight")


pytestmark = pytest.mark.usefixtures("own_settings")


@pytest.fixture
def migrated(tmp_path: Path) -> str:
    """The URL of a SQLite database with its tables."""
    url = f"sqlite:///{tmp_path / 'zelfregie.db'}"
    asyncio.run(migrate(url, canonical_base=CANONICAL_BASE))
    return url


def stored(url: str) -> dict[str, Resource]:
    """The resources in a database, by ``Type/id``."""

    async def fetch() -> list[Row]:
        database = await open_database(url, connections=1)
        try:
            return list(await database.fetch("SELECT body FROM resource WHERE deleted = 0"))
        finally:
            await database.close()

    found = [decode(row[0]) for row in asyncio.run(fetch())]
    return {f"{each['resourceType']}/{each['id']}": each for each in found}


# --- migrate --------------------------------------------------------------------------------------------------------


def test_migrate_makes_the_tables_once_and_then_leaves_them(database_url: str) -> None:
    for _ in range(2):
        result = zelfregie("migrate", "--database", database_url)
        assert (result.exit_code, result.stdout) == (0, "The tables are up to date.\n")
    assert stored(database_url) == {}


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nonsense", "must begin with sqlite:/// or postgresql://"),
        ("mysql://someone@127.0.0.1/x", "must begin with sqlite:/// or postgresql://"),
        ("postgresql://someone:geheim@127.0.0.1:1/x", "cannot be"),
        ("postgresql://someone:geheim@127.0.0.1:port/x", "cannot be"),
        ("sqlite:////proc/nowhere/x.db", "No such file or directory"),
        ("sqlite:///{folder}/text.db", "file is not a database"),
        ("sqlite:///{folder}", "cannot be"),
    ],
)
@pytest.mark.parametrize(
    "command", [("migrate",), ("load", "x.json"), ("reindex",), ("serve",)], ids=lambda each: each[0]
)
def test_a_database_that_cannot_be_used_is_named_with_the_reason(
    command: tuple[str, ...], url: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "text.db").write_text("Dit is geen database, maar wel een bestand van meer dan honderd tekens. " * 3)
    result = zelfregie(*command, "--database", url.replace("{folder}", str(tmp_path)))
    assert result.exit_code == 1
    assert reason in result.stderr
    assert "geheim" not in result.output


def test_a_database_of_another_version_is_left_alone(migrated: str) -> None:
    with sqlite3.connect(migrated.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffff'")
    connection.close()
    for command, reason in (
        ("migrate", "another version"),
        ("serve", "zelfregie migrate"),
        ("reindex", "zelfregie migrate"),
    ):
        result = zelfregie(command, "--database", migrated)
        assert result.exit_code == 1
        assert reason in result.stderr


# --- load -----------------------------------------------------------------------------------------------------------


def test_load_takes_every_format_bundles_and_folders(database_url: str, tmp_path: Path) -> None:
    zelfregie("migrate", "--database", database_url)
    folder = tmp_path / "seeds"
    saved(folder / "one.json", ANNA)
    saved(folder / "deeper/lines.ndjson", WEIGHT, {}, builders.goal("Patient/anna", id="goal"))
    (folder / "two.XML").write_bytes(to_xml(builders.condition("Patient/anna", id="condition"), R4))
    collection = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": builders.medication(id="pill")}],
    }
    saved(folder / "deeper/bundle.json", collection)
    (folder / "read.me").write_text("not a resource")
    result = zelfregie("load", folder, "--database", database_url)
    assert result.stdout == "5 stored, 1 refused.\n"
    assert "lines.ndjson:2" in result.stderr
    names = {"Patient/anna", "Observation/weight", "Goal/goal", "Condition/condition", "Medication/pill"}
    assert stored(database_url).keys() == names


def test_load_follows_the_references_within_a_bundle(migrated: str, tmp_path: Path) -> None:
    person, measured = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
    bundle = builders.transaction(
        builders.posted(builders.patient(), f"urn:uuid:{person}"),
        builders.posted(builders.observation(f"urn:uuid:{person}"), f"urn:uuid:{measured}"),
        builders.posted(
            builders.observation("https://elders.example/fhir/Patient/bram", id="pulse"),
            "https://elders.example/fhir/Observation/pulse",
        ),
        builders.posted(builders.patient("bram"), "https://elders.example/fhir/Patient/bram"),
    )
    result = zelfregie("load", saved(tmp_path / "bundle.json", bundle), "--database", migrated)
    assert (result.exit_code, result.stdout) == (0, "4 stored, 0 refused.\n")
    found = stored(migrated)
    assert found[f"Observation/{measured}"]["subject"] == {"reference": f"Patient/{person}"}
    assert found["Observation/pulse"]["subject"] == {"reference": "Patient/bram"}


def test_load_keeps_two_versions_of_one_resource_in_their_order(migrated: str, tmp_path: Path) -> None:
    later = {**ANNA, "birthDate": "1951-01-01"}
    file = saved(tmp_path / "a.ndjson", ANNA, WEIGHT, later, {**WEIGHT, "status": "amended"})
    assert zelfregie("load", file, "--database", migrated).stdout == "4 stored, 0 refused.\n"
    found = stored(migrated)
    assert (found["Patient/anna"]["birthDate"], found["Patient/anna"]["meta"]["versionId"]) == ("1951-01-01", "2")
    assert (found["Observation/weight"]["status"], found["Observation/weight"]["meta"]["versionId"]) == ("amended", "2")


def test_load_passes_over_a_byte_order_mark(migrated: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + encode(ANNA))
    (tmp_path / "b.ndjson").write_bytes(b"\xef\xbb\xbf" + encode(WEIGHT))
    result = zelfregie("load", tmp_path / "a.json", tmp_path / "b.ndjson", "--database", migrated)
    assert result.stdout == "2 stored, 0 refused.\n"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.json", b'{"resourceType": "Patient"', "structure"),
        ("a.json", b"[1, 2]", "structure"),
        ("a.json", b"", "structure"),
        ("a.json", b"\xff\xfe\x00", "structure"),
        ("a.json", b'{"resourceType": 5}', "structure"),
        ("a.json", b'{"resourceType": "Patient", "id": ["a"]}', "structure"),
        ("a.json", b'{"resourceType": "Bundle", "type": "collection", "entry": [5, {"resource": {}}]}', "structure"),
        ("a.json", b'{"resourceType": "Potion"}', "structure"),
        ("a.json", b'{"resourceType": "OperationOutcome"}', "not-supported"),
        ("a.ndjson", b"hello", "structure"),
        ("a.xml", b"<Patient", "structure"),
        ("a.xml", b"", "structure"),
        ("a.xml", b'<!DOCTYPE p [<!ENTITY e "e">]><Patient xmlns="http://hl7.org/fhir"/>', "security"),
    ],
)
def test_load_says_what_is_wrong_with_a_file_and_loads_the_others(
    name: str, content: bytes, code: str, migrated: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    result = zelfregie("load", tmp_path / name, saved(tmp_path / "anna.json", ANNA), "--database", migrated)
    assert result.exit_code == 1
    assert result.stdout == "1 stored, 1 refused.\n"
    assert f"error {code}: " in result.stderr
    assert result.stderr.startswith(name)
    assert stored(migrated).keys() == {"Patient/anna"}


def test_load_lists_every_problem_of_a_resource_with_its_place(migrated: str, tmp_path: Path) -> None:
    broken = {**WEIGHT, "status": "klaar", "colour": "red", "effectiveDateTime": "gisteren"}
    result = zelfregie("load", saved(tmp_path / "a.ndjson", ANNA, broken), "--database", migrated)
    assert (result.exit_code, result.stdout) == (1, "1 stored, 1 refused.\n")
    for place in ("Observation.status", "Observation.colour", "Observation.effective"):
        assert place in result.stderr


def test_load_of_a_file_that_is_not_there_says_so(migrated: str, tmp_path: Path) -> None:
    result = zelfregie("load", tmp_path / "none.json", "--database", migrated)
    assert (result.exit_code, result.stdout) == (1, "0 stored, 1 refused.\n")
    assert "none.json:\n  error not-found: The file cannot be read: No such file or directory.\n" in result.stderr


def test_load_of_nothing_that_is_known_changes_nothing(migrated: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert zelfregie("load", tmp_path / "empty", "--database", migrated).stdout == "0 stored, 0 refused.\n"
    assert zelfregie("load", "--database", migrated).exit_code == 2


def test_load_refuses_what_is_about_an_unknown_patient(migrated: str, tmp_path: Path) -> None:
    file = saved(tmp_path / "a.ndjson", builders.observation("Patient/nobody", id="o"), ANNA)
    result = zelfregie("load", file, "--database", migrated)
    assert (result.exit_code, result.stdout) == (1, "1 stored, 1 refused.\n")
    assert "a.ndjson:1:\n  error not-found: Observation.subject: " in result.stderr


def test_load_needs_to_hear_whose_a_resource_is_that_names_nobody(migrated: str, tmp_path: Path) -> None:
    unnamed = builders.observation(None, id="unnamed")
    file = saved(tmp_path / "a.ndjson", ANNA, unnamed, builders.organization(id="practice"))
    first = zelfregie("load", file, "--database", migrated)
    assert (first.exit_code, first.stdout) == (1, "2 stored, 1 refused.\n")
    assert "business-rule: Observation belongs to one patient" in first.stderr

    nobody = zelfregie("load", file, "--patient", "nobody", "--database", migrated)
    assert (nobody.exit_code, nobody.stderr) == (1, "There is no Patient/nobody to load for.\n")
    second = zelfregie("load", file, "--patient", "anna", "--database", migrated)
    assert (second.exit_code, second.stdout) == (0, "3 stored, 0 refused.\n")
    assert "Observation/unnamed" in stored(migrated)


def test_load_wants_a_migrated_database_with_this_canonical_base(
    migrated: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = zelfregie("load", "a.json", "--database", f"sqlite:///{tmp_path / 'empty.db'}")
    assert (empty.exit_code, "Run: zelfregie migrate" in empty.stderr) == (1, True)
    monkeypatch.setenv("ZELFREGIE_CANONICAL_BASE", "https://another.example/fhir")
    other = zelfregie("load", "a.json", "--database", migrated)
    assert (other.exit_code, "ZELFREGIE_CANONICAL_BASE" in other.stderr) == (1, True)


# --- validate -------------------------------------------------------------------------------------------------------


def test_validate_finds_valid_files_of_every_format_valid(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(to_xml(WEIGHT, R4))
    files = [saved(tmp_path / "a.json", WEIGHT), tmp_path / "a.xml", saved(tmp_path / "a.ndjson", WEIGHT, ANNA)]
    result = zelfregie("validate", *files)
    assert (result.exit_code, result.stdout) == (0, "".join(f"{file}: valid\n" for file in files))


def test_validate_lists_everything_that_is_wrong_with_each_file(tmp_path: Path) -> None:
    broken = {**WEIGHT, "status": "klaar", "colour": "red"}
    (tmp_path / "a.xml").write_bytes(to_xml({**WEIGHT, "status": "klaar"}, R4))
    files = [
        saved(tmp_path / "a.json", broken),
        tmp_path / "a.xml",
        saved(tmp_path / "a.ndjson", ANNA, broken),
        saved(tmp_path / "good.json", ANNA),
        tmp_path / "none.json",
        saved(tmp_path / "a.txt", ANNA),
    ]
    result = zelfregie("validate", *files)
    assert result.exit_code == 1
    parts: dict[str, list[str]] = {}
    for line in result.stdout.splitlines():
        if line.startswith("  "):
            parts[list(parts)[-1]].append(line.strip())
        else:
            parts[line.removeprefix(f"{tmp_path}/")] = []
    assert {name: len(found) for name, found in parts.items()} == {
        "a.json: not valid": 2,
        "a.xml: not valid": 1,
        "a.ndjson: not valid": 2,
        "good.json: valid": 0,
        "none.json: not valid": 1,
        "a.txt: not valid": 1,
    }
    assert any("code-invalid: Observation.status: " in line for line in parts["a.json: not valid"])
    assert all("Line 2: " in line for line in parts["a.ndjson: not valid"])


def test_validate_knows_stu3_too_and_no_other_version(tmp_path: Path) -> None:
    stu3 = {"resourceType": "Observation", "status": "final", "code": {"text": "Gewicht"}, "comment": "Nuchter"}
    file = saved(tmp_path / "a.json", stu3)
    assert zelfregie("validate", file, "--fhir-version", "3.0.1").exit_code == 0
    assert zelfregie("validate", file).exit_code == 1
    other = zelfregie("validate", file, "--fhir-version", "5.0.0")
    assert (other.exit_code, other.stderr) == (2, "FHIR version is one of 4.0.1, 3.0.1.\n")


# --- demo, settings -------------------------------------------------------------------------------------------------


def test_demo_writes_a_sandbox_that_can_be_loaded(migrated: str, tmp_path: Path) -> None:
    result = zelfregie("demo", "--out", tmp_path / "demo")
    assert (result.exit_code, result.stdout) == (0, f"Wrote {tmp_path / 'demo' / 'sandbox.yaml'}\n")
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {
        "demo-system.jwk.json",
        "sandbox.yaml",
        "seed.ndjson",
    }
    loaded = zelfregie("load", tmp_path / "demo" / "seed.ndjson", "--database", migrated)
    assert (loaded.exit_code, loaded.stdout.endswith(" stored, 0 refused.\n")) == (0, True)


def test_demo_claims_what_is_ours_under_the_canonical_base_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZELFREGIE_CANONICAL_BASE", "https://gezond.example/r4")
    assert zelfregie("demo", "--out", tmp_path / "demo").exit_code == 0
    seeds = tmp_path / "demo" / "seed.ndjson"
    assert b"https://zelfregie.example/fhir" not in seeds.read_bytes()
    assert b'"https://gezond.example/r4/StructureDefinition/IndividualCarePlan"' in seeds.read_bytes()
    checked = zelfregie("validate", seeds)
    assert (checked.exit_code, "profile-unknown) [https://gezond.example" in checked.stdout) == (0, False)


def test_demo_wants_to_hear_what_to_do() -> None:
    result = zelfregie("demo")
    assert (result.exit_code, result.stderr) == (2, "Say --serve, or --out FOLDER.\n")


def test_demo_says_when_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = zelfregie("demo", "--out", tmp_path / "file")
    assert result.exit_code == 1
    assert f"{tmp_path / 'file'} cannot be written" in result.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "x"), ("PORT", "0"), ("PORT", "70000"), ("CONNECTIONS", "0"), ("PARTITIONS", "-1")]
)
def test_a_setting_that_does_not_do_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"ZELFREGIE_{name}", value)
    result = zelfregie("migrate")
    assert result.exit_code == 2
    assert f"ZELFREGIE_{name}" in result.stderr


def test_help_lists_every_command() -> None:
    result = zelfregie("--help")
    assert result.exit_code == 0
    for command in ("migrate", "serve", "load", "reindex", "validate", "demo"):
        assert command in result.stdout
    assert zelfregie("brew").exit_code == 2


def test_a_text_in_brackets_is_shown_as_it_is(migrated: str, tmp_path: Path) -> None:
    result = zelfregie("load", tmp_path / "[red]a.json", "--database", migrated)
    assert "[red]a.json:\n" in result.stderr
