"""The HTTP door between real clients and real servers: what goes through, and how."""

import pytest
from http_lab import HttpDoor, Node, simple


@pytest.fixture
def origin(tmp_path):
    return Node(tmp_path)


def test_round_trip(tmp_path, origin):
    door = HttpDoor(tmp_path, simple(origin.at()))
    answer = door.curl("/echo?x=1")
    assert answer.status == 200 and answer.version == "1.1"
    assert answer.json()["url"] == "/echo?x=1"
