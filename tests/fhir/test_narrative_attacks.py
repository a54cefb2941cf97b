"""Markup that tries to run, load, cover or hide: none of it is valid narrative, so none is stored.

https://hl7.org/fhir/R4/narrative.html#xhtml, https://hl7.org/fhir/R4/security.html#narrative
"""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fhir import definitions
from app.fhir.markup import NARRATIVE_DEPTH
from app.fhir.validation import validate
from app.fhir.validation.narrative import narrative
from tests.fhir.samples import PATIENT, changed

DIV: Final = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'
XHTML: Final = "http://www.w3.org/1999/xhtml"
PNG: Final = "data:image/png;base64,AAAA"

INSIDE: Final = {
    # scripts and events
    "script": "<script>alert(1)</script>",
    "script with a source": '<script src="https://elders.example/x.js"></script>',
    "script in capitals": "<SCRIPT>alert(1)</SCRIPT>",
    "script in mixed case": "<ScRiPt>alert(1)</ScRiPt>",
    "script of no namespace": '<script xmlns="">alert(1)</script>',
    "script with a prefix": f'<x:script xmlns:x="{XHTML}">alert(1)</x:script>',
    "script of SVG": '<script xmlns="http://www.w3.org/2000/svg">alert(1)</script>',
    "an allowed name of no namespace": '<p xmlns="">x</p>',
    "an allowed name of another namespace": '<p xmlns="urn:x">x</p>',
    "onclick": '<p onclick="alert(1)">x</p>',
    "onclick in mixed case": '<p oNcLiCk="alert(1)">x</p>',
    "onerror": '<img src="x" onerror="alert(1)" alt=""/>',
    "onload": '<p onload="alert(1)">x</p>',
    "onmouseover of a link": '<a href="#x" onmouseover="alert(1)">x</a>',
    "onfocus with tabindex": '<span tabindex="1" onfocus="alert(1)">x</span>',
    "onbegin": '<p onbegin="alert(1)">x</p>',
    "ontoggle": "<p ontoggle='alert(1)'>x</p>",
    "an event with a namespace": '<p xmlns:x="http://www.w3.org/1999/xhtml" x:onclick="alert(1)">x</p>',
    # forms and what frames, embeds or redirects
    "form": '<form action="https://elders.example"><p>x</p></form>',
    "input": '<p>x<input type="password"/></p>',
    "button": '<button formaction="javascript:alert(1)">x</button>',
    "textarea": "<p>x<textarea>y</textarea></p>",
    "select": "<p>x<select><option>y</option></select></p>",
    "isindex": '<p>x<isindex action="javascript:alert(1)"/></p>',
    "iframe": '<iframe src="https://elders.example"></iframe>',
    "iframe with a document": '<iframe srcdoc="&lt;script&gt;alert(1)&lt;/script&gt;"></iframe>',
    "frameset": '<frameset><frame src="javascript:alert(1)"/></frameset>',
    "object": '<object data="javascript:alert(1)"></object>',
    "embed": '<embed src="https://elders.example/x.swf"/>',
    "applet": '<applet code="x.class"></applet>',
    "meta refresh": '<meta http-equiv="refresh" content="0;url=javascript:alert(1)"/>',
    "base": '<base href="https://elders.example/"/>',
    "link": '<link rel="stylesheet" href="https://elders.example/x.css"/>',
    "style element": "<style>p { color: red }</style>",
    "head and body": "<head><title>x</title></head>",
    "template": "<template><p>x</p></template>",
    "noscript": '<noscript><p title="&lt;/noscript&gt;&lt;img src=x&gt;">x</p></noscript>',
    "title": "<title>x</title>",
    "marquee": "<marquee>x</marquee>",
    "details": '<details open="open"><summary>x</summary></details>',
    "dialog": "<dialog>x</dialog>",
    # media
    "video": '<video><source src="x" type="video/mp4"/></video>',
    "audio": '<audio src="x"></audio>',
    "picture with srcset": '<picture><source srcset="https://elders.example/x.png"/></picture>',
    "srcset": f'<img src="{PNG}" srcset="https://elders.example/x.png 2x" alt=""/>',
    "background": '<table background="https://elders.example/x.png"><tr><td>x</td></tr></table>',
    "dynsrc": '<img dynsrc="javascript:alert(1)" src="x" alt=""/>',
    "lowsrc": '<img lowsrc="javascript:alert(1)" src="x" alt=""/>',
    # SVG, MathML, XLink and other vocabularies
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><path/></svg>',
    "svg with onload": '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "svg animation": '<svg xmlns="http://www.w3.org/2000/svg"><set attributeName="href" to="javascript:x"/></svg>',
    "svg use": '<svg xmlns="http://www.w3.org/2000/svg"><use href="data:image/svg+xml,x#y"/></svg>',
    "svg foreignObject": '<svg xmlns="http://www.w3.org/2000/svg"><foreignObject><p>x</p></foreignObject></svg>',
    "svg of no namespace": "<svg><p>x</p></svg>",
    "math": '<math xmlns="http://www.w3.org/1998/Math/MathML"><mi>x</mi></math>',
    "math with a link": '<math><maction actiontype="statusline#x" href="javascript:alert(1)">x</maction></math>',
    "xlink": '<a xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="javascript:alert(1)">x</a>',
    "xml:base": '<a xml:base="javascript:alert(1)//" href="#x">x</a>',
    "xsl": '<x:template xmlns:x="http://www.w3.org/1999/XSL/Transform">x</x:template>',
    "a fresh namespace": '<x:y xmlns:x="urn:x">z</x:y>',
    # links
    "javascript": '<a href="javascript:alert(1)">x</a>',
    "javascript in mixed case": '<a href="JaVaScRiPt:alert(1)">x</a>',
    "javascript after space": '<a href="  javascript:alert(1)">x</a>',
    "javascript after a no-break space": '<a href="&#160;javascript:alert(1)">x</a>',
    "javascript with a character reference": '<a href="&#106;avascript:alert(1)">x</a>',
    "javascript with a hexadecimal one": '<a href="&#x6A;avascript&#x3A;alert(1)">x</a>',
    "javascript with a tab": '<a href="java&#9;script:alert(1)">x</a>',
    "javascript with a line end": '<a href="java&#10;script:alert(1)">x</a>',
    "javascript after a line end": '<a href="&#13;&#10;javascript:alert(1)//">x</a>',
    "javascript that looks like an address": '<a href="javascript://elders.example/%0aalert(1)">x</a>',
    "vbscript": '<a href="vbscript:msgbox(1)">x</a>',
    "livescript": '<a href="livescript:x">x</a>',
    "a page as data": '<a href="data:text/html,&lt;script&gt;alert(1)&lt;/script&gt;">x</a>',
    "a page as data in base64": '<a href="data:text/html;base64,AAAA">x</a>',
    "a picture as data to open": f'<a href="{PNG}">x</a>',
    "svg as data": '<img src="data:image/svg+xml;base64,AAAA" alt=""/>',
    "a page as a picture": '<img src="data:text/html,x" alt=""/>',
    "a picture by script": '<img src="javascript:alert(1)" alt=""/>',
    "xhtml as data": '<img src="data:application/xhtml+xml,x" alt=""/>',
    "blob": '<a href="blob:https://elders.example/1">x</a>',
    "filesystem": '<a href="filesystem:https://elders.example/1">x</a>',
    "file": '<a href="file:///etc/passwd">x</a>',
    "an unknown scheme": '<a href="ms-settings:x">x</a>',
    "cite": '<blockquote cite="javascript:alert(1)">x</blockquote>',
    "longdesc": f'<img src="{PNG}" longdesc="javascript:alert(1)" alt=""/>',
    "target": '<a href="https://elders.example" target="_top">x</a>',
    "ping": '<a href="https://elders.example" ping="https://elders.example/ping">x</a>',
    "download": '<a href="https://elders.example/x.exe" download="x.exe">x</a>',
    # styles
    "expression": '<p style="width: expression(alert(1))">x</p>',
    "expression with a comment": '<p style="width: exp/**/ression(alert(1))">x</p>',
    "expression with an escape": r'<p style="width: e\78pression(alert(1))">x</p>',
    "expression with a reference": '<p style="width: ex&#112;ression(alert(1))">x</p>',
    "url of another server": '<p style="background: url(https://elders.example/pixel)">x</p>',
    "url without a scheme": "<p style=\"background: url('//elders.example/pixel')\">x</p>",
    "url by script": '<p style="background: url(javascript:alert(1))">x</p>',
    "url with svg": "<p style=\"background: url('data:image/svg+xml,x')\">x</p>",
    "url with space": "<p style=\"background: URL ( 'https://elders.example/pixel' )\">x</p>",
    "import": "<p style=\"@import 'https://elders.example/x.css'\">x</p>",
    "image-set": "<p style=\"background: image-set('https://elders.example/x.png' 1x)\">x</p>",
    "image": "<p style=\"background: image('https://elders.example/x.png')\">x</p>",
    "cross-fade": '<p style="background: -webkit-cross-fade(url(https://elders.example/x), none)">x</p>',
    "element": '<p style="background: element(#x)">x</p>',
    "binding": '<p style="-moz-binding: none">x</p>',
    "behavior": '<p style="behavior: none">x</p>',
    "behaviour": '<p style="BEHAVIOUR : none">x</p>',
    "a cover over the page": '<p style="position: fixed; top: 0; left: 0; width: 100%; height: 100%">x</p>',
    "a cover with a comment": '<p style="position:/**/fixed">x</p>',
    "an absolute place": '<p style="POSITION:ABSOLUTE">x</p>',
    # what XML and HTML read differently
    "a CDATA section": "<![CDATA[<script>alert(1)</script>]]>",
    "a CDATA section in a comment": "<!-- <![CDATA[ --><p>x</p><!-- ]]> -->",
    "a comment that HTML ends at once": "<!--><script>alert(1)</script>-->",
    "a comment that HTML ends after a dash": "<!---><script>alert(1)</script>-->",
    "a conditional comment": "<!--[if IE]><script>alert(1)</script><![endif]--><p>x</p>",
    "a processing instruction": "<?php echo 1 ?><p>x</p>",
    "a stylesheet instruction": '<?xml-stylesheet href="javascript:alert(1)"?><p>x</p>',
    "an instruction that HTML ends early": "<?x ><script>alert(1)</script>?><p>x</p>",
}
"""What stands inside a div; each is refused as txt-1."""

