"""Processes that take over from one another (SIGUSR2)."""

import concurrent.futures
import json
import os
import pathlib
import re
import signal

from harness import wait_until
from harness.net import PATIENCE_S as USUAL_PATIENCE_S

# Connections end when they are half a minute old, and after a duplicate window the process.
PATIENCE_S = 60 + USUAL_PATIENCE_S


def ended(pid):
    """Gone, or a zombie that its new parent has not looked after yet."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


class Generations:
    """The processes that take over from one another, beginning with the one that the test
    started."""

    def __init__(self, door):
        self.door = door
        self.pids = [door.pid]

    def messages(self):
        """What the log says of upgrades. A process that does not start writes other lines, too."""
        whole = self.door.err().rpartition("\n")[0]  # either may be writing the next one
        lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return [line["message"] for line in lines if line.get("component") == "upgrade"]

    def ask(self):
        """SIGUSR2 to the process that listens, and what the log says of it."""
        before = len(self.messages())
        os.kill(self.pids[-1], signal.SIGUSR2)
        told = wait_until(lambda: [m for m in self.messages()[before:]
                                   if m.startswith(("refused", "process"))],
                          lambda: f"an outcome of the upgrade\n{self.door.tail()}")
        return told[0]

    def take_over(self):
        self.pids.append(int(re.match(r"process (\d+) has taken over", self.ask()).group(1)))

    def wait_end_of_old(self):
        for pid in self.pids[:-1]:
            if pid == self.door.pid:
                self.door.wait_exit(PATIENCE_S)
            wait_until(lambda pid=pid: ended(pid), lambda: f"the end of {self.pids}", PATIENCE_S)

    def stop(self):
        for pid in self.pids[1:]:
            if not ended(pid):
                os.kill(pid, signal.SIGTERM)
                wait_until(lambda pid=pid: ended(pid), lambda: f"the end of {self.pids}")


def take_over_under_load(generations, ask, requests, takeovers):
    """`ask` sends some thousand requests and says how many were answered: again and again, before,
    while and after the sockets change hands."""
    answers = 0
    with concurrent.futures.ThreadPoolExecutor(1) as beside:
        while answers < requests or len(generations.pids) <= takeovers:
            taking_over = beside.submit(generations.take_over)
            while True:
                last = taking_over.done()
                answers += ask()
                if last:
                    break
            taking_over.result()
            generations.wait_end_of_old()
