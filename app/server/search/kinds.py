"""The types of search parameters that are served, one module each. https://hl7.org/fhir/R4/search.html#ptypes"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.server.search import dates, references, strings, tokens
from app.server.search.kind import Kind

KINDS: Final[Mapping[str, Kind]] = {
    "token": tokens.KIND,
    "date": dates.KIND,
    "string": strings.KIND,
    "reference": references.KIND,
}
