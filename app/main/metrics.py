"""What ``/metrics`` counts."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily

from app.audit import Journal, Mover
from app.server.metrics import RequestMetrics


class _Pending:
    """How many journal lines are not in the database yet."""

    def __init__(self, journal: Journal, mover: Mover) -> None:
        self._journal = journal
        self._mover = mover

    def collect(self) -> list[Any]:
        """One gauge."""
        gauge = GaugeMetricFamily(
            "zelfregie_audit_pending_lines", "Journal lines of this process that are not in the database yet."
        )
        gauge.add_metric([], max(0, self._journal.line - self._mover.moved))
        return [gauge]


def collectors(requests: RequestMetrics, journal: Journal, mover: Mover) -> CollectorRegistry:
    """All of them."""
    metrics = CollectorRegistry()
    for collector in (requests, _Pending(journal, mover)):
        metrics.register(collector)
    ProcessCollector(registry=metrics)
    PlatformCollector(registry=metrics)
    GCCollector(registry=metrics)
    return metrics
