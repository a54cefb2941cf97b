"""What a reindex did so far."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class ReindexReport:
    """``partitions`` and ``resources`` (deleted ones included) were looked through; ``rows`` counts index rows that
    were missing or too many, ``labels`` the versions whose data categories changed.
    """

    partitions: int = 0
    resources: int = 0
    rows: int = 0
    labels: int = 0
