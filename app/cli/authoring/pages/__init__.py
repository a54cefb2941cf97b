"""Pages for people about a package: what its profiles, extensions, code systems and value sets ask and mean.

They are Markdown, as GitHub shows it: https://github.github.com/gfm/
"""

from __future__ import annotations

from app.cli.authoring.folder import Content
from app.cli.authoring.pages.extensions import extensions_page
from app.cli.authoring.pages.index import index_page
from app.cli.authoring.pages.links import CODE_SYSTEMS, EXTENSIONS, INDEX, VALUE_SETS, Links
from app.cli.authoring.pages.profile import profile_page
from app.cli.authoring.pages.terminology import code_systems_page, value_sets_page

__all__ = ["pages"]


def pages(content: Content, source: str) -> dict[str, str]:
    """The text of each page by its file name. ``source`` is the way from a page to the package's folder."""
    links = Links(content, source)
    found = {
        INDEX: index_page(links),
        EXTENSIONS: extensions_page(links),
        CODE_SYSTEMS: code_systems_page(links),
        VALUE_SETS: value_sets_page(links),
    }
    for each in links.profiles:
        found[f"{each['id']}.md"] = profile_page(each, links)
    return found
