"""The pages of code systems and of value sets. https://hl7.org/fhir/R4/terminology-module.html"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.cli.authoring.pages.codes import MOST, codes_table, concepts_table, selected
from app.cli.authoring.pages.links import INDEX, Links
from app.cli.authoring.pages.markdown import code, fenced, link, pairs, paragraphs, table, text, title_of
from app.cli.authoring.pages.profile import GENERATED
from app.fhir.resource import Resource


def code_systems_page(links: Links) -> str:
    """Every code system with its concepts."""
    found = sorted(links.content.of_type("CodeSystem"), key=lambda each: str(each["id"]))
    return paragraphs(
        GENERATED,
        "# Code systems",
        "Codes that no other code system has. Each has words in Dutch (`nl`) and English (`en`); both are given by"
        " `$lookup` and `$expand` with `displayLanguage`.",
        fenced(f"GET CodeSystem/$lookup?system={found[0]['url']}&code=…&displayLanguage=nl", "http") if found else "",
        _list(found, links),
        *(part for each in found for part in _code_system(each, links)),
        f"All profiles: {link('index', INDEX)}",
    )


def _code_system(system: Resource, links: Links) -> Iterator[str]:
    yield f"## {system['id']}"
    yield f"**{text(title_of(system))}.** {text(system.get('description', ''))}"
    rows = [("System", code(system["url"])), ("Definition", links.file(links.path_of(system)))]
    if value_set := system.get("valueSet"):
        rows.insert(1, ("All codes", links.definition(value_set)))
    yield pairs(rows)
    yield concepts_table(system.get("concept", ()), system.get("language", "en"))


def value_sets_page(links: Links) -> str:
    """Every value set with its codes."""
    found = sorted(links.content.of_type("ValueSet"), key=lambda each: str(each["id"]))
    return paragraphs(
        GENERATED,
        "# Value sets",
        "Which codes may stand where. Of code systems that are not ours the codes are named here, and their words come"
        " from whoever installs them.",
        fenced(f"GET ValueSet/$expand?url={found[0]['url']}&displayLanguage=nl", "http") if found else "",
        _list(found, links),
        *(part for each in found for part in _value_set(each, links)),
        f"All profiles: {link('index', INDEX)}",
    )


def _list(found: list[Resource], links: Links) -> str:
    rows = [(code(each["id"]), links.definition(each["url"])) for each in found]
    return table(("Id", "What"), rows)


def _value_set(value_set: Resource, links: Links) -> Iterator[str]:
    yield f"## {value_set['id']}"
    yield f"**{text(title_of(value_set))}.** {text(value_set.get('description', ''))}"
    users = [each["url"] for each in (*links.profiles, *links.extensions) if _binds(each, value_set["url"])]
    rows = [
        ("Canonical", code(value_set["url"])),
        ("From", ", ".join(dict.fromkeys(_sources(value_set, links)))),
        ("Used by", links.listed(users)),
        ("Definition", links.file(links.path_of(value_set))),
    ]
    yield pairs(rows)
    codes = selected(links.content, value_set["url"])
    yield codes_table(codes[:MOST])
    if len(codes) > MOST:
        yield f"And {len(codes) - MOST} more."


def _sources(value_set: Resource, links: Links) -> Iterator[str]:
    include: list[dict[str, Any]] = value_set.get("compose", {}).get("include", [])
    for each in include:
        if "system" in each:
            yield links.definition(each["system"])
        yield from map(links.definition, each.get("valueSet", ()))


def _binds(structure: Resource, canonical: str) -> bool:
    return any(
        element.get("binding", {}).get("valueSet", "").partition("|")[0] == canonical
        for element in structure["differential"]["element"]
    )
