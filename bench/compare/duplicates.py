"""What it costs to answer a request again from the duplicate table, beside a fresh request."""

from __future__ import annotations

from .bench import Bench
from .load import Load, measure
from .systems import SALLYPORT, Server

FRESH, REPEATED = "fresh only", "with duplicates"
SCENARIO = "duplicates"
_DUPLICATES = 3.0  # of each request, behind its answer


def run(bench: Bench, server: Server) -> None:
    """In each round fresh requests alone, then with duplicates of answered ones."""
    assert server.name == SALLYPORT
    for number in range(bench.plan.rounds):
        window, seconds = bench.plan.window, bench.plan.round_s
        measure(bench, SCENARIO, server, number, Load(seconds=seconds, window=window),
                variant=FRESH)
        measure(bench, SCENARIO, server, number,
                Load(seconds=seconds, window=window, duplicates=_DUPLICATES),
                variant=REPEATED)


def cost_of_a_duplicate_us(bench: Bench) -> dict[int, float]:
    """By round: what the run with duplicates spent above its fresh requests' share, by
    duplicate."""
    fresh = bench.by_round(SCENARIO, SALLYPORT, "cpu_us_per_request", variant=FRESH)
    costs = {}
    for entry in bench.of(SCENARIO):
        if entry["variant"] == REPEATED and entry["round"] in fresh and entry["duplicates_sent"]:
            above = entry["cpu_us"] - entry["requests"] * fresh[entry["round"]]
            costs[entry["round"]] = above / entry["duplicates_sent"]
    return costs
