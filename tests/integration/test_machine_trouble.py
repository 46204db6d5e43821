"""What the machine does to a daemon that runs: its clock jumps, its disk is full, its resolver
fails. docs/operations.md says what happens; here it does."""

import datetime
import os
import pathlib
import shutil
import signal
import struct
import subprocess

import pytest
from harness import Sallyport, wait_until, wire
from harness.load import RadiusLoad, rejecting_downstream

# Adds the seconds that stand in a file to CLOCK_REALTIME, as a jump of the clock would.
SHIFTED_CLOCK = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec* now) {
  int result = (int)syscall(SYS_clock_gettime, id, now);
  if (result != 0 || id != CLOCK_REALTIME) return result;
  long shift = 0;
  int file = open(getenv("SHIFT_FILE"), O_RDONLY | O_CLOEXEC);
  if (file >= 0) {
    if (read(file, &shift, sizeof shift) == sizeof shift) now->tv_sec += shift;
    close(file);
  }
  return result;
}
"""
DAY = 86_400


class ShiftedClock:
    def __init__(self, folder):
        source, self.library = folder / "clock.c", folder / "clock.so"
        self.file = folder / "shift"
        source.write_text(SHIFTED_CLOCK)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.library, source], check=True)
        self.jump(0)
        self.environment = {"LD_PRELOAD": str(self.library), "SHIFT_FILE": str(self.file)}

    def jump(self, seconds):
        new = self.file.with_suffix(".new")
        new.write_bytes(struct.pack("l", seconds))
        new.rename(self.file)


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize("seconds", [30 * DAY, -30 * DAY])
def test_a_jump_of_the_clock_touches_no_login(tmp_path, downstream, notakey, seconds):
    """Time-outs, duplicate windows and questions follow the monotonic clock; lines of the log tell
    the new time."""
    clock = ShiftedClock(tmp_path)
    door = Sallyport(tmp_path, downstream, notakey, env=clock.environment)
    with door.nas() as nas:
        answered = nas.pap("alice", "before")
        nas.send(answered)
        first = nas.receive_octets()
        pending = nas.pap("quinn", "x")
        nas.send(pending)
        notakey.wait_pushes(2)
        clock.jump(seconds)
        nas.send(answered)
        assert nas.receive_octets() == first
        nas.send(pending)
        assert nas.barrier() == []
        notakey.answer("quinn", approve=True)
        assert nas.receive(pending).code == wire.ACCESS_ACCEPT
        assert nas.ask(nas.pap("alice", "after")).code == wire.ACCESS_ACCEPT
    assert notakey.pushes("quinn") == 1
    told = datetime.datetime.fromisoformat(door.wait_audit(3)[-1]["time"].replace("Z", "+00:00"))
    off = told - datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds)
    assert abs(off) < datetime.timedelta(hours=1)


def test_a_full_disk_holds_up_no_login_and_audit_lines_wait(tmp_path, downstream, notakey):
    log, disk = tmp_path / "sallyport.log", tmp_path / "disk.log"
    log.symlink_to("/dev/full")
    door = Sallyport(tmp_path, downstream, notakey, log={"file": str(log)})
    with door.nas() as nas:
        for n in range(20):
            assert nas.ask(nas.pap("alice", f"x{n}")).code == wire.ACCESS_ACCEPT
    wait_until(lambda: door.metric("sallyport_log_lost_lines_total") > 0, lambda: "lost lines")
    assert door.metric("sallyport_radius_audit_lost_total") == 0

    # Room again: the log file is opened anew, and no decision is missing.
    new = tmp_path / "new.log"
    new.symlink_to(disk)
    os.replace(new, log)
    door.reload()
    wait_until(lambda: disk.exists() and disk.read_text().count('"event":"decision"') == 20,
               lambda: f"20 audit lines\n{disk.read_text() if disk.exists() else 'no file'}")


def test_what_the_log_cannot_hold_is_told_on_standard_error(tmp_path, downstream, notakey):
    """Also by the exit status: who stops a daemon would not look into a log that is full."""
    log = tmp_path / "sallyport.log"
    log.symlink_to("/dev/full")
    door = Sallyport(tmp_path, downstream, notakey, log={"file": str(log)})
    with door.nas() as nas:
        for n in range(3):
            assert nas.ask(nas.pap("alice", f"x{n}")).code == wire.ACCESS_ACCEPT

    def told(line):
        wait_until(lambda: f"sallyport: {line}\n" in door.err(), lambda: f"{line}\n{door.err()}")

    told("audit: records cannot be written: they wait, trying again")
    log.unlink()
    log.mkdir()
    door.signal(signal.SIGHUP)
    told(f"reload: cannot open the log file {log}: Is a directory: still writing to the old one")
    assert door.terminate_and_wait() == 4
    told("audit: 3 records could not be written")


def test_without_a_resolver_it_does_not_start_and_a_reload_is_refused(tmp_path, downstream,
                                                                       notakey):
    quick = {"RES_OPTIONS": "timeout:1 attempts:1"}
    door = Sallyport(tmp_path / "runs", downstream, notakey, env=quick)
    good = door.settings["downstream"]["address"]
    door.settings["downstream"]["address"] = "radius.invalid:1812"
    door.write_config()
    door.reload()
    refusal = wait_until(lambda: [line["message"] for line in door.log_lines()
                                  if line["message"].startswith("refused")],
                         lambda: "a refused reload")
    assert "radius.invalid" in refusal[0], refusal
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT

    config = pathlib.Path(door.config).read_text()
    assert good not in config
    other = tmp_path / "other.toml"
    other.touch(mode=0o600)
    other.write_text(config.replace(str(door.server[1]), "0").replace(str(door.admin[1]), "0"))
    done = subprocess.run([door.command[0], "run", "--config", other], capture_output=True,
                          text=True, timeout=60, check=False, env={**os.environ, **quick})
    assert done.returncode == 3, done.stderr
    assert 'cannot resolve the downstream "radius.invalid"' in done.stderr


def test_after_kill_9_it_starts_at_once(tmp_path, notakey):
    """Also when the kernel still holds the sockets of the rings of the process before it, which it
    does for some tenths of a second after load."""
    door = Sallyport(tmp_path, rejecting_downstream(tmp_path), notakey,
                     log={"level": "info", "audit": False})
    for _ in range(3):
        with RadiusLoad(tmp_path, door).start("--requests", 1_000_000, "--window", 200) as load:
            wait_until(lambda: door.metric("sallyport_radius_requests_total") > 1_000, "load")
            door.kill()
            door.start_again()
            load.kill()
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_REJECT
