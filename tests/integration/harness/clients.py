"""RADIUS clients: a socket that sends exactly what it is told, and the well-known programs."""

import os
import re
import socket
import subprocess
import time

from . import wire
from .net import PATIENCE_S


STATUS_IDENTIFIER = 255


class NoAnswer(AssertionError):
    pass


class Nas:
    """One client socket: what a NAS does, octet for octet."""

    def __init__(self, server, secret, address="127.0.0.1"):
        self.secret = secret.encode() if isinstance(secret, str) else secret
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.socket.bind(("::1" if family == socket.AF_INET6 else address, 0))
        self.server = server
        self.next_identifier = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def identifier(self):
        """The next, but for that of status_server(): another's answer could be taken for its."""
        self.next_identifier = (self.next_identifier + 1) % STATUS_IDENTIFIER
        return self.next_identifier

    def pap(self, user, password, extra=(), identifier=None, **options):
        if identifier is None:
            identifier = self.identifier()
        return wire.pap(self.secret, user, password, identifier, extra, **options)

    def send(self, request):
        octets = request if isinstance(request, bytes) else request.octets()
        self.socket.sendto(octets, self.server)

    def receive_octets(self, patience_s=None):
        """The next datagram, which must come from where the request was sent to."""
        self.socket.settimeout(PATIENCE_S if patience_s is None else patience_s)
        try:
            octets, source = self.socket.recvfrom(65536)
        except socket.timeout:
            raise NoAnswer("no answer") from None
        assert source[:2] == self.server[:2], f"answer from {source}, asked {self.server}"
        return octets

    def receive(self, request, patience_s=None):
        return wire.Reply(self.receive_octets(patience_s), request)

    def ask(self, request, patience_s=None):
        self.send(request)
        return self.receive(request, patience_s)

    def nothing_arrives(self, within_s=0.3):
        """True when no datagram comes. Use after a barrier(), where nothing can be on its way."""
        try:
            self.receive_octets(within_s)
        except NoAnswer:
            return True
        return False

    def barrier(self):
        """Returns when the daemon has handled all that this socket sent before (one shard): it
        answers a Status-Server in its turn. Answers that arrive meanwhile are returned. Of what
        came together stored answers leave last, so only a second one is surely behind them."""
        return self._before_status() + self._before_status()

    def _before_status(self):
        request = self.status_server()
        self.send(request)
        before = []
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            octets = self.receive_octets()
            if octets[1] == request.identifier:
                wire.Reply(octets, request)
                return before
            before.append(octets)
        raise NoAnswer("no answer to Status-Server")

    def status_server(self, **options):
        return wire.Request(
            self.secret,
            code=wire.STATUS_SERVER,
            identifier=STATUS_IDENTIFIER,
            attributes=[(wire.NAS_IDENTIFIER, b"tests")],
            **options,
        )


def radclient(server, secret, attributes, folder, kind="auth", options=()):
    """Runs FreeRADIUS's radclient on `attributes`; returns (exit status, its output)."""
    secret_file = folder / "radclient.secret"
    secret_file.write_text(secret + "\n")
    where = f"[{server[0]}]:{server[1]}" if ":" in server[0] else f"{server[0]}:{server[1]}"
    command = ["radclient", "-x", "-r", "1", "-t", str(int(PATIENCE_S)), *options]
    if ":" in server[0]:
        command.append("-6")
    result = subprocess.run(
        [*command, "-S", str(secret_file), where, kind],
        input=attributes + "\n",
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_S,
        check=False,
    )
    return result.returncode, result.stdout + result.stderr


def radclient_reply(output):
    """(code name, {attribute: [values]}) of the reply in radclient's output."""
    match = re.search(r"^Received (\S+) Id .*\n((?:\t.*\n?)*)", output, re.MULTILINE)
    assert match, output
    attributes = {}
    for line in match.group(2).splitlines():
        name, _, value = line.strip().partition(" = ")
        attributes.setdefault(name, []).append(value.strip('"'))
    return match.group(1), attributes


def eapol_test(server, secret, network, folder, options=()):
    """Runs wpa_supplicant's eapol_test, a whole 802.1X authenticator and supplicant. Returns (exit
    status, its output); it exits 0 only when EAP succeeded and the MPPE keys are its own."""
    configuration = folder / f"eapol.{os.urandom(4).hex()}.conf"
    body = "".join(f"  {key}={value}\n" for key, value in network.items())
    configuration.write_text("network={\n  ssid=\"test\"\n  key_mgmt=WPA-EAP\n" + body + "}\n")
    result = subprocess.run(
        ["eapol_test", "-c", configuration, "-a", server[0], "-p", str(server[1]), "-s", secret]
        + ["-t", str(int(PATIENCE_S)), *options],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=2 * PATIENCE_S + 10,
        check=False,
    )
    return result.returncode, result.stdout + result.stderr
