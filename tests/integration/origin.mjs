// Web servers for the tests of the HTTP door, several in one process. The argument is a plan:
// {"address": "127.1.2.3", "servers": {"a": {"kind": "http1" | "https" | "h2c" | "h2",
// "cert": FILE, "key": FILE, "keep_alive_ms": N}}}. Standard output gets one line of JSON with the
// ports. What each path does stands in `paths` below; /stats, /go, /stop, /start are on the control
// port.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";

const plan = JSON.parse(process.argv[2]);
const servers = {};
const waiting = new Map(); // key → functions to call at /go?key=…

function wait(key, then) {
  waiting.set(key, [...(waiting.get(key) ?? []), then]);
}

async function swallow(request) {
  const hash = createHash("sha256");
  let octets = 0;
  const parts = [];
  for await (const part of request) {
    hash.update(part);
    octets += part.length;
    if (octets <= 65536) parts.push(part);
  }
  return { octets, sha256: hash.digest("hex"), text: octets <= 65536 ? Buffer.concat(parts).toString("latin1") : null };
}

/** Writes `octets` octets of a pattern, no faster than they are taken. */
async function pour(response, octets) {
  const block = Buffer.alloc(65536, "0123456789abcdef");
  for (let left = octets; left > 0 && !response.destroyed; left -= block.length) {
    if (!response.write(left < block.length ? block.subarray(0, left) : block)) {
      await new Promise((resolve) => {
        const go = () => { response.off("drain", go).off("close", go); resolve(); };
        response.once("drain", go).once("close", go);
      });
    }
  }
  response.end();
}

const paths = {
  /** Everything about the request, as JSON. */
  async echo(request, response, url, about) {
    const body = await swallow(request);
    const raw = [];
    if (request.rawHeaders) {
      for (let i = 0; i < request.rawHeaders.length; i += 2) {
        raw.push([request.rawHeaders[i].toLowerCase(), request.rawHeaders[i + 1]]);
      }
    }
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({
      ...about, method: request.method, url: request.url, version: request.httpVersion,
      headers: raw, body, trailers: request.trailers ?? {},
    }));
  },
  /** ?code=204 */
  status(request, response, url) {
    response.statusCode = Number(url.searchParams.get("code"));
    if (url.searchParams.has("etag")) response.setHeader("ETag", '"x"');
    response.end(url.searchParams.get("text") ?? undefined);
  },
  /** ?n=OCTETS with a length, or chunked with &chunked */
  async bytes(request, response, url) {
    const octets = Number(url.searchParams.get("n"));
    if (!url.searchParams.has("chunked")) response.setHeader("Content-Length", octets);
    await pour(response, octets);
  },
  /** Chunks, and trailers behind them. */
  trailers(request, response) {
    response.writeHead(200, { Trailer: "X-Sum, X-Late", "Content-Type": "text/plain" });
    response.write("first ");
    response.write("second");
    response.addTrailers({ "X-Sum": "12", "X-Late": "yes" });
    response.end();
  },
  /** Header lines that an upstream may send and a proxy must not pass on, and others. */
  headers(request, response) {
    response.setHeader("X-Kept", ["one", "two"]);
    response.setHeader("Set-Cookie", ["a=1; Path=/", "b=2"]);
    if (request.httpVersionMajor === 1) {
      response.setHeader("Connection", "keep-alive, X-Private");
      response.setHeader("Keep-Alive", "timeout=7");
      response.setHeader("Proxy-Connection", "keep-alive");
    }
    response.setHeader("X-Private", "for the proxy only");
    response.setHeader("X-Powered-By", "origin");
    response.end("headers");
  },
  /** An interim answer, then a final one. */
  early(request, response) {
    response.writeEarlyHints({ link: "</style.css>; rel=preload; as=style" });
    response.end("late");
  },
  /** Answers after /go?key=… */
  hang(request, response, url) {
    wait(url.searchParams.get("key"), () => response.end("went on"));
  },
  /** Head and a first part at once, the rest after /go?key=… */
  stall(request, response, url) {
    response.writeHead(200, { "Content-Type": "text/plain" });
    response.write("begun ");
    wait(url.searchParams.get("key"), () => response.end("ended"));
  },
  /** Takes nothing of the request's body until /go?key=… */
  sink(request, response, url) {
    wait(url.searchParams.get("key"), async () => {
      response.end(JSON.stringify(await swallow(request)));
    });
  },
  /** Answers before the request's body is read. */
  hasty(request, response) {
    response.statusCode = 403;
    response.end("no need to go on");
  },
  /** An event with each /go?key=… */
  sse(request, response, url) {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
    response.write("event: hello\ndata: 0\n\n");
    let count = 0;
    const key = url.searchParams.get("key");
    const next = () => {
      if (response.destroyed) return;
      response.write(`id: ${++count}\ndata: event ${count}\n\n`);
      wait(key, next);
    };
    wait(key, next);
  },
  /** What gRPC looks like on the wire: the status is in the trailers. */
  grpc(request, response) {
    response.writeHead(200, { "Content-Type": "application/grpc", "X-TE": request.headers.te ?? "" });
    response.addTrailers({ "grpc-status": "7", "grpc-message": "no%20way" });
    response.flushHeaders();
    request.on("data", (part) => response.write(part)); // both ways at once
    request.on("end", () => response.end());
  },
  /** A page that uses fetch, WebSocket and server-sent events, and says in its title how it went. */
  page(request, response) {
    response.setHeader("Content-Type", "text/html");
    response.end(`<!doctype html><title>wait</title><script>
const events = new Promise((resolve) => {
  const source = new EventSource("/sse?key=page");
  source.addEventListener("hello", (event) => { source.close(); resolve("sse " + event.data); });
});
const socket = new Promise((resolve, reject) => {
  const ws = new WebSocket(location.origin.replace("http", "ws") + "/ws");
  ws.onopen = () => ws.send("through the door");
  ws.onmessage = (event) => { ws.close(); resolve("ws " + event.data); };
  ws.onerror = () => reject(new Error("ws"));
});
const echo = fetch("/echo", { method: "POST", body: "x".repeat(100000) })
  .then((r) => r.json()).then((r) => "fetch " + r.body.octets);
Promise.all([events, socket, echo]).then((all) => { document.title = all.join(", "); },
                                         (error) => { document.title = "failed: " + error; });
</script>`);
  },
};

