"""The real FreeRADIUS from a private configuration: the downstream that every test believes."""

import subprocess

from .net import free_port, loopback_address
from .process import Process

SECRET = "downstream-secret-of-the-tests"

# What an Accept for alice carries, to see it arrive: text, opaque, salted (twice, with two tags),
# vendor attributes known and unknown.
USERS = """\
alice Cleartext-Password := "wonderland"
  Reply-Message = "Welcome, alice",
  Filter-Id = "staff",
  Class = 0x00ff00636c617373,
  Session-Timeout = 3600,
  Tunnel-Password:1 = "tunnel one",
  Tunnel-Password:2 = "the second tunnel's longer password",
  Cisco-AVPair = "shell:priv-lvl=15",
  Attr-26.32473.7 = 0xdeadbeef

bob Cleartext-Password := "builder"
  Filter-Id = "guests"

carol Cleartext-Password := "tango"

User Cleartext-Password := "clientPass"
  Filter-Id = "rfc2759"

outlaw Auth-Type := Reject
  Reply-Message = "Your account is closed"

DEFAULT User-Name =~ "^user-[0-9]+$", Cleartext-Password := "secret of %{User-Name}"
"""

# Where a private FreeRADIUS has its files; what every configuration begins with.
PATHS = """\
prefix = /usr
exec_prefix = /usr
name = freeradius
localstatedir = {folder}
logdir = {folder}
run_dir = {folder}
raddbdir = {folder}
db_dir = {folder}
libdir = /usr/lib/freeradius
"""

CONFIGURATION = PATHS + """\
pidfile = {folder}/freeradius.pid
max_request_time = 30
cleanup_delay = 5
max_requests = 65536
hostname_lookups = no
proxy_requests = no
log {{
  destination = stdout
  auth = yes
}}
security {{
  allow_core_dumps = no
  max_attributes = 200
  reject_delay = 0
  status_server = yes
}}
thread pool {{
  start_servers = 2
  max_servers = 4
  min_spare_servers = 1
  max_spare_servers = 4
  max_requests_per_server = 0
}}
modules {{
  always handled {{
    rcode = handled
  }}
  pap {{
  }}
  chap {{
  }}
  mschap {{
    use_mppe = yes
  }}
  files {{
    filename = {folder}/users
  }}
  detail accounting {{
    filename = {folder}/accounting
    permissions = 0600
  }}
  eap {{
    default_eap_type = ttls
    timer_expire = 60
    ignore_unknown_eap_types = no
    max_sessions = 4096
    md5 {{
    }}
    mschapv2 {{
    }}
    tls-config common {{
      private_key_file = {folder}/server.key
      certificate_file = {folder}/server.pem
      ca_file = {folder}/ca.pem
      ca_path = {folder}
      tls_min_version = "1.2"
      tls_max_version = "1.2"
      cipher_list = "DEFAULT"
      ecdh_curve = "prime256v1"
    }}
    ttls {{
      tls = common
      default_eap_type = md5
      copy_request_to_tunnel = no
      use_tunneled_reply = yes
      virtual_server = inner
    }}
    peap {{
      tls = common
      default_eap_type = mschapv2
      copy_request_to_tunnel = no
      use_tunneled_reply = yes
      virtual_server = inner
    }}
  }}
}}
client proxy {{
  ipaddr = 127.0.0.0/8
  secret = {secret}
  require_message_authenticator = {require}
}}
server outer {{
  listen {{
    type = auth
    ipaddr = {address}
    port = {port}
  }}
  listen {{
    type = acct
    ipaddr = {address}
    port = {accounting_port}
  }}
  authorize {{
    if (&User-Name == "carol" && !&State) {{
      update control {{
        &Response-Packet-Type := Access-Challenge
      }}
      update reply {{
        &State := 0x6368616c6c656e6765
        &Reply-Message := "What is the word?"
      }}
      handled
    }}
    chap
    mschap
    eap {{
      ok = return
    }}
    files
    pap
  }}
  authenticate {{
    Auth-Type PAP {{
      pap
    }}
    Auth-Type CHAP {{
      chap
    }}
    Auth-Type MS-CHAP {{
      mschap
    }}
    eap
  }}
  accounting {{
    accounting
  }}
}}
server inner {{
  authorize {{
    mschap
    eap {{
      ok = return
    }}
    files
    pap
  }}
  authenticate {{
    Auth-Type PAP {{
      pap
    }}
    Auth-Type MS-CHAP {{
      mschap
    }}
    eap
  }}
  post-auth {{
    update reply {{
      &User-Name := &request:User-Name
    }}
  }}
}}
"""


def make_certificates(folder, name="localhost", addresses=("127.0.0.1",)):
    """A CA (ca.pem, ca.key) and a server certificate of it (server.pem, server.key)."""

    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", 2,
            "-subj", "/CN=CA of the tests", "-addext", "basicConstraints=critical,CA:TRUE")
    names = ",".join([f"DNS:{name}", *(f"IP:{a}" for a in addresses)])
    (folder / "server.ext").write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", f"/CN={name}")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-out", "server.pem", "-days", 2, "-extfile", "server.ext")


class FreeRadius(Process):
    """Ready when constructed. PAP, CHAP, MS-CHAP(v2), EAP-MD5, EAP-TTLS, PEAP, accounting."""

    def __init__(self, folder, users=USERS, require_message_authenticator="yes"):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.secret = SECRET
        self.address = loopback_address()
        port = free_port(self.address)
        self.server = (self.address, port)
        self.accounting_server = (self.address, port + 1)
        make_certificates(folder)
        (folder / "users").write_text(users)
        (folder / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
        (folder / "radiusd.conf").write_text(self.configuration(
            folder=folder, secret=SECRET, address=self.address, port=port,
            accounting_port=port + 1, require=require_message_authenticator))
        super().__init__("freeradius", ["freeradius", "-f", "-l", "stdout", "-n", "radiusd",
                                        "-d", folder], folder)
        self.wait_for(lambda: "Ready to process requests" in self.out(), "FreeRADIUS ready")

    def configuration(self, **names):
        return CONFIGURATION.format(**names)

    @property
    def ca_file(self):
        return self.folder / "ca.pem"
