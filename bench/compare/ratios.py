"""Medians, spreads and ratios. A ratio is taken inside each round, where both systems met the same
disturbances; the median of the rounds' ratios is the result."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Mapping


@dataclasses.dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of some rounds."""

    median: float
    low: float
    high: float
    rounds: int

    @staticmethod
    def of(values: Iterable[float]) -> Spread | None:
        """None of no values."""
        kept = list(values)
        if not kept:
            return None
        return Spread(statistics.median(kept), min(kept), max(kept), len(kept))

    def json(self) -> dict[str, float]:
        return {"median": self.median, "min": self.low, "max": self.high, "rounds": self.rounds}


def by_round(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Spread | None:
    """Spread of ours ÷ theirs over the rounds that both have. A round whose divisor is not positive
    says nothing (noise was larger than what was measured) and is left out."""
    return Spread.of(ours[n] / theirs[n] for n in sorted(ours) if theirs.get(n, 0) > 0)


def differences(larger: Mapping[int, float], smaller: Mapping[int, float]) -> dict[int, float]:
    """larger − smaller, by round."""
    return {n: larger[n] - smaller[n] for n in larger if n in smaller}
