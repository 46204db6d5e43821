"""Loopback addresses that nobody else uses, free ports, and waiting for conditions."""

import contextlib
import itertools
import os
import pathlib
import random
import socket
import sys
import time

# Under valgrind or a sanitizer everything takes longer; conditions are waited for, so this costs
# nothing where all is quick.
PATIENCE_S = float(os.environ.get("SALLYPORT_TEST_PATIENCE", "30"))

_random = random.SystemRandom()


def loopback_address():
    """A fresh address of 127.0.0.0/8. Every peer gets its own, so that parallel tests never meet on
    a port: a port picked by the kernel and released could otherwise be taken by someone else."""
    return "127.{}.{}.{}".format(
        _random.randrange(16, 250), _random.randrange(0, 256), _random.randrange(1, 255)
    )


def _ports():
    """Below those that the kernel gives to whoever wants any: what a test lets go of, to bind it
    again or to have a child bind it, nobody else gets meanwhile."""
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = list(range(10_000, max(lowest, 20_000)))
    _random.shuffle(ports)
    # None twice: two of one address may be chosen before either is bound.
    return itertools.cycle(ports)


_PORTS = _ports()


def free_port(address, kind=socket.SOCK_DGRAM):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for _ in range(100):
        with socket.socket(family, kind) as probe, contextlib.suppress(OSError):
            probe.bind((address, next(_PORTS)))
            return probe.getsockname()[1]
    raise AssertionError(f"no port is free at {address}")


def is_bound(server, kind=socket.SOCK_DGRAM):
    """Whether somebody takes datagrams, or connections, at this IPv4 address. Asks the kernel, so
    that nobody there notices."""
    host, port = server
    wanted = f"{int.from_bytes(socket.inet_aton(host), sys.byteorder):08X}:{port:04X}"
    table, states = ("udp", ("07",)) if kind == socket.SOCK_DGRAM else ("tcp", ("0A",))
    lines = pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    return any(line.split()[1] == wanted and line.split()[3] in states for line in lines)


def wait_until(condition, what, patience_s=None, every_s=0.02):
    """Returns the first true value of condition(); fails with `what` when there is none in time."""
    deadline = time.monotonic() + (PATIENCE_S if patience_s is None else patience_s)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain for: " + (what() if callable(what) else what))
        time.sleep(every_s)
