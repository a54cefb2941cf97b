"""Any resource that the definitions allow, through XML and back; any bytes in place of XML."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Invalid
from app.fhir.definitions import Definitions, Element, load
from app.fhir.resource import encode
from app.fhir.xml import from_xml, to_xml
from tests.fhir.examples import xml_of

R4: Final = load("4.0.1")
STU3: Final = load("3.0.1")
EVERY_VERSION: Final = pytest.mark.parametrize("definitions", [R4, STU3], ids=["R4", "STU3"])
WHOLE: Final = xml_of(
    '<text><status value="empty"/><div xmlns="http://www.w3.org/1999/xhtml"><b>a</b></div></text><active value="true"/>'
    '<name><given value="a" id="b"/><given><extension url="urn:a"><valueCode value="IN"/></extension></given></name>'
)


def _div(text: str) -> str:
    """Narrative as lxml writes it."""
    escaped = text.replace("\r", " ").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{escaped}</div>'


TEXTS: Final = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n\r"), min_size=1, max_size=8
)
NUMBERS: Final = st.decimals(-(10**6), 10**6, places=3) | st.integers(-(10**6), 10**6)
PRIMITIVES: Final[dict[str, st.SearchStrategy[Any]]] = {
    "boolean": st.booleans(),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "positiveInt": st.integers(1, 2**31 - 1),
    "unsignedInt": st.integers(0, 2**31 - 1),
    "decimal": NUMBERS,
    "string": TEXTS,
    "markdown": TEXTS,
    "xhtml": TEXTS.map(_div),
}
TOKENS: Final = TEXTS.map(str.split).map("-".join).filter(bool)


@st.composite
def objects(draw: st.DrawFn, definitions: Definitions, type_name: str, depth: int = 0) -> dict[str, Any]:
    """Any JSON object with the members of a type: a few of them, with ids, extensions and nulls where they may be."""
    if type_name == "Resource":
        type_name = draw(st.sampled_from(["Basic", "Patient", "Parameters"]))
    made: dict[str, Any] = {"resourceType": type_name} if type_name in definitions.resource_types else {}
    elements = {name: each for name, each in definitions.types[type_name].items() if each.is_primitive or depth < 3}
    for name in draw(st.lists(st.sampled_from(sorted(elements)), max_size=6 - depth, unique=True)):
        element = elements[name]
        if element.xml == "element" and element.is_primitive:
            made |= draw(primitives(definitions, name, element, depth))
        else:
            value = (
                PRIMITIVES.get(element.type, TOKENS)
                if element.is_primitive
                else objects(definitions, element.type, depth + 1)
            )
            made[name] = draw(st.lists(value, min_size=1, max_size=2) if element.many else value)
    return made


@st.composite
def primitives(draw: st.DrawFn, definitions: Definitions, name: str, element: Element, depth: int) -> dict[str, Any]:
    """The members for one primitive: its values, and what stands beside them."""
    value = PRIMITIVES.get(element.type, TOKENS)
    beside = objects(definitions, "Element", depth + 2).filter(bool)
    entry = st.tuples(value, st.none()) | st.tuples(st.none(), beside) | st.tuples(value, beside)
    entries = draw(st.lists(entry, min_size=1, max_size=3 if element.many else 1))
    values, extensions = [each for each, _ in entries], [each for _, each in entries]
    made: dict[str, Any] = {}
    if any(each is not None for each in values):
        made[name] = values if element.many else values[0]
    if any(each is not None for each in extensions):
        made["_" + name] = extensions if element.many else extensions[0]
    return made


@EVERY_VERSION
@given(data=st.data())
def test_any_resource_comes_back_as_it_was(definitions: Definitions, data: st.DataObject) -> None:
    resource_type = data.draw(
        st.sampled_from(["Observation", "Bundle", "Parameters", "Questionnaire", "CarePlan", "Patient"])
    )
    resource = data.draw(objects(definitions, resource_type))
    pretty = data.draw(st.booleans())
    written = from_xml(to_xml(resource, definitions, pretty=pretty), definitions)
    assert written == resource
    # Dicts are equal when 1 and 1.0 stand in them; their bytes, whatever the order of members, are not.
    assert sorted(encode(written)) == sorted(encode(resource))


@given(data=st.binary(max_size=40), place=st.integers(0, len(WHOLE)), cut=st.integers(0, 40))
def test_any_bytes_give_a_resource_or_a_refusal(data: bytes, place: int, cut: int) -> None:
    changed = WHOLE[:place] + data + WHOLE[place + cut :]
    try:
        resource = from_xml(changed, R4)
    except Invalid as refusal:
        issues = refusal.all_issues()
    else:
        issues = ()
        assert resource["resourceType"] in R4.resource_types
    assert all(issue.diagnostics for issue in issues)
