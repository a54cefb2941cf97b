"""What a request wants to hold before it is carried out: a version, a time, or what a search finds.

https://hl7.org/fhir/R4/http.html#concurrency https://hl7.org/fhir/R4/http.html#cread
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from app.errors import Forbidden, Invalid, Issue, PreconditionFailed
from app.fhir.scopes import Action
from app.server.access import Access
from app.server.challenges import beyond_scopes
from app.server.messages import GENERAL
from app.server.rules import Overtaken, told
from app.server.search.parse import split_query
from app.server.search.permitted import within_scopes
from app.server.search.query import SearchQuery
from app.server.server import FhirServer

_LONGEST: Final = 9
_OF_A_RESULT: Final = frozenset(
    ("_sort", "_count", "_page", "_include", "_revinclude", "_total", "_contained", "_containedType")
)
"""Parameters that say what a search answers, not what it finds. https://hl7.org/fhir/R4/search.html#return"""


def version_of(tag: bytes) -> int:
    """The version in an ETag. Raises ``PreconditionFailed`` for what can be no version of ours."""
    number = tag.strip().removeprefix(b"W/").strip(b'"')
    if not number.isdigit() or len(number) > _LONGEST:
        raise PreconditionFailed(
            "If-Match names no version of this server; send the ETag of the version that you changed."
        )
    return int(number)


def if_match(headers: Mapping[bytes, bytes]) -> int | None:
    """The version that If-Match asks for; None without the header."""
    tag = headers.get(b"if-match")
    return None if tag is None else version_of(tag)


async def check_known(server: FhirServer, late: Overtaken) -> None:
    """What is not at the version that If-Match names is told so, with what the rules say of what changed meanwhile.
    Raises ``PreconditionFailed``.
    """
    if late.version == late.present:
        return
    where = f"is at version {late.present}, and not at version {late.version}"
    text = f"{late.type}/{late.id} {where} as If-Match says."
    issues = await told(server.rules, late, server.database)
    raise PreconditionFailed(text, issues=(Issue("conflict", text), *issues))


def if_none_match(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a write may only make what is not there. Raises ``Invalid`` for what a write cannot ask by it."""
    tag = headers.get(b"if-none-match")
    if tag is None:
        return False
    if tag.strip() != b"*":
        raise Invalid("If-None-Match of a write takes * only: make it, but do not change it.", "value")
    return True


def names_version(tags: bytes | None, version: int) -> bool:
    """Whether If-None-Match names the version, weakly compared. https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2"""
    if tags is None:
        return False
    return tags.strip() == b"*" or b'"%d"' % version in (each.strip().removeprefix(b"W/") for each in tags.split(b","))


def is_unmodified(headers: Mapping[bytes, bytes], version: int, updated: int) -> bool:
    """Whether a conditional read is answered by 304. ``updated`` in µs since the epoch.

    If-Modified-Since counts where there is no If-None-Match, and in whole seconds; a date that is none is passed over.
    https://www.rfc-editor.org/rfc/rfc9110#section-13.1.3
    """
    tags = headers.get(b"if-none-match")
    if tags is not None:
        return names_version(tags, version)
    since = headers.get(b"if-modified-since")
    if since is None:
        return False
    try:
        asked = parsedate_to_datetime(since.decode("latin-1"))
        return asked.tzinfo is not None and updated // 1_000_000 <= asked.timestamp()
    except (ValueError, OverflowError):
        return False


def search_in(text: str) -> str:
    """The query string of a condition, which may be put with the type before it: ``Goal?identifier=…``."""
    before, mark, query = text.partition("?")
    return query if mark and "=" not in before else text


def condition_of(server: FhirServer, access: Access, resource_type: str, text: str) -> SearchQuery:
    """The search in If-None-Exist, in a conditional reference or in the address of a conditional write.

    What it finds can be told from the answer, so it takes the scopes that a search takes. Raises ``Forbidden``, or
    ``Invalid`` if it names no search parameter, or one that is not known.
    """
    check_may_search(access, resource_type)
    parts = split_query(search_in(text))
    for name, _, _ in parts:
        if name.partition(":")[0] in _OF_A_RESULT:
            raise Invalid(f"'{name}' says what a search answers; a condition says what it finds.", "not-supported")
    provider = server.providers.searched(resource_type, parts)
    if provider is not None:
        raise Forbidden(provider.refusal, "forbidden")
    query = server.parser.parse_condition(resource_type, [part for part in parts if part[0] not in GENERAL])
    within_scopes(query, access.scopes)
    return query


def check_may_search(access: Access, resource_type: str) -> None:
    """Raises ``Forbidden`` where the scopes do not allow to search the type."""
    if not access.scopes.allow(resource_type, Action.SEARCH):
        text = f"The token's scopes do not allow to search {resource_type}."
        raise beyond_scopes(access.scopes, text, (resource_type, Action.SEARCH))
