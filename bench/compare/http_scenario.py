"""HTTP reverse proxies before one origin, one core each: rate, latency, CPU of a request, and the
memory of connections that idle. Shows where the field stands that our HTTP door is to join."""

from __future__ import annotations

from . import http_idle, http_systems
from .bench import Bench
from .http_load import Traffic, run as run_load
from .http_systems import PROXIES, Server
from .throughput import SATURATED_BUSY

SCENARIO = "http"
_SMALL, _LARGE = http_systems.BODIES
TRAFFIC = (
    Traffic("h1", tls=False, body_octets=_SMALL),
    Traffic("h1", tls=True, body_octets=_SMALL),
    Traffic("h2", tls=True, body_octets=_SMALL),
    Traffic("h1", tls=False, body_octets=_LARGE),
    Traffic("h1", tls=True, body_octets=_LARGE),
)
_MAX_ROUNDS = 5  # of five kinds of traffic and whole seconds each


def run(bench: Bench) -> None:
    """Adds rounds of `http` and `http-idle`."""
    missing = http_systems.missing()
    for name in missing:
        bench.limit(f"{name} is not installed: skipped (scripts/setup installs it)")
    proxies = [proxy for proxy in PROXIES if proxy.words[0] not in missing]
    if {"nginx", "openssl"} & set(missing):
        bench.limit("http: nginx is the origin, and openssl makes the certificate: all is skipped")
        return
    certificate = http_systems.make_certificate(bench)
    count = http_idle.bearable(bench.plan.http_idle)
    if count < bench.plan.http_idle:
        bench.limit(f"http-idle: this user may hold no more than {count:,} connections")
    origin = http_systems.start_origin(bench, certificate)
    servers = [http_systems.start(bench, proxy, certificate, origin) for proxy in proxies]
    for traffic in TRAFFIC:
        if ("wrk" if traffic.protocol == "h1" else "h2load") in missing:
            continue
        for number in range(min(bench.plan.rounds, _MAX_ROUNDS)):
            for server in servers:
                _measure(bench, server, traffic, number)
    _say_what_was_the_limit(bench)
    for server in servers:
        bench.children.stop(server.child)
    for tls in (False, True):
        for proxy in proxies:
            server = http_systems.start(bench, proxy, certificate, origin)
            http_idle.measure(bench, server, tls, count)
            bench.children.stop(server.child)
    bench.children.stop(origin.child)


def _say_what_was_the_limit(bench: Bench) -> None:
    busy: dict[str, float] = {}
    for entry in bench.of(SCENARIO):
        system = str(entry["system"])
        busy[system] = min(busy.get(system, 1), float(entry["proxy_busy"]))
    for system, least in busy.items():
        if least < SATURATED_BUSY:
            bench.limit(f"http: {system}'s core was only {least:.0%} busy in some rounds: load "
                        "generator and origin were the limit there, so it bears more")


def _measure(bench: Bench, server: Server, traffic: Traffic, number: int) -> None:
    words = f"{traffic.protocol}{' TLS' if traffic.tls else ''} {traffic.body_octets:,} octets"
    bench.progress.doing(f"{SCENARIO}: {server.name} {words}, round {number + 1}")
    result = run_load(bench, server, traffic, bench.plan.http_round_s)
    http_systems.check(server, traffic.tls, traffic.body_octets)
    bench.rounds.append({"scenario": SCENARIO, "system": server.name, "round": number,
                         **traffic.setting(), **result})
    bench.progress.say(
        f"{SCENARIO:<11} {server.name:<8} {words:<24} round {number + 1:>2}"
        f"  {float(result['rate']):>9,.0f}/s  {float(result['cpu_us_per_request']):>8.2f} µs CPU"
        f"  p99 {result['latency_us']['p99']:>8,.0f} µs")
