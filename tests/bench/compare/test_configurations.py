"""What is written for the systems: complete, private, and as many clients as asked for."""

import ipaddress
import re
import tomllib

from compare import clients, shards, systems
from compare.processes import Child


def entries(text):
    return [ipaddress.ip_network(address) for client in tomllib.loads(text)["client"]
            for address in client["addresses"]]


def test_ten_clients_share_the_whole_network():
    parts = entries(clients.few())
    assert len(parts) == clients.FEW
    assert list(ipaddress.collapse_addresses(parts)) == [clients.NETWORK]


def test_many_clients_are_so_many_addresses_each_once():
    parts = entries(clients.many(10_000, 100))
    assert len(parts) == len(set(parts)) == 10_000
    assert all(part.subnet_of(clients.NETWORK) for part in parts)


def test_addresses_that_send_have_a_client_each():
    text = clients.many(10_000, 100)
    owners = {address: client["name"] for client in tomllib.loads(text)["client"]
              for address in client["addresses"]}
    first = int(clients.NETWORK.network_address)
    senders = [owners[str(ipaddress.ip_address(first + n))] for n in range(clients.SOURCES + 1)]
    assert len(set(senders)) == len(senders)


def test_configurations_are_filled_in_and_private(bench, monkeypatch):
    started = []
    monkeypatch.setattr(bench.children, "start", lambda name, command, *_: started.append(command))
    downstream = systems.Server("direct", ("127.0.0.1", 1812), Child.__new__(Child))
    for start in (systems.start_radsecproxy, systems.start_freeradius, systems.start_sallyport):
        start(bench, downstream)
    written = [path for path in bench.folder.rglob("*")
               if path.is_file() and systems.SECRET in path.read_text()]
    assert len(written) == 3
    for path in written:
        assert path.stat().st_mode & 0o077 == 0
        assert not re.search(r"@[A-Z_]+@", path.read_text())
    assert systems.SECRET not in str(started)


def test_shards_are_measured_as_far_as_there_are_cores_to_load_them():
    assert shards.counts(2) == [1]
    assert shards.counts(6) == [1, 2]
    assert shards.counts(16) == [1, 2, 4]
