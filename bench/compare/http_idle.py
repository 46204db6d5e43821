"""Memory that idle connections cost: so many clients each ask once and then stay."""

from __future__ import annotations

import collections
import contextlib
import socket
import ssl
from collections.abc import Iterator
from concurrent import futures

from . import accounting, http_systems
from .bench import Bench
from .http_systems import BODIES, Server, body
from .processes import ChildFailed

SCENARIO = "http-idle"
_AT_ONCE = 32  # being opened: a handshake waits for the proxy most of its time
_SPARE = 100  # of the connections that a proxy bears: probes, and those of the load before


def bearable(wanted: int) -> int:
    """So many of the connections as this process and a proxy, with two descriptors each, may
    hold."""
    return min(wanted, http_systems.max_connections() - _SPARE)


def _ask(connection: socket.socket, host: str) -> None:
    """One request and its whole answer; the connection stays usable."""
    octets = BODIES[0]
    connection.sendall(f"GET /{octets} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(body(octets)):
        piece = connection.recv(4096)
        if not piece:
            raise ChildFailed(f"{host} closed a connection that was to be kept: {answer[:80]!r}")
        answer += piece


@contextlib.contextmanager
def held(server: Server, tls: bool, count: int) -> Iterator[list[socket.socket]]:
    """So many connections that have been used once."""
    address = server.tls_address if tls else server.address
    context = ssl.create_default_context(cafile=str(server.trust))
    context.check_hostname = False
    connections: list[socket.socket] = []

    def add(_: int) -> None:
        connection = socket.create_connection(address, timeout=30)
        if tls:
            connection = context.wrap_socket(connection)
        connections.append(connection)
        _ask(connection, server.name)

    try:
        with futures.ThreadPoolExecutor(_AT_ONCE) as pool:
            collections.deque(pool.map(add, range(count)), maxlen=0)
        yield connections
    finally:
        for connection in connections:
            connection.close()


def measure(bench: Bench, server: Server, tls: bool, count: int) -> None:
    """One round: what the server grew by for each connection. A fresh server, or its heap hides
    what it takes."""
    bench.progress.doing(f"{SCENARIO}: {count:,} connections to {server.name}")
    with held(server, tls, 1):
        before_kb = accounting.rss_kb(server.child.pid)
    with held(server, tls, count) as connections:
        grown = (accounting.rss_kb(server.child.pid) - before_kb) * 1024
        for connection in (connections[0], connections[-1]):  # raises where it was closed
            _ask(connection, server.name)
    bench.rounds.append({"scenario": SCENARIO, "system": server.name, "round": 0, "tls": tls,
                         "connections": count, "rss_bytes_per_connection": grown / count})
    bench.progress.say(f"{SCENARIO:<11} {server.name:<10} {'TLS' if tls else 'plain':<6} "
                       f"{grown / count / 1000:6.2f} kB for each of {count:,} connections")
