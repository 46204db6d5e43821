"""HTTP reverse proxies before one origin, one core each: rate, latency, CPU of a request, latency
at half load, and the memory of connections that idle."""

from __future__ import annotations

import dataclasses
import pathlib
import statistics
from collections.abc import Iterable

from . import http_idle, http_systems
from .bench import Bench
from .http_load import Traffic, run as run_load
from .http_systems import PROXIES, Proxy, Server
from .processes import Child, ChildFailed, make_urgent
from .systems import SALLYPORT
from .throughput import SATURATED_BUSY

SCENARIO, HALF_LOAD = "http", "http-half-load"
NGINX, HAPROXY, CADDY = "nginx", "haproxy", "caddy"
_SMALL, _LARGE = http_systems.BODIES
PLAIN = Traffic("h1", tls=False, body_octets=_SMALL)
TLS = Traffic("h1", tls=True, body_octets=_SMALL)
LARGE = Traffic("h1", tls=False, body_octets=_LARGE)
TRAFFIC = (PLAIN, TLS, Traffic("h2", tls=True, body_octets=_SMALL), LARGE,
           Traffic("h1", tls=True, body_octets=_LARGE))
_NEIGHBOURS = 2  # with one, sallyport still outran the others at times
_MAX_ROUNDS = 5  # of five kinds of traffic and whole seconds each


def run(bench: Bench) -> None:
    """Adds rounds of `http`, `http-half-load` and `http-idle`."""
    missing = http_systems.missing()
    for name in missing:
        bench.limit(f"{name} is not installed: skipped (scripts/setup installs it)")
    if {NGINX, "openssl"} & set(missing):
        bench.limit("http: nginx is the origin, and openssl makes the certificate: all is skipped")
        return
    certificate = http_systems.make_certificate(bench)
    count = http_idle.bearable(bench.plan.http_idle)
    if count < bench.plan.http_idle:
        bench.limit(f"http-idle: this user may hold no more than {count:,} connections")
    origin = http_systems.start_origin(bench, certificate)
    servers = _start_all(bench, [proxy for proxy in PROXIES if proxy.words[0] not in missing],
                         certificate, origin)
    company = neighbours(bench)
    for traffic in TRAFFIC:
        if ("wrk" if traffic.protocol == "h1" else "h2load") in missing:
            continue
        for number in range(min(bench.plan.rounds, _MAX_ROUNDS)):
            for server in servers.values():
                _measure(bench, SCENARIO, server, traffic, number)
    for neighbour in company:
        bench.children.stop(neighbour)
    _say_what_was_the_limit(bench, 1 / (1 + len(company)))
    if "wrk" not in missing:
        _half_load(bench, servers, origin)
    for server in servers.values():
        bench.children.stop(server.child)
    _idle(bench, [proxy for proxy in PROXIES if proxy.name in servers], certificate, origin, count)
    bench.children.stop(origin.child)


def neighbours(bench: Bench) -> list[Child]:
    """Where load and origin share a core, every proxy outruns them, and would spend its time on
    waiting and waking. Neighbours that take most of its core keep it busy with the rest: what it
    bears there shows what a whole one would."""
    if bench.cores.generator != bench.cores.downstream or not bench.plan.enforce:
        return []
    return [neighbour for number in range(_NEIGHBOURS)
            for neighbour in bench.children.spin(f"neighbour-{number}", bench.cores.proxy)]


def _start_all(bench: Bench, proxies: list[Proxy], certificate: pathlib.Path, origin: Server
               ) -> dict[str, Server]:
    """A sallyport that cannot do it yet does not keep the others from being measured; its rows
    are not measured then, which is not as if they held."""
    servers = {}
    for proxy in proxies:
        bench.progress.doing(f"starting {proxy.name}")
        try:
            servers[proxy.name] = http_systems.start(bench, proxy, certificate, origin)
        except ChildFailed as failed:
            if proxy.name != SALLYPORT:
                raise
            bench.limit(f"sallyport's HTTP door does not run: {failed}")
    return servers


def half_of(bench: Bench, names: list[str]) -> float:
    """Half of what the slowest of these systems bears with a core for itself: one rate for all, so
    none is favoured by bearing little."""
    rates = [statistics.median(bench.by_round(SCENARIO, name, "rate_of_a_core",
                                              **PLAIN.setting()).values())
             for name in names]
    return min(rates) / 2


def _half_load(bench: Bench, servers: dict[str, Server], origin: Server) -> None:
    """p99 of those that a row compares. No core halts meanwhile, and no other program of this
    machine goes before any of them: what is left is the proxies' own."""
    compared = [name for name in (SALLYPORT, NGINX) if name in servers]
    traffic = dataclasses.replace(PLAIN, rate=half_of(bench, compared), urgent=True)
    make_first(bench, HALF_LOAD, (origin, *(servers[name] for name in compared)))
    with bench.awake():
        for number in range(min(bench.plan.paired_rounds, 2 * _MAX_ROUNDS)):
            for name in compared if number % 2 == 0 else reversed(compared):
                _measure(bench, HALF_LOAD, servers[name], traffic, number)


def make_first(bench: Bench, scenario: str, servers: Iterable[Server]) -> None:
    """No other program of this machine goes before these."""
    for server in servers:
        if not make_urgent(server.child.pid):
            bench.limit(f"{scenario}: not root, so other programs of this machine went before "
                        "proxies and load: latencies are theirs too")
            return


def _idle(bench: Bench, proxies: list[Proxy], certificate: pathlib.Path, origin: Server,
          count: int) -> None:
    for tls in (False, True):
        for proxy in proxies:
            server = http_systems.start(bench, proxy, certificate, origin)
            http_idle.measure(bench, server, tls, count)
            bench.children.stop(server.child)


def _say_what_was_the_limit(bench: Bench, share: float) -> None:
    """`share`: of its core, that a proxy could have."""
    busy: dict[str, float] = {}
    for entry in bench.of(SCENARIO):
        system = str(entry["system"])
        busy[system] = min(busy.get(system, 1), float(entry["proxy_busy"]))
    for system, least in busy.items():
        if least < SATURATED_BUSY * share:
            bench.limit(f"http: {system} used only {least:.0%} of a core in some rounds and could "
                        f"have had {share:.0%}: load generator and origin were the limit there, "
                        "so it bears more")


def _measure(bench: Bench, scenario: str, server: Server, traffic: Traffic, number: int) -> None:
    words = f"{traffic.protocol}{' TLS' if traffic.tls else ''} {traffic.body_octets:,} octets"
    bench.progress.doing(f"{scenario}: {server.name} {words}, round {number + 1}")
    result = run_load(bench, server, traffic, bench.plan.http_round_s)
    load = {"load": "half load"} if scenario == HALF_LOAD else {}
    http_systems.check(server, traffic.tls, traffic.body_octets)
    bench.rounds.append({"scenario": scenario, "system": server.name, "round": number,
                         **traffic.setting(), **load, **result,
                         "p99_us": result["latency_us"]["p99"]})
    bench.progress.say(
        f"{scenario:<14} {server.name:<9} {words:<24} round {number + 1:>2}"
        f"  {float(result['rate']):>9,.0f}/s  {float(result['cpu_us_per_request']):>8.2f} µs CPU"
        f"  p99 {result['latency_us']['p99']:>8,.0f} µs")
