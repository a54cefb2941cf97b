"""batch: every entry is a request of its own. https://hl7.org/fhir/R4/http.html#brules

Entries are carried out one after the other, in their order, each in a transaction of its own; what goes wrong with one
is its own answer. The audit log has a line for each, and one for the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from app.errors import Issue, Unprocessable, ZelfregieError
from app.fhir.resource import Resource
from app.fhir.validation import validate
from app.server.bundles import bundle_of
from app.server.interactions.carrying_out import Find
from app.server.interactions.entries import (
    answer_to,
    check_count,
    own_request,
    refused,
    response_entry,
)
from app.server.interactions.taking.batches import GivenBatch, told_besides
from app.server.interactions.taking.names import Names
from app.server.messages import Answer, Request
from app.server.server import FhirServer
from app.server.store.read import check_guard

_ONE: Final = "Bundle.entry[0]"


async def batch(
    server: FhirServer, request: Request, bundle: Resource, find: Find, *, may_hold_bsn: bool = True
) -> Answer:
    """``POST [base]`` with a Bundle of type batch. Raises only for what is wrong with the Bundle around the entries."""
    entries = _entries(server, bundle)
    await check_guard(server.database, request.access, request.now)
    names = Names.of(server, request.access, entries)
    given = await GivenBatch.of(server, request, bundle, may_hold_bsn=may_hold_bsn)
    if given is not None:
        names = given.names(names)
        find = given.finding(find)
    asked = request.prefers("return=representation")
    answers: list[Answer] = []
    listed: list[bytes] = []
    size = 0
    for index, entry in enumerate(entries):
        own = _own_request(server, request, entry, index=index, names=names)
        met = None if given is None else await given.met(index)
        if met is not None:
            answer = met
        else:
            answer = own if isinstance(own, Answer) else await answer_to(server, request, own, find, before=size)
        if given is not None:
            await given.answered(index, entry, answer, names)
        method = entry["request"]["method"] if answer.status < 400 else ""
        listed.append(response_entry(answer, method=method, asked=asked))
        size += len(listed[-1])
        answer.body = b""  # what is left of it is its line in the audit log
        answers.append(answer)
    if given is not None:
        for index, issue in (await given.account(answers)).items():
            listed[index] = told_besides(listed[index], issue)
    return Answer(
        200,
        bundle_of("batch-response", [], listed),
        interaction="batch",
        type="Bundle",
        wrote=any(answer.wrote for answer in answers),
        parts=answers,
    )


def _entries(server: FhirServer, bundle: Resource) -> Sequence[Any]:
    """The entries as they are. Raises ``Unprocessable`` for the Bundle around them, ``Invalid`` for too many."""
    entries = bundle.get("entry", ())
    around = bundle
    if isinstance(entries, list) and entries:
        around = {name: value for name, value in bundle.items() if name != "entry"}
    issues = validate(around, server.definitions)
    if any(issue.severity in ("error", "fatal") for issue in issues):
        raise Unprocessable("The batch is not valid FHIR R4; none of it was carried out.", issues=tuple(issues))
    check_count("batch", len(entries))
    return entries  # type: ignore[no-any-return]


def _own_request(server: FhirServer, request: Request, entry: Any, *, index: int, names: Names) -> Request | Answer:
    """The request that an entry stands for, or the refusal of one that is put wrongly."""
    if index in request.refused:
        return refused(request.refused[index].error)
    issues = _issues(server, entry, index)
    if not issues and names.first.get(entry.get("fullUrl"), index) != index:
        text = f"The fullUrl is also that of entry {names.first[entry['fullUrl']]}."
        issues = [Issue("duplicate", text, (f"Bundle.entry[{index}].fullUrl",))]
    if not issues and "resource" in entry:
        issues = names.follow(index, entry)
    if issues:
        return refused(Unprocessable("The entry cannot be carried out.", issues=tuple(issues)))
    try:
        made = own_request(server, request, entry)
        made.full_url = entry.get("fullUrl", "")
        return made
    except ZelfregieError as error:
        listed = tuple(replace(each, expression=(f"Bundle.entry[{index}]",)) for each in error.all_issues())
        return refused(replace(error, issues=listed))


def _issues(server: FhirServer, entry: Any, index: int) -> list[Issue]:
    """What is wrong with the entry around its resource, which is validated by the interaction that gets it."""
    alone = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
    if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
        alone["entry"] = [{name: value for name, value in entry.items() if name != "resource"}]
    return [
        replace(issue, expression=tuple(_placed(each, index) for each in issue.expression))
        for issue in validate(alone, server.definitions)
        if issue.severity in ("error", "fatal")
    ]


def _placed(expression: str, index: int) -> str:
    """What was said of the only entry, or of the Bundle around it, is said of the entry in its place."""
    return f"Bundle.entry[{index}]{expression.removeprefix(_ONE) if expression.startswith(_ONE) else ''}"
