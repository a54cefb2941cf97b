"""``docs/stu3.md`` has the map of search parameters, made from the data.

``python -m tests.stu3.test_border_documentation`` makes it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from app.fhir.definitions import load
from app.fhir.stu3 import R4_TYPES
from app.fhir.stu3.searching import NotOffered, Offered, Wanted, parameters

PAGE: Final = Path(__file__).parents[2] / "docs" / "stu3.md"
BEGIN: Final = "<!-- parameters: made from app/fhir/stu3/searching.yaml -->\n"
END: Final = "<!-- end of parameters -->\n"
_NOT_STORED: Final = frozenset({"OperationOutcome", "Parameters"})
_EVERYWHERE: Final = frozenset({"_content", "_text", "_query", "_profile", "_list", "_source"})


def lines() -> Iterator[str]:
    """A table of what differs, per type."""
    yield "| Type | STU3 | R4, or why it is not offered |"
    yield "|---|---|---|"
    for name in sorted(R4_TYPES.keys() - _NOT_STORED):
        for code, each in sorted(parameters(name).items()):
            if code in _EVERYWHERE:
                continue
            if isinstance(each, NotOffered):
                yield f"| {name} | `{code}` | not offered: {each.why} |"
            elif said := _said(name, each):
                yield f"| {name} | `{code}` | {said} |"


def _said(name: str, each: Offered) -> str:
    standard = each.code in load("3.0.1").search_parameters[name]
    said = [] if standard and each.r4 == each.code else [f"`{each.r4}`"]
    said += [f"`{code}`: {_wanted(wanted)}" for code, wanted in each.codes.items()]
    said += [f"system {r4}" for r4 in each.systems.values()]
    if not standard:
        said.append(each.url)
    return "; ".join(said)


def _wanted(wanted: Wanted) -> str:
    if wanted.refused:
        return f"refused: {wanted.refused}"
    if wanted.none_of:
        return f"not `{wanted.none_of}`"
    if wanted.all_of:
        return " and ".join(f"`{name}={code}`" for name, code in wanted.all_of)
    return " or ".join(f"`{each}`" for each in wanted.any_of)


def made() -> str:
    """The page with the map as it is now."""
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    table = "\n".join(lines())
    return f"{before}{BEGIN}\n{table}\n\n{END}{after}"


def test_the_page_has_the_map_as_it_is() -> None:
    assert PAGE.read_text("utf-8") == made()


if __name__ == "__main__":
    PAGE.write_text(made(), "utf-8")
