"""Dynamic authorization: the real radclient as the server side, and NASes: FreeRADIUS with a `coa`
listener, and one that does what a test tells it."""

import subprocess

from harness import FakeDownstream, Nas, Process, Sallyport, loopback_address, wait_until, wire
from harness.freeradius import PATHS
from harness.net import PATIENCE_S, free_port
from harness.notakey import NoService
from harness.sallyport import client

ASKER_SECRET = "portal-secret-of-the-tests"
NAS_SECRET = "gateway-secret-of-the-tests"

SIGNED = ("Message-Authenticator", "0x00")

CONFIGURATION = PATHS + """\
pidfile = {folder}/freeradius.pid
max_request_time = 30
cleanup_delay = 5
max_requests = 1024
hostname_lookups = no
proxy_requests = no
log {{
  destination = stdout
}}
security {{
  allow_core_dumps = no
  max_attributes = 200
  status_server = yes
}}
thread pool {{
  start_servers = 1
  max_servers = 2
  min_spare_servers = 1
  max_spare_servers = 2
  max_requests_per_server = 0
}}
modules {{
  always ok {{
    rcode = ok
  }}
  always reject {{
    rcode = reject
  }}
  linelog requests {{
    filename = {folder}/requests
    permissions = 0600
    format = "%{{Packet-Type}} user=%{{User-Name}} session=%{{Acct-Session-Id}} \
tunnel=%{{Tunnel-Password}} filter=%{{Filter-Id}} states=%{{Proxy-State[#]}}"
  }}
}}
client proxy {{
  ipaddr = 127.0.0.0/8
  secret = {secret}
}}
server nas {{
  listen {{
    type = coa
    ipaddr = {address}
    port = {port}
  }}
  recv-coa {{
    requests
    if (&User-Name == "nobody") {{
      update reply {{
        &Error-Cause := Session-Context-Not-Found
      }}
      reject
    }}
    ok
  }}
  send-coa {{
    ok
  }}
}}
"""


class FreeRadiusNas(Process):
    """FreeRADIUS with a `coa` listener, as a NAS. "nobody" has no session."""

    def __init__(self, folder, server=None, secret=NAS_SECRET):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.address = server[0] if server else loopback_address()
        self.server = server or (self.address, free_port(self.address))
        (folder / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
        (folder / "radiusd.conf").write_text(
            CONFIGURATION.format(folder=folder, secret=secret, address=self.address,
                                 port=self.server[1]))
        super().__init__("nas", ["freeradius", "-f", "-l", "stdout", "-n", "radiusd", "-d", folder],
                         folder)
        self.wait_for(lambda: "Ready to process requests" in self.out(), "FreeRADIUS ready")

    def requests(self):
        path = self.folder / "requests"
        return path.read_text().splitlines() if path.exists() else []


class Door(Sallyport):
    """The daemon with [coa], and who asks."""

    def __init__(self, folder, downstream, nases, **settings):
        address = loopback_address()
        self.coa = (address, free_port(address))
        # No retransmission comes within a test unless it wants one.
        coa = {"listen": [f"{self.coa[0]}:{self.coa[1]}"], "retransmit": "30s",
               "timeout": "60s", **settings.pop("coa", {})}
        askers = settings.pop("askers", [{"name": "portal", "addresses": ["127.0.0.0/8"],
                                          "secret": ASKER_SECRET}])
        sections = {"coa": coa, **({"coa.client": askers} if askers else {}), **settings}
        super().__init__(folder, downstream, NoService(), clients=[client(), *nases], **sections)

    def asker(self, secret=ASKER_SECRET):
        """Sends what a test makes."""
        return Nas(self.coa, secret)

    def answers(self):
        """What the audit log says of them."""
        return [line for line in self.log_lines() if line.get("event") == "dynamic_authorization"]

    def wait_answers(self, count):
        return wait_until(lambda: len(self.answers()) >= count and self.answers(),
                          lambda: f"{count} audit lines, are {self.answers()}")

    def wait_drop(self, reason, count=1):
        self.wait_metric(count, "sallyport_coa_drops_total", reason=reason)


def fake_nas(handler, server=None):
    """A NAS of our own; see FakeDownstream."""
    address, port = server or (None, 0)
    return FakeDownstream(handler, NAS_SECRET, address, port)


def acknowledge(request, nas):
    """A handler: all is done."""
    return nas.reply(request, request[0] + 1, message_authenticator=None)


def nas_client(nas, name="gateway", **more):
    """A [[client]] of that address and port."""
    return {"name": name, "addresses": [nas.server[0]], "secret": NAS_SECRET,
            "coa_port": nas.server[1], **more}


def ask(server, attributes, folder, kind="disconnect", secret=ASKER_SECRET, options=("-r", "1")):
    """The real radclient; (exit status, its output). `attributes`: (name, value) pairs."""
    secret_file = folder / "radclient.secret"
    secret_file.write_text(secret + "\n")
    lines = [f"{name} = {value}" for name, value in attributes]
    result = subprocess.run(
        ["radclient", "-x", "-t", str(int(PATIENCE_S)), *options, "-S", str(secret_file),
         f"{server[0]}:{server[1]}", kind],
        input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=2 * PATIENCE_S,
        check=False)
    return result.returncode, result.stdout + result.stderr


def request(identifier, attributes, secret=ASKER_SECRET, code=wire.COA_REQUEST, **options):
    """One of our own, octet for octet."""
    return wire.Request(secret.encode(), code=code, identifier=identifier, attributes=attributes,
                        **options)


def of_alice(nas, *more):
    """Attributes for radclient."""
    return [SIGNED, ("User-Name", '"alice"'), ("Acct-Session-Id", '"0001"'),
            ("NAS-IP-Address", nas.server[0]), *more]
