"""Policies on the groups that a user directory says: a file, slapd, a program; PAP, CHAP, EAP."""

import contextlib
import json
import os
import subprocess
import sys

import pytest
from gate_peers import Slapd, app_code
from harness import FakeDownstream, Sallyport, sallyport, wire
from harness.clients import Nas, eapol_test, radclient, radclient_reply
from harness.downstream import accept
from harness.net import free_port, loopback_address, wait_until
from harness.process import Process
from harness.sallyport import ROOT, filled_in
from radius_messages_lab import Door as MessagesDoor
from test_eap import peap, ttls
from test_radius_factors import HOME, answer, register

HOUSE = {"name": "house", "groups": ["House"], "action": "exempt"}
CLOSED = {"name": "closed", "groups": ["left"], "action": "deny"}
DOWN = "the user directory did not answer"


@pytest.fixture
def downstream():
    with FakeDownstream(accept) as server:
        yield server


class Door(Sallyport):
    """With a file of users and their groups, or other directories."""

    def __init__(self, folder, downstream, notakey, policy, groups=None, directory=None,
                 second_factor=None, **sections):
        self.users = folder / "users.json"
        folder.mkdir(parents=True, exist_ok=True)
        self.say(groups or {})
        super().__init__(folder, downstream, notakey, policy=policy, **{
            "second_factor": {"directory_groups": True, **(second_factor or {})},
            "store": {"type": "memory"},
            "gate.directory": directory or [
                {"name": "people", "type": "file", "path": str(self.users)}],
            **sections})

    def say(self, groups):
        """Whom the file knows from now on."""
        new = self.users.with_suffix(".new")
        new.write_text(json.dumps([{"id": user, "groups": names}
                                   for user, names in groups.items()]))
        new.rename(self.users)

    def login(self, user, *extra):
        with self.nas() as nas:
            return nas.ask(nas.pap(user, "x", extra))

    def line_of(self, user):
        """The last audit line about him."""
        return wait_until(lambda: [line for line in self.audit() if line["user"] == user],
                          self.err)[-1]


def test_the_groups_of_a_file_decide_as_it_says_now(tmp_path, downstream, notakey):
    door = Door(tmp_path, downstream, notakey, [CLOSED, HOUSE],
                {"alice": ["HOUSE", "others"], "denise": ["left"]})
    states = [(wire.PROXY_STATE, b"one"), (wire.PROXY_STATE, b"two")]
    exempted = door.login("alice", *states)
    assert (exempted.code, exempted.all(wire.PROXY_STATE)) == (
        wire.ACCESS_ACCEPT, [b"one", b"two"])
    assert door.login("denise").code == wire.ACCESS_REJECT
    assert notakey.requests() == []
    assert door.login("bob").code == wire.ACCESS_ACCEPT  # whom the file does not know
    assert notakey.pushes("bob") == 1
    assert [(line["outcome"], line.get("policy"), line["second_factor"])
            for line in door.wait_audit(3)] == [
        ("exempted", "house", False), ("policy_denied", "closed", False), ("approved", None, True)]
    door.wait_metric(3, "sallyport_radius_code_verdicts_total", verdict="groups_known")

    door.say({"alice": ["left"], "bob": ["house"]})
    assert door.login("alice").code == wire.ACCESS_REJECT
    assert door.login("bob").code == wire.ACCESS_ACCEPT
    assert [(line["outcome"], line["policy"]) for line in door.wait_audit(5)[3:]] == [
        ("policy_denied", "closed"), ("exempted", "house")]


def test_a_duplicate_gets_the_same_answer_and_asks_nobody(tmp_path, downstream, notakey):
    asked = tmp_path / "asked"
    program = tmp_path / "who.py"
    program.write_text("import json, sys\n"
                       f"open({str(asked)!r}, 'a').write('x')\n"
                       "print(json.dumps({'id': sys.stdin.readline().strip(),"
                       " 'groups': ['house']}))\n")
    door = Door(tmp_path, downstream, notakey, [HOUSE], directory=[
        {"name": "program", "type": "command", "command": [sys.executable, str(program)]}])
    with door.nas() as nas:
        request = nas.pap("alice", "x", [(wire.PROXY_STATE, b"one")])
        nas.send(request)
        nas.send(request)
        first = nas.receive(request)
        assert first.code == wire.ACCESS_ACCEPT
        assert nas.ask(request).octets == first.octets
    assert asked.read_text() == "x"
    assert len(door.wait_audit(1)) == 1


