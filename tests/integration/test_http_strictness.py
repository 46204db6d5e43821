"""What the HTTP door refuses in HTTP/1 (docs/http-strictness.md), by raw octets against the real
daemon: each refused message is followed by another request, which nobody may ever see."""

import pytest
from h2_frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    H2,
    HEADERS,
    PROTOCOL_ERROR,
    block,
    frame,
    get,
    headers,
)
from harness import process
from http_lab import HttpDoor, simple
from recording import RecordingOrigin

HOST = "Host: www.example.net\r\n"
SMUGGLED = "GET /smuggled HTTP/1.1\r\n" + HOST + "\r\n"
LIMITS = "[http]\nmax_header_octets = '2KiB'\nmax_target_octets = 512\nmax_headers = 20\n"


@pytest.fixture(scope="module")
def origin():
    with RecordingOrigin() as server:
        yield server


@pytest.fixture(scope="module")
def door(tmp_path_factory, origin):
    first = process.marker()
    yield HttpDoor(tmp_path_factory.mktemp("door"), LIMITS + simple(origin.at))
    complaints = process.stop_and_forget(first)
    assert not complaints, complaints


@pytest.fixture
def nothing_passed(door, origin):
    """Call it at the end: of what came before it, nothing has reached the origin."""
    before = len(origin.requests)

    def check():
        with door.raw() as visitor:
            assert visitor.get("/marker").answer().status == 200
        seen = origin.requests[before:]
        assert [head.split("\r\n")[0] for head, _ in seen] == ["GET /marker HTTP/1.1"], seen
        assert not any("smuggled" in text for text in origin.everything())

    return check


def request(*lines, line="GET / HTTP/1.1", host=HOST, body=""):
    return line + "\r\n" + host + "".join(f"{each}\r\n" for each in lines) + "\r\n" + body


