"""Who the gate speaks with behind its pages: Debian's slapd, a mail server of aiosmtpd, a Redis."""

import contextlib
import email
import email.policy
import http.server
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from harness.net import PATIENCE_S, free_port, loopback_address, wait_until
from harness.process import Process

SLAPD_CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
database mdb
suffix dc=example
directory {folder}/data
rootdn cn=admin,dc=example
rootpw {password}
access to * by dn=cn=admin,dc=example write by * auth
"""

ROOT_ENTRY = """\
dn: dc=example
objectClass: dcObject
objectClass: organization
o: example
dc: example
"""

USER_ENTRY = """
dn: uid={uid},dc=example
objectClass: inetOrgPerson
uid: {uid}
cn: {uid}
sn: {uid}
mail: {uid}@example.net
"""


def listens(host, port):
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
        return True


class Slapd(Process):
    """An LDAP server with these users, whose mail is UID@example.net."""

    PASSWORD = "hunter2-of-the-directory"

    def __init__(self, folder, uids):
        (folder / "data").mkdir(parents=True)
        config = folder / "slapd.conf"
        config.write_text(SLAPD_CONFIG.format(folder=folder, password=self.PASSWORD))
        entries = folder / "entries.ldif"
        entries.write_text(ROOT_ENTRY + "".join(USER_ENTRY.format(uid=uid) for uid in uids))
        subprocess.run(["/usr/sbin/slapadd", "-q", "-f", config, "-l", entries], check=True,
                       capture_output=True)
        host = loopback_address()
        port = free_port(host, socket.SOCK_STREAM)
        self.url = f"ldap://{host}:{port}"
        super().__init__("slapd", ["/usr/sbin/slapd", "-d", "0", "-f", config, "-h", self.url],
                         folder)
        self.wait_for(lambda: listens(host, port), "slapd listens")

    def directory(self):
        """The [[gate.directory]] that asks it."""
        return {"name": "ldap", "type": "ldap", "urls": [self.url],
                "bind_dn": "cn=admin,dc=example", "bind_password": self.PASSWORD,
                "search_base": "dc=example"}


class Redis(Process):
    """A Redis that keeps nothing on disk, or with `durable` every write; `at` is an address that
    one of the past had."""

    def __init__(self, folder, at=None, durable=False):
        host, _, port = (at or "").rpartition(":")
        host = host or loopback_address()
        port = port or free_port(host, socket.SOCK_STREAM)
        self.at = f"{host}:{port}"
        self._cli = ["redis-cli", "-h", host, "-p", str(port)]
        super().__init__("redis", ["redis-server", "--bind", host, "--port", port, "--save", "",
                                   "--appendonly", "yes" if durable else "no", "--appendfsync",
                                   "always", "--dir", folder], folder)
        self.wait_for(lambda: listens(host, port), "Redis listens")

    def say(self, *words):
        return subprocess.run([*self._cli, *words], check=True, capture_output=True,
                              text=True).stdout

    def calls(self):
        """How many commands it has carried out."""
        return int(re.search(r"total_commands_processed:(\d+)", self.say("INFO", "stats")).group(1))


class MailServer(Controller):
    """Takes mail after STARTTLS and a login. `mails`: EmailMessages, each with .recipients."""

    USER, PASSWORD = "sallyport", "secret-of-the-mail-server"

    def __init__(self, authority):
        self.mails = []
        self.ca_file = authority.ca_file
        host = loopback_address()
        certificate, key = authority.certificate(host, file="mail")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        super().__init__(self, hostname=host, port=free_port(host, socket.SOCK_STREAM),
                         tls_context=context, require_starttls=True, auth_required=True,
                         authenticator=self._check, ready_timeout=PATIENCE_S)

    @property
    def at(self):
        return f"{self.hostname}:{self.port}"

    def _check(self, _server, _session, _envelope, _mechanism, data):
        right = (data.login, data.password) == (self.USER.encode(), self.PASSWORD.encode())
        return AuthResult(success=right)

    async def handle_DATA(self, _server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        mail.recipients = envelope.rcpt_tos
        mail.encrypted = session.ssl is not None
        self.mails.append(mail)
        return "250 taken"

    def channel(self):
        """The [[gate.channel]] that sends by it."""
        return {"name": "mail", "type": "smtp", "address": self.at, "security": "starttls",
                "ca_file": str(self.ca_file), "from_mail": "noreply@example.net",
                "user": self.USER, "password": self.PASSWORD}

    def text(self, count=1):
        return self.wait_mail(count).get_body(("plain",)).get_content()

    def code(self, count=1):
        return re.search(r"\b\d{6}\b", self.text(count)).group(0)

    def link(self, count=1):
        return re.search(r"http\S*/\.sallyport/\S*", self.text(count)).group(0)

    def wait_mail(self, count=1):
        wait_until(lambda: len(self.mails) >= count, f"mail number {count}")
        return self.mails[count - 1]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


@contextlib.contextmanager
def broken_service(requests):
    """An SMS service that answers 503 to all; what it was asked is added to `requests`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers.get("Content-Length", 0))
            requests.append(self.rfile.read(length).decode())
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer((loopback_address(), 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield "http://{}:{}/send".format(*server.server_address)
    finally:
        server.shutdown()
        server.server_close()


STEP_S = 30


def app_code(secret, after_s=0):
    """What an authenticator app with this base32 secret shows in so many seconds. What it showed
    before now is good until its next step: a little is left of this one."""
    if after_s < 0:
        wait_until(lambda: time.time() % STEP_S < STEP_S - 10, "a new step")
    assert shutil.which("oathtool"), "apt-get install oathtool"
    secret = secret.replace(" ", "")
    command = ["oathtool", "--totp", "--base32", "--now", f"{after_s} seconds", "-"]
    done = subprocess.run(command, input=secret, check=True, capture_output=True, text=True)
    return done.stdout.strip()
