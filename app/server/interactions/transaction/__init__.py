"""transaction: all entries or none. https://hl7.org/fhir/R4/http.html#transaction

order (what is asked for) → references (``urn:uuid`` and the like become ids) → execute (one write) → answer.
"""

from __future__ import annotations

from app.server.interactions.transaction.execute import transaction

__all__ = ["transaction"]
