"""What the server refuses in R4, said in STU3. https://hl7.org/fhir/STU3/operationoutcome.html"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from app.errors import Issue, ZelfregieError
from app.fhir.languages import in_both
from app.fhir.resource import Resource
from app.fhir.stu3 import STU3_TYPES
from app.fhir.stu3.sides import RENAMED
from app.fhir.stu3.tables import Row, tables
from app.server.stu3.addresses import Addresses
from app.server.telling import asker, moved

_CODES: Final = {"deleted": "not-found", "multiple-matches": "duplicate"}
"""Codes of issues that R4 has and STU3 does not."""
_SEGMENT: Final = re.compile(r"(?P<name>[A-Za-z0-9]+)(?P<index>\[\d+\])?")
_RENAMED: Final = {r4: stu3 for stu3, r4 in RENAMED.items()}
_NAMES: Final = re.compile(rf"(?<![A-Za-z])({'|'.join(_RENAMED)})(?![A-Za-z])")


def said(text: str) -> str:
    """A text about types of R4, with their names of STU3."""
    return _NAMES.sub(lambda found: _RENAMED[found[1]], text)


def element(expression: str, entries: Mapping[int, str]) -> str:
    """Where an element of R4 stands in STU3, as far as the tables name it: what is put together otherwise there is
    named as a whole. ``entries``: the types of STU3 of the entries of a Bundle.
    """
    segments = expression.split(".")
    made: list[str] = []
    kind = ""
    for place, segment in enumerate(segments):
        found = _SEGMENT.fullmatch(segment)
        if found is None:
            return ".".join([*made, *segments[place:]])
        name, index = found["name"], found["index"] or ""
        row = None
        if not made:
            kind = name = STU3_TYPES.get(name, name)
        elif name == "resource" and made[-1].startswith("entry["):
            kind = entries.get(int(made[-1][6:-1]), "")
        elif kind:
            row = next((each for each in _rows(kind) if name in each.r4), None)
            name = name if row is None else row.stu3[0]
            kind = f"{kind}.{name}"
        if row is not None and row.how:
            return ".".join([*made, name])
        made.append(name + index)
    return ".".join(made)


def _rows(path: str) -> tuple[Row, ...]:
    table = tables().get(path.partition(".")[0])
    return () if table is None else table.rows.get(path, ())


@dataclass(frozen=True, slots=True)
class Speech:
    """Says what the server says in STU3. ``names``: the parameters of a search that have another name there;
    ``entries``: the types of STU3 of the entries of a Bundle; ``within`` is False for what is said in STU3 already.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    entries: Mapping[int, str] = field(default_factory=dict)
    within: bool = True

    def issue(self, given: Issue) -> Issue:
        """One problem."""
        kind = given.kind or (given.code if given.code in _CODES else "")
        if not self.within:
            return replace(given, code=_CODES.get(given.code, given.code), kind=kind)
        expressions = []
        for each in given.expression:
            name = each.removeprefix("http.")
            if name == each:
                expressions.append(element(each, self.entries))
                continue
            expressions.append(f"http.{self.names.get(name, name)}")
        return replace(
            given,
            code=_CODES.get(given.code, given.code),
            diagnostics=in_both(given.diagnostics, self._said),
            expression=tuple(expressions),
            kind=kind,
            facts=tuple((name, said(text)) for name, text in given.facts),
        )

    def _said(self, text: str) -> str:
        return said(self._named(text))

    def _named(self, text: str) -> str:
        """Parameters by their names of STU3: at the beginning of what is said of one, and between quotes."""
        for r4, stu3 in self.names.items():
            if text.startswith(f"{r4}:"):
                text = f"{stu3}{text[len(r4) :]}"
            text = text.replace(f"'{r4}'", f"'{stu3}'").replace(f"'{r4}:", f"'{stu3}:")
        return text

    def refusal(self, error: ZelfregieError, addresses: Addresses) -> ZelfregieError:
        """A whole refusal, with what its headers say."""
        headers = []
        for name, value in error.headers:
            if name.lower() == "allow":
                headers.append((name, without_patch(value)))
            else:
                located = name.lower() in ("location", "content-location")
                headers.append((name, addresses.url_to_stu3(value) if located else value))
        return replace(
            error,
            code=_CODES.get(error.code, error.code),
            diagnostics=in_both(error.diagnostics, said) if self.within else error.diagnostics,
            issues=tuple(self.issue(each) for each in error.issues),
            headers=tuple(headers),
            kind=error.kind or (error.code if error.code in _CODES else ""),
        )

    def outcome(self, given: Resource) -> Resource:
        """An OperationOutcome of the server."""
        listed = []
        language = asker().language
        for each in given.get("issue", ()):
            places = tuple(each.get("expression", ()))
            read = self.issue(Issue(each["code"], each.get("diagnostics", ""), places))
            row = {**each, "code": read.code}
            if "diagnostics" in each:
                row["diagnostics"] = read.diagnostics
            if read.expression:
                row["expression"] = list(read.expression)
            details = each.get("details", {})
            if self.within and language is not None and "text" in details:  # one that was stored may have none
                row["details"] = {**details, "text": said(moved(details["text"], places, read.expression, language))}
            listed.append(row)
        return {**given, "issue": listed}


def without_patch(allow: str) -> str:
    """The methods of an address, without the one that STU3 does not have here."""
    return ", ".join(each for each in allow.split(", ") if each != "PATCH")
