// Starts the Notakey simulator and a browser for the tests, and ends both.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
/** What is waited for comes in a moment; on a busy machine, where a browser starts slowly, later. */
export const patience = 120_000;
export const binary = process.env.SALLYPORT_LAB ?? path.join(root, "build/release/sallyport-lab");

export class Simulator {
  static async start(...options) {
    const child = spawn(binary, ["simulate", "notakey", ...options], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const line of createInterface({ input: child.stdout })) {
      return new Simulator(child, JSON.parse(line));
    }
    throw new Error(`${binary} ended before it was ready`);
  }

  constructor(child, { url, phone }) {
    this.child = child;
    this.url = url;
    this.phone = phone;
  }

  /** Asks the user for approval, as sallyport would (API v2). */
  async create(user, { action = "VPN login", description, ttl = 600 } = {}) {
    const reply = await fetch(
      `${this.url}/api/v2/application/lab/application_user/${encodeURIComponent(user)}/auth_request`,
      {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({
          action,
          description: description ?? `Log in as ${user} from 198.51.100.7?`,
          ttl_seconds: ttl,
        }),
      },
    );
    if (reply.status !== 201) throw new Error(`create answered ${reply.status}`);
    return (await reply.json()).uuid;
  }

  async poll(uuid) {
    return (await fetch(`${this.url}/api/v2/application/lab/auth_request/${uuid}`)).json();
  }

  async stop() {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGTERM");
    const code = await ended;
    if (code !== 0) throw new Error(`the simulator ended with ${code}`);
  }
}

export class Browser {
  static async start(options = {}) {
    const folder = await mkdtemp(path.join(tmpdir(), "sallyport-browser-"));
    const context = await chromium.launchPersistentContext(folder, {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      headless: true,
      timeout: patience,
      ...options,
      args: [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
      ],
    });
    context.setDefaultTimeout(patience);
    return new Browser(context, folder);
  }

  constructor(context, folder) {
    this.context = context;
    this.folder = folder;
  }

  /** A page that fails the test on any script error or blocked resource. */
  async open(url, options = {}) {
    const page = await this.context.newPage();
    page.troubles = [];
    page.on("pageerror", (error) => page.troubles.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") page.troubles.push(message.text());
    });
    await page.emulateMedia({ colorScheme: options.colorScheme ?? "light" });
    if (options.viewport) await page.setViewportSize(options.viewport);
    await page.goto(url);
    return page;
  }

  async stop() {
    await this.context.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