NOT_XML: Final = {
    "a script that is not closed": DIV.format("<script>alert(1)"),
    "an attribute without quotes": DIV.format("<img src=x onerror=alert(1)>"),
    "an attribute twice": DIV.format('<a href="#" href="javascript:alert(1)">x</a>'),
    "an attribute with markup": DIV.format('<p title="<script>">x</p>'),
    "a slash for a space": DIV.format('<img/src="x"/onerror="alert(1)"/>'),
    "an entity of HTML": DIV.format('<a href="java&Tab;script:alert(1)">x</a>'),
    "an entity for a colon": DIV.format('<a href="javascript&colon;alert(1)">x</a>'),
    "a reference to nothing": DIV.format("&#0;"),
    "a control character": DIV.format("\x00x"),
    "a control character before a scheme": DIV.format('<a href="\x01javascript:alert(1)">x</a>'),
    "half a surrogate pair": DIV.format("\ud83d"),
    "a comment with two dashes": DIV.format("<!-- --!> <script>alert(1)</script> -->"),
    "a prefix that is not declared": DIV.format("<x:p>x</x:p>"),
    "two divs": DIV.format("x") + DIV.format("y"),
    "text after the div": DIV.format("x") + "<script>alert(1)</script>",
    "a div of no namespace": "<div>x</div>",
    "a div of SVG": '<div xmlns="http://www.w3.org/2000/svg">x</div>',
    "another root": f'<body xmlns="{XHTML}"><p>x</p></body>',
    "a script as root": f'<script xmlns="{XHTML}">alert(1)</script>',
}

