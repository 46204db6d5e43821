"""Reverse proxies before one origin: how each is started from its committed configuration. One more
is one more entry of PROXIES, with a template in bench/peers/http."""

from __future__ import annotations

import dataclasses
import pathlib
import resource
import socket
import ssl
import subprocess
import urllib.error
import urllib.request

from . import probe
from .bench import Bench
from .processes import Child, ChildFailed, free_port, loopback_address
from .systems import SALLYPORT, filled, program

_DESCRIPTORS = 65_536
_OTHER_DESCRIPTORS = 200  # listeners, files, the log
BODIES = (60, 1_000_000)  # octets; the origin serves each under its number


@dataclasses.dataclass(frozen=True)
class Proxy:
    """`words` is its command line; @NAME@s are filled in as in the template."""

    name: str
    template: str
    words: tuple[str, ...]

    def program(self, bench: Bench) -> str:
        """Ours is the one that is measured, whatever may be installed."""
        if self.name == SALLYPORT:
            return str(bench.sallyport)
        return program(self.words[0]) or self.words[0]


PROXIES = (
    Proxy(SALLYPORT, "sallyport.toml", (SALLYPORT, "run", "--config", "@CONFIGURATION@")),
    Proxy("nginx", "nginx.conf", ("nginx", "-p", "@FOLDER@", "-c", "@CONFIGURATION@")),
    Proxy("haproxy", "haproxy.cfg", ("haproxy", "-db", "-f", "@CONFIGURATION@")),
    Proxy("caddy", "Caddyfile",
          ("caddy", "run", "--adapter", "caddyfile", "--config", "@CONFIGURATION@")),
)
ORIGIN = Proxy("origin", "origin.conf", PROXIES[1].words)


@dataclasses.dataclass(frozen=True)
class Server:
    name: str
    address: probe.Address
    tls_address: probe.Address
    child: Child
    trust: pathlib.Path  # the certificate that its TLS listener shows
    path: str | None = None  # of the one page that it is asked for; None: bodies by their size

    def url(self, tls: bool, body_octets: int) -> str:
        host, port = self.tls_address if tls else self.address
        path = self.path if self.path is not None else f"/{body_octets}"
        return f"{'https' if tls else 'http'}://{host}:{port}{path}"


def max_connections() -> int:
    """That a proxy may have open with clients. The limit of descriptors, which our children
    inherit, is raised as far as it goes; a proxied connection takes two."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (max(hard, _DESCRIPTORS), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return (min(limit, _DESCRIPTORS) - _OTHER_DESCRIPTORS) // 2
        except (ValueError, PermissionError):  # only the administrator may raise the hard limit
            continue
    raise ChildFailed("the limit of descriptors cannot be set")


def missing() -> list[str]:
    """Programs that are needed or compared, and not installed here."""
    names = [proxy.words[0] for proxy in PROXIES if proxy.name != SALLYPORT]
    names += ["wrk", "h2load", "openssl"]
    return [name for name in names if program(name) is None]


def body(octets: int) -> bytes:
    """What the origin serves: a wrong octet shows."""
    return (b"0123456789abcdefghijklmnopqrstuvwxyz\n" * (octets // 37 + 1))[:octets]


def make_certificate(bench: Bench) -> pathlib.Path:
    """A folder with certificate.pem, key.pem and both.pem. P-256, as public certificates have."""
    folder = bench.new_folder("certificate")
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=bench", "-keyout", folder / "key.pem",
         "-out", folder / "certificate.pem"], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise ChildFailed(f"no certificate was made\n{made.stderr.strip()}")
    both = folder / "both.pem"
    both.touch(mode=0o600)
    both.write_text((folder / "certificate.pem").read_text() + (folder / "key.pem").read_text())
    return folder


def launch(bench: Bench, proxy: Proxy, cpus: set[int], certificate: pathlib.Path,
           folder: pathlib.Path, origin: probe.Address = ("", 0), let_in: str = "") -> Server:
    """Started; whether it listens yet is for the caller to see. `let_in`: an address that passes
    the gate."""
    host = loopback_address()
    address, tls_address, admin = ((host, free_port(host, socket.SOCK_STREAM)) for _ in range(3))
    values = {"FOLDER": folder, "ADDRESS": host, "PORT": address[1], "TLS_PORT": tls_address[1],
              "ADMIN_PORT": admin[1], "LET_IN": let_in,
              "ORIGIN_ADDRESS": origin[0], "ORIGIN_PORT": origin[1],
              "CERTIFICATE": certificate / "certificate.pem", "KEY": certificate / "key.pem",
              "CERTIFICATE_WITH_KEY": certificate / "both.pem",
              "CONFIGURATION": folder / proxy.template, "MAX_CONNECTIONS": max_connections(),
              "DESCRIPTORS": resource.getrlimit(resource.RLIMIT_NOFILE)[0]}
    (folder / proxy.template).write_text(filled(f"http/{proxy.template}", values))
    command = [proxy.program(bench)]
    for word in proxy.words[1:]:
        name = word.strip("@")
        command.append(str(values[name]) if word != name else word)
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    child = bench.children.start(proxy.name, command, cpus, {**bench.clean_environment(), **home})
    return Server(proxy.name, address, tls_address, child, certificate / "certificate.pem")


def start_origin(bench: Bench, certificate: pathlib.Path) -> Server:
    folder = bench.new_folder(ORIGIN.name)
    (folder / "bodies").mkdir()
    for octets in BODIES:
        (folder / "bodies" / str(octets)).write_bytes(body(octets))
    server = launch(bench, ORIGIN, bench.cores.downstream, certificate, folder)
    wait_ready(server, (False,))
    return server


def start(bench: Bench, proxy: Proxy, certificate: pathlib.Path, origin: Server) -> Server:
    """Started, and every body has come through it unchanged, plain and by TLS."""
    server = launch(bench, proxy, bench.cores.proxy, certificate, bench.new_folder(proxy.name),
                    origin.address)
    wait_ready(server, (False, True))
    return server


def wait_ready(server: Server, transports: tuple[bool, ...]) -> None:
    for tls in transports:
        for octets in BODIES:
            server.child.wait_for(lambda: fetch(server, tls, octets) is not None,
                                  f"an answer at {server.url(tls, octets)}")
            check(server, tls, octets)


def fetch(server: Server, tls: bool, octets: int) -> bytes | None:
    """The body, or nothing while it does not listen or has no origin yet."""
    context = ssl.create_default_context(cafile=str(server.trust)) if tls else None
    if context:
        context.check_hostname = False
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        with urllib.request.urlopen(server.url(tls, octets), timeout=10, context=context) as answer:
            return answer.read()
    except (urllib.error.URLError, ConnectionError):
        return None


def check(server: Server, tls: bool, octets: int) -> None:
    """Raises WrongBody unless the origin's octets arrive."""
    got = fetch(server, tls, octets)
    if got != body(octets):
        raise WrongBody(f"{server.name} answered {server.url(tls, octets)} with "
                        f"{'nothing' if got is None else f'{len(got)} other octets'}")


class WrongBody(ChildFailed):
    """A proxy changed what it passed on, or passed on nothing: no figure of it counts."""
