"""What the tests of the HTTP door are made of: the daemon with a configuration of the test's own,
an upstream, plain sockets, and curl."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess

import pytest
from harness import Process, wait_until
from harness.net import PATIENCE_S, free_port, loopback_address
from harness.sallyport import BINARY, CLEAN_ENVIRONMENT, toml

HERE = pathlib.Path(__file__).resolve().parent
ORIGIN = HERE / "origin.mjs"

__all__ = ["HttpDoor", "Origin", "RawHttp", "curl", "free_address", "merge", "free_port",
           "loopback_address", "wait_until", "PATIENCE_S"]


def free_address(address=None):
    """(address, port) where nobody listens; of 127.0.0.0/8 unless given."""
    address = address or loopback_address()
    return address, free_port(address, socket.SOCK_STREAM)


def at(address):
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def merge(settings, more):
    """`settings` with `more` over it, key by key in tables; lists are replaced."""
    merged = dict(settings)
    for name, value in more.items():
        old = merged.get(name)
        merged[name] = {**old, **value} if isinstance(old, dict) else value
    return merged


class HttpDoor(Process):
    """`sallyport run --config` with an HTTP door, ready when constructed. `settings` is TOML, or
    tables as harness.sallyport.toml takes them; tables get a listener and an admin address unless
    they have their own."""

    def __init__(self, folder, settings, /, wait=True, env=None, preexec=None, name="sallyport"):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.server = free_address()
        self.admin = free_address(self.server[0])
        while self.admin == self.server:
            self.admin = free_address(self.server[0])
        self.config = folder / "sallyport.toml"
        self.settings = settings
        self.write_config(settings)
        super().__init__(name, [BINARY, "run", "--config", self.config], folder,
                         env={**CLEAN_ENVIRONMENT, **(env or {})}, preexec=preexec)
        if wait:
            self.wait_log("ready: ")

    def write_config(self, settings):
        if not isinstance(settings, str):
            base = {"engine": {"shards": 1, "pin": False},
                    "admin": {"listen": at(self.admin)},
                    "log": {"format": "text", "level": "debug"}}
            if "http.listener" not in settings:
                base["http.listener"] = [{"listen": [at(self.server)]}]
            settings = toml(merge(base, settings))
        self.config.touch(mode=0o600)
        self.config.write_text(settings)

    @property
    def url(self):
        return f"http://{at(self.server)}"

    def wait_log(self, text, count=1):
        """Waits until the log holds `text`, `count` times."""
        self.wait_for(lambda: self.output().count(text) >= count, f"{text!r} in the log")

    def reload(self, settings=None):
        """A new configuration, or the old one anew; returns when it is taken or refused."""
        if settings is not None:
            self.write_config(settings)
        before = len(re.findall("reload: (?:done|refused)", self.output()))
        self.signal(signal.SIGHUP)
        self.wait_for(lambda: len(re.findall("reload: (?:done|refused)", self.output())) > before,
                      "the reload")

    def grant(self, *words):
        """(exit status, output) of `sallyport grant`."""
        done = subprocess.run([BINARY, "grant", "--config", self.config, *map(str, words)],
                              capture_output=True, text=True, timeout=PATIENCE_S, check=False,
                              env=CLEAN_ENVIRONMENT)
        return done.returncode, done.stdout + done.stderr

    def metrics(self):
        """{"name{labels}": value} of /metrics."""
        with RawHttp(self.admin) as asking:
            body = asking.ask("GET /metrics HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n").body
        samples = (line.rpartition(" ") for line in body.decode().splitlines()
                   if not line.startswith("#"))
        return {name: float(value) for name, _, value in samples if name}


class Origin(Process):
    """A Node server behind the door; see origin.mjs. Its control is a JSON line for each event on
    standard output."""

    def __init__(self, folder, *words):
        if not pathlib.Path("/usr/bin/node").exists():
            pytest.skip("there is no node")
        folder.mkdir(parents=True, exist_ok=True)
        self.server = free_address()
        super().__init__("origin", ["/usr/bin/node", ORIGIN, *self.server, *words], folder,
                         env={**os.environ, "NODE_ENV": "production"})
        self.wait_event("ready")

    @property
    def where(self):
        return at(self.server)

    def events(self, name=None):
        lines = [json.loads(line) for line in self.out().splitlines(keepends=True)
                 if line.endswith("\n")]
        return [line for line in lines if name in (None, line["event"])]

    def wait_event(self, name, count=1):
        self.wait_for(lambda: len(self.events(name)) >= count, f"{count} × {name}")
        return self.events(name)[-1]


class Answer:
    """A head and a body of HTTP/1.1."""

    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.fields = [tuple(part.strip() for part in line.partition(":")[::2]) for line in lines[1:]]
        self.body = body

    def get(self, name, default=None):
        """The field's value; several are joined by commas."""
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        return ", ".join(values) if values else default

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.fields} {self.body[:400]!r}>"


class RawHttp:
    """A connection whose every octet is the test's. `source`: the visitor's own address."""

    def __init__(self, server, source=None, path=None):
        if path is not None:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(PATIENCE_S)
            self.socket.connect(path)
        else:
            self.socket = socket.create_connection(
                server, timeout=PATIENCE_S, source_address=(source, 0) if source else None)
        self.left = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode("latin-1"))

    def _more(self):
        octets = self.socket.recv(65536)
        if not octets:
            raise EOFError(f"closed; so far {self.left[:400]!r}")
        self.left += octets

    def read_until(self, end):
        while end not in self.left:
            self._more()
        text, _, self.left = self.left.partition(end)
        return text

    def read_exactly(self, count):
        while len(self.left) < count:
            self._more()
        octets, self.left = self.left[:count], self.left[count:]
        return octets

    def read_head(self):
        return Answer(self.read_until(b"\r\n\r\n"), b"")

    def read_chunk(self):
        """A chunk's content; empty: the last one."""
        size = int(self.read_until(b"\r\n").split(b";")[0], 16)
        chunk = self.read_exactly(size)
        self.read_until(b"\r\n")
        return chunk

    def read_answer(self, head_only=False):
        answer = self.read_head()
        if head_only or answer.status in (101, 204, 304):
            return answer
        if "chunked" in answer.get("Transfer-Encoding", ""):
            while chunk := self.read_chunk():
                answer.body += chunk
        elif answer.get("Content-Length") is not None:
            answer.body = self.read_exactly(int(answer.get("Content-Length")))
        else:
            answer.body = self.read_to_end()
        return answer

    def read_to_end(self):
        """What comes until the other side closes, however it does."""
        try:
            while True:
                self._more()
        except (EOFError, ConnectionError):
            octets, self.left = self.left, b""
            return octets

    def ask(self, text):
        self.send(text)
        return self.read_answer(head_only=text.startswith("HEAD "))

    def get(self, path="/", host="site.test", **fields):
        """One GET; `fields` by name, with _ for -."""
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        return self.ask("\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host}", *lines, "", ""]))


def curl(*words, source=None, check=True):
    """(status, head, body) by curl; every option is the test's."""
    command = ["curl", "-sS", "-i", "--max-time", str(PATIENCE_S), "--noproxy", "*", "--raw"]
    if source:
        command += ["--interface", source]
    done = subprocess.run([*command, *map(str, words)], capture_output=True, check=False,
                          timeout=PATIENCE_S + 10, env={"PATH": os.environ.get("PATH", "")})
    assert not check or done.returncode == 0, (done.returncode, done.stderr)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]) if head else 0, head.decode("latin-1"), body
