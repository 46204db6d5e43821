"""RADIUS over TLS: certificates, a client that speaks RADIUS/1.0 and 1.1 on a connection, and
the real programs that connect to the daemon."""

import contextlib
import socket
import ssl
import struct
import subprocess

from . import wire
from .freeradius import PATHS, make_certificates
from .net import PATIENCE_S, free_port, is_bound, loopback_address
from .process import Process

SECRET = b"radsec"  # RFC 6614 section 2.3
NAME = "wifi.example.net"
ALPN_11, ALPN_10 = "radius/1.1", "radius/1.0"


class Authority:
    """A certificate authority with the daemon's own certificate."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        make_certificates(folder)
        self.ca_file = folder / "ca.pem"
        self.server = (folder / "server.pem", folder / "server.key")

    def issue(self, name=NAME, alternatives=None, usage="clientAuth", days=2):
        """(certificate, key) for a client; `alternatives` as OpenSSL writes them."""
        def openssl(*words):
            subprocess.run(["openssl", *map(str, words)], cwd=self.folder, check=True,
                           capture_output=True)

        stem = self.folder / f"client-{abs(hash((name, alternatives, usage, days)))}"
        extensions = stem.with_suffix(".ext")
        extensions.write_text(f"subjectAltName={alternatives or 'DNS:' + name}\n"
                              f"extendedKeyUsage={usage}\n")
        certificate, key = stem.with_suffix(".pem"), stem.with_suffix(".key")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", key, "-out", stem.with_suffix(".csr"), "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", stem.with_suffix(".csr"), "-CA", "ca.pem", "-CAkey",
                "ca.key", "-CAcreateserial", "-out", certificate, "-days", days, "-extfile",
                extensions)
        return certificate, key

    def sections(self, port, address, certificates=(f"dns:{NAME}",), listener=(), client=()):
        """What a configuration needs for clients with such certificates."""
        return {
            "radsec": {},
            "radsec.listener": [{
                "listen": [f"{address}:{port}"],
                "certificate_file": str(self.server[0]),
                "key_file": str(self.server[1]),
                "ca_file": str(self.ca_file),
                **dict(listener),
            }],
            "radsec.client": [{"name": "wifi", "certificate": list(certificates), **dict(client)}],
        }


class RadsecClient:
    """A connection: what a client does, octet for octet. `alpn`: what it offers."""

    def __init__(self, server, authority, identity=None, alpn=(), version=None, before=b"",
                 source=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(authority.ca_file)
        context.check_hostname = False
        if identity:
            context.load_cert_chain(*map(str, identity))
        if version:
            context.minimum_version = context.maximum_version = version
        if alpn:
            context.set_alpn_protocols(list(alpn))
        raw = socket.create_connection(server, timeout=PATIENCE_S,
                                       source_address=(source, 0) if source else None)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.sendall(before)
        self.socket = context.wrap_socket(raw)
        self.alpn = self.socket.selected_alpn_protocol()
        self.is_11 = self.alpn == ALPN_11
        self.secret = SECRET
        self.next_number = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def number(self):
        self.next_number += 1
        return self.next_number

    def pap(self, user, password, extra=()):
        if not self.is_11:
            return wire.pap(SECRET, user, password, self.number() % 256, extra)
        attributes = [(wire.USER_NAME, user.encode()), (wire.USER_PASSWORD, password.encode()),
                      (wire.NAS_IP_ADDRESS, bytes([192, 0, 2, 1])), *extra]
        return Request11(wire.ACCESS_REQUEST, self.number(), attributes)

    def request(self, code, attributes):
        if self.is_11:
            return Request11(code, self.number(), attributes)
        return wire.Request(SECRET, code=code, identifier=self.number() % 256,
                            attributes=attributes)

    def send(self, request):
        self.socket.sendall(request if isinstance(request, bytes) else request.octets())

    def receive_octets(self):
        head = self._read(4)
        return head + self._read(struct.unpack("!H", head[2:])[0] - 4)

    def _read(self, count):
        octets = b""
        while len(octets) < count:
            more = self.socket.recv(count - len(octets))
            if not more:
                raise Closed("the daemon has closed the connection")
            octets += more
        return octets

    def receive(self, request):
        return (Reply11 if self.is_11 else wire.Reply)(self.receive_octets(), request)

    def ask(self, request):
        self.send(request)
        return self.receive(request)

    def is_closed(self):
        """Waits for the daemon to close it; True once it has, False when something else came."""
        try:
            return self.socket.recv(1) == b""
        except (ConnectionError, ssl.SSLError):
            return True


def stranger_at(server):
    """A connection, unless it is reset before it is known here that there is one."""
    with contextlib.suppress(ConnectionResetError):
        return socket.create_connection(server, timeout=PATIENCE_S)


class PskClient(RadsecClient):
    """The same with a pre-shared key, by OpenSSL's own client: Python's has none before 3.13.
    `words`: more of its options."""

    def __init__(self, server, identity, key, *words):
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(PATIENCE_S)
        self.openssl = subprocess.Popen(
            ["openssl", "s_client", "-quiet", "-connect", f"{server[0]}:{server[1]}",
             "-psk_identity", identity, "-psk", key.hex(), *words],
            stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
        theirs.close()
        self.is_11 = False
        self.secret = SECRET
        self.next_number = 0

    def __exit__(self, *_):
        self.socket.close()
        self.openssl.kill()
        self.openssl.wait()


class Closed(AssertionError):
    pass


class Request11:
    """RFC 9765 section 4.1: Code, Reserved, Length, Token, Reserved. Nothing is signed or hidden
    on it."""

    def __init__(self, code, token, attributes):
        self.code, self.token, self.attributes = code, struct.pack("!I", token), list(attributes)

    def octets(self):
        body = wire.attributes_octets(self.attributes)
        return (struct.pack("!BBH", self.code, 0, 20 + len(body)) + self.token + bytes(12) + body)


class Reply11:
    def __init__(self, octets, request):
        assert octets[1] == 0 and octets[8:20] == bytes(12), "reserved fields are not zero"
        assert octets[4:8] == request.token, "another Token"
        self.octets = octets
        self.code = octets[0]
        self.attributes = wire.parse_attributes(octets)
        assert not self.all(wire.MESSAGE_AUTHENTICATOR), "a Message-Authenticator on RADIUS/1.1"

    def all(self, kind):
        return [value for k, value in self.attributes if k == kind]

    def get(self, kind):
        values = self.all(kind)
        return values[0] if values else None

    text = wire.Reply.text
    vendor_all = wire.Reply.vendor_all


RADSECPROXY = """\
LogLevel 2
LogDestination file:///{folder}/radsecproxy.log
tls default {{
  CACertificateFile {ca}
  CertificateFile {certificate}
  CertificateKeyFile {key}
}}
"""

RADSECPROXY_TO_TLS = RADSECPROXY + """\
ListenUDP {address}:{port}
client udp {{
  host 127.0.0.0/8
  type udp
  secret {secret}
}}
server sallyport {{
  host {host}
  port {host_port}
  type tls
  secret radsec
  CertificateNameCheck off
  StatusServer on
}}
realm * {{
  server sallyport
  accountingServer sallyport
}}
"""


class AnyRadsecProxy(Process):
    """radsecproxy between one side and another. Ready when constructed. `behind`: where it leads,
    `transport`: what it listens on."""

    def __init__(self, folder, configuration, transport, behind, secret, authority, identity):
        address = loopback_address()
        self.server = (address, free_port(address, transport))
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "radsecproxy.log"
        path = folder / "radsecproxy.conf"
        path.write_text(configuration.format(
            address=address, port=self.server[1], folder=folder, ca=authority.ca_file,
            certificate=identity[0], key=identity[1], secret=secret, host=behind[0],
            host_port=behind[1]))
        super().__init__("radsecproxy", ["radsecproxy", "-f", "-c", path], folder)
        self.wait_for(lambda: is_bound(self.server, transport), "radsecproxy listens")


class RadsecProxy(AnyRadsecProxy):
    """Between UDP and the daemon's TLS."""

    def __init__(self, folder, server, authority, identity):
        self.secret = "secret-of-radsecproxy"
        super().__init__(folder, RADSECPROXY_TO_TLS, socket.SOCK_DGRAM, server, self.secret,
                         authority, identity)


