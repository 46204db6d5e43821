"""wrk (HTTP/1.1) and h2load (HTTP/2) against one server, and what the server spent meanwhile."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pathlib
import re
from collections.abc import Mapping

from . import accounting
from .bench import Bench
from .http_systems import Server
from .processes import ChildFailed, make_urgent
from .systems import PEERS, SALLYPORT, program

CONNECTIONS = 64


@dataclasses.dataclass(frozen=True)
class Traffic:
    """What is asked for, over connections that are kept. One request at a time on each, as h1 has
    it: so both protocols bring the same number of requests at once."""

    protocol: str  # h1 or h2
    tls: bool
    body_octets: int
    rate: float | None = None  # h1: about so many requests a second; None: as many as are borne
    urgent: bool = False  # see make_urgent

    def setting(self) -> dict[str, object]:
        """What tells its rounds from others of the scenario. The rate is in each result."""
        return {"protocol": self.protocol, "tls": self.tls, "body_octets": self.body_octets}


def _wrk(url: str, seconds: float, rate: float | None) -> list[str]:
    """With a rate each connection pauses after an answer, between nothing and twice the mean."""
    pause_ms = CONNECTIONS / rate * 1000 if rate else 0
    return [program("wrk") or "wrk", "--threads", "1", "--connections", str(CONNECTIONS),
            "--duration", f"{math.ceil(seconds)}s", "--timeout", "30s",
            "--script", str(PEERS / "http/wrk.lua"), url,
            *(["--", f"{pause_ms:.3f}"] if rate else [])]


def _h2load(url: str, seconds: float, log: pathlib.Path) -> list[str]:
    return [program("h2load") or "h2load", "--threads", "1", "--clients", str(CONNECTIONS),
            "--max-concurrent-streams", "1", "--duration", str(math.ceil(seconds)),
            "--log-file", os.fspath(log), url]


def from_wrk(text: str) -> dict[str, object]:
    """The result out of the line that wrk.lua prints."""
    told = json.loads(next(line for line in text.splitlines() if line.startswith("{")))
    latency = {name: told[name] for name in ("min", "mean", "p50", "p90", "p99", "p999", "max")}
    seconds = told["duration_us"] / 1e6
    return {"requests": told["requests"], "duration_s": seconds, "octets": told["octets"],
            "rate": told["requests"] / seconds, "failed": told["failed"], "latency_us": latency}


def from_h2load(text: str, log: str) -> dict[str, object]:
    """The result out of what h2load prints and its log: start, status and µs of each request."""
    lines = [line.split("\t") for line in log.splitlines()]
    times = sorted(int(line[2]) for line in lines)
    done = re.search(r"^requests: .*?(\d+) succeeded, (\d+) failed, (\d+) errored", text, re.M)
    took = re.search(r"^finished in ([\d.]+)(ms|s)", text, re.M)
    octets = re.search(r"^traffic: .*?\((\d+)\) data", text, re.M)
    if not times or not done or not took or not octets:
        raise ChildFailed(f"h2load did not say what it measured:\n{text[-1000:]}")
    seconds = float(took[1]) / (1000 if took[2] == "ms" else 1)

    def at(share: float) -> int:
        return times[min(len(times) - 1, int(share * len(times)))]

    latency = {"min": times[0], "mean": sum(times) / len(times), "p50": at(0.5), "p90": at(0.9),
               "p99": at(0.99), "p999": at(0.999), "max": times[-1]}
    wrong_status = sum(line[1] != "200" for line in lines)
    return {"requests": int(done[1]), "duration_s": seconds, "octets": int(octets[1]),
            "rate": int(done[1]) / seconds, "latency_us": latency,
            "failed": int(done[2]) + int(done[3]) + wrong_status}


def run(bench: Bench, server: Server, traffic: Traffic, seconds: float) -> dict[str, object]:
    """The result with `cpu_us_per_request`, `proxy_busy`, `rate_of_a_core` and `rss_kb` of the
    server. Whole seconds, as wrk counts them. Raises ChildFailed when a request failed or bodies
    are missing; a peer may try once more, since it is not on trial."""
    try:
        return _run_once(bench, server, traffic, seconds)
    except ChildFailed as failed:
        if server.name == SALLYPORT or not server.child.running():
            raise
        bench.progress.say(f"{failed}; once more")
        return _run_once(bench, server, traffic, seconds)


def _run_once(bench: Bench, server: Server, traffic: Traffic, seconds: float
              ) -> dict[str, object]:
    url = server.url(traffic.tls, traffic.body_octets)
    log = bench.new_folder("http-load") / "requests.log"
    words = (_wrk(url, seconds, traffic.rate) if traffic.protocol == "h1"
             else _h2load(url, seconds, log))
    before_ns = accounting.cpu_ns(server.child.pid)
    child = bench.children.start(f"load-{server.name}", words, bench.cores.generator)
    if traffic.urgent:
        make_urgent(child.pid)
    status = child.wait(seconds + 60)
    spent_ns = accounting.cpu_ns(server.child.pid) - before_ns
    if status != 0 or not server.child.running():
        raise ChildFailed(f"the load on {server.name} failed\n{child.tail()}\n"
                          f"{server.child.tail()}")
    result = (from_wrk(child.out()) if traffic.protocol == "h1"
              else from_h2load(child.out(), log.read_text()))
    log.unlink(missing_ok=True)
    bench.children.stop(child)
    _check(server, traffic, result)
    requests, took_s = float(result["requests"]), float(result["duration_s"])
    busy = spent_ns / 1e9 / took_s
    return {**result, "wrong": 0, "cpu_us_per_request": spent_ns / 1000 / requests,
            "proxy_busy": busy, "rate_of_a_core": float(result["rate"]) / busy,
            "rss_kb": accounting.rss_kb(server.child.pid)}


def _check(server: Server, traffic: Traffic, result: Mapping[str, object]) -> None:
    requests, octets = int(result["requests"]), int(result["octets"])
    if requests == 0 or result["failed"]:
        raise ChildFailed(f"{server.name}: {result['failed']} of {requests} requests failed "
                          f"({traffic})")
    if octets < requests * traffic.body_octets:
        raise ChildFailed(f"{server.name}: {octets} octets cannot be {requests} bodies of "
                          f"{traffic.body_octets} ({traffic})")
