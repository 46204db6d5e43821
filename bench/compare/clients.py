"""Whether a request costs more when a million clients are configured than when ten are. The same
1,000 source addresses send in both cases."""

from __future__ import annotations

import dataclasses
import ipaddress
import random

from .bench import Bench
from .load import Load, measure, run as run_load
from .systems import Server, client_table, start_sallyport, wait_ready

SCENARIO = "clients"
FEW = 10
# All sources are here; a block of 127.0.0.0/8 that has room for a million addresses.
NETWORK = ipaddress.ip_network("127.16.0.0/12")
SOURCES = 1_000
# The addresses that send have a client, and so a secret, each; others may share one, because a
# million tables take sallyport many seconds to read.
_OWN = 4_096


def few() -> str:
    """Ten clients that share NETWORK between them."""
    halves = list(NETWORK.subnets(prefixlen_diff=3))
    parts = [*halves[:6], *halves[6].subnets(), *halves[7].subnets()]
    return "\n".join(client_table(f"client-{n}", [str(part)]) for n, part in enumerate(parts))


def _address(number: int) -> str:
    value = int(NETWORK.network_address) + number
    return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"


def many(count: int, addresses_by_client: int, seed: int = 1) -> str:
    """`count` addresses, each an entry of its own; in an order that tells the table nothing."""
    own = [[number] for number in range(min(count, _OWN))]
    shared = list(range(len(own), count))
    shuffle = random.Random(seed).shuffle
    shuffle(shared)
    step = addresses_by_client
    groups = own + [shared[at:at + step] for at in range(0, len(shared), step)]
    shuffle(groups)
    return "\n".join(client_table(f"client-{n}", [_address(number) for number in group])
                     for n, group in enumerate(groups))


def run(bench: Bench, downstream: Server) -> None:
    bench.progress.doing(f"starting sallyport with {bench.plan.clients:,} clients")
    crowded = start_sallyport(bench, downstream, clients=many(
        bench.plan.clients, bench.plan.addresses_by_client))
    simple = start_sallyport(bench, downstream, clients=few())
    source = str(NETWORK.network_address + 1)
    wait_ready(simple, source)
    wait_ready(crowded, source, patience_s=180)
    sources = min(SOURCES, bench.plan.clients)
    load = Load(seconds=bench.plan.round_s, window=bench.plan.window, ports=1,
                presigned=False,
                options=("--clients", str(sources), "--source-network", str(NETWORK)))
    for server in (simple, crowded):
        run_load(bench, server, dataclasses.replace(load, seconds=bench.plan.warm_up_s))
    for number in range(bench.plan.rounds):
        measure(bench, SCENARIO, simple, number, load, clients=FEW)
        measure(bench, SCENARIO, crowded, number, load, clients=bench.plan.clients)
    bench.children.stop(simple.child)
    bench.children.stop(crowded.child)