function handler(name) {
  return (request, response) => {
    const state = servers[name];
    const url = new URL(request.url, "http://origin");
    state.requests.push(`${request.method} ${url.pathname}`);
    request.on("aborted", () => { state.aborted += 1; });
    request.on("error", () => {});
    response.on("error", () => {});
    const socket = request.stream?.session?.socket ?? request.socket;
    const about = { origin: name, connection: socket.number, sni: socket.servername || null };
    response.setHeader("X-Origin", name);
    const serve = paths[url.pathname.split("/")[1]] ?? paths.echo;
    Promise.resolve(serve(request, response, url, about)).catch(() => response.destroy());
  };
}

/** WebSocket by hand: the handshake of RFC 6455, then each frame's payload goes back. Any other
 * protocol: octets go back as they come. */
function upgrade(name) {
  return (request, socket, head) => {
    servers[name].requests.push(`UPGRADE ${request.url}`);
    servers[name].upgrade = request.rawHeaders;
    socket.on("error", () => {});
    if (request.url.startsWith("/refuse")) {
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
      return;
    }
    const kind = request.headers.upgrade;
    const lines = ["HTTP/1.1 101 Switching Protocols", `Upgrade: ${kind}`, "Connection: Upgrade"];
    if (kind !== "websocket") {
      socket.write([...lines, "", ""].join("\r\n"));
      socket.write(head);
      socket.pipe(socket);
      return;
    }
    const accept = createHash("sha1")
      .update(request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
    if (request.headers["sec-websocket-protocol"]) {
      lines.push(`Sec-WebSocket-Protocol: ${request.headers["sec-websocket-protocol"].split(",")[0]}`);
    }
    socket.write([...lines, `Sec-WebSocket-Accept: ${accept}`, "", ""].join("\r\n"));
    frames(socket, head);
  };
}

/** The same over HTTP/2 (RFC 8441), where the handshake is an extended CONNECT. */
function connect(name) {
  return (request, response) => {
    servers[name].requests.push(`CONNECT ${request.url}`);
    servers[name].upgrade = request.rawHeaders;
    const { stream } = response;
    if (request.url.startsWith("/refuse")) {
      response.statusCode = 403;
      response.end("no");
      return;
    }
    const protocol = request.headers["sec-websocket-protocol"];
    stream.respond({ ":status": 200, ...(protocol && { "sec-websocket-protocol": protocol.split(",")[0] }) });
    frames(stream, Buffer.alloc(0));
  };
}

/** Each WebSocket frame's payload goes back. */
function frames(socket, head) {
  let kept = head;
  const read = () => {
    while (kept.length >= 6) {
      let length = kept[1] & 127;
      let at = 2;
      if (length === 126) { length = kept.readUInt16BE(2); at = 4; }
      if (kept.length < at + 4 + length) return;
      const mask = kept.subarray(at, at + 4);
      const payload = Buffer.from(kept.subarray(at + 4, at + 4 + length).map((octet, i) => octet ^ mask[i % 4]));
      const opcode = kept[0] & 15;
      kept = kept.subarray(at + 4 + length);
      const size = length < 126 ? Buffer.from([length]) : Buffer.from([126, length >> 8, length & 255]);
      socket.write(Buffer.concat([Buffer.from([0x80 | opcode]), size, payload]));
      if (opcode === 8) socket.end();
    }
  };
  socket.on("data", (part) => { kept = Buffer.concat([kept, part]); read(); });
  socket.on("end", () => socket.end());
  read();
}

function create(name, { kind, cert, key, keep_alive_ms }) {
  const tls = cert ? { cert: readFileSync(cert), key: readFileSync(key) } : {};
  const settings = { enableConnectProtocol: true };
  const server = {
    http1: () => http.createServer(),
    https: () => https.createServer(tls),
    h2c: () => http2.createServer({ settings }),
    h2: () => http2.createSecureServer({ ...tls, settings }),
  }[kind]();
  server.on("request", handler(name));
  if (kind === "http1" || kind === "https") {
    server.keepAliveTimeout = keep_alive_ms ?? 60000;
    server.requestTimeout = 0;
    server.on("upgrade", upgrade(name));
    server.on("checkContinue", (request, response) => {
      servers[name].continues += 1;
      if (!request.url.startsWith("/hasty")) response.writeContinue();
      server.emit("request", request, response);
    });
  }
  server.on(tls.cert ? "secureConnection" : "connection", (socket) => {
    const state = servers[name];
    socket.number = ++state.connections;
    state.sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => state.sockets.delete(socket));
  });
  if (kind.startsWith("h2")) {
    server.on("sessionError", () => {});
    server.on("connect", connect(name));
  }
  return server;
}

