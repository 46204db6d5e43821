"""The Notakey service: the project's own simulator, scripted from the command line."""

import json
import os
import urllib.parse
import urllib.request

from .net import free_port, loopback_address, wait_until
from .process import Process
from .sallyport import ROOT

LAB = os.environ.get("SALLYPORT_LAB", str(ROOT / "build/release/sallyport-lab"))

ACCESS_ID = "235879a9-a3f3-42b4-b13a-4836d0fd3bf8"
CLIENT_ID = "client-id-of-the-tests"
OAUTH_SECRET = "oauth-secret-of-the-tests"

USERS = (
    "alice=approve:0s",
    "bob=approve:0s",
    "User=approve:0s",
    "denise=deny:0s",
    "erika=expire",
    "nora=never",
    "quinn=ask",
    "nodevice=no-device",
    "stranger=unknown",
)


class NoService:
    """A Notakey host where nobody listens."""

    settings = {}
    access_id = ACCESS_ID

    def __init__(self):
        address = loopback_address()
        self.host = f"http://{address}:{free_port(address)}"


class NotakeySimulator(Process):
    """Ready when constructed. `users` extend USERS; `version` picks what the daemon will speak."""

    access_id = ACCESS_ID

    def __init__(self, folder, users=(), tls=False, version="v2", options=(), address=None,
                 port=0):
        folder.mkdir(parents=True, exist_ok=True)
        listen = f"{address or loopback_address()}:{port}"
        command = [LAB, "simulate", "notakey", "--listen", listen, "--access-id", ACCESS_ID]
        self.settings = {"version": version}
        if version == "v3":
            command += ["--client-id", CLIENT_ID, "--client-secret", OAUTH_SECRET]
            self.settings |= {"client_id": CLIENT_ID, "client_secret": OAUTH_SECRET}
        self.ca_file = folder / "notakey-ca.pem"
        if tls:
            command += ["--tls", "--write-ca", self.ca_file]
            self.settings["ca_file"] = str(self.ca_file)
        for user in (*USERS, *users):
            command += ["--user", user]
        super().__init__("notakey", [*command, *options], folder)
        ready = self.ready_line()
        self.host = ("https://" if tls else "http://") + ready["listening"]
        self.phone = ready["phone"].rstrip("/")

    def call(self, path, method="GET", body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.phone + path, data=data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as response:
            text = response.read().decode()
        return json.loads(text) if text.strip() else None

    def requests(self):
        """Every push ever made, oldest first."""
        return self.call("/lab/requests")

    def stats(self):
        return self.call("/lab/stats")

    def pushes(self, user=None):
        return len([r for r in self.requests() if user is None or r["username"] == user])

    def wait_pushes(self, count, user=None):
        wait_until(lambda: self.pushes(user) >= count, f"{count} pushes for {user}")

    def fault(self, **fault):
        self.call("/lab/faults", "POST", fault)

    def no_faults(self):
        self.call("/lab/faults", "DELETE")

    def answer(self, user, approve):
        """Answers the pending push of this user, as the phone would."""
        (pending,) = [
            r for r in self.requests() if r["username"] == user and r["state"] == "pending"
        ]
        self.answer_request(pending, approve)

    def answer_request(self, push, approve):
        """The form that the phone page's buttons post."""
        form = urllib.parse.urlencode({"answer": "approve" if approve else "deny"}).encode()
        url = f"{self.phone}/phone/requests/{push['uuid']}"
        with urllib.request.urlopen(urllib.request.Request(url, data=form), timeout=10):
            pass
