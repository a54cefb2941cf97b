"""``zelfregie import``: a file of measurements into a record, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import builders
from tests.cli.runner import saved, zelfregie
from tests.measurements.importing.files import csv_of, export_of, record, zipped

pytestmark = pytest.mark.usefixtures("own_settings")


def test_good_lines_are_stored_once_and_the_others_listed(database_url: str, tmp_path: Path) -> None:
    assert zelfregie("migrate", "--database", database_url).exit_code == 0
    patient = saved(tmp_path / "anna.ndjson", builders.patient("anna"))
    assert zelfregie("load", "--database", database_url, patient).exit_code == 0
    file = tmp_path / "metingen.csv"
    file.write_bytes(
        csv_of(
            "02-11-2026;08:00;gewicht;81,5;;kg;;Weegschaal;",
            "02-11-2026;08:10;gewicht;815;;kg;;;",
            "02-11-2026;08:20;gewicht;300;;kg;;;",
            "x;08:00;gewicht;81;;;;;",
        )
    )

    def imported(path: Path, *more: str, patient: str = "anna") -> tuple[int, str]:
        result = zelfregie("import", path, "--patient", patient, "--database", database_url, *more)
        return result.exit_code, result.output

    code, said = imported(file)
    assert code == 1
    assert "4 lines read: 2 stored, 0 there already, 2 refused, 0 left out." in said
    assert "1 hardly ever occur, and are to be confirmed." in said
    assert "metingen.csv:3:" in said
    assert "metingen.csv:5:" in said
    assert "2 there already" in imported(file, "--format", "csv")[1]
    phone = tmp_path / "export.zip"
    phone.write_bytes(zipped(export_of(record("HeartRate", "61", "count/min"), record("FlightsClimbed", "1", "count"))))
    code, said = imported(phone)
    assert (code, "2 lines read: 1 stored" in said, "1 are no measurement of a kind" in said) == (0, True, True)
    assert imported(phone, patient="bram")[0] == 1
    assert imported(phone, "--format", "pdf")[0] == 1
    assert imported(tmp_path / "none.csv")[0] == 1
