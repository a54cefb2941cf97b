"""The page that leads to all others. https://hl7.org/fhir/R4/profilelist.html"""

from __future__ import annotations

from app.cli.authoring.pages.links import CODE_SYSTEMS, EXTENSIONS, VALUE_SETS, Links
from app.cli.authoring.pages.markdown import code, link, paragraphs, table, text, title_of
from app.cli.authoring.pages.profile import GENERATED
from app.fhir.resource import Resource


def index_page(links: Links) -> str:
    """The whole page."""
    content = links.content
    return paragraphs(
        GENERATED,
        f"# {text(str(content.manifest.get('title', content.manifest['name'])))}",
        text(str(content.manifest.get("description", ""))),
        f"Package {code(content.manifest['name'])} {content.manifest['version']}, FHIR"
        f" {', '.join(content.manifest['fhirVersions'])}, canonical base {code(content.manifest['canonical'])}. The"
        " service answers with these definitions too: `GET StructureDefinition?url=…`.",
        "## Profiles",
        table(
            ("Profile", "Resource", "What for"),
            [(_profile(each), links.type(each["type"]), _first(each)) for each in links.profiles],
        ),
        f"Beside them: {link('extensions', EXTENSIONS)} ({len(links.extensions)}),"
        f" {link('code systems', CODE_SYSTEMS)} ({len(content.of_type('CodeSystem'))}),"
        f" {link('value sets', VALUE_SETS)} ({len(content.of_type('ValueSet'))}).",
        _section(links, "Questionnaire", "Questionnaires"),
        _searching(links),
        _operations(links),
    )


def _profile(profile: Resource) -> str:
    return link(text(title_of(profile)), f"{profile['id']}.md")


def _first(resource: Resource) -> str:
    """The first sentence of the description."""
    words, stop, _ = str(resource.get("description", "")).partition(". ")
    return text(words + stop.strip())


def _section(links: Links, kind: str, heading: str) -> str:
    rows = [(links.file(links.path_of(each)), _first(each)) for each in links.content.of_type(kind)]
    content = table((kind, "What for"), rows)
    return f"## {heading}\n\n{content}" if content else ""


def _searching(links: Links) -> str:
    rows = [
        (", ".join(each["base"]), code(each["code"]), each["type"], text(each.get("description", "")))
        for each in links.content.of_type("SearchParameter")
    ]
    content = table(("Resource", "Parameter", "Type", "What it finds"), rows)
    return f"## Search parameters\n\n{content}" if content else ""


def _operations(links: Links) -> str:
    rows = [
        (code(f"${each['code']}"), ", ".join(each.get("resource", ["the whole service"])), _first(each))
        for each in links.content.of_type("OperationDefinition")
    ]
    content = table(("Operation", "On", "What it does"), rows)
    return f"## Operations\n\n{content}" if content else ""
