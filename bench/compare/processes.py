"""Child processes: pinned to cores, their output kept in files, always ended."""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

PATIENCE_S = float(os.environ.get("SALLYPORT_TEST_PATIENCE", "30"))

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_random = random.SystemRandom()

Found = TypeVar("Found")


class ChildFailed(Exception):
    """A child ended, or did not do what it was waited for. The text is for the user."""


def wait_until(condition: Callable[[], Found], what: str, patience_s: float = PATIENCE_S,
               every_s: float = 0.02) -> Found:
    """The first true value of condition()."""
    deadline = time.monotonic() + patience_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise ChildFailed(f"waited {patience_s:.0f} s in vain for: {what}")
        time.sleep(every_s)
    return value


def loopback_address() -> str:
    """An address of 127.0.0.0/8 for one listener: runs side by side never meet on a port."""
    return "127.{}.{}.{}".format(_random.randrange(64, 250), _random.randrange(256),
                                 _random.randrange(1, 255))


def free_port(address: str, kind: int = socket.SOCK_DGRAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def _set_priority(nice: int) -> None:
    """Of this process, and of its session where the kernel schedules sessions as groups."""
    os.setpriority(os.PRIO_PROCESS, 0, nice)
    group = pathlib.Path("/proc/self/autogroup")
    if group.exists():
        group.write_text(f"{nice}\n")


def make_urgent(pid: int, name: str = "") -> bool:
    """What measures must not wait for what is measured: lets the threads of a process whose names
    begin so run before others where they share a core. False: not allowed (it takes root)."""
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            comm = pathlib.Path(f"/proc/{pid}/task/{thread}/comm").read_text()
            if comm.startswith(name):
                os.sched_setscheduler(int(thread), os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        return False
    return True


class Child:
    """One process of its own session. Ends with us, however we end."""

    def __init__(self, name: str, command: Sequence[str | os.PathLike[str]],
                 folder: pathlib.Path, cpus: set[int] | None = None,
                 env: Mapping[str, str] | None = None, nice: int = 0) -> None:
        self.name = name
        self.out_path = folder / f"{name}.out"
        self.err_path = folder / f"{name}.err"

        def prepare() -> None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if cpus:
                os.sched_setaffinity(0, cpus)
            if nice:
                _set_priority(nice)

        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(
                [os.fspath(word) for word in command], stdin=subprocess.DEVNULL, stdout=out,
                stderr=err, env=dict(env) if env is not None else None, preexec_fn=prepare,
                start_new_session=True)

    @property
    def pid(self) -> int:
        return self.process.pid

    def running(self) -> bool:
        return self.process.poll() is None

    def out(self) -> str:
        return self.out_path.read_text(errors="replace")

    def tail(self, octets: int = 2000) -> str:
        """The end of what it wrote, for a message about its failure."""
        texts = [path.read_text(errors="replace")[-octets:].strip()
                 for path in (self.out_path, self.err_path)]
        return "\n".join(text for text in texts if text)

    def wait_for(self, condition: Callable[[], Found], what: str,
                 patience_s: float = PATIENCE_S) -> Found:
        """Like wait_until, but a child that ends meanwhile is reported at once."""

        def check() -> Found:
            value = condition()
            if not value and not self.running():
                raise ChildFailed(f"{self.name} ended with status {self.process.returncode} "
                                  f"before: {what}\n{self.tail()}")
            return value

        try:
            return wait_until(check, what, patience_s)
        except ChildFailed as failed:
            if self.running():
                raise ChildFailed(f"{self.name}: {failed}\n{self.tail()}") from None
            raise

    def ready_line(self) -> Any:
        """The first line of its standard output, as JSON."""
        self.wait_for(lambda: "\n" in self.out(), "a line that says it is ready")
        return json.loads(self.out().splitlines()[0])

    def wait(self, patience_s: float) -> int:
        """Its exit status; negative: the signal that ended it."""
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            raise ChildFailed(f"{self.name} does not end\n{self.tail()}") from None

    def signal(self, number: int) -> None:
        if self.running():
            self.process.send_signal(number)

    def stop(self, patience_s: float = 5) -> None:
        """Ends it and what it started, whatever state it is in; never fails."""
        if self.running():
            self.process.terminate()
            try:
                self.process.wait(patience_s)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.pid, signal.SIGKILL)  # its children, and itself if it did not listen
        except ProcessLookupError:
            pass
        self.process.wait()


_SPIN = "while True: pass"


class Children:
    """All children of a run; leaving the block ends them, newest first. `nice`: their priority, -20
    to 19."""

    def __init__(self, folder: pathlib.Path, nice: int = 0) -> None:
        self.folder = folder
        self._nice = nice
        self._children: list[Child] = []
        self._started = 0
        self._ending = False

    def start(self, name: str, command: Sequence[str | os.PathLike[str]],
              cpus: set[int] | None = None, env: Mapping[str, str] | None = None) -> Child:
        if self._ending:
            raise ChildFailed("ended by a signal")
        self._started += 1
        child = Child(f"{self._started:03}-{name}", command, self.folder, cpus, env,
                      self._nice)
        self._children.append(child)
        return child

    def keep_awake(self, cpus: set[int]) -> list[Child]:
        """Something for each of these cores to do when there is nothing else to do. A core that
        halts is a while away: on a virtual machine for milliseconds at times."""
        spinners = self.spin("awake", cpus)
        for spinner in spinners:
            os.sched_setscheduler(spinner.pid, os.SCHED_IDLE, os.sched_param(0))
        return spinners

    def spin(self, name: str, cpus: set[int]) -> list[Child]:
        """A program for each of these cores that takes all that it gets of it."""
        return [self.start(f"{name}-{cpu}", [sys.executable, "-c", _SPIN], {cpu})
                for cpu in sorted(cpus)]

    def stop(self, child: Child, patience_s: float = 5) -> None:
        child.stop(patience_s)
        self._children.remove(child)

    def end(self) -> None:
        """No child is started any more. For a signal handler: what it raises may get lost, since
        Python ignores exceptions in some places, around a fork for one."""
        self._ending = True

    def stop_all(self) -> None:
        while self._children:
            self._children.pop().stop()

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_all()
