"""What a proxy adds to the latency, at half of sallyport's highest rate; and the curve of latency
against rate of every system."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from .bench import Bench
from .load import Load, measure
from .systems import DIRECT, NAMES, RELAY, SALLYPORT, Server
from .throughput import SATURATED

ADDED, CURVE = "latency", "curve"


def half_load(bench: Bench, servers: Mapping[str, Server]) -> int:
    """Half of what sallyport bore; measured now where the throughput was not."""
    rates = bench.by_round(SATURATED, SALLYPORT, "rate")
    if not rates:
        load = Load(seconds=bench.plan.round_s, window=bench.plan.window)
        measure(bench, SATURATED, servers[SALLYPORT], 0, load)
        rates = bench.by_round(SATURATED, SALLYPORT, "rate")
    return int(statistics.median(rates.values()) / 2)


def added(bench: Bench, servers: Mapping[str, Server]) -> None:
    load = Load(seconds=bench.plan.latency_round_s, rate=half_load(bench, servers),
                warm_up_s=bench.plan.latency_round_s / 4)
    for number in range(bench.plan.latency_rounds):
        for name in (DIRECT, RELAY, SALLYPORT):
            measure(bench, ADDED, servers[name], number, load)


def curve(bench: Bench, servers: Mapping[str, Server]) -> None:
    """Rates rise; a system is left out above the first rate that it does not bear."""
    bearing = [name for name in NAMES if name in servers]
    for number, rate in enumerate(bench.plan.curve_rates):
        load = Load(seconds=bench.plan.step_s, rate=rate, warm_up_s=bench.plan.step_s / 4)
        for name in list(bearing):
            entry = measure(bench, CURVE, servers[name], number, load)
            entry["offered_rate"] = rate
            if float(entry["rate"]) < 0.98 * rate or int(entry["lost"]) > 0:
                bearing.remove(name)