def test_what_is_decided_without_a_directory_does_not_wait_for_it(tmp_path, downstream, notakey):
    """The program never answers: whoever depends on it would see."""
    door = Door(tmp_path, downstream, notakey,
                [{"name": "backup", "users": ["svc"], "action": "exempt"}, HOUSE],
                directory=[{"name": "program", "type": "command", "command": ["/bin/false"]}])
    assert door.login("svc").code == wire.ACCESS_ACCEPT
    assert door.line_of("svc")["policy"] == "backup"
    assert door.login("alice").code == wire.ACCESS_REJECT


def slapd_with_groups(folder):
    """The groups are in a text attribute, as a name and as a DN."""
    slapd = Slapd(folder, ["alice", "bob"])
    changes = "".join(
        f"dn: uid={uid},dc=example\nchangetype: modify\nadd: description\n"
        f"description: {group}\n\n"
        for uid, group in (("alice", "cn=House,ou=groups,dc=example"), ("bob", "left")))
    subprocess.run(["ldapmodify", "-x", "-H", slapd.url, "-D", "cn=admin,dc=example",
                    "-w", Slapd.PASSWORD], input=changes, text=True, check=True,
                   capture_output=True)
    return slapd


@pytest.mark.parametrize("on_unavailable", ["allow", "deny"])
def test_slapd_says_the_groups_and_nobody_gets_in_while_it_is_away(
        tmp_path, downstream, notakey, on_unavailable):
    slapd = slapd_with_groups(tmp_path / "ldap")
    door = Door(tmp_path, downstream, notakey,
                [CLOSED, HOUSE, {"name": "rest", "action": "exempt"}],
                second_factor={"on_unavailable": on_unavailable},
                directory=[{**slapd.directory(), "group_attribute": "description"},
                           {"name": "more", "type": "list"}],
                **{"gate.directory.user": [{"id": "bob", "groups": ["house"]}]})
    assert door.login("alice").code == wire.ACCESS_ACCEPT
    assert door.line_of("alice")["policy"] == "house"
    assert door.login("ALICE").code == wire.ACCESS_ACCEPT
    assert door.line_of("ALICE")["policy"] == "rest"  # slapd knows her, and spells her otherwise
    assert door.login("bob").code == wire.ACCESS_REJECT
    assert door.line_of("bob")["policy"] == "closed"
    slapd.stop()
    # Of bob the second directory would say that he may; of alice nothing.
    for user in ("alice", "bob"):
        rejected = door.login(user)
        assert (rejected.code, rejected.text(wire.REPLY_MESSAGE)) == (
            wire.ACCESS_REJECT, "The second factor is not available. Try again later.")
        wait_until(lambda: door.line_of(user).get("detail") == DOWN, door.err)  # noqa: B023
        assert door.line_of(user)["outcome"] == "unavailable_denied"
    assert notakey.requests() == []
    door.terminate()
    door.child.wait()
    assert Slapd.PASSWORD not in door.err()


def test_chap_is_exempted_and_asked(tmp_path, freeradius, notakey):
    door = Door(tmp_path / "door", freeradius, notakey, [HOUSE], {"alice": ["house"]})
    answers = {}
    for user, password in (("alice", "wonderland"), ("bob", "builder"), ("bob", "wrong")):
        _, output = radclient(door.server, door.secret,
                              f'User-Name = "{user}", CHAP-Password = "{password}"', tmp_path)
        answers[user, password] = radclient_reply(output)[0]
    assert list(answers.values()) == ["Access-Accept", "Access-Accept", "Access-Reject"]
    assert notakey.pushes("bob") == 1 and notakey.pushes() == 1
    assert door.line_of("alice")["outcome"] == "exempted"


