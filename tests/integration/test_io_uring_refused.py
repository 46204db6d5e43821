"""Where io_uring is not permitted, one clear line says so and what to do about it."""

import ctypes
import errno
import json
import os
import pathlib
import struct

import pytest
from harness import FakeDownstream, Sallyport
from harness.downstream import accept
from harness.notakey import NoService

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO = 0x7FFF0000, 0x00050000
IO_URING_SETUP = 425  # the same on every architecture


class SockFprog(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def deny_io_uring(error):
    """Makes io_uring_setup fail with `error` from here on, as a container's profile does."""

    def statement(code, jump_true, jump_false, value):
        return struct.pack("=HBBI", code, jump_true, jump_false, value)

    program = (
        statement(0x20, 0, 0, 0)  # load the system call's number
        + statement(0x15, 0, 1, IO_URING_SETUP)  # equal: next, else skip one
        + statement(0x06, 0, 0, SECCOMP_RET_ERRNO | error)
        + statement(0x06, 0, 0, SECCOMP_RET_ALLOW)
    )
    buffer = ctypes.create_string_buffer(program, len(program))
    filters = SockFprog(len(program) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        os._exit(99)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filters), 0, 0) != 0:
        os._exit(98)


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOSYS])
def test_refused_by_seccomp(tmp_path, error):
    with FakeDownstream(accept) as downstream:
        door = Sallyport(tmp_path, downstream, NoService(), wait=False,
                         preexec=lambda: deny_io_uring(error), log={"format": "human"})
        assert door.wait_exit() == 3, door.output()
    text = door.err()
    assert "io_uring" in text
    assert "seccomp" in text or "kernel.io_uring_disabled" in text
    said = [line for line in text.splitlines() if "io_uring" in line]
    assert len(said) == 1, "one line, not a stack of them:\n" + text


def test_the_profile_that_we_ship_allows_it():
    root = pathlib.Path(__file__).resolve().parents[2]
    profile = json.loads((root / "packaging/seccomp/sallyport.json").read_text())
    allowed = {name for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW"
               for name in rule["names"]}
    assert {"io_uring_setup", "io_uring_enter", "io_uring_register"} <= allowed
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
