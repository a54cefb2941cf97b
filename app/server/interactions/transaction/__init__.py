"""transaction: all entries or none. https://hl7.org/fhir/R4/http.html#transaction

order (what is asked for) → conditional_references (searches become ids) → drafting (what each entry comes to: placing
says where, references gives ``urn:uuid`` and the like their ids) → execute (one write, then the reads) → response.
"""

from __future__ import annotations

from app.server.interactions.transaction.execute import transaction

__all__ = ["transaction"]