@pytest.mark.parametrize("method", [ttls, peap])
def test_eap_keeps_its_keys(tmp_path, freeradius, notakey, method):
    """The Accept with the MPPE keys is held meanwhile, for whom the tunnel has proved."""
    door = Door(tmp_path / "door", freeradius, notakey, [CLOSED, HOUSE], {"alice": ["house"]})
    status, output = eapol_test(door.server, door.secret, method(freeradius), tmp_path)
    assert status == 0, output[-2000:]
    assert "MPPE keys OK: 1  mismatch: 0" in output
    assert notakey.requests() == []
    assert door.line_of("alice")["policy"] == "house"
    door.say({"alice": ["others"]})
    status, output = eapol_test(door.server, door.secret, method(freeradius), tmp_path)
    assert status == 0, output[-2000:]
    assert "MPPE keys OK: 1  mismatch: 0" in output
    assert notakey.pushes("alice") == 1
    door.say({"alice": ["left"]})
    status, output = eapol_test(door.server, door.secret, method(freeradius), tmp_path)
    assert status != 0
    last = output[output.rindex("RADIUS message: code="):]
    assert last.startswith("RADIUS message: code=3 (Access-Reject)")
    assert "decapsulated EAP packet (code=4" in last and "MS-MPPE" not in last


@pytest.mark.parametrize("web", [False, True], ids=["radius alone", "with a gate"])
def test_a_group_asks_for_a_code_behind_the_password_too(tmp_path, freeradius, web):
    door = MessagesDoor(
        tmp_path / "door", freeradius, None, web=web,
        users=[{"id": "alice", "groups": ["admins"]}, {"id": "bob", "mail": "bob@example.net"}],
        second_factor={"directory_groups": True, "appended": True},
        policy=[{"name": "admins", "groups": ["admins"], "action": "otp"},
                {"name": "rest", "action": "token"}])
    secret = register(door)
    with door.nas() as nas:
        challenge = nas.ask(nas.pap("alice", "wonderland", [HOME]))
        assert challenge.code == wire.ACCESS_CHALLENGE
        assert answer(door, challenge, app_code(secret, -30)).code == wire.ACCESS_ACCEPT
        assert nas.ask(nas.pap("alice", f"wonderland,{app_code(secret)}",
                               [HOME])).code == wire.ACCESS_ACCEPT
        challenge = nas.ask(nas.pap("bob", "builder", [HOME]))
        assert challenge.code == wire.ACCESS_CHALLENGE
    assert answer(door, challenge, door.code(), user="bob").code == wire.ACCESS_ACCEPT
    assert [line["policy"] for line in door.wait_audit(5)] == [
        "admins", "admins", "admins", "rest", "rest"]


class Gatekeeper:
    """A directory's program that says of alice nothing until the test lets it."""

    def __init__(self, folder):
        self._gate = folder / "gate"
        os.mkfifo(self._gate)
        program = folder / "slow.py"
        program.write_text(
            "import json, sys\n"
            "user = sys.stdin.readline().strip()\n"
            f"if user == 'alice': open({str(self._gate)!r}).read()\n"
            "print(json.dumps({'id': user, 'groups': ['house']}))\n")
        self.directory = [{"name": "slow", "type": "command", "timeout": "60s",
                           "command": [sys.executable, str(program)]}]

    @contextlib.contextmanager
    def asked(self):
        """From when it has been asked until it may answer."""
        end = wait_until(self._reached, "the directory is asked")
        yield
        end.close()

    def _reached(self):
        with contextlib.suppress(OSError):  # nobody reads yet
            return os.fdopen(os.open(self._gate, os.O_WRONLY | os.O_NONBLOCK), "wb")


def test_a_login_that_waits_ends_by_the_policies_it_began_with(tmp_path, downstream, notakey):
    slow = Gatekeeper(tmp_path)
    door = Door(tmp_path / "door", downstream, notakey, [HOUSE], directory=slow.directory)
    with door.nas() as nas:
        request = nas.pap("alice", "x")
        nas.send(request)
        with slow.asked():
            door.settings["policy"] = [{"name": "none", "groups": ["house"], "action": "deny"},
                                       {"name": "rest", "action": "exempt"}]
            door.write_config()
            door.reload()
            wait_until(lambda: door.login("bob").code == wire.ACCESS_REJECT, door.err)
        assert nas.receive(request).code == wire.ACCESS_ACCEPT
    assert door.line_of("alice")["policy"] == "house"


