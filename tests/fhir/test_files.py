"""Files held against FHIR's definitions: each format, and files that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.fhir import definitions, resource
from app.fhir.validation import files
from app.fhir.validation.files import validate_file
from app.fhir.xml import to_xml
from tests.fhir.samples import PATIENT, PRESSURE, VALID, WEIGHT, changed

R4 = definitions.load("4.0.1")


def saved(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", VALID)
def test_a_valid_file_has_no_issues_in_either_format(name: str, tmp_path: Path) -> None:
    assert validate_file(saved(tmp_path, "a.json", resource.encode(VALID[name])), R4) == []
    assert validate_file(saved(tmp_path, "a.xml", to_xml(VALID[name], R4)), R4) == []


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    assert validate_file(saved(tmp_path, "a.JSON", b"\xef\xbb\xbf" + resource.encode(WEIGHT)), R4) == []


def test_an_issue_of_a_file_has_its_place(tmp_path: Path) -> None:
    broken = changed(WEIGHT, status="done")
    for path in (
        saved(tmp_path, "a.json", resource.encode(broken)),
        saved(tmp_path, "a.xml", to_xml(broken, R4)),
    ):
        assert [(issue.code, issue.expression) for issue in validate_file(path, R4)] == [
            ("code-invalid", ("Observation.status",))
        ]


def test_issues_of_ndjson_name_the_line(tmp_path: Path) -> None:
    lines = [
        resource.encode(PATIENT),
        b"",
        resource.encode(changed(WEIGHT, status="done")),
        b"{",
        resource.encode(PRESSURE),
    ]
    issues = validate_file(saved(tmp_path, "a.ndjson", b"\n".join(lines)), R4)
    assert [(issue.diagnostics[:7], issue.code) for issue in issues] == [
        ("Line 3:", "code-invalid"),
        ("Line 4:", "structure"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.txt", b"{}", "not-supported"),
        ("a.json", b"", "structure"),
        ("a.json", b"[]", "structure"),
        ("a.json", b'{"resourceType":"Patient"', "structure"),
        ("a.json", b"\xff\xfe", "structure"),
        ("a.xml", b"<Patient>", "structure"),
        ("a.xml", b'<!DOCTYPE Patient><Patient xmlns="http://hl7.org/fhir"/>', "security"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(name: str, content: bytes, code: str, tmp_path: Path) -> None:
    (issue,) = validate_file(saved(tmp_path, name, content), R4)
    assert issue.code == code


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    (issue,) = validate_file(tmp_path / "none.json", R4)
    assert (issue.code, issue.severity) == ("not-found", "fatal")


def test_a_resource_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = resource.encode(WEIGHT)
    monkeypatch.setattr(files, "LARGEST", len(body) - 1)
    (whole,) = validate_file(saved(tmp_path, "a.json", body), R4)
    (line,) = validate_file(saved(tmp_path, "a.ndjson", body + b"\n" + body), R4)
    assert (whole.code, line.code) == ("too-long", "too-long")
