"""Child processes whose output is kept, that are waited for by condition and always stopped."""

import json
import os
import re
import signal
import subprocess

from .net import PATIENCE_S, wait_until

# Every process that a test started, so that a failing test can show what they wrote.
_started = []


class Process:
    """One child. Standard output and error go to files of `folder`; a pipe that nobody reads would
    block the child."""

    def __init__(self, name, command, folder, env=None, stdin=None, preexec=None, cwd=None):
        self.name = name
        self.command = [str(word) for word in command]
        self.out_path = folder / f"{name}.{len(_started)}.out"
        self.err_path = folder / f"{name}.{len(_started)}.err"
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.child = subprocess.Popen(
                self.command,
                stdin=stdin or subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=env,
                cwd=cwd,
                preexec_fn=preexec,
            )
        _started.append(self)

    @property
    def pid(self):
        return self.child.pid

    def out(self):
        return self.out_path.read_text(errors="replace")

    def err(self):
        return self.err_path.read_text(errors="replace")

    def output(self):
        return self.out() + self.err()

    def running(self):
        return self.child.poll() is None

    def wait_for(self, condition, what, patience_s=None):
        """Like wait_until, but a child that ends meanwhile is reported at once."""

        def check():
            value = condition()
            if not value and not self.running():
                raise AssertionError(
                    f"{self.name} ended with {self.child.returncode} before: {what}\n{self.tail()}"
                )
            return value

        return wait_until(check, lambda: f"{what}\n{self.tail()}", patience_s)

    def ready_line(self, patience_s=None):
        """The first line of standard output, as JSON."""
        self.wait_for(lambda: "\n" in self.out(), "a ready line", patience_s)
        return json.loads(self.out().splitlines()[0])

    def wait_exit(self, patience_s=None):
        """Waits for the end and returns the exit status (negative: killed by a signal)."""
        try:
            return self.child.wait(PATIENCE_S if patience_s is None else patience_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end\n{self.tail()}") from None

    def signal(self, number):
        """Also waits for the end of a SIGSTOP, which takes one thread after the other."""
        os.kill(self.pid, number)
        if number == signal.SIGSTOP:
            os.waitid(os.P_PID, self.pid, os.WSTOPPED)

    def terminate_and_wait(self):
        """SIGTERM, and the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait_exit()

    def stop(self, patience_s=5):
        """Ends the child whatever its state; never fails."""
        if self.running():
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(patience_s)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()

    def tail(self, octets=4000):
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-octets:]}"
            for path in (self.out_path, self.err_path)
            if path.exists() and path.stat().st_size
        )


def tails():
    """What the processes of the running test wrote, for its failure report."""
    return "\n".join(f"=== {p.name} (pid {p.pid})\n{p.tail()}" for p in _started)


# What a process writes when it finds itself broken: our CHECK, AddressSanitizer and its kin.
_BROKEN = re.compile(r"CHECK\(|Sanitizer:|runtime error:")


def stop_and_forget(first):
    """Stops every process started since `first` and forgets them; see marker(). Returns the
    complaints of those that broke, perhaps only while they ended."""
    complaints = []
    for process in reversed(_started[first:]):
        process.stop()
        told = process.err()
        if broken := _BROKEN.search(told):
            line = told[told.rfind("\n", 0, broken.start()) + 1:].partition("\n")[0]
            complaints.append(f"{process.name}: {line}\n{process.tail()}")
    del _started[first:]
    return complaints


def marker():
    return len(_started)