REFUSED = {
    # How long it is: each of these is one request to one reader and two to another.
    "cl_te": (400, request("Content-Length: 4", "Transfer-Encoding: chunked",
                           line="POST / HTTP/1.1", body="0\r\n\r\n")),
    "te_cl": (400, request("Transfer-Encoding: chunked", "Content-Length: 3",
                           line="POST / HTTP/1.1", body="8\r\nSMUGGLED\r\n0\r\n\r\n")),
    "two_lengths": (400, request("Content-Length: 0", "Content-Length: 52")),
    "two_equal_lengths": (400, request("Content-Length: 0", "Content-Length: 0")),
    "list_of_lengths": (400, request("Content-Length: 0, 0")),
    "length_plus": (400, request("Content-Length: +0")),
    "length_minus": (400, request("Content-Length: -1")),
    "length_hexadecimal": (400, request("Content-Length: 0x0")),
    "length_empty": (400, request("Content-Length:")),
    "length_with_a_space": (400, request("Content-Length: 1 0")),
    "length_too_long": (400, request("Content-Length: 18446744073709551616")),
    "length_of_20_zeros": (400, request("Content-Length: " + "0" * 20)),
    "two_codings": (400, request("Transfer-Encoding: chunked", "Transfer-Encoding: identity")),
    "chunked_twice": (400, request("Transfer-Encoding: chunked, chunked")),
    "chunked_not_last": (400, request("Transfer-Encoding: chunked, gzip")),
    "gzip_then_chunked": (501, request("Transfer-Encoding: gzip, chunked")),
    "identity": (400, request("Transfer-Encoding: identity")),
    "xchunked": (400, request("Transfer-Encoding: xchunked")),
    "chunked_vertical_tab": (400, request("Transfer-Encoding: \x0bchunked")),
    "chunked_quoted": (400, request('Transfer-Encoding: "chunked"')),
    "chunked_parameter": (400, request("Transfer-Encoding: chunked;q=1")),
    "coding_empty": (400, request("Transfer-Encoding:")),
    "coding_in_1_0": (400, request("Transfer-Encoding: chunked", line="POST / HTTP/1.0")),
    "coding_space": (400, request("Transfer-Encoding : chunked", "Content-Length: 0")),
    "expect": (417, request("Expect: 200-ok")),
    # Lines.
    "bare_lf": (400, "GET / HTTP/1.1\nHost: www.example.net\n\n"),
    "bare_lf_at_the_end": (400, "GET / HTTP/1.1\r\n" + HOST + "\n"),
    "bare_lf_in_one_line": (400, request("X: a\nContent-Length: 52")),
    "bare_cr": (400, request("X: a\rContent-Length: 52")),
    "cr_cr_lf": (400, request("X: a\r")),
    "obs_fold": (400, request("X: a", " folded")),
    "obs_fold_tab": (400, request("Transfer-Encoding:", "\tchunked")),
    "fold_first": (400, "GET / HTTP/1.1\r\n " + HOST + "\r\n"),
    "empty_lines": (400, "\r\n" * 3 + request()),
    "nul_in_value": (400, request("X: a\0b")),
    "del_in_value": (400, request("X: a\x7fb")),
    "empty_name": (400, request(": a")),
    "name_with_space": (400, request("X Y: a")),
    "space_before_colon": (400, request("X : a")),
    "no_colon": (400, request("X")),
    "name_not_ascii": (400, request("X\xe9: a")),
    # The request line.
    "two_spaces": (400, request(line="GET  / HTTP/1.1")),
    "tab": (400, request(line="GET\t/ HTTP/1.1")),
    "space_behind": (400, request(line="GET / HTTP/1.1 ")),
    "space_in_target": (400, request(line="GET /a b HTTP/1.1")),
    "no_version": (400, request(line="GET /")),
    "http_0_9": (505, request(line="GET / HTTP/0.9")),
    "http_1_2": (505, request(line="GET / HTTP/1.2")),
    "http_2_0": (505, request(line="GET / HTTP/2.0")),
    "lower_case_version": (400, request(line="GET / http/1.1")),
    "method_empty": (400, request(line=" / HTTP/1.1")),
    "method_no_token": (400, request(line="G@T / HTTP/1.1")),
    "method_too_long": (501, request(line="M" * 33 + " / HTTP/1.1")),
    "tls": (400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    # Whom it is for.
    "connect": (501, request(line="CONNECT www.example.net:443 HTTP/1.1")),
    "fragment": (400, request(line="GET /#a HTTP/1.1")),
    "target_control": (400, request(line="GET /\x01 HTTP/1.1")),
    "target_not_ascii": (400, request(line="GET /\xe9 HTTP/1.1")),
    "target_relative": (400, request(line="GET a HTTP/1.1")),
    "target_query_alone": (400, request(line="GET ?a HTTP/1.1")),
    "target_ftp": (400, request(line="GET ftp://www.example.net/ HTTP/1.1")),
    "target_file": (400, request(line="GET file:///etc/passwd HTTP/1.1")),
    "target_star": (400, request(line="GET * HTTP/1.1")),
    "target_user": (400, request(line="GET http://www.example.net:x@evil/ HTTP/1.1")),
    "target_no_host": (400, request(line="GET http:///a HTTP/1.1")),
    "no_host": (400, request(host="")),
    "empty_host": (400, request(host="Host:\r\n")),
    "two_hosts": (400, request("Host: www.example.net")),
    "two_other_hosts": (400, request("Host: evil.example")),
    "host_user": (400, request(host="Host: a@www.example.net\r\n")),
    "host_path": (400, request(host="Host: www.example.net/a\r\n")),
    "host_space": (400, request(host="Host: www.example.net evil\r\n")),
    "host_comma": (400, request(host="Host: www.example.net,evil\r\n")),
    "host_port": (400, request(host="Host: www.example.net:99999\r\n")),
    "host_port_text": (400, request(host="Host: www.example.net:a\r\n")),
    "host_bracket": (400, request(host="Host: [::1\r\n")),
    "host_differs": (400, request(line="GET http://evil.example/ HTTP/1.1")),
    # Limits.
    "target_too_long": (414, request(line="GET /" + "a" * 512 + " HTTP/1.1")),
    "target_without_end": (414, "GET /" + "a" * 1200),
    "head_too_long": (431, request("X: " + "a" * 2048)),
    "head_without_end": (431, "GET / HTTP/1.1\r\nX: " + "a" * 2100),
    "too_many_fields": (431, request(*[f"X{n}: 1" for n in range(20)])),
    "too_many_options": (400, request("Connection: " + ",".join(["a"] * 33))),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(door, nothing_passed, case):
    status, octets = REFUSED[case]
    complete = octets.endswith("\n")
    with door.raw() as visitor:
        visitor.send((octets + (SMUGGLED if complete else "")).encode("latin-1"))
        answer = visitor.answer()
        assert answer.status == status, answer
        assert answer.get("connection") == "close"
        assert visitor.ends(), "the connection goes on after a refusal"
    nothing_passed()


def test_a_refusal_in_pieces_is_the_same(door, nothing_passed):
    """Octet for octet: the reader meets each place where a message can be torn."""
    for case in ("cl_te", "obs_fold_tab", "bare_lf_at_the_end", "cr_cr_lf", "host_differs"):
        status, octets = REFUSED[case]
        with door.raw() as visitor:
            visitor.socket.setsockopt(6, 1, 1)  # TCP_NODELAY
            for octet in octets.encode("latin-1").split(b"0\r\n\r\n")[0]:
                try:
                    visitor.send(bytes([octet]))
                except ConnectionError:
                    break  # refused before its end
            if case == "cl_te":
                visitor.send(b"0\r\n\r\n")
            assert visitor.answer().status == status
            assert visitor.ends()
    nothing_passed()


def test_a_request_behind_a_good_one(door, origin):
    """Pipelining: the good one is answered, then the refusal, then nothing."""
    before = len(origin.requests)
    with door.raw() as visitor:
        visitor.send(request(line="GET /good HTTP/1.1") + REFUSED["cl_te"][1] + SMUGGLED)
        assert visitor.answer().status == 200
        assert visitor.answer().status == 400
        assert visitor.ends()
    assert [head.split("\r\n")[0] for head, _ in origin.requests[before:]] == ["GET /good HTTP/1.1"]


BAD_CHUNKS = {
    "no_hexadecimal": "g\r\n",
    "empty_size": "\r\n",
    "minus": "-1\r\na\r\n",
    "plus": "+1\r\na\r\n",
    "prefix": "0x1\r\na\r\n",
    "sixteen_digits": "0000000000000001\r\na\r\n",
    "overflow": "ffffffffffffffff\r\na\r\n",
    "space_behind_size": "1 \r\na\r\n",
    "space_before_size": " 1\r\na\r\n",
    "lf_behind_size": "1\na\r\n",
    "cr_alone_behind_size": "1\ra\r\n",
    "lf_in_extension": "1;a\nb\r\na\r\n",
    "nul_in_extension": "1;a\0\r\na\r\n",
    "long_extension": "1;" + "a" * 257 + "\r\na\r\n",
    "too_short": "2\r\na\r\n0\r\n\r\n",
    "too_long": "1\r\nab\r\n",
    "lf_behind_data": "1\r\na\n0\r\n\r\n",
    "last_chunk_lf": "1\r\na\r\n0\n\n",
    "trailer_lf": "0\r\nX: a\n\r\n",
    "trailer_fold": "0\r\nX: a\r\n b\r\n\r\n",
    "trailer_name": "0\r\nX : a\r\n\r\n",
    "trailer_nul": "0\r\nX: \0\r\n\r\n",
    "trailer_without_end": "0\r\nX: " + "a" * 9000,
    "too_many_trailers": "0\r\n" + "X: a\r\n" * 65 + "\r\n",
    "framing_flood": "".join("1;" + "a" * 250 + "\r\na\r\n" for _ in range(100)),
}


@pytest.mark.parametrize("case", BAD_CHUNKS)
def test_bad_chunks(door, origin, case):
    """The head may be with the origin already: what it has must not look like a whole request, and
    nothing follows on that connection."""
    before = len(origin.requests)
    with door.raw() as visitor:
        visitor.send(request("Transfer-Encoding: chunked", line="POST /bad HTTP/1.1",
                             body=BAD_CHUNKS[case] + SMUGGLED).encode("latin-1"))
        answer = visitor.answer()
        assert answer.status == 400 and answer.get("connection") == "close"
        assert visitor.ends()
        visitor.close()
    with door.raw() as visitor:
        assert visitor.get("/marker").answer().status == 200
    seen = [head.split("\r\n")[0] for head, _ in origin.requests[before:]]
    assert seen == ["GET /marker HTTP/1.1"], "the origin took it for a whole request"
    assert not any("smuggled" in text for text in origin.everything())


def passed(door, origin, octets):
    """(head, body) of the one request that this made at the origin."""
    before = len(origin.requests)
    with door.raw() as visitor:
        visitor.send(octets.encode("latin-1"))
        assert visitor.answer().status == 200
        visitor.get("/marker")  # on the same connection: framing was read as it was meant
        assert visitor.answer().status == 200
    (head, body), (marker, _) = origin.requests[before:]
    assert marker.startswith("GET /marker HTTP/1.1\r\n")
    return head, body


def fields(head, name):
    return [line.partition(":")[2].strip() for line in head.split("\r\n")[1:]
            if line.partition(":")[0].lower() == name]


def test_what_passes_is_written_anew(door, origin):
    head, body = passed(door, origin, request(
        "tRaNsFeR-eNcOdInG:\tchunked \t", line="POST /a?b HTTP/1.1",
        body='5;x="a;b"\r\nhello\r\n00001\r\n!\r\n000;x\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n'))
    assert head.startswith("POST /a?b HTTP/1.1\r\n")
    assert fields(head, "host") == ["www.example.net"]
    assert fields(head, "transfer-encoding") == ["chunked"]
    assert fields(head, "content-length") == []
    assert body == b"5\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\n\r\n"


def test_an_absolute_target_becomes_a_path(door, origin):
    head, _ = passed(door, origin, request(line="GET http://WWW.example.net HTTP/1.1"))
    assert head.startswith("GET / HTTP/1.1\r\n")
    assert fields(head, "host") == ["www.example.net"]


def test_empty_lines_in_front(door, origin):
    head, _ = passed(door, origin, "\r\n\r\n" + request(line="GET /a HTTP/1.1"))
    assert head.startswith("GET /a HTTP/1.1\r\n")


def test_hop_by_hop_fields_stay(door, origin):
    head, _ = passed(door, origin, request(
        "Connection: keep-alive, X-Private, close-not, Keep-Alive", "Connection: X-Other",
        "X-Private: 1", "X-Other: 2", "Keep-Alive: timeout=5", "Proxy-Connection: keep-alive",
        "Proxy-Authorization: Basic x", "TE: gzip", "Trailer: X", "Upgrade: h2c", "X-Kept: 3"))
    for name in ("x-private", "x-other", "keep-alive", "proxy-connection", "proxy-authorization",
                 "te", "trailer", "upgrade"):
        assert fields(head, name) == [], name
    assert fields(head, "x-kept") == ["3"]


def test_connection_cannot_hide_what_matters(door, origin):
    """Naming a field in Connection must not take it from those behind (RFC 9110 §7.6.1 is no way
    to strip credentials or who the visitor is)."""
    head, body = passed(door, origin, request(
        "Connection: Host, Content-Length, X-Forwarded-For, Forwarded, X-Forwarded-Proto, "
        "Authorization, Cookie, Content-Type, Via",
        "Authorization: Basic eA==", "Cookie: a=1", "Content-Type: text/plain", "Content-Length: 2",
        line="POST / HTTP/1.1", body="hi"))
    assert body == b"hi" and fields(head, "content-length") == ["2"]
    assert fields(head, "authorization") == ["Basic eA=="] and fields(head, "cookie") == ["a=1"]
    for name in ("host", "x-forwarded-for", "x-forwarded-proto", "forwarded", "via",
                 "content-type"):
        assert len(fields(head, name)) == 1, (name, head)


def test_the_visitors_word_on_himself_is_dropped(door, origin):
    head, _ = passed(door, origin, request(
        "X-Forwarded-For: 192.0.2.9", "X-Forwarded-Host: evil", "X-Forwarded-Proto: https",
        "Forwarded: for=192.0.2.9", "X-Real-IP: 192.0.2.9"))
    assert fields(head, "x-forwarded-for") == ["127.0.0.1"] and "192.0.2.9" not in head
    assert fields(head, "x-forwarded-host") == ["www.example.net"] and "evil" not in head
    assert fields(head, "x-forwarded-proto") == ["http"]


def test_limits_hold_to_the_octet(door, origin):
    head, _ = passed(door, origin, request(line="GET /" + "a" * 511 + " HTTP/1.1"))
    assert len(head.split(" ")[1]) == 512
    room = 2048 - len(request("X: "))
    head, _ = passed(door, origin, request("X: " + "a" * room))
    assert len(fields(head, "x")[0]) == room
    with door.raw() as visitor:
        visitor.send(request("X: " + "a" * (room + 1)))
        assert visitor.answer().status == 431
    head, _ = passed(door, origin, request(*[f"X{n}: 1" for n in range(19)]))
    assert fields(head, "x18") == ["1"]


def test_a_head_of_several_buffers(tmp_path):
    """Heads of up to 64 KiB, either way; a buffer has 16. What is behind them must not be lost."""
    long = "a" * 40_000
    answer = f"HTTP/1.1 200 OK\r\nX: {long}\r\nContent-Length: 2\r\n\r\nok"
    with RecordingOrigin(answer) as origin:
        door = HttpDoor(tmp_path, "[http]\nmax_header_octets = '48KiB'\n" + simple(origin.at))
        with door.raw() as visitor:
            for body in ("", "b" * 30_000):
                visitor.send(request(f"X: {long}", f"Content-Length: {len(body)}",
                                     line="POST / HTTP/1.1", body=body))
                got = visitor.answer()
                assert got.status == 200 and got.get("x") == long and got.body == b"ok"
                head, seen = origin.requests[-1]
                assert fields(head, "x") == [long] and seen == body.encode()
            pieces = request(f"X: {long}").encode()
            for at in range(0, len(pieces), 997):
                visitor.send(pieces[at:at + 997])
            assert visitor.answer().get("x") == long
            visitor.send(request("X: " + "a" * 49_152))
            assert visitor.answer().status == 431
        with H2(door.address) as visitor:
            sent = block(get("/", ("x", long)))
            visitor.send(frame(HEADERS, END_STREAM, 1, sent[:16_384])
                         + frame(CONTINUATION, 0, 1, sent[16_384:32_768])
                         + frame(CONTINUATION, END_HEADERS, 1, sent[32_768:]))
            assert visitor.status(1) == 200
        assert fields(origin.requests[-1][0], "x") == [long]


# --- HTTP/2 in front, HTTP/1 behind: what would be harmless in one is not in the other.

DOWNGRADES = {
    "lf_in_value": [("x", "a\nTransfer-Encoding: chunked")],
    "crlf_in_value": [("x", "a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")],
    "cr_in_value": [("x", "a\rb")],
    "nul_in_value": [("x", "a\0b")],
    "crlf_in_name": [("x: a\r\ntransfer-encoding", "chunked")],
    "colon_in_name": [("x:y", "a")],
    "space_in_name": [("transfer-encoding ", "chunked")],
    "upper_case": [("Transfer-Encoding", "chunked")],
    "transfer_encoding": [("transfer-encoding", "chunked")],
    "connection": [("connection", "close")],
    "upgrade": [("upgrade", "websocket")],
    "two_lengths": [("content-length", "0"), ("content-length", "5")],
    "length_list": [("content-length", "0, 5")],
    "length_sign": [("content-length", "+0")],
    "host_differs": [("host", "evil.example")],
}
PSEUDO = {
    "path_space": {"path": "/a HTTP/1.1"},
    "path_crlf": {"path": "/ HTTP/1.1\r\nHost: a\r\n\r\nGET /smuggled"},
    "path_absolute": {"path": "http://evil.example/"},
    "path_relative": {"path": "smuggled"},
    "path_empty": {"path": ""},
    "path_fragment": {"path": "/#a"},
    "path_not_ascii": {"path": "/\xe9"},
    "method_space": {"method": "GET /smuggled HTTP/1.1"},
    "method_crlf": {"method": "GET\r\n"},
    "authority_crlf": {"authority": "www.example.net\r\nx: y"},
    "authority_path": {"authority": "www.example.net/a"},
    "authority_user": {"authority": "a@www.example.net"},
    "authority_empty": {"authority": ""},
    "scheme_crlf": {"scheme": "http\r\nx: y"},
    "scheme_other": {"scheme": "ftp"},
}


@pytest.mark.parametrize("case", [*DOWNGRADES, *PSEUDO])
def test_downgrade(door, nothing_passed, case):
    sent = get("/", *DOWNGRADES.get(case, ()), **PSEUDO.get(case, {}))
    with H2(door.address) as visitor:
        visitor.send(headers(1, sent))
        assert visitor.reset_of(1) == PROTOCOL_ERROR
        visitor.send(headers(3, get("/fine")))
        assert visitor.status(3) == 200 and visitor.alive()
    with door.raw() as visitor:  # nothing lies in a kept connection
        assert visitor.get("/fine").answer().status == 200


def test_downgrade_content_length(door, origin):
    """A body that is not as long as it says: the origin must not get a whole request of it, nor
    take the rest for another one."""
    for says, body in (("5", SMUGGLED), ("200", SMUGGLED)):
        before = len(origin.requests)
        with H2(door.address) as visitor:
            visitor.send(headers(1, get("/bad", ("content-length", says), method="POST"),
                                 END_HEADERS) + frame(DATA, END_STREAM, 1, body))
            assert visitor.reset_of(1) == PROTOCOL_ERROR
            assert visitor.alive()
        with door.raw() as visitor:
            assert visitor.get("/marker").answer().status == 200
        seen = [head.split("\r\n")[0] for head, _ in origin.requests[before:]]
        assert seen == ["GET /marker HTTP/1.1"]


def test_downgrade_written_anew(door, origin):
    before = len(origin.requests)
    with H2(door.address) as visitor:
        visitor.send(frame(HEADERS, END_HEADERS, 1, block(get(
            "/a", ("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers"), method="POST"))))
        visitor.send(frame(DATA, 0, 1, "hel") + frame(DATA, 0, 1, "lo"))
        visitor.send(headers(1, [("x-sum", "1"), ("authorization", "Basic eA==")]))
        assert visitor.status(1) == 200
    ((head, body),) = origin.requests[before:]
    assert fields(head, "cookie") == ["a=1; b=2"]
    assert fields(head, "transfer-encoding") == ["chunked"]
    assert fields(head, "content-length") == []
    assert body.endswith(b"0\r\nx-sum: 1\r\n\r\n"), body


def test_h2_limits(door, nothing_passed):
    for status, sent in ((414, get("/" + "a" * 512)), (431, get("/", ("x", "a" * 3000))),
                         (431, get("/", *[(f"x{n}", "1") for n in range(20)]))):
        with H2(door.address) as visitor:
            visitor.send(headers(1, sent))
            assert visitor.status(1) == status
            assert visitor.alive()
    nothing_passed()
