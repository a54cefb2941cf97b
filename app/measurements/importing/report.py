"""How an import is, and what there is to say of its lines: as Parameters, as OperationOutcome, and as a file.

https://hl7.org/fhir/R4/operationoutcome.html https://www.rfc-editor.org/rfc/rfc4180
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from typing import Final

from app.errors import Issue, Severity
from app.fhir.dates import instant
from app.fhir.languages import Both
from app.fhir.resource import Resource
from app.measurements.importing.counting import LEFT_OUT, OUTCOMES, Told
from app.measurements.importing.jobs import Job
from app.server.outcomes import outcome

PAGE: Final = 1000
"""Rows of the report in one answer."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def parameters_of(job: Job, address: str) -> Resource:
    """How far it is. ``address``: that of its report."""
    counts = job.counts
    listed: list[Resource] = [
        {"name": "job", "valueString": job.id},
        {"name": "state", "valueCode": job.state},
        *([{"name": "reason", "valueCode": job.reason}] if job.reason else []),
        {"name": "format", "valueCode": job.format},
        {"name": "asked", "valueInstant": instant(job.created)},
        *([{"name": "ended", "valueInstant": instant(job.finished)}] if job.finished else []),
        {"name": "read", "valueInteger": counts.read},
        *({"name": name, "valueInteger": counts.outcomes[name]} for name in OUTCOMES),
    ]
    for name, counted in (("kind", counts.kinds), ("rule", counts.rules), ("unused", counts.unused)):
        listed += [
            {"name": name, "part": [{"name": "name", "valueString": each}, {"name": "count", "valueInteger": number}]}
            for each, number in sorted(counted.items())
        ]
    listed.append({"name": "report", "valueUrl": address})
    return {"resourceType": "Parameters", "parameter": listed}


def outcome_of(job: Job, rows: Sequence[Told], *, first: int) -> Resource:
    """A page of the report; ``first``: the place of its first row, from 0."""
    issues = [
        Issue(
            "business-rule" if each.severity == "error" else "informational",
            Both(f"Line {each.line}: {each.en}", f"Regel {each.line}: {each.nl}"),
            (f"line[{each.line}]{f'.{each.place}' if each.place else ''}",),
            severity=_severity(each.severity),
            rule=each.rule,
        )
        for each in rows
    ]
    if not issues:
        stored, left = job.counts.outcomes["stored"], job.counts.outcomes[LEFT_OUT]
        text = f"There is nothing (more) to say of the lines. Stored: {stored}; left out: {left}."
        issues = [Issue("informational", text, severity="information")]
    elif first + len(rows) >= job.counts.told < sum(job.counts.rules.values()):
        more = sum(job.counts.rules.values()) - job.counts.told
        text = f"{more} more are counted by rule in the progress, and not listed."
        issues.append(Issue("informational", text, severity="information"))
    return outcome(issues)


def file_of(rows: Sequence[Told]) -> bytes:
    """The report for a spreadsheet: UTF-8 with its mark, a semicolon between fields."""
    out = StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(["regel", "ernst", "code", "plaats", "nederlands", "english"])
    for each in rows:
        fields = [each.rule, each.place, each.nl, each.en]
        writer.writerow([each.line, each.severity, *map(_plain, fields)])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _plain(text: str) -> str:
    """As text, also for a spreadsheet that would calculate it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _severity(said: str) -> Severity:
    if said in ("error", "fatal"):
        return "error"
    return "warning" if said == "warning" else "information"
