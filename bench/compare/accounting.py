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
