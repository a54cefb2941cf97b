"""In which language a document is wanted."""

from __future__ import annotations

from typing import Any, cast

from app.errors import Invalid, Issue
from app.fhir.languages import LANGUAGES, Language, language_of
from app.server.messages import Request


def language_asked(given: Any, request: Request) -> Language:
    """What the parameter says, else what Accept-Language likes best, else Dutch. Raises ``Invalid``."""
    if given is None:
        return language_of(request.header(b"accept-language")) or LANGUAGES[0]
    if given not in LANGUAGES:
        text = "language takes nl or en."
        raise Invalid(text, issues=(Issue("value", text, ("http.language",)),))
    return cast("Language", given)
