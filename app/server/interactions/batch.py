"""batch: every entry is a request of its own. https://hl7.org/fhir/R4/http.html#brules

Entries are carried out one after the other, in their order, each in a transaction of its own; what goes wrong with one
is its own answer. The audit log has a line for each, and one for the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from app.errors import Issue, Unprocessable, ZelfregieError
from app.fhir.resource import Resource, parse_reference, walk_dicts
from app.fhir.validation import validate
from app.server.access import Access
from app.server.bundles import bundle_of
from app.server.interactions.carrying_out import Find
from app.server.interactions.entries import (
    answer_to,
    check_count,
    own_request,
    refused,
    response_entry,
    split_url,
)
from app.server.messages import Answer, Request
from app.server.server import FhirServer
from app.server.store.read import check_guard

_ONE: Final = "Bundle.entry[0]"


async def batch(server: FhirServer, request: Request, bundle: Resource, find: Find) -> Answer:
    """``POST [base]`` with a Bundle of type batch. Raises only for what is wrong with the Bundle around the entries."""
    entries = _entries(server, bundle)
    await check_guard(server.database, request.access, request.now)
    names = Names.of(server, request.access, entries)
    asked = request.prefers("return=representation")
    answers: list[Answer] = []
    listed: list[bytes] = []
    size = 0
    for index, entry in enumerate(entries):
        own = _own_request(server, request, entry, index=index, names=names)
        answer = own if isinstance(own, Answer) else await answer_to(server, request, own, find, before=size)
        method = entry["request"]["method"] if answer.status < 400 else ""
        listed.append(response_entry(answer, method=method, asked=asked))
        size += len(listed[-1])
        answer.body = b""  # what is left of it is its line in the audit log
        answers.append(answer)
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


@dataclass(frozen=True, slots=True)
class Names:
    """What references to the entries of a batch would lead to: ``known`` gives what a Patient entry stands for, which
    is not made but was there before; ``made`` are entries that only get an id when they are carried out.
    """

    known: Mapping[str, str]
    made: Mapping[str, int]
    first: Mapping[str, int]

    @classmethod
    def of(cls, server: FhirServer, access: Access, entries: Sequence[Any]) -> Names:
        """The names that entries have, read before the entries are known to be valid."""
        known: dict[str, str] = {}
        made: dict[str, int] = {}
        first: dict[str, int] = {}
        for index, entry in enumerate(entries):
            url = entry.get("fullUrl") if isinstance(entry, dict) else None
            asked = entry.get("request") if isinstance(entry, dict) else None
            if not isinstance(url, str) or not isinstance(asked, dict):
                continue
            first.setdefault(url, index)
            patient = _patient(server, access, asked)
            if patient:
                known.setdefault(url, patient)
            elif asked.get("method") == "POST" or url.startswith("urn:"):
                made.setdefault(url, index)
        return cls(known, made, first)

    def follow(self, index: int, entry: dict[str, Any]) -> list[Issue]:
        """Point the entry's references, in place, at what is known; the issues of those to what is not there yet."""
        if not (self.known or self.made):
            return []
        base = parse_reference(entry.get("fullUrl", ""))
        issues = []
        for each in walk_dicts(entry["resource"]):
            text = each.get("reference")
            if not isinstance(text, str):
                continue
            full = text if base is None or parse_reference(text) is None else base.base + text
            name = text if text in self.known or text in self.made else full
            if name in self.known:
                each["reference"] = self.known[name]
            elif name in self.made:
                where = f"entry {self.made[name]}" if self.made[name] != index else "itself"
                said = f"This entry refers to {where}, and entries of a batch cannot refer to each other."
                place = f"Bundle.entry[{index}].resource"
                issues.append(Issue("business-rule", f"{said} Send a transaction.", (place,)))
        return issues


def _patient(server: FhirServer, access: Access, asked: dict[str, Any]) -> str:
    """The Patient that an entry means who is there already; empty where it means none, or makes one."""
    try:
        path, query = split_url(server, asked["url"])
    except (ZelfregieError, KeyError, AttributeError):
        return ""
    if path[:1] != ["Patient"] or query:
        return ""
    if asked.get("method") == "PUT" and len(path) == 2:
        return f"Patient/{path[1]}"
    posts = asked.get("method") == "POST" and len(path) == 1 and access.patient_id and not access.everyone
    return f"Patient/{access.patient_id}" if posts else ""


def _own_request(server: FhirServer, request: Request, entry: Any, *, index: int, names: Names) -> Request | Answer:
    """The request that an entry stands for, or the refusal of one that is put wrongly."""
    issues = _issues(server, entry, index)
    if not issues and names.first.get(entry.get("fullUrl"), index) != index:
        text = f"The fullUrl is also that of entry {names.first[entry['fullUrl']]}."
        issues = [Issue("duplicate", text, (f"Bundle.entry[{index}].fullUrl",))]
    if not issues and "resource" in entry:
        issues = names.follow(index, entry)
    if issues:
        return refused(Unprocessable("The entry cannot be carried out.", issues=tuple(issues)))
    try:
        return own_request(server, request, entry)
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
