"""The systems that are compared: how each is started from its committed configuration."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import shutil
import socket

from . import probe
from .bench import Bench
from .processes import Child, free_port, loopback_address

PEERS = pathlib.Path(__file__).resolve().parents[1] / "peers"
# One for all hops: the relay passes packets unchanged.
SECRET = "secret-of-the-comparison-32-octets"
PASSWORD = "password-of-load"  # 16 octets at most, as the wrong one: requests of one length
WRONG_PASSWORD = "not-the-password"
USER = "user-0000001"
ACCESS_ID = "235879a9-a3f3-42b4-b13a-4836d0fd3bf8"

SALLYPORT, RADSECPROXY, FREERADIUS, RELAY = "sallyport", "radsecproxy", "freeradius", "relay"
DIRECT = "direct"  # no proxy at all
NAMES = (SALLYPORT, RADSECPROXY, FREERADIUS, RELAY)


@dataclasses.dataclass(frozen=True)
class Server:
    """Something that answers RADIUS at `address`."""

    name: str
    address: probe.Address
    child: Child
    admin: probe.Address | None = None


def text(address: probe.Address) -> str:
    return f"{address[0]}:{address[1]}"


def program(name: str) -> str | None:
    """Where a peer is installed. Debian puts servers where not every user looks."""
    return shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/sbin:/bin")


def filled(template: str, values: dict[str, object]) -> str:
    """A committed configuration with its @NAME@s replaced; each must have a value."""
    return re.sub(r"@([A-Z_]+)@", lambda match: str(values[match.group(1)]),
                  (PEERS / template).read_text())


def write_configuration(bench: Bench, name: str, content: str) -> pathlib.Path:
    """In a folder of its own, readable by us alone: it holds secrets."""
    folder = bench.new_folder(name)
    path = folder / name
    path.touch(mode=0o600)
    path.write_text(content)
    return path


def new_address() -> probe.Address:
    address = loopback_address()
    return address, free_port(address)


def _values(bench: Bench, address: probe.Address, downstream: Server) -> dict[str, object]:
    return {"ADDRESS": address[0], "PORT": address[1], "SECRET": SECRET,
            "DOWNSTREAM_ADDRESS": downstream.address[0],
            "DOWNSTREAM_PORT": downstream.address[1]}


def secret_file(bench: Bench) -> pathlib.Path:
    path = bench.folder / "secret"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(SECRET + "\n")
    return path


def _users_file(bench: Bench) -> pathlib.Path:
    """As many users as are ever sent."""
    path = bench.folder / "users"
    if not path.exists():
        path.touch(mode=0o600)
        names = range(max(bench.plan.pending, 1000) + 1)
        path.write_text("".join(f"user-{number:07} {PASSWORD}\n" for number in names))
    return path


def start_downstream(bench: Bench, *options: str, cpus: set[int] | None = None) -> Server:
    """The downstream: knows every user by one password, rejects every other password. `cpus`: the
    downstream's core unless given."""
    listen = loopback_address()
    child = bench.children.start("downstream", [
        bench.lab, "simulate", "radius", "--listen", f"{listen}:0", "--secret-file",
        secret_file(bench), "--users", _users_file(bench), *options],
        cpus or bench.cores.downstream)
    port = int(child.ready_line()["listening"].rpartition(":")[2])
    return Server(DIRECT, (listen, port), child)


def start_relay(bench: Bench, downstream: Server) -> Server:
    address = new_address()
    child = bench.children.start(RELAY, [
        bench.lab, "bench", "relay", "--listen", text(address), "--to",
        text(downstream.address)], bench.cores.proxy)
    return Server(RELAY, address, child)


def start_radsecproxy(bench: Bench, downstream: Server) -> Server:
    address = new_address()
    folder = bench.new_folder(RADSECPROXY)
    values = _values(bench, address, downstream) | {"FOLDER": folder}
    path = write_configuration(bench, "radsecproxy.conf", filled("radsecproxy.conf", values))
    child = bench.children.start(RADSECPROXY, [program(RADSECPROXY) or RADSECPROXY, "-f", "-c",
                                               path], bench.cores.proxy)
    return Server(RADSECPROXY, address, child)


def start_freeradius(bench: Bench, downstream: Server) -> Server:
    address = new_address()
    folder = bench.new_folder(FREERADIUS)
    values = _values(bench, address, downstream) | {"FOLDER": folder}
    configuration = folder / "radiusd.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(filled("freeradius.conf", values))
    (folder / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
    child = bench.children.start(FREERADIUS, [program(FREERADIUS) or FREERADIUS, "-f", "-n",
                                              "radiusd", "-d", folder], bench.cores.proxy)
    return Server(FREERADIUS, address, child)


def client_table(name: str, addresses: list[str]) -> str:
    """One [[client]] of sallyport's configuration."""
    listed = ", ".join(f'"{address}"' for address in addresses)
    return (f'[[client]]\nname = "{name}"\naddresses = [{listed}]\nsecret = "{SECRET}"\n')


def start_sallyport(bench: Bench, downstream: Server, *, clients: str | None = None,
                    shards: int = 1, max_exchanges: int = 65536, cpus: set[int] | None = None,
                    notakey: str | None = None, notakey_more: str = "") -> Server:
    """`notakey`: URL of the second factor's API; without it nobody is there to ask. `cpus`: the
    proxy's core unless given."""
    address = new_address()
    admin = (address[0], free_port(address[0], socket.SOCK_STREAM))
    values = _values(bench, address, downstream) | {
        "SHARDS": shards, "MAX_EXCHANGES": max_exchanges, "ADMIN_PORT": admin[1],
        "CLIENTS": client_table("nas", ["127.0.0.0/8"]) if clients is None else clients,
        "NOTAKEY": notakey or "http://127.0.0.1:9", "NOTAKEY_MORE": notakey_more}
    path = write_configuration(bench, "sallyport.toml", filled("sallyport.toml", values))
    child = bench.children.start(SALLYPORT, [bench.sallyport, "run", "--config", path],
                                 cpus or bench.cores.proxy, bench.clean_environment())
    return Server(SALLYPORT, address, child, admin)


_STARTERS = {SALLYPORT: start_sallyport, RADSECPROXY: start_radsecproxy,
             FREERADIUS: start_freeradius, RELAY: start_relay}


def missing() -> list[str]:
    """Peers that are not installed here."""
    return [name for name in (RADSECPROXY, FREERADIUS) if program(name) is None]


def start(bench: Bench, name: str, downstream: Server) -> Server:
    """Started, and it has proxied a login."""
    server = _STARTERS[name](bench, downstream)
    wait_ready(server)
    return server


def wait_ready(server: Server, source: str = "127.0.0.1", patience_s: float = 30) -> None:
    probe.ask_until_answered(server.address, SECRET, USER, WRONG_PASSWORD, server.child, source,
                             patience_s)
