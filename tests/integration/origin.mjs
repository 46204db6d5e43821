// A web server behind the door: node origin.mjs ADDRESS PORT. What it sees goes to standard output, a JSON line each.
//
//   GET /events   server-sent events, one every 50 ms, until somebody ends it
//   GET /ws       with Upgrade: websocket, every message comes back; a plain GET gets 426
//   any other     the request as JSON: method, url, headers, body
import { createHash } from "node:crypto";
import http from "node:http";

const [address, port] = process.argv.slice(2);
const tell = (event, more) => process.stdout.write(JSON.stringify({ event, ...more }) + "\n");

const echo = (request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const body = Buffer.concat(parts).toString("latin1");
    const { method, url, headers, rawHeaders } = request;
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ method, url, headers, rawHeaders, body }));
  });
};

const events = (request, response) => {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  let number = 0;
  const next = () => response.write(`data: ${number++}\n\n`);
  next();
  const ticking = setInterval(next, 50);
  response.on("close", () => {
    clearInterval(ticking);
    tell("events-closed", { url: request.url });
  });
};

const server = http.createServer((request, response) => {
  tell("request", { method: request.method, url: request.url, headers: request.headers });
  const path = request.url.split("?")[0];
  if (path === "/events") return events(request, response);
  if (path === "/ws") return response.writeHead(426, { Upgrade: "websocket" }).end();
  return echo(request, response);
});

// RFC 6455, short messages only: text or binary comes back, close is answered.
const frame = (opcode, payload) => Buffer.concat([Buffer.from([0x80 | opcode, payload.length]), payload]);
server.on("upgrade", (request, socket, head) => {
  const key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const accept = createHash("sha1").update(key).digest("base64");
  socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
  tell("ws-open", { url: request.url, headers: request.headers });
  let left = head;
  const read = (octets) => {
    left = Buffer.concat([left, octets]);
    while (left.length >= 6 && left.length >= 6 + (left[1] & 0x7f)) {
      const length = left[1] & 0x7f;
      const payload = left.subarray(6, 6 + length).map((octet, i) => octet ^ left[2 + (i & 3)]);
      const opcode = left[0] & 0xf;
      left = left.subarray(6 + length);
      socket.write(frame(opcode, payload));
      if (opcode === 8) socket.end();
    }
  };
  read(Buffer.alloc(0));
  socket.on("data", read);
  socket.on("error", () => {});
  socket.on("end", () => socket.end());
  socket.on("close", () => tell("ws-closed", { url: request.url }));
});

server.keepAliveTimeout = 60_000;
server.listen(Number(port), address, () => tell("ready", {}));
