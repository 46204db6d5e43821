"""What the operating system counted for a process: CPU time and memory."""

from __future__ import annotations

import os
import pathlib

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def _read(path: str) -> str:
    """The text of a file of /proc; empty when the thread has ended meanwhile."""
    try:
        return pathlib.Path(path).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _ticks_ns(pid: int) -> int:
    after_name = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) * _TICK_NS if after_name else 0


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    found = [pid]
    for parent in found:
        for task in _tasks(parent):
            found += map(int, _read(f"/proc/{parent}/task/{task}/children").split())
    return found


def _tasks(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except (FileNotFoundError, ProcessLookupError):
        return []


def cpu_ns(pid: int) -> int:
    """CPU time, user and system, of a process and its descendants. In nanoseconds where the kernel
    keeps them by thread (schedstat), in ticks of 10 ms elsewhere. Threads that have ended are not
    in it: the proxies that are measured keep theirs."""
    total = 0
    for member in family(pid):
        texts = [_read(f"/proc/{member}/task/{task}/schedstat") for task in _tasks(member)]
        times = [int(text.split()[0]) for text in texts if text]
        total += sum(times) if times else _ticks_ns(member)
    return total


def rss_kb(pid: int) -> int:
    """Resident memory of a process and its descendants, KiB."""
    total = 0
    for member in family(pid):
        for line in _read(f"/proc/{member}/smaps_rollup").splitlines():
            if line.startswith("Rss:"):
                total += int(line.split()[1])
    return total


def threads(pid: int) -> list[tuple[str, set[int]]]:
    """Name of each thread, and the cores that it may run on."""
    found = []
    for task in _tasks(pid):
        try:
            found.append((_read(f"/proc/{pid}/task/{task}/comm").strip(),
                          os.sched_getaffinity(int(task))))
        except ProcessLookupError:  # it has ended
            continue
    return found


def busy_s() -> float:
    """CPU time of all that runs on this machine since it started."""
    user, nice, system, _, _, irq, softirq = map(int, _read("/proc/stat").split()[1:8])
    return (user + nice + system + irq + softirq) * _TICK_NS / 1e9


def stolen_s() -> float:
    """CPU time that this machine would have used and the hypervisor gave to others."""
    return int(_read("/proc/stat").split()[8]) * _TICK_NS / 1e9


def own_s() -> float:
    """CPU time of this process and all its descendants, those included that have ended."""
    ended = os.times()
    return cpu_ns(os.getpid()) / 1e9 + ended.children_user + ended.children_system
