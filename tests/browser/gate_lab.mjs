// A door with a gate in front of a page, the phones that its messages reach, and visitors: each a
// browser of his own, on a device of his own.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { patience } from "./lab.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const daemon = process.env.SALLYPORT ?? path.join(root, "build/release/sallyport");

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  timeout: patience,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
});

async function listen(server, port = 0) {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server.address().port;
}

/** Below those that the kernel gives to whoever wants any, so that nobody else has it meanwhile. */
async function freePort() {
  for (;;) {
    const server = createServer();
    const port = await listen(server, 10_000 + Math.floor(Math.random() * 20_000)).catch(() => 0);
    if (port === 0) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

/** Answers of these kinds are meant, and the browser complains of each. */
const isRefusal = (message) =>
  /^Failed to load resource: .* status of 4\d\d/.test(message.text()) &&
  /\/(\.sallyport\/\w*|favicon\.ico)(\?|$)/.test(message.location().url);

export class Stage {
  /** `gate`: more of [gate]; `more`: TOML of further sections. */
  static async open(browser, { gate = "", more = "" } = {}) {
    const stage = new Stage();
    stage.browser = browser;
    stage.folder = await mkdtemp(path.join(tmpdir(), "sallyport-flow-"));
    stage.messages = [];
    stage.troubles = [];
    stage.contexts = [];
    stage.behind = createServer((request, response) => stage.serve(request, response));
    const behind = await listen(stage.behind);
    const port = await freePort();
    stage.url = `http://localhost:${port}`;
    await stage.startDoor(`[engine]
shards = 1
pin = false
[log]
format = "json"
[[http.listener]]
listen = ["127.0.0.1:${port}"]
[[http.pool]]
name = "app"
servers = ["127.0.0.1:${behind}"]
[[http.route]]
hosts = ["localhost"]
pool = "app"
[store]
type = "sqlite"
path = "${stage.folder}/state.sqlite"
[gate]
url = "${stage.url}"
issuer = "Example"
insecure_cookie = true
${gate.includes("token_duration") ? "" : 'token_duration = "10m"'}
${gate}
[[gate.directory]]
name = "team"
type = "list"
[[gate.directory.user]]
id = "alice"
mail = "alice@example.net"
[[gate.directory.user]]
id = "bob"
mail = "bob@example.net"
[[gate.channel]]
name = "phone"
type = "url"
url = "http://127.0.0.1:${behind}/message"
content_type = "application/json"
body = '{"to": "{to_mail}", "text": "{text}"}'
${more}`);
    return stage;
  }

  async startDoor(text) {
    const config = path.join(this.folder, "door.toml");
    await writeFile(config, text, { mode: 0o600 });
    this.door = spawn(daemon, ["run", "--config", config], { stdio: ["ignore", "ignore", "pipe"] });
    const log = [];
    for await (const line of createInterface({ input: this.door.stderr })) {
      log.push(line);
      if (line.includes("ready: HTTP on")) return this.door.stderr.resume();
    }
    throw new Error(`the door did not open: ${log.join("\n")}`);
  }

  /** The page behind the door, which says what it was asked for; and the service that sends. */
  async serve(request, response) {
    if (request.url !== "/message") {
      response.setHeader("Content-Type", "text/html").setHeader("Cache-Control", "no-store");
      return response.end(`<!doctype html><title>behind</title><p>${request.url.replaceAll("&", "&amp;")}</p>`);
    }
    let text = "";
    for await (const part of request) text += part;
    this.messages.push(JSON.parse(text));
    this.behind.emit("message");
    response.end();
  }

  /** The text of message number `count`, as soon as it is there. */
  async message(count = 1) {
    while (this.messages.length < count) await once(this.behind, "message");
    return this.messages[count - 1].text;
  }

  async code(count) {
    return /\d{6}/.exec(await this.message(count))[0];
  }

  async link(count) {
    return /http:\/\/localhost\S+/.exec(await this.message(count))[0];
  }

  /** A browser of its own, with one tab. */
  async device(options = {}) {
    const context = await this.browser.newContext({ locale: "en-US", ...options });
    context.setDefaultTimeout(patience);
    this.contexts.push(context);
    return this.tab(context);
  }

  /** A tab whose script errors and blocked parts are kept as troubles. */
  async tab(context) {
    const page = await context.newPage();
    page.on("pageerror", (error) => this.troubles.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" && !isRefusal(message)) this.troubles.push(message.text());
    });
    return page;
  }

  async close() {
    for (const context of this.contexts) await context.close();
    const ended = this.door.exitCode === null ? once(this.door, "exit") : [this.door.exitCode];
    this.door.kill("SIGTERM");
    const [code] = await ended;
    this.behind.closeAllConnections();
    await new Promise((resolve) => this.behind.close(resolve));
    await rm(this.folder, { recursive: true, force: true });
    assert.equal(code, 0, "how the door ended");
  }
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** What an authenticator app shows (RFC 6238), so many steps of 30 s from now. */
export function appCode(secret, steps = 0) {
  const bits = [...secret.replaceAll(" ", "")]
    .map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((octet) => parseInt(octet, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const hash = createHmac("sha1", key).update(counter).digest();
  const number = hash.readUInt32BE(hash[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}
