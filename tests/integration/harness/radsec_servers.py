"""Downstream servers that are reached over TLS: one that does what a test tells it, and the real
FreeRADIUS and radsecproxy."""

import contextlib
import socket
import ssl
import struct
import threading

from . import wire
from .freeradius import CONFIGURATION, FreeRadius
from .net import free_port, loopback_address
from .radsec import ALPN_11, RADSECPROXY, SECRET, AnyRadsecProxy

NAME = "radius.example.net"


def server_section(name, server, authority, identity, **more):
    """A [[downstream.server]] over TLS."""
    return {
        "name": name,
        "address": f"{server.server[0]}:{server.server[1]}",
        "transport": "tls",
        "ca_file": str(authority.ca_file),
        "certificate_file": str(identity[0]),
        "key_file": str(identity[1]),
        "server_name": NAME,
        **more,
    }


class TlsDownstream:
    """Answers each packet with handler(request octets, connection) → octets, a list of them, or
    None for silence. Every request received is kept in `requests`, every connection in
    `connections`, those that have ended as well."""

    def __init__(self, handler, authority, identity, alpn=(), version=None, address=None, port=0):
        self.handler = handler
        self.key = SECRET
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*map(str, identity))
        self.context.load_verify_locations(authority.ca_file)
        self.context.verify_mode = ssl.CERT_REQUIRED
        if version:
            self.context.minimum_version = self.context.maximum_version = version
        if alpn:
            self.context.set_alpn_protocols(list(alpn))
        self.address = address or loopback_address()
        self.requests, self.connections, self.failures = [], [], []
        self.listener = None
        self.server = (self.address, port or free_port(self.address, socket.SOCK_STREAM))
        self.start()

    def start(self):
        """Also after stop(), at the same port."""
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(self.server)
        self.listener.listen()
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw):
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            secure = self.context.wrap_socket(raw, server_side=True)
        except (OSError, ssl.SSLError) as error:
            self.failures.append(error)
            return
        connection = Connection(self, secure)
        self.connections.append(connection)
        with contextlib.suppress(OSError, ssl.SSLError):
            connection.serve()
        connection.close()

    def drop_connections(self):
        """As a machine that is switched off and on: resets."""
        for connection in self.connections:
            connection.close()

    def stop(self):
        # Wakes the thread that accepts; close() alone would not.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.drop_connections()

    def open_connections(self):
        return [connection for connection in self.connections if not connection.closed]

    def kinds(self):
        return [request[0] for request in self.requests]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Connection:
    """From the daemon."""

    def __init__(self, server, secure):
        self.server, self.socket = server, secure
        self.is_11 = secure.selected_alpn_protocol() == ALPN_11
        self.requests = []
        self.closed = False
        self.lock = threading.Lock()

    def serve(self):
        octets = b""
        while more := self.socket.recv(65536):
            octets += more
            while len(octets) >= 4:
                length = struct.unpack("!H", octets[2:4])[0]
                if len(octets) < length:
                    break
                request, octets = octets[:length], octets[length:]
                self.requests.append(request)
                self.server.requests.append(request)
                answers = self.server.handler(request, self)
                for answer in [answers] if isinstance(answers, bytes) else answers or []:
                    self.send(answer)

    def send(self, octets):
        with self.lock:
            self.socket.sendall(octets)

    def reply(self, request, code, attributes=(), **options):
        """Signed as RFC 2865 wants it, or with the request's Token (RFC 9765 section 4.1)."""
        echoed = [a for a in wire.parse_attributes(request) if a[0] == wire.PROXY_STATE]
        if not self.is_11:
            return wire.make_reply(request, code, [*attributes, *echoed], SECRET, **options)
        body = wire.attributes_octets([*attributes, *echoed])
        return struct.pack("!BBH", code, 0, 20 + len(body)) + request[4:8] + bytes(12) + body

    def close(self):
        self.closed = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def accept(request, connection):
    """A handler: everyone is accepted, Status-Server is answered."""
    if request[0] == wire.ACCOUNTING_REQUEST:
        return connection.reply(request, wire.ACCOUNTING_RESPONSE, message_authenticator=None)
    return connection.reply(request, wire.ACCESS_ACCEPT, [(wire.FILTER_ID, b"staff")])


FREERADIUS_TLS = """\
  listen {{
    type = auth+acct
    proto = tcp
    ipaddr = {address}
    port = {tls_port}
    clients = radsec
    limit {{
      max_connections = 64
      lifetime = 0
      idle_timeout = 0
    }}
    tls {{
      {proof}
      fragment_size = 8192
      tls_min_version = "1.2"
    }}
  }}
"""
FREERADIUS_TLS_CLIENTS = """\
clients radsec {{
  client sallyport {{
    ipaddr = 127.0.0.0/8
    proto = tls
    secret = radsec
  }}
}}
"""


PROOF_BY_CERTIFICATES = """\
private_key_file = {key}
      certificate_file = {certificate}
      ca_file = {ca}
      require_client_cert = yes
      cipher_list = "DEFAULT"
      tls_max_version = "{version}"
"""
PROOF_BY_KEY = """\
psk_identity = "{identity}"
      psk_hexphrase = "{key}"
      cipher_list = "ECDHE-PSK-CHACHA20-POLY1305"
      tls_max_version = "1.2"
"""


class FreeRadiusTls(FreeRadius):
    """FreeRADIUS that listens with TLS, and knows the users that FreeRadius knows. `psk`: an
    identity and a key in the place of certificates."""

    def __init__(self, folder, authority=None, identity=None, version="1.3", psk=None):
        self.tls_port = None
        if psk:
            self.proof = PROOF_BY_KEY.format(identity=psk[0], key=psk[1].hex())
        else:
            self.proof = PROOF_BY_CERTIFICATES.format(
                key=identity[1], certificate=identity[0], ca=authority.ca_file, version=version)
        super().__init__(folder)

    def configuration(self, **names):
        self.tls_port = free_port(self.address, socket.SOCK_STREAM)
        template = CONFIGURATION.replace("  authorize {{", FREERADIUS_TLS + "  authorize {{", 1)
        return (template + FREERADIUS_TLS_CLIENTS).format(
            **names, tls_port=self.tls_port, proof=self.proof)

    @property
    def tls(self):
        """As a server of server_section()."""
        return type("Tls", (), {"server": (self.address, self.tls_port)})


RADSECPROXY_TO_UDP = RADSECPROXY + """\
ListenTLS {address}:{port}
client sallyport {{
  host 127.0.0.0/8
  type tls
  secret radsec
  CertificateNameCheck off
}}
server behind {{
  host {host}
  port {host_port}
  type udp
  secret {secret}
}}
realm * {{
  server behind
}}
"""


class RadsecProxyServer(AnyRadsecProxy):
    """Between the daemon's TLS and a server that is reached by UDP."""

    def __init__(self, folder, behind, authority, identity):
        super().__init__(folder, RADSECPROXY_TO_UDP, socket.SOCK_STREAM, behind.server,
                         behind.secret, authority, identity)
