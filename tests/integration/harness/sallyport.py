"""The daemon under test, as an operator starts it."""

import json
import os
import pathlib
import re
import signal
import socket
import urllib.error
import urllib.request

from .clients import Nas
from .net import PATIENCE_S, free_port, loopback_address, wait_until
from .process import Process

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("SALLYPORT", str(ROOT / "build/release/sallyport"))

CLIENT_SECRET = "client-secret-of-the-tests"

# What the daemon may see of the environment: none of NtkP's variables unless a test sets them.
CLEAN_ENVIRONMENT = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8"}


def _toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def toml(settings):
    """{"radius": {…}, "client": [{…}, …]} as TOML. A value of None is left out."""
    lines = []
    for section, values in settings.items():
        tables = values if isinstance(values, list) else [values]
        for table in tables:
            lines.append(f"[[{section}]]" if isinstance(values, list) else f"[{section}]")
            lines += [f"{key} = {_toml(v)}" for key, v in table.items() if v is not None]
            lines.append("")
    return "\n".join(lines)


def filled_in(example, values):
    """An example of the docs with what a test has in the place of what stands there, which must."""
    for there, here in values.items():
        assert there in example, there
        example = example.replace(there, here)
    return example


def client(addresses=("127.0.0.0/8",), secret=CLIENT_SECRET, name="nas", **more):
    return {"name": name, "addresses": list(addresses), "secret": secret, **more}


class Sallyport(Process):
    """`sallyport run --config`, ready when constructed; without [notakey] where that is None.
    Sections given by name extend those below, key by key: second_factor={"remember": "8h"}; a list
    is as many sections of one name: policy=[{"name": "staff", …}]."""

    def __init__(self, folder, downstream, notakey, /, clients=None, wait=True, env=None,
                 preexec=None, **sections):
        folder.mkdir(parents=True, exist_ok=True)
        self.address = loopback_address()
        self.secret = (clients or [client()])[0]["secret"]
        self.server = (self.address, free_port(self.address))
        self.admin = (self.address, free_port(self.address, socket.SOCK_STREAM))
        host, port = downstream.server
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.settings = {
            # One shard: a Status-Server is then answered after all that was sent before it.
            "radius": {"listen": [f"{self.address}:{self.server[1]}"], "shards": 1, "pin": False},
            "client": [client()] if clients is None else clients,
            "downstream": {"address": where, "secret": downstream.secret},
            "second_factor": {},
            # Tests log the same users in again and again.
            "second_factor.limits": {"user": "off", "user_long": "off", "pair": "off",
                                     "place": "off", "cool_down": "0s"},
            "admin": {"listen": f"{self.admin[0]}:{self.admin[1]}"},
            "log": {"format": "json", "level": "debug"},
        }
        if notakey is not None:
            self.settings["notakey"] = {"host": notakey.host, "access_id": notakey.access_id,
                                        "ttl": "60s", **notakey.settings}
        for name, values in sections.items():
            if isinstance(values, list):
                self.settings[name] = values
            else:
                self.settings.setdefault(name, {}).update(values)
        self.config = folder / "sallyport.toml"
        self.write_config()
        super().__init__("sallyport", [BINARY, "run", "--config", self.config], folder,
                         env={**CLEAN_ENVIRONMENT, **(env or {})}, preexec=preexec)
        if wait:
            self.wait_ready()

    def write_config(self):
        self.config.touch(mode=0o600)
        self.config.write_text(toml(self.settings))

    def wait_ready(self):
        self.wait_for(lambda: self.http("/metrics")[0] == 200, "the admin listener")

    def nas(self, address="127.0.0.1", secret=None):
        return Nas(self.server, secret or self.secret, address)

    def http(self, path, method="GET"):
        """(status, body); status 0 when nobody listens."""
        url = f"http://{self.admin[0]}:{self.admin[1]}{path}"
        try:
            request = urllib.request.Request(url, method=method)
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metrics(self):
        """{"name{labels}": value} of /metrics."""
        status, body = self.http("/metrics")
        assert status == 200, (status, body)
        samples = (line.rpartition(" ") for line in body.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in samples if name}

    def metric(self, name, **labels):
        """Sum of the samples of this name that carry these labels."""
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        total = 0.0
        for sample, value in self.metrics().items():
            base, _, rest = sample.partition("{")
            if base == name and wanted <= set(re.findall(r'\w+="[^"]*"', rest)):
                total += value
        return total

    def wait_metric(self, expected, name, **labels):
        wait_until(lambda: self.metric(name, **labels) == expected,
                   lambda: f"{name}{labels} = {expected}, is {self.metric(name, **labels)}")

    def log_lines(self):
        """Every whole line of the log as JSON."""
        whole = self.err().rpartition("\n")[0]  # it may be writing the next one
        return [json.loads(line) for line in whole.splitlines() if line.strip()]

    def audit(self):
        return [line for line in self.log_lines() if line.get("event") == "decision"]

    def wait_audit(self, count):
        return wait_until(lambda: len(self.audit()) >= count and self.audit(),
                          lambda: f"{count} audit lines, are {self.audit()}")

    def reload(self):
        self.signal(signal.SIGHUP)

    def terminate(self):
        self.signal(signal.SIGTERM)

    def kill(self):
        """kill -9, and its end."""
        self.child.kill()
        self.child.wait()

    def start_again(self):
        """The same command anew, after it has ended."""
        Process.__init__(self, self.name, self.command, self.config.parent, env=CLEAN_ENVIRONMENT)
        self.wait_ready()
