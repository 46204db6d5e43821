"""Loopback addresses that nobody else uses, free ports, and waiting for conditions."""

import os
import random
import socket
import time

# Under valgrind or a sanitizer everything takes longer; conditions are waited for, so this costs
# nothing where all is quick.
PATIENCE_S = float(os.environ.get("SALLYPORT_TEST_PATIENCE", "20"))

_random = random.SystemRandom()


def loopback_address():
    """A fresh address of 127.0.0.0/8. Every peer gets its own, so that parallel tests never meet on
    a port: a port picked by the kernel and released could otherwise be taken by someone else."""
    return "127.{}.{}.{}".format(
        _random.randrange(16, 250), _random.randrange(0, 256), _random.randrange(1, 255)
    )


def free_port(address, kind=socket.SOCK_DGRAM):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


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
