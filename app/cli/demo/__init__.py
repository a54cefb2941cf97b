"""Ten invented Dutch patients with their individual care plans, for ``make run``, the sandbox and the tests.

Nobody here exists. The same arguments give the same bytes on every machine; nothing reads a clock. https://hl7.org/fhir/R4/careplan.html
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from app.cli.demo.people import PEOPLE
from app.cli.demo.sandbox import sandbox_accounts, sandbox_tokens
from app.fhir.resource import Resource

__all__ = ["SEED", "demo_resources", "sandbox_accounts", "sandbox_tokens"]

SEED: Final = 20260101


def demo_resources(count: int = len(PEOPLE), *, today: date, seed: int = SEED) -> Iterator[Resource]:
    """The catalogue, then the first ``count`` patients with all that is theirs; each resource after those it refers to.

    ``today`` is the date that plans and measurements lead up to. Raises ValueError for more patients than there are.
    """
    if not 0 <= count <= len(PEOPLE):
        raise ValueError(f"There are {len(PEOPLE)} demo patients, not {count}.")
    # fhir.resources takes half a second to import: commands that only offer the demo must not pay for it.
    from app.cli.demo.catalogue import catalogue
    from app.cli.demo.record import record

    yield from catalogue()
    for persona in PEOPLE[:count]:
        yield from record(persona, today=today, seed=seed)
