"""The gate: its first page beside a static page of nginx's, and what a flood of new visitors does
to those who are let in."""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
import sys

from . import flood, http_scenario, http_systems
from .bench import Bench
from .http_load import Traffic, run as run_load
from .http_scenario import NGINX
from .http_systems import ORIGIN, Proxy, Server
from .processes import Child, ChildFailed
from .systems import SALLYPORT

PAGE, FLOOD = "gate-page", "gate-flood"
_GATE = Proxy(SALLYPORT, "gate.toml", http_systems.PROXIES[0].words)
_OURS, _NOBODY = "127.0.0.1", "192.0.2.1"  # where wrk comes from over loopback, and where not
_ALLOWED_RATE = 8_000.0  # requests a second of those who are let in
_FLOOD_RATE = 2_500.0  # visitors a second
_MAX_ROUNDS = 5


def run(bench: Bench) -> None:
    """Adds rounds of `gate-page` and `gate-flood`."""
    needed = {NGINX, "wrk", "openssl"} & set(http_systems.missing())
    if needed:
        bench.limit(f"gate: {', '.join(sorted(needed))} not installed: skipped (scripts/setup "
                    "installs it)")
        return
    certificate = http_systems.make_certificate(bench)
    origin = http_systems.start_origin(bench, certificate)
    gate = _start_gate(bench, certificate, origin, _NOBODY)
    page = _page_of(gate)
    static = _serve(bench, certificate, page)
    company = http_scenario.neighbours(bench)
    for number in range(min(bench.plan.rounds, _MAX_ROUNDS)):
        for server in (gate, static):
            _measure_page(bench, server, len(page), number)
    for child in (*company, static.child, gate.child):
        bench.children.stop(child)
    gate = _start_gate(bench, certificate, origin, _OURS)
    _floods(bench, gate, origin)
    for server in (gate, origin):
        bench.children.stop(server.child)


def _first_page(address: tuple[str, int]) -> str:
    """Where a browser is sent that asked for the small body."""
    asked = f"http%3A%2F%2F{address[0]}%3A{address[1]}%2F{http_systems.BODIES[0]}"
    return f"/.sallyport/?rd={asked}"


def _start_gate(bench: Bench, certificate: pathlib.Path, origin: Server, let_in: str) -> Server:
    server = http_systems.launch(bench, _GATE, bench.cores.proxy, certificate,
                                 bench.new_folder("gate"), origin.address, let_in)
    server = dataclasses.replace(server, path=_first_page(server.address))
    server.child.wait_for(lambda: http_systems.fetch(server, False, 0) is not None,
                          f"the gate's first page at {server.url(False, 0)}")
    return server


def _page_of(server: Server) -> bytes:
    page = http_systems.fetch(server, False, 0) or b""
    if b'data-page="start"' not in page:
        raise http_systems.WrongBody(f"{server.url(False, 0)} is not the gate's first page")
    return page


def _serve(bench: Bench, certificate: pathlib.Path, page: bytes) -> Server:
    """nginx with the same octets as a file."""
    folder = bench.new_folder("static")
    (folder / "bodies").mkdir()
    (folder / "bodies" / "page.html").write_bytes(page)
    server = http_systems.launch(bench, ORIGIN, bench.cores.proxy, certificate, folder)
    server = dataclasses.replace(server, name=NGINX, path="/page.html")
    server.child.wait_for(lambda: http_systems.fetch(server, False, 0) == page,
                          f"the page at {server.url(False, 0)}")
    return server


def _measure_page(bench: Bench, server: Server, octets: int, number: int) -> None:
    bench.progress.doing(f"{PAGE}: {server.name}, round {number + 1}")
    traffic = Traffic("h1", tls=False, body_octets=octets)
    result = run_load(bench, server, traffic, bench.plan.http_round_s)
    bench.rounds.append({"scenario": PAGE, "system": server.name, "round": number,
                         "body_octets": octets, **result})
    bench.progress.say(f"{PAGE:<11} {server.name:<10} {octets:,} octets  round {number + 1:>2}  "
                       f"{float(result['rate']):>9,.0f}/s  "
                       f"{float(result['cpu_us_per_request']):>8.2f} µs CPU")


def _floods(bench: Bench, gate: Server, origin: Server) -> None:
    """Those who are let in, without and with a flood of visitors. As at half load (see
    http_scenario): no core halts, and what measures goes before the flood where they share one."""
    allowed = dataclasses.replace(gate, path=None)
    http_systems.check(allowed, False, http_systems.BODIES[0])
    http_scenario.make_first(bench, FLOOD, (origin, gate))
    seconds = max(1, math.floor(bench.plan.gate_visitors / _FLOOD_RATE))
    with bench.awake():
        for number in range(bench.plan.gate_floods):
            before = _measure_allowed(bench, allowed, seconds)
            _add_round(bench, number, False, before)
            visitors = _begin_flood(bench, gate)
            during = _measure_allowed(bench, allowed, seconds)
            _add_round(bench, number, True, {**during, "flood": _end_flood(bench, visitors)})


def _measure_allowed(bench: Bench, allowed: Server, seconds: int) -> dict[str, object]:
    bench.progress.doing(f"{FLOOD}: those who are let in, {seconds} s")
    traffic = dataclasses.replace(http_scenario.PLAIN, rate=_ALLOWED_RATE, urgent=True)
    return run_load(bench, allowed, traffic, seconds)


def _begin_flood(bench: Bench, gate: Server) -> Child:
    host, port = gate.address
    child = bench.children.start(
        "flood", [sys.executable, flood.__file__, host, str(port), str(gate.path),
                  str(bench.plan.gate_visitors), str(_FLOOD_RATE)], bench.cores.generator)
    child.ready_line()
    return child


def _end_flood(bench: Bench, visitors: Child) -> dict[str, object]:
    """What became of it. A visitor who was not served is a failure of the gate's."""
    if visitors.wait(120) != 0:
        raise ChildFailed(f"the flood failed\n{visitors.tail()}")
    result = json.loads(visitors.out().splitlines()[-1])
    bench.children.stop(visitors)
    if result["failed"]:
        raise ChildFailed(f"{result['failed']:,} of {result['visitors']:,} visitors did not see "
                          "the gate's first page")
    return result


def _add_round(bench: Bench, number: int, flooded: bool, result: dict[str, object]) -> None:
    p99_us = result["latency_us"]["p99"]
    visitors = result.get("flood", {"visitors": 0, "duration_s": 1})
    bench.rounds.append({"scenario": FLOOD, "system": SALLYPORT, "round": number,
                         "flooded": flooded, "visitors": visitors["visitors"], **result,
                         "p99_us": p99_us})
    bench.progress.say(
        f"{FLOOD:<11} {visitors['visitors'] / visitors['duration_s']:>6,.0f} visitors/s  "
        f"round {number + 1:>2}  {float(result['rate']):>9,.0f}/s let in  p50 "
        f"{result['latency_us']['p50']:>6,.0f} µs  p99 {p99_us:>8,.0f} µs")
