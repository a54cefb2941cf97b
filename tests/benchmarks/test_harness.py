"""The harness counts right: statistics, processes, requests that are never the same twice, the report's verdicts."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import processes, profile_check
from benchmarks.dataset import write_patients
from benchmarks.figures import Figure, percentile, ratio
from benchmarks.goals import OPERATIONS, PRACTICE_OPERATIONS, Operation
from benchmarks.load import Round, times
from benchmarks.profile_check import ProfileCheck, available, measure
from benchmarks.report import Section, quoted, render_section, verdict
from benchmarks.rounds import Comparison, Cost, Sample
from benchmarks.sides import sandbox
from benchmarks.workload import BUILDERS, PRACTICE_TOKEN, build, read_patients, token

FIGURES = st.lists(st.floats(min_value=0.001, max_value=1e6), min_size=1, max_size=50)


def test_percentile_is_the_nearest_rank() -> None:
    values = [float(value) for value in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.95), percentile(values, 1.0)) == (50, 95, 100)
    assert percentile([3.0], 0.95) == 3.0
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


@given(FIGURES, st.floats(min_value=0.01, max_value=1))
def test_percentile_is_one_of_the_values_and_covers_its_share(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= round(share * 1000) / 1000 * len(values) - 1e-9


def test_spread_is_the_distance_of_the_quartiles_over_the_median() -> None:
    figure = Figure((1.0, 1.1, 1.2, 1.3, 1.4))
    assert figure.median == 1.2
    assert figure.spread == pytest.approx(0.2 / 1.2)
    assert not figure.measured
    assert Figure((1.0, 1.01, 1.02, 9.0, 1.0)).measured, "one disturbed round of five"


@given(FIGURES, st.floats(min_value=0.1, max_value=10))
def test_spread_does_not_depend_on_the_unit(values: list[float], factor: float) -> None:
    scaled = Figure(tuple(value * factor for value in values))
    assert scaled.spread == pytest.approx(Figure(tuple(values)).spread)


def test_ratio_is_taken_round_by_round() -> None:
    assert ratio([2.0, 20.0], [1.0, 10.0]) == Figure((2.0, 2.0))
    with pytest.raises(ValueError, match="shorter"):
        ratio([1.0, 2.0], [1.0])


def test_a_restless_figure_is_not_measured_and_meets_no_goal() -> None:
    restless, calm = Figure((1.0, 1.5, 2.0)), Figure((1.4, 1.5, 1.6))
    assert quoted(restless) == "not measured (1.50 ×, ±33%)"
    assert verdict(restless, 2.0) == "–"
    assert quoted(calm) == "1.50 ×, ±7%"
    assert (verdict(calm, 1.5), verdict(calm, 1.4), verdict(calm, None)) == ("yes", "**no**", "–")


def test_what_a_profile_costs_is_reported_beside_its_goal() -> None:
    calm = Figure((300.0, 310.0, 305.0))
    text = profile_check.render(ProfileCheck(calm, calm, Figure((1.0, 2.0, 3.0)), 271, 90.4))
    assert "| nl-core-BloodPressure | 305.00 µs, ±2% | ≤ 400 µs | yes |" in text
    assert "271 examples, on average | not measured (2.00 µs, ±50%) | – | – |" in text
    assert "which compiles it: 90 ms. Rounds: 300, 310, 305 µs." in text
    slow = profile_check.render(ProfileCheck(Figure((500.0, 510.0)), calm, calm, 271, 90.4))
    assert "≤ 400 µs | **no** |" in slow


def test_a_profile_check_is_measured_where_the_packages_are(fhir_definitions: Path) -> None:
    assert available()
    found = measure(rounds=2, turn=1)
    assert found.examples > 200
    for figure in (found.checked, found.structure, found.average):
        assert len(figure.rounds) == 2
        assert min(figure.rounds) > 0
    assert found.first > 0


def test_without_the_packages_nothing_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZELFREGIE_FHIR_DEFINITIONS", str(tmp_path))
    assert not available()


def cost(cpu: float) -> Cost:
    return Cost((Sample(cpu, (Round(requests=100, seconds=0.5, p50=1, p95=2, failed=0, failures=()),)),))


def test_an_operation_without_goal_or_peer_is_reported_without_a_verdict() -> None:
    with_goal = Operation("read", "read by id", 2.0, 1.6, "Peer", 150)
    without = Operation("has", "search `_has`")
    comparisons = tuple(Comparison(each, cost(300), cost(100), cost(50)) for each in (with_goal, without))
    section = Section("sqlite", "", comparisons, 10**8, "0", "0", "2 patients × 13 resources")
    lines = render_section(section, ("service", "floor")).splitlines()
    costs, rates = ([line for line in lines if line.startswith(f"| {each.title} |")] for each in (with_goal, without))
    assert "| 3.00 ×, ±0% | ≤ 2.0 × | **no** | 6.00 ×, ±0% |" in costs[0]
    assert "| 150 (Peer) | yes |" in costs[1]
    assert "| 3.00 ×, ±0% | – | – | 6.00 ×, ±0% |" in rates[0]
    assert "| 2.00 | – | – | – | – |" in rates[1]


def test_every_operation_has_requests_and_reads_come_before_writes() -> None:
    assert {each.name for each in (*OPERATIONS, *PRACTICE_OPERATIONS)} <= set(BUILDERS)
    writes = [bool(each.resources) for each in OPERATIONS]
    assert writes == sorted(writes)


def test_a_practice_has_one_token_for_all_patients_who_otherwise_have_one_each(tmp_path: Path) -> None:
    file = write_patients(tmp_path, patients=3, resources=13)
    ids = [patient.id for patient in read_patients(file)]
    own = yaml.safe_load(sandbox(file, tmp_path / "own.yaml").read_text())["tokens"]
    practice = yaml.safe_load(sandbox(file, tmp_path / "practice.yaml", practice=True).read_text())["tokens"]
    assert [own[token(each)]["patient"] for each in ids] == ids
    assert practice[PRACTICE_TOKEN]["patients"] == ids
    assert PRACTICE_TOKEN not in own
    assert not {token(each) for each in ids} & set(practice)


def test_cpu_and_bytes_of_children_and_threads_are_counted(tmp_path: Path) -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass\n"
    program = (
        f"import subprocess, sys, threading, time, os\nburn = {burn!r}\n"
        "def work():\n    until = time.thread_time() + 0.2\n    while time.thread_time() < until: pass\n"
        "thread = threading.Thread(target=work); thread.start(); thread.join()\n"
        "subprocess.run([sys.executable, '-c', burn])\n"
        "file = open('bytes', 'wb'); file.write(b'x' * 1_000_000); file.flush(); os.fsync(file.fileno())\n"
        "print(flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert process.pid in processes.members([process.pid])
        used = processes.usage([process.pid])
        assert used.cpu_ns >= 390_000_000, "0.2 s in a thread that ended, 0.2 s in a child that ended"
        if used.written:  # a folder in memory writes to no device
            assert used.written >= 1_000_000
        assert processes.private_bytes(process.pid) > 1_000_000
        assert processes.parent(process.pid) == os.getpid()
        process.communicate()


@pytest.mark.parametrize("operation", BUILDERS)
def test_requests_are_the_same_for_every_side_and_complete(operation: str, tmp_path: Path) -> None:
    patients = read_patients(write_patients(tmp_path, patients=2))
    requests = build(operation, patients)
    assert requests == build(operation, patients)
    for request in requests[:20]:
        head, _, body = request.render(times()).partition(b"\r\n\r\n")
        length = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length: ")]
        assert length == ([] if head.startswith(b"GET ") else [b"Content-Length: %d" % len(body)])
        bearer = PRACTICE_TOKEN if operation == "practice" else "bench-bulk-"
        assert f"Authorization: Bearer {bearer}".encode() in head


def test_no_two_writes_are_the_same_reading(tmp_path: Path) -> None:
    patients = read_patients(write_patients(tmp_path, patients=1))
    slots = times()
    sent = [request.render(slots) for _ in range(2) for request in build("transaction", patients)]
    assert len(set(sent)) == len(sent)
    assert len(set(islice(times(), 100_000))) == 100_000


def test_load_is_drawn_from_all_patients_of_a_large_file(tmp_path: Path) -> None:
    file = write_patients(tmp_path, patients=10)
    drawn = read_patients(file, patients=4, resources=20)
    assert [len(patient.resources) for patient in drawn] == [20] * 4
    assert all(patient.resources[0]["resourceType"] == "Patient" for patient in drawn)
    assert len({patient.id for patient in drawn}) == 4
