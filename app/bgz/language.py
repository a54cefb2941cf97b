"""In which language a document is wanted. https://www.rfc-editor.org/rfc/rfc9110#name-accept-language"""

from __future__ import annotations

from typing import Any, Final, cast

from app.careplan.document.dates import Language
from app.careplan.document.texts import LANGUAGES
from app.errors import Invalid, Issue
from app.server.messages import Request

_ITSELF: Final[Language] = "nl"


def language_asked(given: Any, request: Request) -> Language:
    """What the parameter says, else what Accept-Language likes best, else Dutch. Raises ``Invalid``."""
    if given is not None:
        if given not in LANGUAGES:
            text = "language takes nl or en."
            raise Invalid(text, issues=(Issue("value", text, ("http.language",)),))
        return cast("Language", given)
    best, most = _ITSELF, 0.0
    for each in request.header(b"accept-language").split(","):
        tag, _, quality = each.partition(";q=")
        language = tag.strip().lower().partition("-")[0]
        weight = _weight(quality)
        if language in LANGUAGES and weight > most:
            best, most = cast("Language", language), weight
    return best


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
