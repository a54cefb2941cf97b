"""A million records of Apple Health through the API, on SQLite: all of them counted, none twice, in bounded memory. The
rate is reported, and no test fails on it.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx
import pytest

from app.fhir.dates import bounds
from app.fhir.resource import Resource, decode
from tests.measurements.importing.files import by_name, counted, parameter
from tests.process import Process, serving
from tests.server.service import Caller
from tests.service import SECRET
from tests.soak.phone import ADDED_UP, KEPT, YEARS, shares, write_zip

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]

RECORDS: Final = int(os.environ.get("ZELFREGIE_IMPORT_RECORDS", "1000000"))
MOST_MEMORY: Final = 300 * 1024 * 1024
"""Private bytes of the process."""
_PRIVATE: Final = re.compile(r"RssAnon:\s+(\d+) kB")
_TICK: Final = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def setting() -> str:
    """The figure is SQLite's."""
    return "sqlite"


def private_memory(process: Process) -> int:
    found = _PRIVATE.search(Path(f"/proc/{process.popen.pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def processor_seconds(process: Process) -> float:
    fields = Path(f"/proc/{process.popen.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


async def followed(caller: Caller, address: str, process: Process) -> tuple[Resource, int]:
    """How the import ended, and the most memory that the process had meanwhile."""
    most = 0
    while True:
        answer = await caller.get(address)
        most = max(most, private_memory(process))
        if answer.status_code == 200:
            return decode(answer.content), most
        assert answer.status_code == 202, answer.text
        await asyncio.sleep(0.5)


async def test_a_million_records_of_a_phone_are_imported(
    durable_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = io.BytesIO()
    size = write_zip(file, RECORDS)
    counts = shares(RECORDS)
    total, kept, days = sum(counts.values()), sum(counts[each] for each in KEPT), YEARS * 365 + 1
    with ExitStack() as stack:
        process = stack.enter_context(
            serving(tmp_path / "state", "serve", "--database", durable_url, more={"ZELFREGIE_SECRET": SECRET})
        )
        async with httpx.AsyncClient(base_url=process.address, timeout=120) as http:
            anna = Caller(http, "anna")
            path, headers = "/Observation/$import-measurements", {"content-type": "application/zip"}
            before = processor_seconds(process)
            answer = await anna.post(path, file.getvalue(), headers)
            assert answer.status_code == 202, answer.text
            status, most = await followed(anna, answer.headers["content-location"], process)
            used = processor_seconds(process) - before
            seconds = (bounds(parameter(status, "ended"))[0] - bounds(parameter(status, "asked"))[0]) / 1e6
            said = (
                f"{total} records ({size / 1e6:.0f} MB of XML) in {seconds:.0f} s: {total / seconds:.0f} records/s,"
                f" {total / used:.0f} per second of processor; {most / 1024**2:.0f} MB private"
            )
            with capfd.disabled():
                sys.stdout.write(f"\n{said}\n")
            assert parameter(status, "state") == "ready"
            assert counted(status, "read", "refused") == [total, 0]
            stored, same = counted(status, "stored", "same")
            by_kind = by_name(status, "kind")
            # Two records of a type in one second with one value are one measurement.
            assert by_kind["heart-rate"] + by_kind["respiration"] + by_kind["oxygen-saturation"] + same == kept
            assert stored - kept + same == sum(by_kind[each] for each in ("steps", "activity-minutes", "sleep"))
            assert by_kind["steps"] in range(days - 3, days + 2)
            unused = by_name(status, "unused")
            left = sum(number for name, number in unused.items() if not name.startswith("less:"))
            assert left == total - kept - sum(counts[each] for each in ADDED_UP)
            found = decode((await anna.get("/Observation?code=8867-4&_summary=count")).content)
            assert found["total"] == by_kind["heart-rate"]
            assert most <= MOST_MEMORY, said
            again = await anna.post(path, file.getvalue(), headers)
            status, most = await followed(anna, again.headers["content-location"], process)
            assert counted(status, "read", "stored", "same") == [total, 0, stored + same]
            assert most <= MOST_MEMORY
        process.stop()
