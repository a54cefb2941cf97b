"""The types of search parameters that are served, one module each. https://hl7.org/fhir/R4/search.html#ptypes"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.server.search import composites, near, uris
from app.server.search.kind import Kind

KINDS: Final[Mapping[str, Kind]] = {
    **composites.PARTS,
    "uri": uris.KIND,
    "composite": composites.KIND,
    "special": near.KIND,
}