def test_the_process_that_holds_a_login_answers_it(tmp_path, downstream, notakey,
                                                   start_generations):
    slow = Gatekeeper(tmp_path)
    generations = start_generations(downstream, notakey, **{
        "policy": [HOUSE], "second_factor": {"directory_groups": True},
        "store": {"type": "sqlite", "path": str(tmp_path / "factors.db")},
        "gate.directory": slow.directory})
    with generations.door.nas() as nas:
        request = nas.pap("alice", "x")
        nas.send(request)
        with slow.asked():
            generations.take_over()
            assert nas.ask(nas.pap("bob", "x")).code == wire.ACCESS_ACCEPT
        assert nas.receive(request).code == wire.ACCESS_ACCEPT
    assert notakey.requests() == []


def test_many_at_once_are_all_answered(tmp_path, downstream, notakey):
    users = [f"user{i}" for i in range(200)]
    door = Door(tmp_path, downstream, notakey, [CLOSED, HOUSE],
                {user: ["house" if i % 2 else "left"] for i, user in enumerate(users)})
    with door.nas() as nas:
        for i, user in enumerate(users):
            nas.send(nas.pap(user, "x", identifier=i))
        answers = {octets[1]: octets[0] for octets in (nas.receive_octets() for _ in users)}
    assert answers == {i: wire.ACCESS_ACCEPT if i % 2 else wire.ACCESS_REJECT
                       for i in range(len(users))}


@pytest.mark.parametrize("lost, said", [
    ("gate.directory", "no [[gate.directory]] knows the users"),
    ("store", "the section [store] is missing"),
    ("policy", "is of no use: no [[policy]] has groups"),
])
def test_what_is_lacking_is_said(tmp_path, downstream, notakey, lost, said):
    door = Door(tmp_path, downstream, notakey, [HOUSE])
    door.terminate()
    door.child.wait()
    del door.settings[lost]
    door.write_config()
    result = subprocess.run([sallyport.BINARY, "check", "--config", door.config],
                            capture_output=True, text=True, timeout=60)
    assert said in result.stdout + result.stderr


def test_the_example_is_what_it_says(tmp_path, downstream, notakey):
    """docs/examples/radius-groups.toml with the addresses of here and a slapd."""
    slapd = slapd_with_groups(tmp_path / "ldap")
    host = loopback_address()
    radius = (host, free_port(host))
    text = filled_in((ROOT / "docs/examples/radius-groups.toml").read_text(), {
        "192.0.2.0/24": "127.0.0.0/8",
        "198.51.100.1:1812": f"{downstream.server[0]}:{downstream.server[1]}",
        'secret = "replace-me-with-32-random-characters"': f'secret = "{downstream.secret}"',
        "ldaps://ldap.example.net": slapd.url,
        "dc=example,dc=net": "dc=example",
        '"cn=sallyport,': '"cn=admin,',
        "replace-me-with-the-password": Slapd.PASSWORD,
        "memberOf": "description",
        "https://demo.notakey.com": notakey.host,
        "00000000-0000-0000-0000-000000000000": notakey.access_id,
        "[notakey]": f'[radius]\nlisten = ["{radius[0]}:{radius[1]}"]\n\n[notakey]',
    })
    config = tmp_path / "sallyport.toml"
    config.touch(mode=0o600)
    config.write_text(text)
    daemon = Process("sallyport", [sallyport.BINARY, "run", "--config", config], tmp_path,
                     env=sallyport.CLEAN_ENVIRONMENT)
    daemon.wait_for(lambda: "ready: " in daemon.err(), "the daemon")
    with Nas(radius, downstream.secret) as nas:
        assert nas.ask(nas.pap("bob", "x")).code == wire.ACCESS_REJECT
        assert notakey.requests() == []
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
        assert notakey.pushes("alice") == 1
    daemon.terminate_and_wait()
