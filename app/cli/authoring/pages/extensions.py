"""The page of all extensions. https://hl7.org/fhir/R4/defining-extensions.html"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.cli.authoring.pages.elements import facts, type_words
from app.cli.authoring.pages.links import INDEX, Links
from app.cli.authoring.pages.markdown import (
    INDENT,
    code,
    json,
    link,
    pairs,
    paragraphs,
    sentence,
    table,
    text,
    title_of,
)
from app.cli.authoring.pages.profile import GENERATED
from app.fhir.profiles.snapshot import snapshot_of
from app.fhir.resource import Resource, walk_dicts


def extensions_page(links: Links) -> str:
    """The whole page."""
    return paragraphs(
        GENERATED,
        "# Extensions",
        "What FHIR has no element for. Each says in which element it may stand; whoever does not know one may leave it"
        " be, as none of them changes what the elements around it mean.",
        table(
            ("Extension", "What for"),
            [(links.definition(each["url"]), text(title_of(each))) for each in links.extensions],
        ),
        *(part for each in links.extensions for part in _section(each, links)),
        f"All profiles: {link('index', INDEX)}",
    )


def _section(extension: Resource, links: Links) -> Iterator[str]:
    url: str = extension["url"]
    yield f"## {extension['id']}"
    yield f"**{text(title_of(extension))}.** {text(extension.get('description', ''))}"
    used = [each["url"] for each in links.profiles if _uses(each, url)]
    rows = [
        ("Canonical", code(url)),
        ("Stands in", ", ".join(code(each["expression"]) for each in extension.get("context", ()))),
        ("Used by", links.listed(used)),
        ("Definition", links.file(links.path_of(extension))),
    ]
    yield pairs(rows)
    snapshot = snapshot_of(links.content.tree(url), links.content.library, links.content.definitions)
    yield table(("Part", "How many", "Type", "What it is"), _parts(snapshot, "Extension", links, 0))
    example = next((found for each in links.content.examples.values() if (found := _in(each, url))), None)
    if example is not None:
        yield json(example)


def _uses(profile: Resource, url: str) -> bool:
    return any(
        url in kind.get("profile", ())
        for element in profile["differential"]["element"]
        for kind in element.get("type", ())
    )


def _parts(snapshot: list[Resource], within: str, links: Links, depth: int) -> list[tuple[str, str, str, str]]:
    """The value of an extension, or the extensions within it, each with its own."""
    found = {each["id"]: each for each in snapshot}
    rows = []
    value = found.get(f"{within}.value[x]")
    if depth == 0 and value is not None and value["max"] != "0":
        rows.append((code("value[x]"), _many(value), _kinds(value, links), _meaning(found[within], value, links)))
    for identifier, each in found.items():
        if identifier.startswith(f"{within}.extension:") and "." not in identifier[len(within) + 1 :]:
            inner = found.get(f"{identifier}.value[x]", {})
            rows.append(
                (
                    INDENT * depth + code(each["sliceName"]),
                    _many(each),
                    _kinds(inner, links) or _profile(each, links),
                    _meaning(each, inner, links),
                )
            )
            rows += _parts(snapshot, identifier, links, depth + 1)
    return rows


def _many(element: Resource) -> str:
    return f"{element['min']}..{element['max']}".replace("*", "\\*")


def _kinds(value: Resource, links: Links) -> str:
    if not value or value["max"] == "0":
        return ""
    return ", ".join(type_words(kind, links) for kind in value.get("type", ()))


def _profile(element: Resource, links: Links) -> str:
    return ", ".join(links.listed(kind["profile"]) for kind in element.get("type", ()) if "profile" in kind)


def _meaning(element: Resource, value: Resource, links: Links) -> str:
    words = element.get("short", "") if "sliceName" in element else value.get("short", "")
    return " ".join((sentence(text(words)), *facts(value, links))) if value else sentence(text(words))


def _in(resource: Resource, url: str) -> Any:
    """The first extension of that kind in a resource."""
    return next((each for each in walk_dicts(resource) if each.get("url") == url and "resourceType" not in each), None)
