"""How the rate grows with shards, where there are cores for it: one core for each shard, the rest
for generator and downstream."""

from __future__ import annotations

from .bench import Bench
from .load import Load, measure
from .systems import start_downstream, start_sallyport, wait_ready

SCENARIO = "shards"
# Cores that the load takes for each shard that it keeps busy: generator and downstream.
_LOAD_CORES = 2


def counts(cores: int) -> list[int]:
    """Powers of two of shards that so many cores bear together with their load."""
    return [shards for shards in (1, 2, 4, 8, 16, 32, 64)
            if shards == 1 or shards * (1 + _LOAD_CORES) <= cores]


def run(bench: Bench) -> None:
    order = sorted(bench.cores.all)
    shard_counts = counts(len(order))
    if len(shard_counts) == 1:
        bench.limit(f"shards: {len(order)} cores are too few to load more than one shard")
    for number in range(bench.plan.rounds):
        for shards in shard_counts:
            _measure(bench, order, shards, number)


def _measure(bench: Bench, order: list[int], shards: int, number: int) -> None:
    rest = order[shards:] or order
    half = max(1, len(rest) // 2)
    threads = min(shards, half)
    more = ("--threads", str(threads)) if threads > 1 else ()
    downstream = start_downstream(bench, *more, cpus=set(rest[:half]))
    server = start_sallyport(bench, downstream, shards=shards, cpus=set(order[:shards]))
    wait_ready(server)
    load = Load(seconds=bench.plan.round_s, window=bench.plan.window * shards,
                warm_up_s=bench.plan.warm_up_s, options=more,
                cpus=frozenset(rest[half:] or rest))
    measure(bench, SCENARIO, server, number, load, shards=shards)
    bench.children.stop(server.child)
    bench.children.stop(downstream.child)