AROUND: Final = {
    "a document type": "<!DOCTYPE div>" + DIV.format("x"),
    "entities": '<!DOCTYPE div [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>' + DIV.format("&b;"),
    "an entity of a file": '<!DOCTYPE div [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + DIV.format("&a;"),
    "an XML declaration": '<?xml version="1.0"?>' + DIV.format("x"),
    "an event of the div itself": DIV.replace("<div", '<div onclick="alert(1)"').format("x"),
    "a style of the div itself": DIV.replace("<div", '<div style="position:fixed"').format("x"),
}

ALLOWED: Final = {
    "text": "Goed geslapen",
    "text about markup": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "paragraphs": "<p>Gewicht <b>81,5</b> kg<br/><i>stabiel</i></p>",
    "headings": "<h1>1</h1><h2>2</h2><h3>3</h3><h4>4</h4><h5>5</h5><h6>6</h6>",
    "lists": "<ul><li>a</li></ul><ol><li value='2'>b</li></ol><dl><dt>c</dt><dd>d</dd></dl>",
    "a table": '<table class="grid" border="1"><caption>x</caption><thead><tr><th scope="col">a</th></tr></thead>'
    '<tbody><tr><td rowspan="2" colspan="2" align="left">b</td></tr></tbody></table>',
    "a link": '<a href="https://zelfregie.example/uitleg?a=1&amp;b=javascript:x#top" title="uitleg">x</a>',
    "a relative link": '<a href="../Observation/1">x</a>',
    "a link to a fragment": '<a href="#uitleg">x</a><a name="uitleg">y</a>',
    "mail and telephone": '<a href="mailto:balie@zelfregie.example">x</a><a href="tel:+31201234567">y</a>',
    "a urn": '<a href="urn:uuid:0c1b8a68-5f46-4d3c-9d5b-0e6a4d1f7a11">x</a>',
    "a picture inside": f'<img src="{PNG}" alt="grafiek" width="10" height="10"/>',
    "a picture that is contained": '<img src="#foto" alt="foto"/>',
    "a picture elsewhere": '<img src="https://zelfregie.example/grafiek.png" alt="grafiek"/>',
    "styles": '<p style="color: rgb(1, 2, 3); width: calc(100% - 2px); text-align: var(--links, left)">x</p>',
    "a background inside": f"<p style=\"background-image: url('{PNG}')\">x</p>",
    "a relative place": '<p style="position: relative; float: left">x</p>',
    "languages": '<p lang="nl" xml:lang="nl" dir="ltr">x</p>',
    "quotations": '<blockquote cite="https://zelfregie.example/1"><q>x</q></blockquote>',
    "code": "<pre><code>a &lt; b</code></pre><samp>x</samp><tt>y</tt><var>z</var>",
    "a comment": "<!-- gegenereerd: niets van belang --><p>x</p>",
    "an unused namespace": '<p xmlns:x="urn:x">x</p>',
    "words that only look dangerous": "<p title='javascript: onclick='>expression, url en @import</p>",
    "other scripts than Latin": "<p>مرحبا 你好 🙂</p>",
}


