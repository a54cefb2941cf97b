"""The versions that If-Match names. https://hl7.org/fhir/R4/http.html#concurrency"""

from __future__ import annotations

from app.errors import PreconditionFailed

_LONGEST = 9


def version_of(tag: bytes) -> int:
    """The version in an ETag. Raises ``PreconditionFailed`` for what can be no version of ours."""
    number = tag.strip().removeprefix(b"W/").strip(b'"')
    if not number.isdigit() or len(number) > _LONGEST:
        raise PreconditionFailed("If-Match names no version of this server; send the ETag of the version that you changed.")
    return int(number)
