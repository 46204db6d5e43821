// A browser in front of the HTTP door: a page with fetch, WebSocket and server-sent events, over
// TLS with HTTP/2 and over plain HTTP; and what somebody sees who is not let in.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Browser } from "./lab.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const daemon = process.env.SALLYPORT ?? path.join(root, "build/release/sallyport");
const children = [];
let folder;
let browser;
let ports; // of the origin
let doors; // addresses of the listeners: plain, TLS, plain and closed, plain with a gate elsewhere

async function firstLine(stream, pattern) {
  for await (const line of createInterface({ input: stream })) {
    const found = pattern.exec(line);
    if (found) return found;
  }
  throw new Error(`it ended before ${pattern}`);
}

function start(command, options, stdio) {
  const child = spawn(command, options, { stdio });
  children.push(child);
  return child;
}

async function door(name, text) {
  const config = path.join(folder, `${name}.toml`);
  await writeFile(config, `[engine]\nshards = 1\npin = false\n[log]\nformat = "json"\n${text}`, { mode: 0o600 });
  const child = start(daemon, ["run", "--config", config], ["ignore", "ignore", "pipe"]);
  const [, listening] = await firstLine(child.stderr, /ready: HTTP on (.*), admin/);
  child.stderr.resume();
  return listening.split(", ");
}

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "sallyport-door-"));
  const origin = start("node", [path.join(root, "tests/integration/origin.mjs"), JSON.stringify({
    address: "127.0.0.1", servers: { a: { kind: "http1" } },
  })], ["ignore", "pipe", "inherit"]);
  ({ ports } = JSON.parse((await firstLine(origin.stdout, /.*/))[0]));
  const file = (name) => path.join(folder, name);
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
    "-keyout", file("key.pem"), "-out", file("cert.pem")], { stdio: "ignore" });
  const pool = `[[http.pool]]\nname = "app"\nservers = ["127.0.0.1:${ports.a}"]\n`;
  const route = (policy) => `[[http.route]]\npolicy = "${policy}"\npool = "app"\n`;
  const plain = '[[http.listener]]\nlisten = ["127.0.0.1:0"]\n';
  doors = [
    ...await door("open", `${plain}${plain}tls = true\n${pool}${route("open")}` +
      `[[http.certificate]]\ncertificate_file = "${file("cert.pem")}"\nkey_file = "${file("key.pem")}"\n`),
    ...await door("closed", `${plain}${pool}${route("second_factor")}`),
    ...await door("elsewhere", `[http]\nauth_url = "http://127.0.0.1:${ports.a}"\n${plain}${pool}${route("second_factor")}hosts = ["localhost"]\n`),
  ];
  browser = await Browser.start({ ignoreHTTPSErrors: true });
});

after(async () => {
  await browser?.stop();
  for (const child of children) child.kill("SIGTERM");
  await Promise.all(children.map((child) => child.exitCode ?? new Promise((ended) => child.once("exit", ended))));
  await rm(folder, { recursive: true, force: true });
});

for (const [index, scheme, protocol] of [[0, "http", "http/1.1"], [1, "https", "h2"]]) {
  test(`fetch, WebSocket and events over ${scheme}`, async () => {
    const page = await browser.open(`${scheme}://${doors[index]}/page`);
    await page.waitForFunction(() => document.title !== "wait");
    assert.equal(await page.title(), "sse 0, ws through the door, fetch 100000");
    assert.equal(await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol), protocol);
    assert.deepEqual(page.troubles, []);
    await page.close();
  });
}

test("a visitor who is not let in sees a page that says so, with his address", async () => {
  const page = await browser.context.newPage();
  const answer = await page.goto(`http://${doors[2]}/page`);
  assert.ok([401, 403].includes(answer.status()), `${answer.status()}`);
  assert.match(answer.headers()["content-type"], /^text\/html/);
  assert.match(await page.locator("body").innerText(), /127\.0\.0\.1/);
  assert.notEqual(await page.title(), "wait"); // the site's own page
  await page.close();
});

test("or is sent to the gate, which knows where he wanted to go", async () => {
  const page = await browser.context.newPage();
  const wanted = `http://localhost:${doors[3].split(":")[1]}/page?x=1`;
  await page.goto(wanted);
  const url = new URL(page.url());
  assert.equal(url.origin, `http://127.0.0.1:${ports.a}`);
  assert.ok(decodeURIComponent(url.search).includes(wanted), url.href);
  await page.close();
});

test("a program that is not let in gets no page", async () => {
  const answer = await fetch(`http://${doors[2]}/page`, { headers: { Accept: "application/json" } });
  assert.equal(answer.status, 401);
  assert.match(answer.headers.get("content-type"), /json/);
  await answer.json();
});
