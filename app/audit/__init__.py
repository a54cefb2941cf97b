"""The access log: a journal line for every request before its answer leaves, moved to a chained table afterwards."""

from __future__ import annotations

from app.audit.erasure import erase
from app.audit.event import NOBODY, Agent, Event
from app.audit.journal import Journal
from app.audit.mover import Mover, move
from app.audit.reading import Known, Recorded, event_with, events_of
from app.audit.stream import line_id, locate
from app.audit.tables import audit, audit_head, audit_patient
from app.audit.verify import Finding, verify_file, verify_folder, verify_table

__all__ = [
    "NOBODY",
    "Agent",
    "Event",
    "Finding",
    "Journal",
    "Known",
    "Mover",
    "Recorded",
    "audit",
    "audit_head",
    "audit_patient",
    "erase",
    "event_with",
    "events_of",
    "line_id",
    "locate",
    "move",
    "verify_file",
    "verify_folder",
    "verify_table",
]
