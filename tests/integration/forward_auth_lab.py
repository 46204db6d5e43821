"""Other people's proxies in front of an application, asking sallyport: each started with the very
configuration that docs/examples/forward-auth/ holds, but for addresses, ports and paths."""

import contextlib
import socket
import subprocess
import urllib.parse

from harness.net import loopback_address
from harness.process import Process
from harness.sallyport import BINARY, CLEAN_ENVIRONMENT, ROOT
from http_lab import HttpDoor, Node, curl, nginx_command

EXAMPLES = ROOT / "docs" / "examples" / "forward-auth"
HOST = "app.example.net"
OFFICE = "127.9.9.9"  # the example's whitelist, on loopback

# What a browser says over plain HTTP when it is about to show a page.
BROWSER = ("-H", "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")


def example(name, *replacements):
    """The text of an example. What is to be replaced must be there: else it is not ours to test."""
    text = (EXAMPLES / name).read_text()
    for old, new in replacements:
        assert old in text, (name, old)
        text = text.replace(old, str(new))
    return text


class Gate(HttpDoor):
    """sallyport as the examples have it, at `at`."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.at = f"{loopback_address()}:9091"
        super().__init__(folder, example(
            "sallyport.toml", ("127.0.0.1:9091", self.at), ("192.0.2.0/24", "127.9.9.0/24"),
            ("/var/lib/sallyport", folder), ("/run/sallyport", folder)))

    def grant(self, *words):
        done = subprocess.run([BINARY, "grants", *words, "--config", self.config], check=False,
                              capture_output=True, text=True, timeout=20, env=CLEAN_ENVIRONMENT)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def let_in(self, visitor, user="alice"):
        return self.grant("add", visitor, "--user", user, "--for", "1h")


class Front(Process):
    """A proxy in front of the application `app` ("address:port"), asking the gate `gate`."""

    def __init__(self, folder, kind, gate, app):
        folder.mkdir(parents=True, exist_ok=True)
        self.kind = kind
        self.host = loopback_address()
        places = [("127.0.0.1:9091", gate), ("127.0.0.1:3000", app)]
        command = getattr(self, f"_{kind}")(folder, places)
        env = {**CLEAN_ENVIRONMENT, "HOME": str(folder)}
        super().__init__(kind, command, folder, env=env)

        def listens():
            with contextlib.suppress(OSError), socket.create_connection((self.host, 8080), 1):
                return True

        self.wait_for(listens, f"{kind} listens")

    def _nginx(self, folder, places):
        servers = example("nginx.conf", *places, ("listen 80", f"listen {self.host}:8080"))
        return nginx_command(folder, servers)

    def _caddy(self, folder, places):
        site = example("Caddyfile", *places, (f"\n{HOST} {{", f"\nhttp://{HOST}:8080 {{"))
        options = f"{{\n\tadmin off\n\tauto_https off\n\tdefault_bind {self.host}\n}}\n"
        (folder / "Caddyfile").write_text(options + site)
        return ["caddy", "run", "--adapter", "caddyfile", "--config", folder / "Caddyfile"]

    def _haproxy(self, folder, places):
        (folder / "sallyport.lua").write_text(example("sallyport.lua", places[0]))
        (folder / "haproxy.cfg").write_text(example(
            "haproxy.cfg", *places, ("bind :80", f"bind {self.host}:8080"),
            ("/etc/haproxy/sallyport.lua", folder / "sallyport.lua"),
            ("global\n", "global\n  nbthread 1\n")))
        return ["haproxy", "-db", "-f", folder / "haproxy.cfg"]

    def ask(self, visitor, target="/echo", *options, host=HOST, **more):
        """What `visitor` (an address of loopback) gets there."""
        return curl(f"http://{self.host}:8080{target}", "--interface", visitor, "-H",
                    f"Host: {host}", *options, **more)


class Stage:
    """One application and one gate, and each proxy in front of them, once for all tests."""

    def __init__(self, folder):
        self.folder = folder
        self.app = Node(folder / "app")
        self.gate = Gate(folder / "gate")
        self.fronts = {}

    def front(self, kind):
        if kind not in self.fronts:
            self.fronts[kind] = Front(self.folder / kind, kind, self.gate.at, self.app.at())
        return self.fronts[kind]

    def stop(self):
        for process in (*self.fronts.values(), self.gate, self.app):
            process.stop()


def gate_url(target, host=HOST):
    """Where a browser that asked for `target` is sent."""
    back = urllib.parse.quote(f"http://{host}{target}", safe="")
    return f"http://{host}/.sallyport/?rd={back}"
