"""What the figures were measured on, and which of its cores do what."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import platform
import time

from . import accounting


def _first(path: str, key: str) -> str:
    for line in pathlib.Path(path).read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _governor() -> str | None:
    path = pathlib.Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return path.read_text().strip() if path.exists() else None


def describe() -> dict[str, object]:
    """The `machine` part of the results."""
    memory_kb = int(_first("/proc/meminfo", "MemTotal").split()[0])
    described = {
        "cpu": _first("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory_kb / 1024 / 1024, 1),
        "kernel": platform.release(),
        "governor": _governor(),
    }
    return {key: value for key, value in described.items() if value is not None}


# Of all cores' time. The kernel's own threads and its ticks take some.
_MUCH = 0.05


@dataclasses.dataclass(frozen=True)
class Usage:
    """Seconds until now: of the clock, and of CPU."""

    clock_s: float
    busy_s: float
    own_s: float
    stolen_s: float

    @staticmethod
    def now() -> Usage:
        return Usage(time.monotonic(), accounting.busy_s(), accounting.own_s(),
                     accounting.stolen_s())

    def disturbances_since(self, before: Usage) -> list[str]:
        """What a reader must know of others that used this machine meanwhile."""
        cores_s = (self.clock_s - before.clock_s) * (os.cpu_count() or 1)
        if cores_s <= 0:
            return []
        others = (self.busy_s - before.busy_s - self.own_s + before.own_s) / cores_s
        stolen = (self.stolen_s - before.stolen_s) / cores_s
        found = []
        if others > _MUCH:
            found.append(f"other programs used {others:.0%} of this machine meanwhile: latencies "
                         "are theirs too; measure on a quiet machine")
        if stolen > _MUCH:
            found.append(f"the hypervisor took {stolen:.0%} of this machine's time: latencies tell "
                         "of it")
        return found


@dataclasses.dataclass(frozen=True)
class Cores:
    """Where each part of a measurement runs. The proxy has one core for itself whenever there are
    two; the rest is shared by what there is."""

    proxy: set[int]
    generator: set[int]
    downstream: set[int]
    service: set[int]  # the second factor's API
    all: set[int]

    @staticmethod
    def of(cores: set[int]) -> Cores:
        order = sorted(cores)
        picks = [order[min(place, len(order) - 1)] for place in range(4)]
        proxy, generator, downstream, service = ({core} for core in picks)
        return Cores(proxy, generator, downstream, service, set(order))


def cores() -> Cores:
    """The cores that this process may use."""
    return Cores.of(os.sched_getaffinity(0))
