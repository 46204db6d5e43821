"""Settings of dynamic authorization: what is refused, and that the documentation's example runs."""

import socket

import pytest
from coa_lab import ASKER_SECRET, NAS_SECRET, SIGNED, acknowledge, ask, fake_nas
from harness import Process, loopback_address
from harness.net import free_port
from harness.sallyport import BINARY, ROOT


EXAMPLE_SECRET = "replace-me-with-32-random-characters"


@pytest.fixture
def fake():
    """A NAS that acknowledges everything."""
    with fake_nas(acknowledge) as nas:
        yield nas


def check(tmp_path, text):
    path = tmp_path / "checked.toml"
    path.touch(mode=0o600)
    path.write_text(text)
    checked = Process("check", [BINARY, "check", "--config", path], tmp_path)
    return checked.wait_exit(), checked.output()


def test_the_example_of_the_documentation_is_good_and_runs(tmp_path, fake, downstream):
    text = (ROOT / "docs/examples/coa.toml").read_text()
    status, output = check(tmp_path, text)
    assert (status, output.count("still the one of the example")) == (0, 3), output
    address = loopback_address()
    door, coa = (address, free_port(address)), (address, free_port(address) + 1)
    admin = (address, free_port(address, socket.SOCK_STREAM))
    for before, after in (
            ("0.0.0.0:1812", f"{door[0]}:{door[1]}"), ("0.0.0.0:3799", f"{coa[0]}:{coa[1]}"),
            ("127.0.0.1:9812", f"{admin[0]}:{admin[1]}"),
            ("198.51.100.7", fake.server[0]), ("coa_port = 3799", f"coa_port = {fake.server[1]}"),
            ("192.0.2.50", "127.0.0.1"),
            ("192.0.2.20:1812", "{}:{}".format(*downstream.server)),
            (EXAMPLE_SECRET, NAS_SECRET), (EXAMPLE_SECRET, downstream.secret),
            (EXAMPLE_SECRET, ASKER_SECRET)):
        assert before in text, before
        text = text.replace(before, after, 1)
    path = tmp_path / "example.toml"
    path.touch(mode=0o600)
    path.write_text(text)
    running = Process("example", [BINARY, "run", "--config", path], tmp_path)
    running.wait_for(lambda: "ready: " in running.err(), "the daemon")
    status, output = ask(coa, [SIGNED, ("User-Name", '"alice"'), ("NAS-Identifier", '"vpn-1"')],
                         tmp_path)
    assert status == 0, output
    assert len(fake.requests) == 1


BASE = """
[[client]]
name = "a"
addresses = ["10.0.0.0/24"]
secret = "sixteen characters or so"
{client}
[downstream]
address = "192.0.2.1"
secret = "sixteen characters or so"
[notakey]
host = "https://demo.notakey.com"
access_id = "00000000-0000-0000-0000-000000000000"
{rest}
"""
ASKER = """
[[coa.client]]
name = "p"
addresses = ["10.9.0.1"]
secret = "sixteen characters or so"
"""


@pytest.mark.parametrize("settings, complaint", [
    ({"rest": '[coa]\nlisten = ["0.0.0.0:3799"]'}, "lets nobody ask"),
    ({"rest": '[coa]\nlisten = ["0.0.0.0:1812"]\nfrom_downstream = true'},
     "is in use by radius.listen"),
    ({"rest": '[coa]\nlisten = ["0.0.0.0", "0.0.0.0:3799"]\nfrom_downstream = true'},
     "stands twice"),
    ({"rest": ASKER}, "coa.listen: is missing"),
    ({"rest": '[coa]\nlisten = ["0.0.0.0"]\nretransmit = "30s"\ntimeout = "5s"\n' + ASKER},
     "15:1: coa.retransmit: is longer than coa.timeout"),
    ({"rest": '[coa]\nlisten = ["0.0.0.0"]\ntimeout = "1s"\n' + ASKER},
     ":15:1: coa.timeout: is shorter than coa.retransmit, which is 2s by default"),
    ({"rest": '[coa]\nlisten = ["0.0.0.0"]\nretransmit = "59s"\n' + ASKER},
     ":15:1: coa.retransmit: is longer than coa.timeout, which is"),
    ({"rest": '[coa]\nlisten = ["0.0.0.0"]\n' + ASKER + ASKER}, "is the name of two"),
    ({"rest": '[coa]\nlisten = ["0.0.0.0"]\n' + ASKER + ASKER.replace('"p"', '"q"')},
     "belongs to a [[coa.client]] already"),
    ({"client": 'nas_identifiers = ["edge"]', "rest": '[coa]\nlisten = ["0.0.0.0"]\n' + ASKER},
     "cannot tell where to send"),
    ({"client": 'nas_identifiers = ["b"]\ncoa_address = "10.0.0.1"\n[[client]]\nname = "b"\n'
                'addresses = ["10.1.0.1"]\nsecret = "sixteen characters or so"',
      "rest": '[coa]\nlisten = ["0.0.0.0"]\n' + ASKER}, 'means client "b" already'),
])
def test_nonsense_is_refused(tmp_path, settings, complaint):
    status, output = check(tmp_path, BASE.format(**{"client": "", "rest": "", **settings}))
    assert status == 1 and complaint in output, output


def test_settings_of_no_use_are_warned_of(tmp_path):
    status, output = check(tmp_path, BASE.format(client="coa_port = 1700", rest=""))
    assert status == 0 and "there is no [coa]" in output
