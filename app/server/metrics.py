"""Counts and durations of requests, kept as plain numbers and read by Prometheus.
https://prometheus.io/docs/concepts/metric_types/
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class RequestMetrics(Collector):
    """``count`` is called once per request; labels are the interaction and the status, never an address."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, int], list[float]] = {}

    def count(self, interaction: str, status: int, seconds: float) -> None:
        """Add one request."""
        series = self._series.get((interaction, status))
        if series is None:
            series = self._series[interaction, status] = [0.0] * (len(BUCKETS) + 2)
        series[bisect_left(BUCKETS, seconds)] += 1
        series[-1] += seconds

    def collect(self) -> Iterator[Metric]:
        """One histogram, cumulative as Prometheus wants it."""
        family = HistogramMetricFamily(
            "zelfregie_request_seconds", "Duration of FHIR requests.", labels=("interaction", "status")
        )
        for (interaction, status), series in list(self._series.items()):
            total, buckets = 0.0, []
            for bound, number in zip((*map(str, BUCKETS), "+Inf"), series[:-1], strict=True):
                total += number
                buckets.append((bound, total))
            family.add_metric((interaction or "refusal", str(status)), buckets, series[-1])
        yield family
