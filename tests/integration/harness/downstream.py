"""A downstream server that does what a test tells it, lies included."""

import socket
import threading

from . import wire
from .net import free_port, loopback_address
from .notakey import LAB
from .process import Process


class FakeDownstream:
    """Answers each datagram with handler(request octets, FakeDownstream) → octets, a list of them,
    or None for silence. Every request received is kept in `requests`."""

    def __init__(self, handler, secret="downstream-secret-of-the-tests", address=None, port=0):
        self.secret = secret
        self.key = secret.encode()
        self.handler = handler
        self.requests = []
        self.socket = socket.socket(socket.AF_INET6 if address == "::1" else socket.AF_INET,
                                    socket.SOCK_DGRAM)
        address = address or loopback_address()
        # Of those that nobody takes while it is down; many share the one address of IPv6.
        port = port or (0 if address == "::1" else free_port(address))
        self.socket.bind((address, port))
        self.server = self.socket.getsockname()[:2]
        self.peer = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                request, self.peer = self.socket.recvfrom(65536)
            except OSError:
                return
            if not request:
                return
            self.requests.append(request)
            answers = self.handler(request, self)
            for answer in [answers] if isinstance(answers, bytes) else answers or []:
                self.socket.sendto(answer, self.peer)

    def send(self, octets, peer=None):
        """Sends unasked, to whoever sent the last request."""
        self.socket.sendto(octets, peer or self.peer)

    def reply(self, request, code, attributes=(), **options):
        """A reply as RFC 2865 wants it: signed, the Proxy-States of the request returned."""
        echoed = [a for a in wire.parse_attributes(request) if a[0] == wire.PROXY_STATE]
        return wire.make_reply(request, code, [*attributes, *echoed], self.key, **options)

    def stop(self):
        with socket.socket(self.socket.family, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self.server)
        self._thread.join()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def accept(request, downstream):
    """A handler: everyone is accepted."""
    if request[0] == wire.ACCOUNTING_REQUEST:
        return downstream.reply(
            request, wire.ACCOUNTING_RESPONSE, message_authenticator=None
        )
    return downstream.reply(request, wire.ACCESS_ACCEPT, [(wire.FILTER_ID, b"staff")])


def silent(_request, _downstream):
    """A handler: the server is dead."""
    return None


class RadiusSimulator(Process):
    """The project's own small RADIUS server: where FreeRADIUS would be what a test measures."""

    def __init__(self, folder, users, options=()):
        self.secret = "downstream-secret-of-the-tests"
        secret_file = folder / "radius.secret"
        secret_file.write_text(self.secret + "\n")
        secret_file.chmod(0o600)
        users_file = folder / "radius.users"
        users_file.write_text("".join(f"{user} {password}\n" for user, password in users.items()))
        address = loopback_address()
        where = f"{address}:{free_port(address)}"
        super().__init__("radius", [LAB, "simulate", "radius", "--listen", where, "--secret-file",
                                    secret_file, "--users", users_file, *options], folder)
        address, _, port = self.ready_line()["listening"].rpartition(":")
        self.server = (address, int(port))
