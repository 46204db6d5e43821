"""A visitor who speaks HTTP/2 (python3-h2) and says when: what curl and nghttp cannot do."""

import contextlib
import socket

import h2.config
import h2.connection
import h2.events
from harness.net import PATIENCE_S
from hyperframe.frame import GoAwayFrame


class H2Visitor:
    """One connection; streams by their ids. Octets are acknowledged as they come, unless `greedy`
    is off: then nothing is, and the windows fill."""

    def __init__(self, address, tls=None, server_name="www.example.net", greedy=True):
        self.socket = socket.create_connection(address, PATIENCE_S)
        self.socket.settimeout(PATIENCE_S)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=server_name)
            assert self.socket.selected_alpn_protocol() == "h2"
        self.scheme = "https" if tls else "http"
        self.greedy = greedy
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        # python3-h2 takes the first GOAWAY for the end of everything; streams go on after it
        # (RFC 9113 §6.8).
        self.goaways = []
        self.h2._frame_dispatch_table[GoAwayFrame] = lambda frame: (
            self.goaways.append(frame.last_stream_id), ([], []))[1]
        self.h2.initiate_connection()
        self.heads, self.bodies, self.trailers, self.interim = {}, {}, {}, {}
        self.ended, self.resets, self.settings = set(), {}, False
        self.push()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def push(self):
        self.socket.sendall(self.h2.data_to_send())

    def ask(self, path="/", *fields, method="GET", host="www.example.net", end=True, protocol=None):
        """Sends a head; the stream's id."""
        stream = self.h2.get_next_available_stream_id()
        head = [(":method", method), (":scheme", self.scheme), (":path", path),
                (":authority", host)]
        head += [(":protocol", protocol)] if protocol else []
        self.h2.send_headers(stream, [*head, *fields], end_stream=end)
        self.bodies[stream] = b""
        self.push()
        return stream

    def send(self, stream, octets, end=False):
        """As the windows allow."""
        octets = memoryview(octets)
        while len(octets) > 0:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room == 0:
                self.more()
                continue
            self.h2.send_data(stream, bytes(octets[:room]))
            octets = octets[room:]
            self.push()
        if end:
            self.h2.end_stream(stream)
            self.push()

    def more(self):
        """Takes what comes; False at the connection's end."""
        octets = self.socket.recv(65536)
        for event in self.h2.receive_data(octets) if octets else ():
            self.take(event)
        with contextlib.suppress(OSError):
            self.push()
        return bool(octets)

    def take(self, event):
        stream = getattr(event, "stream_id", None)
        if isinstance(event, h2.events.ResponseReceived):
            self.heads[stream] = dict(event.headers)
        elif isinstance(event, h2.events.InformationalResponseReceived):
            self.interim.setdefault(stream, []).append(dict(event.headers))
        elif isinstance(event, h2.events.TrailersReceived):
            self.trailers[stream] = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.bodies[stream] += event.data
            if self.greedy and event.flow_controlled_length > 0:
                self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
        elif isinstance(event, h2.events.StreamEnded):
            self.ended.add(stream)
        elif isinstance(event, h2.events.StreamReset):
            self.resets[stream] = event.error_code
        elif isinstance(event, h2.events.RemoteSettingsChanged):
            self.settings = True

    def until(self, condition, what):
        while not (value := condition()):
            assert self.more(), f"the connection ended before: {what}"
        return value

    def head(self, stream):
        self.until(lambda: stream in self.heads or stream in self.resets, f"a head on {stream}")
        return self.heads[stream]

    def body(self, stream, octets):
        """Takes so many octets."""
        self.until(lambda: len(self.bodies[stream]) >= octets, f"{octets} octets on {stream}")
        taken, self.bodies[stream] = self.bodies[stream][:octets], self.bodies[stream][octets:]
        return taken

    def answer(self, stream):
        """(head, body) of a whole answer."""
        self.until(lambda: stream in self.ended or stream in self.resets, f"the end of {stream}")
        assert stream not in self.resets, self.resets
        return self.heads[stream], self.bodies[stream]
