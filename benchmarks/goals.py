"""What the figures are held against: the goals of DESIGN.md section 8 and the best round of each peer measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MEMORY_GOAL: Final = 150_000_000
"""Private memory (RssAnon) of a service process with all caches, bytes."""
FLAT_GOAL: Final = 1.3
"""Most that an interaction may cost on the large data sets, as a multiple of its cost on the small one."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One interaction of the load: its goal as a multiple of the floor's CPU, and the peer to pass in requests/s."""

    name: str
    title: str
    sqlite: float
    postgresql: float
    peer: str
    peer_rate: float
    resources: int = 0
    """Resources written by one request."""

    def goal(self, database: str) -> float:
        """The ratio to the floor that DESIGN.md asks for on this database."""
        return self.sqlite if database == "sqlite" else self.postgresql


OPERATIONS: Final = (
    Operation("read", "read by id", 2.0, 1.6, "Medplum", 2030),
    Operation("search", "search patient + code + date, newest first", 1.8, 1.8, "Medplum", 649),
    Operation("search60", "search, 50 of 60 hits", 1.5, 1.5, "Medplum", 255),
    Operation("everything", "`$everything`, 63 resources", 1.5, 1.5, "WSO2", 223),
    Operation("create", "create one Observation, durable", 2.2, 2.0, "WSO2", 767, resources=1),
    Operation("transaction", "transaction of 50 Observations, durable", 1.8, 1.6, "WSO2", 36, resources=50),
)
