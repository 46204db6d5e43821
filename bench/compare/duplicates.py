"""What it costs to answer a request again from the duplicate table, beside a fresh request.

Four requests of five arrive by the generator's core alone, which sends, receives and checks each of
them. One by one that core would be the slower one by far: the proxy would wake for every few
datagrams, and what it costs to wake would count as a duplicate's cost. So in both kinds of round
the generator hands the kernel several datagrams at once."""

from __future__ import annotations

import dataclasses

from .bench import Bench
from .load import Load, measure
from .systems import SALLYPORT, Server

FRESH, REPEATED = "fresh only", "with duplicates"
SCENARIO = "duplicates"
_DUPLICATES = 3.0  # of each request, behind its answer
_AT_ONCE = ("--gso", "--burst", "32")


def run(bench: Bench, server: Server) -> None:
    """In each round fresh requests alone, then with duplicates of answered ones."""
    assert server.name == SALLYPORT
    fresh = Load(seconds=bench.plan.round_s, window=bench.plan.window, options=_AT_ONCE)
    repeated = dataclasses.replace(fresh, duplicates=_DUPLICATES)
    for number in range(bench.plan.paired_rounds):
        measure(bench, SCENARIO, server, number, fresh, variant=FRESH)
        measure(bench, SCENARIO, server, number, repeated, variant=REPEATED)


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
