"""What a request costs: all systems one after the other, round after round, each loaded first with
as much as it bears (closed loop) and then with the same rate for all (open loop)."""

from __future__ import annotations

from collections.abc import Mapping

from .bench import Bench
from .load import Load, measure, run
from .systems import DIRECT, NAMES, Server, missing

SATURATED, FIXED = "saturation", "fixed-rate"
# Below this the proxy's core waited for work: what loads it was the slower part.
SATURATED_BUSY = 0.9


def warm_up(bench: Bench, servers: Mapping[str, Server]) -> None:
    """Tables and caches as they are after a while."""
    for server in servers.values():
        bench.progress.doing(f"warming up {server.name}")
        run(bench, server, Load(seconds=bench.plan.warm_up_s, window=bench.plan.window))


def saturated(bench: Bench, servers: Mapping[str, Server]) -> None:
    load = Load(seconds=bench.plan.round_s, window=bench.plan.window)
    for number in range(bench.plan.rounds):
        for name in NAMES:
            if name in servers:
                measure(bench, SATURATED, servers[name], number, load)
    for name in NAMES:
        busy = bench.by_round(SATURATED, name, "proxy_busy")
        if busy and max(busy.values()) < SATURATED_BUSY:
            bench.limit(f"{name}: load generator and downstream were the limit at saturation; its "
                        f"core was {max(busy.values()):.0%} busy, so its highest rate is more")


def fixed_rate(bench: Bench, servers: Mapping[str, Server]) -> None:
    load = Load(seconds=bench.plan.round_s, rate=bench.plan.fixed_rate)
    for number in range(bench.plan.fixed_rate_rounds):
        for name in NAMES:
            if name in servers:
                measure(bench, FIXED, servers[name], number, load)


def run_all(bench: Bench, servers: Mapping[str, Server]) -> None:
    for name in missing():
        bench.limit(f"{name} is not installed: skipped (scripts/setup installs it)")
    proxies = {name: server for name, server in servers.items() if name != DIRECT}
    warm_up(bench, proxies)
    saturated(bench, proxies)
    fixed_rate(bench, proxies)
