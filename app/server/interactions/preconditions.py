"""The versions that If-Match and If-None-Match name. https://hl7.org/fhir/R4/http.html#concurrency"""

from __future__ import annotations

from app.errors import PreconditionFailed

_LONGEST = 9


def version_of(tag: bytes) -> int:
    """The version in an ETag. Raises ``PreconditionFailed`` for what can be no version of ours."""
    number = tag.strip().removeprefix(b"W/").strip(b'"')
    if not number.isdigit() or len(number) > _LONGEST:
        raise PreconditionFailed(
            "If-Match names no version of this server; send the ETag of the version that you changed."
        )
    return int(number)


def names_version(tags: bytes | None, version: int) -> bool:
    """Whether If-None-Match names the version, weakly compared. https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2"""
    if tags is None:
        return False
    return tags.strip() == b"*" or b'"%d"' % version in (each.strip().removeprefix(b"W/") for each in tags.split(b","))
