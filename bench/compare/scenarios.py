"""The scenarios by name, and what each needs running."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from . import (clients, duplicates, gate, http_scenario, latency, pending, shards, systems,
               throughput, verify)
from .bench import Bench
from .systems import DIRECT, NAMES, SALLYPORT, Server


class Stage:
    """The downstream and the proxies, started when first asked for and kept for all scenarios."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._servers: dict[str, Server] = {}

    def servers(self) -> dict[str, Server]:
        """`direct` is the downstream itself."""
        if not self._servers:
            downstream = systems.start_downstream(self._bench)
            self._servers[DIRECT] = downstream
            for name in NAMES:
                if name in systems.missing():
                    continue
                self._bench.progress.doing(f"starting {name}")
                self._servers[name] = systems.start(self._bench, name, downstream)
        return self._servers


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    meaning: str
    run: Callable[[Bench, Stage], None]


def _throughput(bench: Bench, stage: Stage) -> None:
    throughput.run_all(bench, stage.servers())


def _latency(bench: Bench, stage: Stage) -> None:
    latency.added(bench, stage.servers())


def _curve(bench: Bench, stage: Stage) -> None:
    latency.curve(bench, stage.servers())


def _duplicates(bench: Bench, stage: Stage) -> None:
    duplicates.run(bench, stage.servers()[SALLYPORT])


def _clients(bench: Bench, stage: Stage) -> None:
    clients.run(bench, stage.servers()[DIRECT])


def _pending(bench: Bench, _: Stage) -> None:
    pending.run(bench)


def _verify(bench: Bench, _: Stage) -> None:
    verify.transfers(bench)


def _memory(bench: Bench, _: Stage) -> None:
    for mode in (verify.INTERVAL, verify.HELD):
        verify.memory(bench, mode)


def _shards(bench: Bench, _: Stage) -> None:
    shards.run(bench)


def _http(bench: Bench, _: Stage) -> None:
    http_scenario.run(bench)


def _gate(bench: Bench, _: Stage) -> None:
    gate.run(bench)


ALL = (
    Scenario("throughput", "CPU of a proxied request: saturation, and a rate that all bear",
             _throughput),
    Scenario("latency", "p99 that a proxy adds, at half of sallyport's highest rate", _latency),
    Scenario("duplicates", "CPU of a duplicate beside a fresh request", _duplicates),
    Scenario("clients", "CPU of a request with 10 and with a million clients configured", _clients),
    Scenario("curve", "latency against rate of every system", _curve),
    Scenario("verify", "CPU of an HTTPS transfer beside bare libcurl", _verify),
    Scenario("pending", "100,000 users being asked: memory, and latency of other traffic",
             _pending),
    Scenario("memory", "memory of waiting verifications alone, by way of polling", _memory),
    Scenario("shards", "rate by number of shards", _shards),
    Scenario("http", "reverse proxies: rate, latency, CPU of a request, idle connections", _http),
    Scenario("gate", "the gate: its first page, and a flood of new visitors", _gate),
)
# What --quick leaves out. Of the speed table only the rows about HTTP and the gate need it: --quick
# --only http gate.
NOT_QUICK = ("memory", "shards", "http", "gate")
