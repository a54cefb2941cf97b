"""What somebody is here, as tokens, sessions and the access log say it (MODEL 5)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """Stored as they are written."""

    PATIENT = "patient"
    """A person with a record of their own; in a session for the own record."""
    REPRESENTATIVE = "representative"
    """Acts for a patient under a mandate: in that patient's record, with that patient as who is responsible."""
    CARER = "carer"
    """An informal carer, who sees what the patient's consent names."""
    PROFESSIONAL = "professional"
    """Of one organisation, as its identity provider said."""
    ORGANIZATION = "organization"
    """A system of an organisation."""
    ADMINISTRATOR = "administrator"
    """Manages a tenant: clients, organisations, catalogue. Sees no clinical data."""


OWN: Final = frozenset({Role.PATIENT, Role.REPRESENTATIVE})
"""The person, and who represents them: the record is theirs to decide about."""
