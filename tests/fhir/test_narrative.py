"""Narrative may format; it may not run, load or pretend. https://hl7.org/fhir/R4/narrative.html"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fhir.validation.narrative import ELEMENTS, narrative

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


def rules(text: str) -> list[str | None]:
    return [problem.rule for problem in narrative(text) or ()]


@pytest.mark.parametrize(
    "inside",
    [
        "Goed geslapen",
        "<p>Gewicht: <b>81,5</b> kg<br/>stabiel</p>",
        '<table border="1" style="width: 100%"><tbody><tr><td colspan="2">x</td></tr></tbody></table>',
        '<a href="https://zelfregie.example/uitleg?a=1#top">uitleg</a>',
        '<a href="#uitleg" xml:lang="nl" lang="nl">uitleg</a>',
        '<a href="mailto:balie@zelfregie.example">mail</a> <a href="tel:+31201234567">bel</a>',
        '<img src="data:image/png;base64,AAAA" alt=""/>',
        "<p style=\"background-image: url('data:image/png;base64,AAAA')\">x</p>",
        "<!-- gegenereerd --><p>x</p>",
        "<!-- gegenereerd -->x",
        "&lt;script&gt; &#233;",
    ],
)
def test_formatting_is_allowed(inside: str) -> None:
    assert rules(DIV.format(inside)) == []


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<p onclick="alert(1)">x</p>',
        '<iframe src="https://elders.example"></iframe>',
        '<form action="https://elders.example"><p>x</p></form>',
        '<a href="javascript:alert(1)">x</a>',
        '<a href=" JaVaScRiPt:alert(1)">x</a>',
        '<a href="&#106;avascript:alert(1)">x</a>',
        '<a href="data:text/html;base64,AAAA">x</a>',
        '<img src="vbscript:x"/>',
        '<p style="width: expression(alert(1))">x</p>',
        '<p style="background: url(https://elders.example/pixel)">x</p>',
        "<p style=\"@import 'https://elders.example/a.css'\">x</p>",
        '<svg xmlns="http://www.w3.org/2000/svg"><path/></svg>',
        '<a xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="https://elders.example">x</a>',
        "<?php echo 1 ?><p>x</p>",
        "<![CDATA[x]]>",
        "<!--><script>alert(1)</script>-->",
        "<!---><script>alert(1)</script>-->",
    ],
)
def test_what_runs_or_loads_is_refused(inside: str) -> None:
    assert set(rules(DIV.format(inside))) == {"txt-1"}


def test_a_document_type_is_refused_before_it_is_read() -> None:
    bomb = '<!DOCTYPE div [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>' + DIV.format("&b;")
    assert rules(bomb) == ["txt-1"]


@pytest.mark.parametrize("empty", ["", " \n ", "<p><br/></p>", "<!-- niets -->"])
def test_narrative_without_content_is_refused(empty: str) -> None:
    assert rules(DIV.format(empty)) == ["txt-2"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "<div>x</div>",
        "<p xmlns='http://www.w3.org/1999/xhtml'>x</p>",
        DIV.format("<p>x"),
        DIV.format("&nbsp;"),
    ],
)
def test_what_is_no_xhtml_div_is_refused(text: str) -> None:
    problems = narrative(text)
    assert problems is not None
    assert [problem.code for problem in problems] == ["value"]


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=10))
def test_only_the_listed_elements_are_allowed(name: str) -> None:
    assert (rules(DIV.format(f"<{name}>x</{name}>")) == []) == (name in ELEMENTS)
