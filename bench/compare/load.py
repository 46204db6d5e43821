"""The load generator, `sallyport-lab bench radius`: one run of it against one server, with what the
server spent meanwhile."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pathlib
import signal

from . import accounting, systems
from .bench import Bench
from .processes import Child, ChildFailed, make_urgent

_REQUEST_OCTETS = 130
# Requests made before the run, so that making them does not limit it. Sixteen ports have 4,096
# Identifiers: before one of these requests comes again, its Identifier has carried others, so no
# system takes it for a duplicate. A load with more ports, or many users, must do without.
_PRESIGNED = 65_536
# On a busy machine the generator may sleep through a short round: then nothing was measured.
_ATTEMPTS = 3


class WrongAnswer(Exception):
    """A system answered wrongly: then no figure of it counts."""


@dataclasses.dataclass(frozen=True)
class Load:
    """What is offered. Exactly one of rate, window and ramp; seconds unless requests says when it
    is enough. Latencies are of the time after warm_up_s; CPU time is counted only without."""

    seconds: float
    rate: int | None = None
    window: int | None = None
    requests: int | None = None
    warm_up_s: float = 0
    reject: bool = True  # a wrong password is sent: the second factor is not asked
    duplicates: float = 0
    ports: int = 16
    presigned: bool = True  # see _PRESIGNED
    urgent: bool = False  # see make_urgent
    options: tuple[str, ...] = ()
    cpus: frozenset[int] = frozenset()  # empty: the generator's core


def _seconds(value: float) -> str:
    return f"{math.ceil(value * 1000)}ms"


def _password_file(bench: Bench, password: str) -> pathlib.Path:
    path = bench.folder / f"password-{password}"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(password + "\n")
    return path


def command(bench: Bench, server: systems.Server, load: Load, result: pathlib.Path) -> list[str]:
    password = systems.WRONG_PASSWORD if load.reject else systems.PASSWORD
    words = [bench.lab, "bench", "radius", "--quiet", "--target", systems.text(server.address),
             "--secret-file", systems.secret_file(bench), "--password-file",
             _password_file(bench, password), "--method", "pap", "--request-octets",
             _REQUEST_OCTETS, "--expect", "reject" if load.reject else "accept", "--ports",
             load.ports, "--duration", _seconds(load.seconds), "--warm-up",
             _seconds(load.warm_up_s), "--json", result, *load.options]
    if load.presigned:
        words += ["--presigned", _PRESIGNED]
    if load.rate is not None:
        words += ["--rate", load.rate]
    if load.window is not None:
        words += ["--window", load.window]
    if load.requests is not None:
        words += ["--requests", load.requests]
    if load.duplicates:
        words += ["--duplicates", load.duplicates, "--duplicate-when", "answered"]
    return [os.fspath(word) if isinstance(word, os.PathLike) else str(word) for word in words]


def start(bench: Bench, server: systems.Server, load: Load) -> tuple[Child, pathlib.Path]:
    result = bench.new_folder("load") / "result.json"
    child = bench.children.start(f"load-{server.name}", command(bench, server, load, result),
                                 set(load.cpus) or bench.cores.generator)
    if load.urgent:
        make_urgent(child.pid)
    return child, result


def stop(bench: Bench, child: Child, patience_s: float = 30) -> None:
    """Ends a run early, as Ctrl-C does."""
    child.signal(signal.SIGINT)
    child.wait(patience_s)
    bench.children.stop(child)


def run(bench: Bench, server: systems.Server, load: Load) -> dict[str, object]:
    """The generator's result, with `rss_kb` of the server, and without a warm-up its
    `cpu_us_per_request` and `proxy_busy`. Raises WrongAnswer, or ChildFailed."""
    for _ in range(_ATTEMPTS):
        result = _run_once(bench, server, load)
        if result["answers"]:
            return result
        bench.progress.say(f"{server.name}: a round without answers, "
                           f"{result['unanswered']} unanswered; once more")
    raise ChildFailed(f"{server.name} answered nothing\n{server.child.tail()}")


def _run_once(bench: Bench, server: systems.Server, load: Load) -> dict[str, object]:
    before_ns = accounting.cpu_ns(server.child.pid)
    child, path = start(bench, server, load)
    status = child.wait(load.seconds + load.warm_up_s + 60)
    spent_ns = accounting.cpu_ns(server.child.pid) - before_ns
    if not server.child.running():
        raise ChildFailed(f"{server.name} ended under load\n{server.child.tail()}")
    result: dict[str, object] = json.loads(path.read_text() or "{}") if path.exists() else {}
    if result.get("wrong") or result.get("differing_answers"):
        raise WrongAnswer(f"{server.name} answered wrongly: {result.get('failure')}")
    if status != 0:
        raise ChildFailed(f"the load on {server.name} failed\n{child.tail()}")
    bench.children.stop(child)
    for bulky in ("histogram", "series", "command"):
        result.pop(bulky, None)
    result["p99_us"] = result["latency_us"]["p99"]
    # Requests of a warm-up are not counted, but what they cost is.
    if not load.warm_up_s and result["requests"]:
        result["cpu_us_per_request"] = spent_ns / 1000 / int(result["requests"])
        result["cpu_us"] = spent_ns / 1000
        result["proxy_busy"] = spent_ns / 1e9 / float(result["duration_s"])
    result["rss_kb"] = accounting.rss_kb(server.child.pid)
    return result


def measure(bench: Bench, scenario: str, server: systems.Server, number: int, load: Load,
            **setting: object) -> dict[str, object]:
    """run(), kept as a round of the results and shown. `setting`: what sets it apart from other
    rounds of this scenario and system."""
    system = " ".join([server.name, *(f"{key} {value}" for key, value in setting.items())])
    bench.progress.doing(f"{scenario}: {system}, round {number + 1}")
    result = run(bench, server, load)
    entry = {"scenario": scenario, "system": server.name, "round": number, **setting, **result}
    bench.rounds.append(entry)
    latency = result["latency_us"]
    cpu = result.get("cpu_us_per_request")
    bench.progress.say(
        f"{scenario:<11} {system:<34} round {number + 1:>2}  {float(result['rate']):>9,.0f}/s"
        f"  {f'{cpu:7.2f} µs CPU' if cpu else '':>14}"
        f"  p50 {latency['p50']:>7,.0f} µs  p99 {latency['p99']:>7,.0f} µs")
    return entry
