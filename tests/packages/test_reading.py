"""Packages as they are published: what is kept of them, and what is refused with a clear line.

https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from app.errors import Invalid, TooLarge, ZelfregieError
from app.fhir.definitions import load
from app.fhir.packages import files
from app.fhir.packages.reading import read
from app.fhir.xml import to_xml
from tests.packages.made import (
    CANONICAL,
    COLOURS,
    NAME,
    code_system,
    colours,
    files_of,
    folder,
    manifest,
    named,
    profile,
    tarball,
    value_set,
)

OFFICIAL: Final = [
    (
        "MedMij-R4-Core",
        {"medmij.fhir.nl.r4.core#1.0.1": {"CapabilityStatement": 10, "StructureDefinition": 4, "ValueSet": 1}},
    ),
    ("MedMij-STU3-Core", {"medmij.fhir.nl.stu3.core#1.2.1": {"CapabilityStatement": 22}}),
    (
        "Nictiz-R4-zib2020",
        {
            "nictiz.fhir.nl.r4.nl-core#0.12.1-beta.1": {"StructureDefinition": 164, "ValueSet": 4},
            "nictiz.fhir.nl.r4.zib2020#0.12.1-beta.1": {
                "CodeSystem": 103, "ConceptMap": 19, "NamingSystem": 4, "StructureDefinition": 190, "ValueSet": 268,
            },
        },
    ),
    ("Nictiz-STU3-BgZ", {"nictiz.fhir.nl.stu3.bgz#1.1.1": {"CapabilityStatement": 2}}),
    (
        "Nictiz-STU3-Questionnaires",
        {
            "nictiz.fhir.nl.stu3.questionnaires#2.0.8": {
                "CapabilityStatement": 2, "CodeSystem": 2, "StructureDefinition": 5, "ValueSet": 2,
            }
        },
    ),
    (
        "Nictiz-STU3-Zib2017",
        {
            "nictiz.fhir.nl.stu3.zib2017#2.2.18": {
                "CapabilityStatement": 14, "ConceptMap": 24, "NamingSystem": 7, "SearchParameter": 5,
                "StructureDefinition": 214, "ValueSet": 261,
            }
        },
    ),
    (
        "hl7.fhir.core-4.0.1.tar.gz",
        {
            "hl7.fhir.r4.core#4.0.1": {
                "CapabilityStatement": 5, "CodeSystem": 1060, "ConceptMap": 79, "OperationDefinition": 46,
                "SearchParameter": 1387, "StructureDefinition": 656, "ValueSet": 1311,
            }
        },
    ),
    (
        "hl7.fhir.core-3.0.1.tar.gz",
        {
            "hl7.fhir.core#3.0.1": {
                "CapabilityStatement": 5, "CodeSystem": 940, "ConceptMap": 22, "OperationDefinition": 36,
                "SearchParameter": 1230, "StructureDefinition": 581, "ValueSet": 1151,
            }
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), OFFICIAL, ids=[name for name, _ in OFFICIAL])
def test_every_official_package_is_read_as_it_is(
    name: str, expected: dict[str, dict[str, int]], fhir_definitions: Path
) -> None:
    found = read(fhir_definitions / name)
    assert {each.name: dict(Counter(made.kind for made in each.artifacts)) for each in found} == expected
    for each in found:
        version = "3.0.1" if "3.0.1" in name or "STU3" in name else "4.0.1"
        assert {made.fhir_version for made in each.artifacts} == {version}
        assert {made.package for made in each.artifacts} == {each.name}
        assert all(made.resource()["resourceType"] == made.kind for made in each.artifacts)


def test_one_name_for_a_folder_of_several_packages_makes_one_of_them(fhir_definitions: Path) -> None:
    (found,) = read(fhir_definitions / "Nictiz-R4-zib2020", "example.zib2020#1.0.0")
    assert found.name == "example.zib2020#1.0.0"
    assert Counter(each.kind for each in found.artifacts)["StructureDefinition"] == 354
    assert found.left_out == 271, "the examples"
    assert found.manifest.dependencies == {"hl7.fhir.r4.core": "4.0.1"}


def test_examples_of_hl7_are_no_part_of_its_package(fhir_definitions: Path) -> None:
    (found,) = read(fhir_definitions / "hl7.fhir.core-4.0.1.tar.gz")
    urls = {each.url for each in found.artifacts}
    assert "http://hl7.org/fhir/SearchParameter/example" not in urls
    assert "http://hl7.org/fhir/ValueSet/example-extensional" not in urls
    assert {
        "http://hl7.org/fhir/ValueSet/examplescenario-actor-type",
        "http://hl7.org/fhir/ValueSet/list-example-codes",
    } <= urls


def test_a_folder_and_a_tarball_of_it_are_the_same_package(tmp_path: Path) -> None:
    content = colours()
    (one,) = read(folder(tmp_path / "folder", content))
    (other,) = read(tarball(tmp_path / "proef.tgz", content))
    (nested,) = read(folder(tmp_path / "npm", {f"package/{name}": each for name, each in content.items()}))
    assert one.name == other.name == nested.name == f"{NAME}#1.0.0"
    assert one.digest == other.digest == nested.digest
    assert [each.resource() for each in one.artifacts] == [each.resource() for each in other.artifacts]


def test_xml_and_json_of_the_same_resource_are_the_same_package(tmp_path: Path) -> None:
    content = colours()
    (one,) = read(folder(tmp_path / "json", content))
    in_xml = {
        name.replace(".json", ".xml"): to_xml(json.loads(each), load("4.0.1"))
        for name, each in content.items()
        if name != "package.json"
    }
    (other,) = read(folder(tmp_path / "xml", {"package.json": manifest(), **in_xml}))
    assert one.digest == other.digest


def test_anything_that_is_kept_changes_the_digest(tmp_path: Path) -> None:
    contents = [
        colours("red"),
        colours("red", "blue"),
        colours("red", dependencies={"example.base": "1.0.0"}),
        files_of(profile(), code_system("red")),
        files_of(profile(), code_system("red"), value_set(version="1.0.1")),
    ]
    digests = {read(folder(tmp_path / str(number), each))[0].digest for number, each in enumerate(contents)}
    assert len(digests) == len(contents)


def test_narrative_and_snapshots_beside_a_differential_are_not_kept(tmp_path: Path) -> None:
    shown = {"text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Proef</div>'}}
    element = {"id": "Goal", "path": "Goal", "definition": "A goal.", "min": 0, "max": "*"}
    base = {"path": "Goal", "min": 0, "max": "*"}
    only = profile(f"{CANONICAL}-2", snapshot={"element": [{**element, "base": base}]})
    del only["differential"]
    both = {**profile(), "snapshot": only["snapshot"], **shown}
    (found,) = read(folder(tmp_path, files_of(both, only)))
    first, second = (each.resource() for each in sorted(found.artifacts, key=lambda each: each.url))
    assert {"text", "snapshot"}.isdisjoint(first)
    assert "differential" in first
    assert second["snapshot"] == only["snapshot"], "it has nothing else"


def test_a_naming_system_is_known_by_its_uri(tmp_path: Path) -> None:
    numbers = {
        "resourceType": "NamingSystem",
        "name": "Numbers",
        "status": "active",
        "kind": "identifier",
        "date": "2026-01-01",
        "uniqueId": [
            {"type": "oid", "value": "1.2.3"},
            {"type": "uri", "value": "https://packages.example/old"},
            {"type": "uri", "value": "https://packages.example/numbers", "preferred": True},
        ],
    }
    content = {**files_of(profile()), "NamingSystem-numbers.json": json.dumps(numbers).encode()}
    (found,) = read(folder(tmp_path, content))
    assert {each.kind: each.url for each in found.artifacts}["NamingSystem"] == "https://packages.example/numbers"


def test_instances_examples_and_other_files_are_left_out(tmp_path: Path) -> None:
    patient = b'{"resourceType": "Patient", "id": "anna"}'
    others = {
        "Patient-anna.json": patient,
        "broken-patient.xml": b'<Patient xmlns="http://hl7.org/fhir"><nonsense/></Patient>',
        "Examples/ValueSet-shown.json": json.dumps(value_set(url="https://packages.example/shown")).encode(),
        "other/list.json": b"[1, 2]",
        "other/note.json": b'{"note": "no resource"}',
        "other/drawing.xml": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        ".index.json": b"not even JSON",
        "node_modules/x/package.json": b"{",
        "readme.md": b"# Proef",
    }
    (found,) = read(folder(tmp_path, {**colours(), **others}))
    assert len(found.artifacts) == 3
    assert found.left_out == 6
    assert found.remarks == ()


def test_what_stands_twice_or_has_no_url_is_said(tmp_path: Path) -> None:
    nameless = value_set()
    del nameless["url"]
    content = {
        **colours(),
        "b/ValueSet-again.json": json.dumps(value_set()).encode(),
        "c/ValueSet-newer.json": json.dumps(value_set(version="2.0.0")).encode(),
        "d/ValueSet-nameless.json": json.dumps(nameless).encode(),
    }
    (found,) = read(folder(tmp_path, content))
    assert len(found.artifacts) == 4
    assert found.remarks == (
        f"b/ValueSet-again.json is ValueSet {COLOURS} once more; ValueSet-colours.json was kept.",
        "d/ValueSet-nameless.json has no url, so that nothing can mean it, and was left out.",
    )


def test_of_two_that_are_the_same_the_one_with_the_first_name_is_kept_in_whatever_order_they_come(
    tmp_path: Path,
) -> None:
    content = {**colours(), "a/ValueSet.json": json.dumps(value_set(title="The other")).encode()}
    (one,) = read(tarball(tmp_path / "one.tgz", content))
    (other,) = read(tarball(tmp_path / "other.tgz", dict(reversed(content.items()))))
    assert one.digest == other.digest
    assert one.remarks == other.remarks


def test_a_package_of_code_systems_alone_is_read_and_said_to_have_no_profile(tmp_path: Path) -> None:
    (found,) = read(folder(tmp_path, files_of(code_system("red"))))
    assert found.remarks == ("No StructureDefinition is in it.",)


def test_the_manifests_below_a_folder_each_make_a_package(tmp_path: Path) -> None:
    content = {f"one/{name}": each for name, each in colours().items()}
    content |= {
        "two/a/package.json": manifest(name="example.two"),
        f"two/a/{named(profile())}": json.dumps(profile()).encode(),
    }
    content |= {"resources/package.json": b'{"name": "resources", "version": "0.1.0"}', "stray.json": b"{}"}
    one, two = read(folder(tmp_path, content))
    assert (one.name, len(one.artifacts)) == (f"{NAME}#1.0.0", 3)
    assert (two.name, len(two.artifacts)) == ("example.two#1.0.0", 1)
    assert two.remarks == (f"1 more files of {tmp_path.name} are in none of its packages and were left out.",)


def test_the_manifest_in_resources_is_that_of_the_whole(tmp_path: Path) -> None:
    content = colours()
    content["resources/package.json"] = content.pop("package.json")
    (found,) = read(folder(tmp_path, content))
    assert (found.name, len(found.artifacts)) == (f"{NAME}#1.0.0", 3)


def test_profiles_say_for_which_fhir_version_a_package_is_when_its_manifest_does_not(tmp_path: Path) -> None:
    content = {**colours(), "package.json": b'{"name": "example.proef", "version": "1.0.0"}'}
    (found,) = read(folder(tmp_path, content))
    assert found.manifest.fhir_version == "4.0.1"


def bad(**more: Any) -> dict[str, bytes]:
    """A package with one profile that has something else in it."""
    return files_of(profile(**more))


BAD: Final[dict[str, tuple[dict[str, bytes], str]]] = {
    "no manifest": ({named(profile()): json.dumps(profile()).encode()}, "--name NAME#VERSION"),
    "a placeholder": ({**colours(), "package.json": b'{"name": "resources", "version": "1"}'}, "--name NAME#VERSION"),
    "a broken manifest": ({**colours(), "package.json": b"{"}, r"package.json: .* not well-formed JSON"),
    "FHIR 5": (colours(fhirVersions=["5.0.0"]), r"FHIR 5\.0\.0; packages for 4\.0\.x and 3\.0\.x are read"),
    "no FHIR version": (
        files_of(code_system("red"), fhirVersions=None, dependencies=None),
        "says for which FHIR version it is",
    ),
    "a profile of another FHIR version": (bad(fhirVersion="3.0.2"), "proef-goal.json: It is for another FHIR version"),
    "broken JSON": ({**colours(), "b/broken.json": b'{"resourceType": '}, "b/broken.json: .* not well-formed JSON"),
    "broken XML": (
        {**colours(), "broken.xml": b'<ValueSet xmlns="http://hl7.org/fhir"><url'},
        "broken.xml: .* not well-formed XML",
    ),
    "an XML entity": (
        {
            **colours(),
            "entity.xml": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
            b'<ValueSet xmlns="http://hl7.org/fhir"><name value="&a;"/></ValueSet>',
        },
        "entity.xml: .* document type",
    ),
    "an unknown element": (bad(colour="red"), "proef-goal.json: StructureDefinition has no element colour"),
    "a number that is text": (
        bad(differential={"element": [{"id": "Goal", "path": "Goal", "min": "1"}]}),
        "proef-goal.json: This is not a valid unsignedInt",
    ),
    "an element without a path": (
        bad(differential={"element": [{"id": "Goal", "short": "x"}]}),
        "proef-goal.json: The element path is required",
    ),
    "no conformance resource": (
        {"package.json": manifest(), "p.json": b'{"resourceType": "Patient"}'},
        "nothing to install",
    ),
    "no file": ({"package.json": manifest()}, "nothing to install"),
}


@pytest.mark.parametrize(("content", "said"), BAD.values(), ids=list(BAD))
@pytest.mark.parametrize("wrapping", ["folder", "tarball"])
def test_a_package_that_is_not_right_is_refused_saying_why(
    content: dict[str, bytes], said: str, wrapping: str, tmp_path: Path
) -> None:
    path = folder(tmp_path / "p", content) if wrapping == "folder" else tarball(tmp_path / "p.tgz", content)
    with pytest.raises(Invalid) as refusal:
        read(path)
    texts = [refusal.value.diagnostics, *(issue.diagnostics for issue in refusal.value.issues)]
    assert any(re.search(said, text) for text in texts), texts


def test_text_of_a_wrong_form_keeps_nobody_from_using_a_package(tmp_path: Path) -> None:
    element = {"id": "Goal", "path": "Goal", "example": [{"label": "x", "valueUri": "with a space"}]}
    odd = profile(id="x" * 80, date="yesterday", differential={"element": [element]})
    (found,) = read(folder(tmp_path, files_of(odd, value_set())))
    assert len(found.artifacts) == 2
    assert found.remarks == ("1 resources break other rules of FHIR's own, and were kept.",)


def test_every_problem_of_a_package_is_said_at_once(tmp_path: Path) -> None:
    content = {**bad(colour="red"), "a.json": b"{", "z.xml": b'<ValueSet xmlns="http://hl7.org/fhir"><x/></ValueSet>'}
    with pytest.raises(Invalid, match=r"example\.proef#1\.0\.0 cannot be read as it is") as refusal:
        read(folder(tmp_path, content))
    places = [issue.diagnostics.partition(": ")[0] for issue in refusal.value.issues]
    assert places == ["StructureDefinition-proef-goal.json", "a.json", "z.xml"]


def archive_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def member_of(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    ("member", "said"),
    [
        (member_of("package/../../evil.json"), "leads out of the package"),
        (member_of("/etc/evil.json"), "leads out of the package"),
        (member_of("package\\..\\evil.json"), "leads out of the package"),
        (member_of("package/link.json", tarfile.SYMTYPE, "/etc/passwd"), "link or a device"),
        (member_of("package/link.json", tarfile.LNKTYPE, "package/package.json"), "link or a device"),
        (member_of("package/null.json", tarfile.CHRTYPE), "link or a device"),
    ],
    ids=["above", "absolute", "backslash", "symbolic link", "hard link", "device"],
)
def test_a_tarball_that_reaches_outside_is_refused(member: tarfile.TarInfo, said: str, tmp_path: Path) -> None:
    path = archive_of(tmp_path / "p.tgz", (member_of("package/package.json"), manifest()), (member, b""))
    with pytest.raises(Invalid, match=said):
        read(path)
    assert [each.name for each in tmp_path.iterdir()] == ["p.tgz"], "nothing is unpacked"


def test_a_link_that_leads_out_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("{}")
    path = folder(tmp_path / "p", colours())
    (path / "link.json").symlink_to(tmp_path / "secret.json")
    with pytest.raises(Invalid, match=r"link\.json is a link that leads out of the folder"):
        read(path)
    (path / "link.json").unlink()
    (path / "linked").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(Invalid, match="linked is a link that leads out of the folder"):
        read(path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("p.tgz", b"no gzip", "no tarball that can be read"),
        ("p.tgz", gzip.compress(b"no tar", mtime=0), "no tarball that can be read"),
        ("p.tar.gz", b"", "no tarball that can be read"),
        ("p.zip", b"PK", "name a folder, or a file that ends on .tgz or .tar.gz"),
        ("p.json", b"{}", "name a folder, or a file that ends on .tgz or .tar.gz"),
    ],
)
def test_what_is_no_package_is_refused(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(Invalid, match=said):
        read(path)


def test_a_tarball_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = tarball(tmp_path / "p.tgz", colours(*(f"code-{number * 7919}" for number in range(2000))))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Invalid, match="or only a part of one"):
        read(path)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"There is no nothing\.tgz"):
        read(tmp_path / "nothing.tgz")


@pytest.mark.parametrize("wrapping", ["folder", "tarball"])
@pytest.mark.parametrize(
    ("limit", "said"),
    [("LARGEST_FILE", "larger than"), ("LARGEST_PACKAGE", "larger than"), ("MOST_FILES", "more than")],
)
def test_beyond_a_limit_a_package_is_refused(
    limit: str, said: str, wrapping: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = colours(*(f"code-{number}" for number in range(100)))
    path = folder(tmp_path / "p", content) if wrapping == "folder" else tarball(tmp_path / "p.tgz", content)
    monkeypatch.setattr(files, limit, 2)
    with pytest.raises(TooLarge, match=said):
        read(path)


def test_a_small_tarball_that_swells_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST_PACKAGE", 3 * files.MEGABYTE)
    zeros = b"0" * files.MEGABYTE
    path = tarball(tmp_path / "p.tgz", {**colours(), **{f"{number}.txt": zeros for number in range(50)}})
    assert path.stat().st_size < 100_000
    with pytest.raises(ZelfregieError, match="MB unpacked"):
        read(path)
