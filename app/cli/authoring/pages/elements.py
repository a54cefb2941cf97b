"""The elements that a profile says something about, as the rows of a table.

https://hl7.org/fhir/R4/formats.html#table
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from app.cli.authoring.pages.links import Links
from app.cli.authoring.pages.markdown import INDENT, code, sentence, table, text
from app.fhir.profiles.snapshot import snapshot_of
from app.fhir.profiles.snapshot_element import SYSTEM
from app.fhir.profiles.tree import CORE, Node, Tree
from app.fhir.resource import Resource, encode

_MOST_TYPES: Final = 4
_SAYS_NOTHING: Final = frozenset({"id", "path", "sliceName", "slicing"})
_STRENGTHS: Final = {
    "required": "one of these codes",
    "extensible": "one of these codes, another only where none fits",
    "preferred": "one of these codes is best",
    "example": "such codes, for example",
}

LEGEND: Final = (
    "A name that begins with a colon is a *slice*: those among the values that are told apart as the line above says."
    " **Bold** is stricter than FHIR itself. Elements that are not listed are as in FHIR."
)


def elements(tree: Tree, links: Links) -> list[Resource]:
    """The elements of the snapshot that the profile, or one of ours that it is derived from, is about."""
    said = {node.id for node in _about(tree.root)}
    snapshot = snapshot_of(tree, links.content.library, links.content.definitions)
    return [each for each in snapshot if each["id"] in said]


def element_table(tree: Tree, links: Links) -> str:
    """One row for each, indented as they lie within each other."""
    listed = _merged(elements(tree, links)[1:])
    shown = {each["id"] for each in listed}
    rows = []
    for each in listed:
        depth = sum(each["id"].startswith((f"{other}.", f"{other}:")) for other in shown)
        rows.append((f"{INDENT * depth}{_name(each)}", _cardinality(each), _types(each, links), _meaning(each, links)))
    return table(("Element", "How many", "Type", "What it is, and what holds"), rows)


def _merged(listed: list[Resource]) -> list[Resource]:
    """A Coding or Quantity whose system and code are fixed is shown as one line that has both."""
    found = {each["id"]: each for each in listed}
    left_out = set()
    for identifier, each in found.items():
        system = found.get(f"{identifier}.system", {}).get("fixedUri")
        code_of = found.get(f"{identifier}.code", {}).get("fixedCode")
        if system and code_of:
            left_out |= {f"{identifier}.system", f"{identifier}.code"}
            found[identifier] = {**each, "patternCoding": {"system": system, "code": code_of}}
    return [each for identifier, each in found.items() if identifier not in left_out]


def _about(node: Node) -> Iterator[Node]:
    """The nodes of which something is said, and those that they are within; ``extension`` shows in its slices."""
    within = [found for each in (*node.children.values(), *node.slices.values()) for found in _about(each)]
    yield from within
    if _says_something(node) or (within and not _is_any_extension(node)):
        yield node


def _says_something(node: Node) -> bool:
    if _is_any_extension(node):
        return any(rule.definition.get("max") == "0" for rule in node.rules)
    return any(rule.definition.keys() - _SAYS_NOTHING for rule in node.rules)


def _is_any_extension(node: Node) -> bool:
    return node.name == "extension" and node.slice_name is None


def _name(element: Resource) -> str:
    name = element["path"].rpartition(".")[2]
    if "sliceName" not in element:
        return code(name)
    return f"{code(name)} :{text(element['sliceName'])}" if name == "extension" else f":{text(element['sliceName'])}"


def _cardinality(element: Resource) -> str:
    base = element["base"]
    least = f"**{element['min']}**" if element["min"] > base["min"] else str(element["min"])
    most = "\\*" if element["max"] == "*" else element["max"]
    return f"{least}..{most}" if element["max"] == base["max"] else f"{least}..**{most}**"


def _types(element: Resource, links: Links) -> str:
    if element["max"] == "0":
        return ""
    if "contentReference" in element:
        return f"as {code(element['contentReference'].removeprefix('#'))}"
    kinds = element.get("type", [])
    if len(kinds) > _MOST_TYPES:
        return f"one of {len(kinds)} types"
    return ", ".join(type_words(kind, links) for kind in kinds)


def type_words(kind: Resource, links: Links) -> str:
    """A type with its profiles and what it may refer to."""
    if kind["code"].startswith(SYSTEM):
        return str(kind["extension"][0]["valueUrl"]) if "extension" in kind else kind["code"].removeprefix(SYSTEM)
    if kind["code"] == "Extension" and "profile" in kind:
        return links.listed(kind["profile"])
    if targets := kind.get("targetProfile"):
        return f"{kind['code']} to {_either(targets, links)}"
    if profiles := kind.get("profile"):
        return f"{kind['code']} as {links.listed(profiles)}"
    return links.type(kind["code"])


def _either(targets: list[str], links: Links) -> str:
    words = [
        each.removeprefix(CORE) if each.startswith(CORE) and len(targets) > 1 else links.definition(each)
        for each in targets
    ]
    return ", ".join(words[:-1]) + " or " + words[-1] if len(words) > 1 else words[0]


def _meaning(element: Resource, links: Links) -> str:
    if element["max"] == "0":
        return sentence(text(element.get("short", "Not used")))
    return " ".join((*_words(element), *facts(element, links)))


def _words(element: Resource) -> Iterator[str]:
    short: str = element.get("short", "")
    definition: str = element["definition"]
    fixed = next((value for member, value in element.items() if member.startswith("fixed")), None)
    if short and not definition.startswith(short) and short != fixed:
        yield sentence(text(short))
    if not definition.startswith("As FHIR R4 defines it") and definition.rstrip(".") != fixed:
        yield sentence(text(definition))
    if comment := element.get("comment"):
        yield text(comment)


def facts(element: Resource, links: Links) -> Iterator[str]:
    """What has to hold of an element's value, besides how many there are and of which type."""
    for member, value in element.items():
        if member.startswith("fixed"):
            yield f"Always {code(_written(value))}."
        elif member.startswith("pattern"):
            yield f"Has {_pattern(value, links)}."
        elif member.startswith("minValue"):
            yield f"At least {_written(value)}."
        elif member.startswith("maxValue"):
            yield f"At most {_written(value)}."
    if "maxLength" in element:
        yield f"At most {element['maxLength']} characters."
    binding = element.get("binding", {})
    if "valueSet" in binding and not any(each.startswith("fixed") for each in element):
        yield f"{links.definition(binding['valueSet'])}: {_STRENGTHS[binding['strength']]}."
    if slicing := element.get("slicing"):
        yield _slicing(slicing)
    keys = [each["key"] for each in element.get("constraint", ()) if links.own(each.get("source", "")) is not None]
    if keys:
        yield f"Rules: {', '.join(map(code, keys))}."
    if element.get("mustSupport"):
        yield "Must be supported."


def _slicing(slicing: Resource) -> str:
    by = list(slicing.get("discriminator", ()))
    paths = ["the value itself" if each["path"] == "$this" else code(each["path"]) for each in by]
    words = "its type" if [each["type"] for each in by] == ["type"] else " and ".join(paths) or "the order"
    rules = {"closed": "there may be no others", "openAtEnd": "others may follow"}
    order = ", in this order" if slicing.get("ordered") else ""
    return f"Told apart by {words}{order}; {rules.get(slicing['rules'], 'others may stand beside them')}."


def _pattern(value: Any, links: Links) -> str:
    if isinstance(value, dict):
        if codings := value.get("coding"):
            return " and ".join(map(links.coded, codings))
        if "system" in value and "code" in value:
            return links.coded(value)
    return code(_written(value))


def _written(value: Any) -> str:
    return value if isinstance(value, str) else encode(value).decode()
