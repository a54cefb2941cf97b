"""What is measured, the goals of DESIGN.md section 8 for it, and the best round of each peer measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MEMORY_GOAL: Final = 150_000_000
"""Private memory (RssAnon) of a service process with all caches, bytes."""
ACCESS_GOALS: Final = {"sqlite": 30.0, "postgresql": 60.0}
"""CPU that token, permit and audit may take together on a read by id, µs."""
PLAN_HISTORY_GOAL: Final = 3.0
"""CPU of looking back in a care plan, as a multiple of `$everything`."""
SERIES_GOAL: Final = 3.0
"""CPU of `$stats`, as a multiple of the search that reads the same values."""
PROFILE_GOAL: Final = 400.0
"""CPU that holding a blood pressure against nl-core-BloodPressure may take, µs."""
TRANSLATION_GOALS: Final = {"Observation": 150.0, "another resource": 300.0}
"""CPU that translating one resource between STU3 and R4 may take, one way, µs."""
BGZ_GIVEN_GOAL: Final = 1.5
"""CPU of a BgZ that is given, as a multiple of the floor's transaction and the translation together."""
BGZ_ASKED_GOALS: Final = {"sqlite": 250.0}
"""CPU of all requests of service 48 together, ms."""
FLAT_GOAL: Final = 1.3
"""Most that an interaction may cost on the large data sets, as a multiple of its cost on the small one."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One interaction of the load: its goal as a multiple of the floor's CPU, and the peer to pass in requests/s, where
    there are such.
    """

    name: str
    title: str
    sqlite: float | None = None
    postgresql: float | None = None
    peer: str = ""
    peer_rate: float | None = None
    resources: int = 0
    """Resources written by one request."""

    def goal(self, database: str) -> float | None:
        """The ratio to the floor that DESIGN.md asks for on this database, if it asks for one."""
        return self.sqlite if database == "sqlite" else self.postgresql


OPERATIONS: Final = (  # reads before writes
    Operation("read", "read by id", 2.0, 1.6, "Medplum", 2030),
    Operation("search", "search patient + code + date, newest first", 1.8, 1.8, "Medplum", 649),
    Operation("search60", "search, 50 of 60 hits", 1.5, 1.5, "Medplum", 255),
    Operation("everything", "`$everything`, 63 resources", 1.5, 1.5, "WSO2", 223),
    Operation("tokens", "search patient + code + category, newest 10"),
    Operation("missing", "search patient + `encounter:missing`, newest 10"),
    Operation("has", "search `Patient?_has`, the patient's own"),
    Operation("chained", "search plans by their goals' status"),
    Operation("revinclude", "search goals, `_revinclude` their plans"),
    Operation("create", "create one Observation, durable", 2.2, 2.0, "WSO2", 767, resources=1),
    Operation("transaction", "transaction of 50 Observations, durable", 1.8, 1.6, "WSO2", 36, resources=50),
)
PRACTICE_OPERATIONS: Final = (Operation("practice", "search code in a whole practice, newest 50 †"),)
"""On a data set of their own, by a professional who treats every patient of it."""
