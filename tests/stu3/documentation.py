"""What docs/translation.md says of each type, made of the tables and of HL7's definitions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import yaml

from app.fhir.definitions import Element
from app.fhir.stu3 import R4_TYPES
from app.fhir.stu3 import tables as of_tables
from app.fhir.stu3.rules import same_shape
from app.fhir.stu3.sides import R4, STU3, Side
from app.fhir.stu3.tables import Addition, Table, tables

PAGE: Final = Path(__file__).parents[2] / "docs" / "translation.md"
TYPES: Final = Path(of_tables.__file__).with_name("types")
BEGIN: Final = "<!-- made of the tables: python -m tests.stu3.test_added -->"
END: Final = "<!-- until here -->"
WITHIN: Final = {
    "Consent": ("Consent.except", "Consent.provision"),
    "Questionnaire.item": ("Questionnaire.item.option", "Questionnaire.item.answerOption"),
}
"""Backbones that a function of ``special/`` makes of each other, by the path that they are in."""
_EVERYWHERE: Final = frozenset({"extension", "modifierExtension", "contained", "resourceType"})


def paths(table: Table) -> list[tuple[str, str]]:
    """The pairs of paths (STU3, R4) that a table's type consists of: the type, and each backbone that both have."""
    found: list[tuple[str, str]] = []
    left = [(table.stu3, table.r4)]
    while left:
        pair = left.pop(0)
        if pair in found:
            continue
        found.append(pair)
        ours, theirs = STU3.elements(pair[0]), R4.elements(pair[1])
        for name, other in [*((each, each) for each in ours), *_renamed(table, pair[0])]:
            element, counterpart = ours.get(name), theirs.get(other)
            if element is not None and counterpart is not None and "." in element.type and "." in counterpart.type:
                left.append((element.type, counterpart.type))
        if pair[0] in WITHIN:
            left.append(WITHIN[pair[0]])
    return found


def _renamed(table: Table, path: str) -> Iterator[tuple[str, str]]:
    for row in table.rows.get(path, ()):
        if len(row.stu3) == len(row.r4) == 1:
            yield row.stu3[0], row.r4[0]


def expanded(names: tuple[str, ...], elements: dict[str, Element]) -> frozenset[str]:
    """The members that a row names: a choice is all of its types."""
    found = {each for each in names if not each.endswith("[x]")}
    choices = {each.removesuffix("[x]") for each in names if each.endswith("[x]")}
    return frozenset(found | {name for name, element in elements.items() if element.choice in choices})


def ruled(table: Table, path: str, side: Side) -> frozenset[str]:
    """The members of a path of STU3 that rows are for: those of STU3, or those of R4."""
    found: set[str] = set()
    pair = next(each for each in paths(table) if each[0] == path)
    elements = dict(side.elements(pair[0] if side is STU3 else pair[1]))
    for row in table.rows.get(path, ()):
        found |= expanded(row.stu3 if side is STU3 else row.r4, elements)
    if side is R4:
        found |= {each.name for each in table.lifted.get(path, ())}
    return frozenset(found)


def carried(table: Table, stu3: str, r4: str, side: Side) -> list[str]:
    """The members of one version of a path that the other has no place for."""
    ours, theirs = (STU3.elements(stu3), R4.elements(r4)) if side is STU3 else (R4.elements(r4), STU3.elements(stu3))
    apart = table.apart.get(stu3, frozenset())
    known = ruled(table, stu3, side)
    return [each for each in ours if each not in known and (each not in theirs or each in apart)]


def reshaped(table: Table, stu3: str, r4: str) -> list[str]:
    """The members of the same name that are one in one version and several in the other, or of another kind."""
    ours, theirs = STU3.elements(stu3), R4.elements(r4)
    known = ruled(table, stu3, STU3) | table.apart.get(stu3, frozenset()) | _EVERYWHERE
    return [
        name
        for name, element in ours.items()
        if name not in known and name in theirs and not same_shape(STU3, element, R4, theirs[name])
    ]


def additions(table: Table) -> Iterator[tuple[str, str, Addition]]:
    """Version, path with member, and the addition."""
    for version, added in (("R4", table.add_r4), ("STU3", table.add_stu3)):
        for path, each in added.items():
            for addition in each:
                yield version, f"{path}.{addition.name}", addition


def every_addition() -> list[str]:
    """A line for each element that is added in translation."""
    return [_addition(*each) for table in tables().values() for each in additions(table)]


def _addition(version: str, path: str, addition: Addition) -> str:
    what = f"data-absent-reason `{addition.absent}`" if addition.absent else f"`{addition.value}`"
    if addition.derive:
        what = "what follows from the source" + (f", else {what}" if addition.absent else "")
    return f"| `{path}` | {version} | {what} | {addition.why} |"


def reasons(table: Table) -> dict[str, str]:
    """The comment beside a member in a table's file, by member."""
    text = (TYPES / f"{table.stu3}.yaml").read_text("utf-8")
    return dict(re.findall(r"^  (\w+):.*?  # (.+)$", text, re.MULTILINE))


def source(table: Table) -> str:
    """HL7's page with the differences."""
    data = yaml.safe_load((TYPES / f"{table.stu3}.yaml").read_text("utf-8"))
    return str(data["source"])


def made() -> str:
    """The generated part of the page."""
    lines = ["## What is added in translation", "", "| Element | Version | Value | Why |", "|---|---|---|---|"]
    lines += sorted(every_addition())
    for name, table in sorted(tables().items()):
        other = f" ⇄ {table.r4}" if table.r4 != name else ""
        lines += [
            "",
            f"## {name}{other}",
            "",
            f"{'Resource' if name in R4_TYPES else 'Data type'}; {source(table)}",
            "",
        ]
        lines += list(_of_type(table)) or ["The same in both versions."]
    return "\n".join([BEGIN, "", *lines, "", END])


def _of_type(table: Table) -> Iterator[str]:
    why = reasons(table)
    for stu3, r4 in paths(table):
        for row in table.rows.get(stu3, ()):
            codes = {**row.options.get("codes", {})}
            back = row.options.get("back", {})
            said = [f"`{here}` → `{there}`" for here, there in codes.items()]
            said += [f"`{here}` ← `{there}`" for there, here in back.items()]
            names = ", ".join(f"`{stu3}.{each}`" for each in row.stu3), ", ".join(f"`{r4}.{each}`" for each in row.r4)
            way = f" ({row.how})" if row.how else ""
            reason = next((f" {why[each]}" for each in (*row.stu3, *row.r4) if each in why), "")
            yield f"* {names[0]} ⇄ {names[1]}{way}{': ' + ', '.join(said) if said else ''}.{reason}"
        for each in table.lifted.get(stu3, ()):
            yield f"* `{r4}.{each.name}` is the extension `{each.extension}` in STU3."
        if same := reshaped(table, stu3, r4):
            yield f"* Shaped by the definitions: {', '.join(f'`{stu3}.{each}`' for each in same)}."
        for side, path in ((STU3, stu3), (R4, r4)):
            if names_of := carried(table, stu3, r4, side):
                version = "STU3" if side is STU3 else "R4"
                said = [f"`{path}.{each}`{f' ({why[each]})' if each in why else ''}" for each in names_of]
                yield f"* Carried from {version}: {', '.join(said)}."


def with_tables(text: str) -> str:
    """The page with its generated part made anew."""
    return re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: made(), text, flags=re.DOTALL)