def rules(text: str) -> set[str | None]:
    return {problem.rule for problem in narrative(text) or ()}


@pytest.mark.parametrize("inside", INSIDE.values(), ids=INSIDE)
def test_an_attack_inside_is_refused(inside: str) -> None:
    assert rules(DIV.format(inside)) == {"txt-1"}


@pytest.mark.parametrize("text", AROUND.values(), ids=AROUND)
def test_an_attack_around_is_refused(text: str) -> None:
    assert rules(text) == {"txt-1"}


@pytest.mark.parametrize("text", NOT_XML.values(), ids=NOT_XML)
def test_what_is_no_xhtml_is_refused(text: str) -> None:
    assert [problem.code for problem in narrative(text) or ()] == ["value"]


@pytest.mark.parametrize("inside", ALLOWED.values(), ids=ALLOWED)
def test_formatting_is_allowed(inside: str) -> None:
    assert narrative(DIV.format(inside)) is None


@pytest.mark.parametrize("attack", [*INSIDE.values(), *ALLOWED.values()])
def test_an_attack_is_found_however_deep_it_stands(attack: str) -> None:
    nested = "<span>" * 20 + attack + "</span>" * 20
    assert (narrative(DIV.format(nested)) is None) == (attack in ALLOWED.values())


def test_a_narrative_may_nest_so_deep_and_no_deeper() -> None:
    def nested(levels: int) -> str:
        return DIV.format("<b>" * (levels - 1) + "x" + "</b>" * (levels - 1))

    assert narrative(nested(NARRATIVE_DEPTH)) is None
    assert [problem.code for problem in narrative(nested(NARRATIVE_DEPTH + 1)) or ()] == ["structure"]


@given(scheme=st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12))
def test_only_the_listed_schemes_are_links(scheme: str) -> None:
    allowed = scheme in ("http", "https", "mailto", "tel", "urn")
    assert (narrative(DIV.format(f'<a href="{scheme}:x">x</a>')) is None) == allowed


@given(name=st.text(alphabet="abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=14))
def test_an_attribute_that_begins_with_on_is_never_allowed(name: str) -> None:
    assert rules(DIV.format(f'<p on{name}="x">x</p>')) == {"txt-1"}


def test_the_text_names_the_element_of_html_and_nothing_else() -> None:
    script = [problem.text for problem in narrative(DIV.format("<script>geheim</script>")) or ()]
    other = [problem.text for problem in narrative(DIV.format("<geheim>x</geheim>")) or ()]
    assert len(script) == len(other) == 1
    assert "(script)" in script[0]
    assert "geheim" not in script[0] + other[0]


def test_a_resource_with_an_attack_is_not_valid() -> None:
    issues = validate(changed(PATIENT, text__div=DIV.format(INSIDE["onerror"])), definitions.load("4.0.1"))
    assert [(issue.expression, issue.rule, issue.severity) for issue in issues] == [
        (("Patient.text.div",), "txt-1", "error")
    ]
