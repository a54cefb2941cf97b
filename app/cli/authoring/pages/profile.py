"""The page of one profile. https://hl7.org/fhir/R4/structuredefinition.html"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.cli.authoring.pages.codes import MOST, codes_table, selected
from app.cli.authoring.pages.elements import LEGEND, element_table, elements
from app.cli.authoring.pages.links import FHIR, INDEX, Links
from app.cli.authoring.pages.markdown import (
    code,
    fenced,
    folded,
    json,
    link,
    pairs,
    paragraphs,
    sentence,
    table,
    text,
    title_of,
)
from app.fhir.profiles.tree import Tree
from app.fhir.resource import Resource

GENERATED: Final = "<!-- Made by: zelfregie profiles pages -->"
_LONG: Final = 60
"""Lines of an example that is folded."""


def profile_page(profile: Resource, links: Links) -> str:
    """The whole page."""
    tree = links.content.tree(profile["url"])
    listed = elements(tree, links)
    return paragraphs(
        GENERATED,
        f"# {text(title_of(profile))}",
        text(profile.get("description", "")),
        text(profile.get("purpose", "")),
        _facts(profile, links),
        "## Elements",
        LEGEND,
        element_table(tree, links),
        _rules(tree, listed, links),
        _extensions(listed, links),
        _codes(listed, links),
        _examples(profile, links),
        _checking(profile),
        _searching(profile, links),
        f"All profiles: {link('index', INDEX)}",
    )


def _facts(profile: Resource, links: Links) -> str:
    derived = [each for each in links.profiles if each["baseDefinition"] == profile["url"]]
    rows = [
        ("Canonical", code(profile["url"])),
        ("Resource", links.type(profile["type"])),
        ("Derived from", links.definition(profile["baseDefinition"])),
        ("Refined by", links.listed(each["url"] for each in derived)),
        ("Version", f"{profile['version']}, {profile['status']}, {profile['date']}"),
        ("Definition", links.file(links.path_of(profile))),
    ]
    if profile.get("abstract"):
        rows.append(("Abstract", "claimed by no resource itself, but by those that are of what refines it"))
    return pairs(rows)


def _rules(tree: Tree, listed: list[Resource], links: Links) -> str:
    """The invariants of ours, once each, with the element that each is asked of."""
    found: dict[str, tuple[str, Resource]] = {}
    for element in listed:
        for each in element.get("constraint", ()):
            if links.own(each.get("source", "")) is not None:
                found.setdefault(each["key"], (element["id"], each))
    if not found:
        return ""
    severe = {"error": "must", "warning": "should"}
    rows = [
        (code(key), code(element), severe[each["severity"]], sentence(text(each["human"])))
        for key, (element, each) in found.items()
    ]
    expressions = "\n".join(
        f"// {key}, on {element}\n{each['expression']}"
        for key, (element, each) in found.items()
        if "expression" in each
    )
    return paragraphs(
        "## Rules",
        "*Must* is refused when it does not hold, *should* is said as a warning.",
        table(("Rule", "Of", "", "What has to hold"), rows),
        folded(f"The rules of {tree.type} in FHIRPath", fenced(expressions, "js")),
    ).rstrip()


def _extensions(listed: list[Resource], links: Links) -> str:
    rows = []
    for element in listed:
        for kind in element.get("type", ()):
            if kind["code"] == "Extension":
                rows += [
                    (links.definition(each), code(element["path"]), _described(each, links))
                    for each in kind.get("profile", ())
                ]
    content = table(("Extension", "Where", "What for"), rows)
    return f"## Extensions\n\n{content}" if content else ""


def _described(canonical: str, links: Links) -> str:
    resource = links.own(canonical)
    return "" if resource is None else sentence(text(title_of(resource)))


def _codes(listed: list[Resource], links: Links) -> str:
    """The codes of each value set of ours that is bound, once."""
    bound: dict[str, list[str]] = {}
    for element in listed:
        canonical = element.get("binding", {}).get("valueSet", "").partition("|")[0]
        if links.own(canonical) is not None:
            bound.setdefault(canonical, []).append(element["path"])
    parts = [part for canonical, paths in bound.items() for part in _value_set(canonical, paths, links)]
    return paragraphs("## Codes", *parts).rstrip() if parts else ""


def _value_set(canonical: str, paths: list[str], links: Links) -> Iterator[str]:
    resource = links.own(canonical)
    assert resource is not None
    yield f"### {text(title_of(resource))}"
    yield f"For {', '.join(map(code, dict.fromkeys(paths)))}: {links.definition(canonical)}."
    found = selected(links.content, canonical)
    yield codes_table(found[:MOST])
    if len(found) > MOST:
        yield f"And {len(found) - MOST} more."


def _examples(profile: Resource, links: Links) -> str:
    found = links.examples_of(profile["url"])
    if not found:
        return ""
    path, first = found[0]
    shown = json({name: value for name, value in first.items() if name != "text"})
    others = [links.file(each) for each, _ in found[1:]]
    return paragraphs(
        "## Example",
        links.file(path) + (f"; others: {', '.join(others)}" if others else ""),
        folded(f"{first['resourceType']}/{first['id']}", shown) if shown.count("\n") > _LONG else shown,
    ).rstrip()


def _checking(profile: Resource) -> str:
    kind, url = profile["type"], profile["url"]
    return paragraphs(
        "## Checking against it",
        "A resource that claims the profile in `meta.profile` is checked when it is stored. Without storing anything:",
        fenced(
            f'curl -X POST "$BASE/{kind}/\\$validate?profile={url}" \\\n'
            '  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/fhir+json" \\\n'
            f"  --data @{kind.lower()}.json\n"
            "\n"
            "# without a service\n"
            f"zelfregie validate --profile {url} {kind.lower()}.json",
            "sh",
        ),
        "The answer names for each problem the place (`expression`), the rule and the profile that asks it.",
    ).rstrip()


def _searching(profile: Resource, links: Links) -> str:
    kind: str = profile["type"]
    own = [each for each in links.content.of_type("SearchParameter") if kind in each["base"]]
    rows = [(code(each["code"]), each["type"], text(each.get("description", ""))) for each in own]
    page = f"{FHIR}/{kind.lower()}.html#search"
    return paragraphs(
        "## Searching",
        fenced(f"GET {kind}?_profile={profile['url']}", "http"),
        f"All of {link(f'the search parameters of {kind}', page)} work" + (", and these of our own:" if rows else "."),
        table(("Parameter", "Type", "What it finds"), rows),
    ).rstrip()
