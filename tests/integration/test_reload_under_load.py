"""Reloads while requests come as fast as they are answered: each of them is. Shortly here; the long
form, 100,000 requests over 50 reloads, is run by
    SALLYPORT_TEST_REQUESTS=100000 SALLYPORT_TEST_RELOADS=50 pytest test_reload_under_load.py"""

import os
import shutil

from harness import Sallyport, loopback_address, wait_until, wire
from harness.load import RadiusLoad, rejecting_downstream
from harness.net import free_port
from harness.radsec import Authority, RadsecClient
from harness.sallyport import client

REQUESTS = int(os.environ.get("SALLYPORT_TEST_REQUESTS", "20000"))
RELOADS = int(os.environ.get("SALLYPORT_TEST_RELOADS", "10"))


def clients_of(turn, folder):
    """Clients that nobody is come and go, with other secrets each time; those of the load stay."""
    path = folder / "clients"
    path.touch(mode=0o600)
    path.write_text("".join(
        f"10.{turn % 200}.{n // 250}.{n % 250},branch {n},secret {turn} of {n}\n"
        for n in range(1_000)))
    others = [client([f"192.0.2.{n}"], f"a secret of turn {turn}", f"other {n}")
              for n in range(turn % 7)]
    return [client(), *others]


def load_over_reloads(folder, door, change, after=lambda turn: None, requests=REQUESTS):
    """`change(turn)` alters the settings of the door before each reload, `after(turn)` looks at it
    afterwards. Both happen while the load runs."""
    def reloads():
        return sum(line["component"] == "reload" and line["message"].startswith("done")
                   for line in door.log_lines())

    load = RadiusLoad(folder, door)
    answers = turn = 0
    while answers < requests or turn < RELOADS:
        run = load.start("--requests", max(requests - answers, 2_000), "--window", 200)
        while run.poll() is None:
            turn += 1
            change(turn)
            door.write_config()
            door.reload()
            wait_until(lambda: reloads() == turn, lambda: f"{turn} reloads, are {reloads()}")
            after(turn)
        result = load.result(run)
        assert result["lost"] == result["wrong"] == 0, result
        answers += result["rejects"]
    assert not [line for line in door.log_lines() if line["level"] == "error"]


def test_no_request_is_lost_over_many_reloads(tmp_path, notakey):
    downstream = rejecting_downstream(tmp_path)
    door = Sallyport(tmp_path, downstream, notakey, clients=clients_of(0, tmp_path),
                     radius={"clients_file": str(tmp_path / "clients"), "shards": 2},
                     log={"level": "info", "audit": False})

    def change(turn):
        door.settings["client"] = clients_of(turn, tmp_path)
        door.settings["second_factor"]["denied_message"] = f"turn {turn}"
        door.settings["radius"]["duplicate_window"] = f"{5 + turn % 5}s"

    load_over_reloads(tmp_path, door, change)


def test_pools_policies_and_certificates_change_under_load(tmp_path, notakey):
    """Servers come and go, pools get another order, and the TLS listener another certificate. A TLS
    connection that was there before is answered all the while."""
    authority = Authority(tmp_path / "authority")
    names = ("even.example.net", "odd.example.net")
    identities = [authority.issue(name, usage="serverAuth") for name in names]
    place = (tmp_path / "certificate.pem", tmp_path / "key.pem")

    def certificate_of(turn):
        for source, target in zip(identities[turn % 2], place, strict=True):
            shutil.copy(source, target)
        place[1].chmod(0o600)

    certificate_of(0)
    servers = []
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        downstream = rejecting_downstream(tmp_path / name)
        servers.append({"name": name, "pool": "all", "address": "{}:{}".format(*downstream.server),
                        "secret": downstream.secret})
    address = loopback_address()
    tls = (address, free_port(address))
    files = {"certificate_file": str(place[0]), "key_file": str(place[1])}
    sections = authority.sections(tls[1], address, listener=files)
    door = Sallyport(tmp_path, downstream, notakey, radius={"shards": 2},
                     log={"level": "info", "audit": False},
                     downstream={"address": None, "secret": None},
                     **{**sections, "downstream.server": servers})

    def change(turn):
        members = servers[turn % 3:] + servers[:turn % 3]
        door.settings["downstream.server"] = members[:1 + turn % 3]
        policy = ("failover", "round_robin", "least_outstanding", "hash")[turn % 4]
        door.settings["downstream.pool"] = [{"name": "all", "policy": policy}]
        door.settings["policy"] = [{"name": f"turn {turn}", "users": [f"nobody-{turn}"],
                                    "action": "deny"}]
        certificate_of(turn)

    def shown():
        with RadsecClient(tls, authority, identity) as another:
            return another.socket.getpeercert()["subject"][0][0][1]

    def after(turn):
        assert kept.ask(kept.pap("stranger", f"turn {turn}")).code == wire.ACCESS_REJECT
        wait_until(lambda: shown() == names[turn % 2], "the other certificate")
        asked.update(server["name"] for server in servers if door.metric(
            "sallyport_downstream_requests_total", server=server["name"]) > 0)

    asked = set()
    identity = authority.issue()
    with RadsecClient(tls, authority, identity) as kept:
        load_over_reloads(tmp_path, door, change, after)
    assert asked == {"one", "two", "three"}