FREERADIUS_PROXY = PATHS + """\
pidfile = {folder}/freeradius-proxy.pid
max_request_time = 30
proxy_requests = yes
log {{
  destination = stdout
}}
security {{
  allow_core_dumps = no
  max_attributes = 200
  status_server = yes
}}
thread pool {{
  start_servers = 2
  max_servers = 4
}}
modules {{
}}
client udp {{
  ipaddr = 127.0.0.0/8
  secret = {secret}
}}
home_server sallyport {{
  ipaddr = {host}
  port = {tls_port}
  type = auth+acct
  secret = radsec
  proto = tcp
  status_check = status-server
  response_window = 20
  tls {{
    private_key_file = {key}
    certificate_file = {certificate}
    ca_file = {ca}
    ca_path = {folder}
    fragment_size = 8192
    random_file = /dev/urandom
    cipher_list = "DEFAULT"
    tls_min_version = "1.2"
    tls_max_version = "1.3"
  }}
}}
home_server_pool sallyport {{
  type = fail-over
  home_server = sallyport
}}
realm sallyport {{
  auth_pool = sallyport
  acct_pool = sallyport
  nostrip
}}
server outer {{
  listen {{
    type = auth
    ipaddr = {address}
    port = {port}
  }}
  authorize {{
    update control {{
      &Proxy-To-Realm := "sallyport"
    }}
  }}
}}
"""


class FreeRadiusProxy(Process):
    """FreeRADIUS with the daemon as its home server over TLS. Ready when constructed."""

    def __init__(self, folder, server, authority, identity):
        self.secret = "secret-of-freeradius"
        address = loopback_address()
        self.server = (address, free_port(address))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
        (folder / "radiusd.conf").write_text(FREERADIUS_PROXY.format(
            folder=folder, secret=self.secret, host=server[0], tls_port=server[1],
            address=address, port=self.server[1], key=identity[1], certificate=identity[0],
            ca=authority.ca_file))
        super().__init__("freeradius-proxy", ["freeradius", "-f", "-l", "stdout", "-n", "radiusd",
                                              "-d", folder], folder)
        self.wait_for(lambda: "Ready to process requests" in self.out(), "FreeRADIUS ready")