function listen(name, port) {
  const server = create(name, plan.servers[name]);
  servers[name] ??= { connections: 0, requests: [], aborted: 0, continues: 0, sockets: new Set() };
  servers[name].server = server;
  return new Promise((resolve) => server.listen(port, plan.address, () => resolve(server.address().port)));
}

const ports = {};
for (const name of Object.keys(plan.servers)) ports[name] = await listen(name, 0);

const controls = {
  stats() {
    return Object.fromEntries(Object.entries(servers).map(([name, { connections, requests, aborted, continues, upgrade: raw, sockets }]) =>
      [name, { connections, requests, aborted, continues, upgrade: raw, open: sockets.size,
        // What the kernel and Node have taken of our answers on the open connections.
        written: [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, 0) }]));
  },
  go(url) {
    const key = url.searchParams.get("key");
    const calls = waiting.get(key) ?? [];
    waiting.delete(key);
    for (const call of calls) call();
    return { called: calls.length };
  },
  async stop(url) {
    const state = servers[url.searchParams.get("name")];
    await new Promise((resolve) => {
      state.server.close(resolve);
      for (const socket of state.sockets) socket.destroy();
    });
    return {};
  },
  async start(url) {
    const name = url.searchParams.get("name");
    await listen(name, ports[name]);
    return {};
  },
};
const control = http.createServer(async (request, response) => {
  const url = new URL(request.url, "http://control");
  response.end(JSON.stringify(await controls[url.pathname.slice(1)](url)));
});
control.listen(0, plan.address, () => {
  console.log(JSON.stringify({ ports, control: control.address().port }));
});
