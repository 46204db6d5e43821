"""The speed table: what must hold, what is aimed at, and what was measured."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable

from . import (clients, duplicates, gate, http_idle, http_scenario, latency, pending, throughput,
               verify)
from .bench import Bench
from .http_load import Traffic
from .ratios import Spread, by_round, differences
from .systems import DIRECT, FREERADIUS, RADSECPROXY, RELAY, SALLYPORT


# Which scenario of the command line makes the rounds that a row is computed from.
SCENARIO_OF = {throughput.SATURATED: "throughput", latency.ADDED: "latency",
               pending.SCENARIO: "pending", verify.TRANSFERS: "verify",
               duplicates.SCENARIO: "duplicates", clients.SCENARIO: "clients",
               http_scenario.SCENARIO: "http", http_scenario.HALF_LOAD: "http",
               http_idle.SCENARIO: "http", gate.PAGE: "gate", gate.FLOOD: "gate"}


@dataclasses.dataclass(frozen=True)
class Row:
    """One line: `value` is ours against theirs as `name` says; ours and theirs in `unit`."""

    name: str
    scenario: str
    op: str  # how value must stand to bound: <= or >=
    bound: float
    aim: float
    value: Spread | None
    ours: float | None
    theirs: float | None
    unit: str
    value_unit: str = ""  # of value, bound and aim; empty: a ratio

    @property
    def holds(self) -> bool | None:
        """None: not measured."""
        return None if self.value is None else self._meets(self.bound)

    @property
    def reaches_aim(self) -> bool | None:
        return None if self.value is None else self._meets(self.aim)

    def _meets(self, wanted: float) -> bool:
        assert self.value
        median = self.value.median
        return median <= wanted if self.op == "<=" else median >= wanted

    def json(self) -> dict[str, object]:
        return {"name": self.name, "scenario": self.scenario,
                "value": self.value.median if self.value else None,
                "spread": self.value.json() if self.value else None,
                "bound": {"op": self.op, "value": self.bound}, "aim": self.aim,
                "holds": self.holds, "reaches_aim": self.reaches_aim, "ours": self.ours,
                "theirs": self.theirs, "unit": self.unit, "value_unit": self.value_unit}


def _median(values: Iterable[float]) -> float | None:
    kept = list(values)
    return statistics.median(kept) if kept else None


def _cost(bench: Bench, scenario: str, system: str = SALLYPORT, **setting: object
          ) -> dict[int, float]:
    return bench.by_round(scenario, system, "cpu_us_per_request", **setting)


def _p99(bench: Bench, scenario: str, system: str = SALLYPORT, **setting: object
         ) -> dict[int, float]:
    return bench.by_round(scenario, system, "p99_us", **setting)


def _cpu_rows(bench: Bench) -> list[Row]:
    scenario = throughput.SATURATED
    ours = _cost(bench, scenario, SALLYPORT)

    def row(name: str, system: str, op: str, bound: float, aim: float) -> Row:
        theirs = _cost(bench, scenario, system)
        ratio = by_round(ours, theirs) if op == "<=" else by_round(theirs, ours)
        return Row(name, throughput.SATURATED, op, bound, aim, ratio, _median(ours.values()),
                   _median(theirs.values()), "µs")

    return [row("CPU per proxied request ÷ bare relay", RELAY, "<=", 1.35, 1.0),
            row("radsecproxy's CPU per request ÷ ours", RADSECPROXY, ">=", 2.6, 3.5),
            row("FreeRADIUS's CPU per request ÷ ours", FREERADIUS, ">=", 6, 10)]


def _added_latency(bench: Bench) -> Row:
    direct, relay, ours = (_p99(bench, latency.ADDED, system)
                           for system in (DIRECT, RELAY, SALLYPORT))
    added, wall = differences(ours, direct), differences(relay, direct)
    return Row("added p99 latency at half load ÷ bare relay's", latency.ADDED, "<=", 1.5, 1.1,
               by_round(added, wall), _median(added.values()), _median(wall.values()), "µs")


def _memory(bench: Bench) -> Row:
    waiting = bench.by_round(pending.MEMORY, SALLYPORT, "rss_bytes_per_pending")
    kilo = [value / 1000 for value in waiting.values()]
    return Row("memory of a waiting verification", pending.SCENARIO, "<=", 9, 3, Spread.of(kilo),
               _median(kilo), None, "kB", "kB")


def _transfers(bench: Bench) -> Row:
    ours, bare = (bench.by_round(verify.TRANSFERS, system, "cpu_us_per_transfer")
                  for system in (verify.POOL, verify.BARE))
    return Row("CPU per HTTPS transfer of a verification ÷ bare libcurl", verify.TRANSFERS, "<=",
               1.25, 1.05, by_round(ours, bare), _median(ours.values()), _median(bare.values()),
               "µs")


def _duplicates(bench: Bench) -> Row:
    again = duplicates.cost_of_a_duplicate_us(bench)
    fresh = _cost(bench, duplicates.SCENARIO, variant=duplicates.FRESH)
    return Row("duplicate answered from the table ÷ fresh request, CPU", duplicates.SCENARIO, "<=",
               0.5, 0.4, by_round(again, fresh), _median(again.values()), _median(fresh.values()),
               "µs")


def _clients(bench: Bench) -> Row:
    many, few = (_cost(bench, clients.SCENARIO, clients=count)
                 for count in (bench.plan.clients, clients.FEW))
    return Row(f"cost per request at {bench.plan.clients:,} clients ÷ at 10", clients.SCENARIO,
               "<=", 1.1, 1.0, by_round(many, few), _median(many.values()), _median(few.values()),
               "µs")


def _pending(bench: Bench) -> Row:
    all_, none = (_p99(bench, pending.SCENARIO, pending=count)
                  for count in (bench.plan.pending, 0))
    return Row(f"{bench.plan.pending:,} verifications pending: p99 of pass-through traffic ÷ with "
               "none", pending.SCENARIO, "<=", 1.2, 1.0, by_round(all_, none),
               _median(all_.values()), _median(none.values()), "µs")


def _http_rate(bench: Bench, name: str, peer: str, bound: float, aim: float,
               traffic: Traffic) -> Row:
    """Of a core that is kept busy: on two cores a fast proxy waits for wrk and the origin, and the
    plain rates would tell of these."""
    ours, theirs = (bench.by_round(http_scenario.SCENARIO, system, "rate_of_a_core",
                                   **traffic.setting()) for system in (SALLYPORT, peer))
    return Row(f"{name}: requests/s of a busy core ÷ {peer}'s", http_scenario.SCENARIO, ">=",
               bound, aim, by_round(ours, theirs), _median(ours.values()),
               _median(theirs.values()), "/s")


def _http_latency(bench: Bench) -> Row:
    ours, theirs = (_p99(bench, http_scenario.HALF_LOAD, system)
                    for system in (SALLYPORT, http_scenario.NGINX))
    return Row("HTTP: p99 at half load ÷ nginx's", http_scenario.HALF_LOAD, "<=", 1.0, 0.8,
               by_round(ours, theirs), _median(ours.values()), _median(theirs.values()), "µs")


def _http_idle(bench: Bench, tls: bool) -> Row:
    ours, theirs = ({number: octets / 1000 for number, octets in bench.by_round(
        http_idle.SCENARIO, system, "rss_bytes_per_connection", tls=tls).items()}
        for system in (SALLYPORT, http_scenario.NGINX))
    return Row(f"HTTP{'S' if tls else ''}: memory of an idle connection ÷ nginx's",
               http_idle.SCENARIO, "<=", 1.0, 0.8, by_round(ours, theirs),
               _median(ours.values()), _median(theirs.values()), "kB")


def _http_rows(bench: Bench) -> list[Row]:
    plain, tls, large = http_scenario.PLAIN, http_scenario.TLS, http_scenario.LARGE
    nginx, haproxy, caddy = http_scenario.NGINX, http_scenario.HAPROXY, http_scenario.CADDY
    return [_http_rate(bench, "HTTP", nginx, 1.1, 1.5, plain),
            _http_rate(bench, "HTTP", haproxy, 1.3, 1.5, plain),
            _http_rate(bench, "HTTP", caddy, 5, 6, plain),
            _http_rate(bench, "HTTPS", nginx, 1.1, 1.5, tls),
            _http_rate(bench, "HTTP, 1 MB", nginx, 1.0, 1.1, large),
            _http_latency(bench), *(_http_idle(bench, tls) for tls in (False, True))]


def _gate_rows(bench: Bench) -> list[Row]:
    ours, theirs = (bench.by_round(gate.PAGE, system, "rate_of_a_core")
                    for system in (SALLYPORT, http_scenario.NGINX))
    during, before = (_p99(bench, gate.FLOOD, flooded=flooded) for flooded in (True, False))
    return [Row("gate's first page: requests/s of a busy core ÷ nginx's for such a file", gate.PAGE,
                ">=", 0.6, 1.0, by_round(ours, theirs), _median(ours.values()),
                _median(theirs.values()), "/s"),
            Row(f"p99 of those let in while {bench.plan.gate_visitors:,} new visitors come ÷ "
                "before", gate.FLOOD, "<=", 1.2, 1.0, by_round(during, before),
                _median(during.values()), _median(before.values()), "µs")]


def rows(bench: Bench) -> list[Row]:
    """All lines, measured or not, in the order in which they are read."""
    return [*_cpu_rows(bench), _added_latency(bench), _memory(bench), _transfers(bench),
            _duplicates(bench), _clients(bench), _pending(bench), *_http_rows(bench),
            *_gate_rows(bench)]


def _number(value: float | None, unit: str = "") -> str:
    if value is None:
        return "–"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 20 else 2
    return f"{value:,.{digits}f}" + (f" {unit}" if unit else "")


_SAYS = {None: "not measured", True: "holds", False: "DOES NOT HOLD"}


def text(table: Iterable[Row]) -> str:
    """For a terminal: ours beside theirs."""
    lines = [("", "measured", "min … max", "at least", "aim", "ours", "theirs", "")]
    for row in table:
        spread = row.value
        sign = {"<=": "≤", ">=": "≥"}[row.op]
        bound, aim = (f"{sign} {_number(value, row.value_unit)}" for value in (row.bound, row.aim))
        lines.append((row.name, _number(spread and spread.median, row.value_unit if spread else ""),
                      f"{_number(spread.low)} … {_number(spread.high)}" if spread else "–",
                      bound, aim, _number(row.ours, row.unit), _number(row.theirs, row.unit),
                      _SAYS[row.holds] + (", aim reached" if row.reaches_aim else "")))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) if column in (0, len(widths) - 1) else cell.rjust(width)
                  for column, (cell, width) in enumerate(zip(line, widths))).rstrip()
        for line in lines)
