// Every page of the gate in a real browser, served under the policy that the door serves them
// under: axe-core, phone and desk, light and dark, both languages; what the script does; and that
// a browser without one gets on as well.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Browser } from "./lab.mjs";
import { palettePng } from "./palette_png.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const program = process.env.GATE_PAGES ?? path.join(root, "build/release/gate_pages");
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const gate = "/.sallyport";
const types = { ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".png": "image/png" };
const phone = { width: 320, height: 640 };
const desk = { width: 1280, height: 800 };

let folder;
let names; // "token.en", "token.error.en", …
let browser;
let server;
let origin;
const open = [];
let posts = []; // { path, form }
let answerWait; // of the next GET /wait

async function body(request) {
  let text = "";
  for await (const part of request) text += part;
  return Object.fromEntries(new URLSearchParams(text));
}

/** As the door: a page by its name, what pages link, and forms, whose answer is no page. */
async function serve(request, response) {
  const { pathname } = new URL(request.url, origin);
  response.setHeader("Content-Security-Policy", await readFile(path.join(folder, "policy")));
  if (request.method === "POST") {
    posts.push({ path: pathname.replace(gate, ""), form: await body(request) });
    return response.writeHead(204).end();
  }
  if (pathname === `${gate}/wait`) return answerWait?.(response);
  if ([`${gate}/visit`, `${gate}/approve`].includes(pathname)) {
    return response.setHeader("Content-Type", "text/plain").end("a page of the door's");
  }
  const file = pathname.startsWith(gate) ? pathname.slice(gate.length + 1) : pathname.slice(1);
  try {
    const content = await readFile(path.join(folder, path.basename(file)));
    response.setHeader("Content-Type", types[path.extname(file)] ?? "image/svg+xml").end(content);
  } catch {
    response.writeHead(404).end();
  }
}

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "sallyport-gate-pages-"));
  await promisify(execFile)(program, [folder]);
  names = (await readdir(folder)).filter((name) => name.endsWith(".html")).map((name) => name.slice(0, -5)).sort();
  server = createServer(serve);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://localhost:${server.address().port}`;
  browser = await Browser.start({ timezoneId: "America/New_York" });
  // Where pages lead away to: nothing is there, and the page stays.
  await browser.context.route("https://*.example.net/**", (route) => route.fulfill({ status: 204 }));
});

after(async () => {
  await browser?.stop();
  server?.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

afterEach(async () => {
  for (const page of open.splice(0)) {
    const { troubles } = page;
    await page.close();
    assert.deepEqual(troubles, []);
  }
  posts = [];
  answerWait = undefined;
});

async function show(name, options) {
  const page = await browser.open(`${origin}/${name}.html`, options);
  open.push(page);
  return page;
}

// What depends on colours and sizes; all else is the same in each of them.
const looks = ["color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable", "meta-viewport"];
const all = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What axe-core finds by these rules or tags, as lines. */
async function findings(page, runOnly) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  const { violations } = await page.evaluate((options) => window.axe.run(options), {
    runOnly, rules: { "target-size": { enabled: true } }, resultTypes: ["violations"], elementRef: false,
  });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.any[0]?.message ?? ""}`));
}

async function checkLayout(page, name) {
  const { over, small } = await page.evaluate(() => ({
    over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    // WCAG 2.2, 2.5.8: 24 pixels, but for links within sentences.
    small: [...document.querySelectorAll("button, input:not([type=hidden]), a.primary, a.secondary, summary, footer a")]
      .filter((e) => e.checkVisibility()).map((e) => [e.outerHTML, e.getBoundingClientRect().height])
      .filter(([, height]) => height < 24),
  }));
  assert.equal(over, 0, `${name} is wider than the screen`);
  assert.deepEqual(small, [], name);
}

async function waitForPosts(page, count = 1) {
  while (posts.length < count) await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 20)));
  return posts;
}

describe("every page", () => {
  test("is there in both languages, with and without an error", () => {
    assert.equal(names.length, 20 * 2 * 2);
  });

  for (const language of ["en", "de"]) {
    test(`is accessible and fits, in ${language}`, async () => {
      const page = await show(`start.${language}`);
      await page.emulateMedia({ reducedMotion: "reduce" });
      for (const name of names.filter((name) => name.endsWith(`.${language}`))) {
        await page.emulateMedia({ colorScheme: "light" });
        await page.setViewportSize(phone);
        await page.goto(`${origin}/${name}.html`);
        await checkLayout(page, name);
        assert.deepEqual(await findings(page, all), [], name);
        // Other words have no other colours.
        for (const [colorScheme, size] of language === "en" ? [["light", desk], ["dark", desk], ["dark", phone]] : []) {
          await page.emulateMedia({ colorScheme });
          await page.setViewportSize(size);
          await checkLayout(page, name);
          assert.deepEqual(await findings(page, looks), [], `${name}, ${colorScheme}, ${size.width}`);
        }
        assert.deepEqual(page.troubles, [], name);
      }
    });
  }

  // SCREENSHOTS=docs/images/gate node --test gate_pages.test.mjs
  test("can be photographed for the user guide", { skip: !process.env.SCREENSHOTS }, async () => {
    const folder = path.resolve(root, process.env.SCREENSHOTS);
    await mkdir(folder, { recursive: true });
    const reader = await browser.context.newPage();
    for (const name of names.filter((name) => /^[a-z_]+\.en$/.test(name))) {
      const page = await show(name, { viewport: { width: 390, height: 600 } });
      await page.emulateMedia({ reducedMotion: "reduce" });
      const picture = await palettePng(reader, await page.screenshot({ fullPage: true, caret: "hide" }));
      assert.ok(picture.length < 60 * 1024, `${name}: ${picture.length} octets`);
      await writeFile(path.join(folder, `${name.slice(0, -3).replaceAll("_", "-")}.png`), picture);
    }
    await reader.close();
  });
});

describe("with the script", () => {
  test("the last digit sends the code, and no form is sent twice", async () => {
    const page = await show("token.en");
    await page.locator("#code").pressSequentially("123 45");
    assert.equal(posts.length, 0);
    await page.locator("#code").press("6");
    await waitForPosts(page);
    await page.locator("button.primary").click();
    await page.locator("button", { hasText: "Send a new code" }).click(); // another form may go
    await waitForPosts(page, 2);
    assert.deepEqual(posts.map(({ path }) => path), ["/code", "/again"]);
    assert.deepEqual(posts[0].form, { form_token: "Zm9ybS10b2tlbg", code: "123 456" });
  });

  test("times are the visitor's own", async () => {
    const page = await show("approve.de");
    const time = page.locator("time").first();
    assert.match(await time.textContent(), /27\. November 2026 um 12:59/);
    assert.match(await time.getAttribute("title"), /17:59 Uhr UTC/);
  });

  test("what is left is counted by the server's clock", async () => {
    const page = await show("token.en");
    const [told, position] = await page.locator("body").evaluate((shown) =>
      [shown.querySelector(".left").textContent, shown.querySelector("progress").position]);
    const [, minutes, seconds] = /^(\d):(\d\d) left$/.exec(told);
    const left = 60 * Number(minutes) + Number(seconds);
    // 4:48 of 5:00 when it was sent, and less as time goes by.
    assert.ok(left > 180 && left <= 288, told);
    assert.ok(Math.abs(300 * position - left) < 3, `${told}, ${position}`);
  });

  for (const waiting of ["link", "push"]) {
    test(`a ${waiting} is waited for, and an answer moves on`, async () => {
      const asked = [];
      let go;
      const next = () => new Promise((resolve) => (answerWait = (response) => { asked.push(response); resolve(); }));
      go = next();
      const page = await show(`${waiting}.en`);
      await go;
      go = next();
      asked[0].setHeader("Content-Type", "application/json").end(JSON.stringify({ page: waiting, reload: false }));
      await go; // nothing new: it asks again
      asked[1].setHeader("Content-Type", "application/json").end(JSON.stringify({ page: waiting, reload: true }));
      await page.waitForURL(`${origin}${gate}/visit`);
    });
  }

  test("a door that is away for a moment is asked again", async () => {
    let asked = 0;
    answerWait = (response) => (asked++ === 0 ? response.writeHead(503).end() : response.end('{"page":"done"}'));
    const page = await browser.open(`${origin}/link.en.html`);
    await page.waitForURL(`${origin}${gate}/visit`);
    assert.match(page.troubles.join(), /503/);
    await page.close();
  });

  test("the puzzle stands in for the picture", async () => {
    const page = await show("captcha.en");
    await page.locator("button", { hasText: "Use the puzzle" }).click();
    await waitForPosts(page);
    assert.equal(posts[0].path, "/captcha");
    const { proof } = posts[0].form;
    const hash = createHash("sha256").update(`00112233445566778899aabbccddeeff:${proof}`).digest();
    assert.ok(hash.readUInt32BE() < 2 ** (32 - 14), `${proof} proves nothing`);
  });

  test("a passkey is made, and then used", async () => {
    const page = await show("register_passkey.en");
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("WebAuthn.enable");
    await devtools.send("WebAuthn.addVirtualAuthenticator", {
      options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true },
    });
    await page.locator("#name").fill("My desk");
    await page.locator("button.primary").click();
    const [{ path, form }] = await waitForPosts(page);
    assert.equal(path, "/register");
    assert.equal(form.name, "My desk");
    assert.equal(form.k, "cmVnaXN0cmF0aW9u");
    const made = JSON.parse(Buffer.from(form.client_data, "base64url"));
    assert.deepEqual([made.type, made.challenge, made.origin], ["webauthn.create", "Y2hhbGxlbmdlLWNoYWxsZW5nZQ", origin]);
    assert.ok(Buffer.from(form.attestation, "base64url").length > 100);

    await page.goto(`${origin}/passkey.en.html`);
    await page.locator("button.primary").click();
    const used = (await waitForPosts(page, 2))[1];
    assert.equal(used.path, "/passkey");
    assert.equal(used.form.credential, form.credential);
    assert.equal(JSON.parse(Buffer.from(used.form.client_data, "base64url")).type, "webauthn.get");
    assert.equal(Buffer.from(used.form.user_handle, "base64url").toString(), "user-handle");
    for (const field of ["authenticator_data", "signature"]) assert.ok(used.form[field].length > 40, field);
  });

  test("a passkey that is refused may be tried again", async () => {
    const page = await show("passkey.en");
    await page.evaluate(() => { navigator.credentials.get = () => Promise.reject(new Error("cancelled")); });
    await page.locator("button.primary").click();
    await page.locator(".status", { hasText: "You can try again" }).waitFor();
    assert.equal(await page.locator("button.primary").getAttribute("aria-disabled"), null);
    assert.equal(posts.length, 0);
  });

  test("the device's other address is asked for under its own name", async () => {
    const page = await show("access.en");
    const sent = page.waitForRequest((request) => request.method() === "POST");
    const shownAnew = page.waitForEvent("load"); // with the new address
    await page.locator("#pair").click();
    const request = await sent;
    assert.equal(request.url(), "https://v6.example.net/.sallyport/pair");
    assert.equal(request.postData(), "t=dG9rZW4");
    await shownAnew;
  });

  test("recovery codes can be copied", async () => {
    const page = await show("recovery_codes.en");
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin });
    await page.locator("#copy").click();
    await page.locator(".status", { hasText: "Copied" }).waitFor();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^7KQM-2XRV-9D\n(.*\n){7}$/);
  });
});

describe("without the script", () => {
  let plain;
  before(async () => { plain = await Browser.start({ javaScriptEnabled: false }); });
  after(() => plain?.stop());

  test("forms are sent, and pages say what they need", async () => {
    const page = await plain.open(`${origin}/token.en.html`);
    await page.locator("#code").fill("123456");
    await page.locator("button.primary").click();
    while (posts.length === 0) await page.title();
    assert.equal(posts[0].form.code, "123456");
    assert.equal(await page.locator("#code-hint").isVisible(), false);
    await page.goto(`${origin}/captcha.en.html`);
    assert.equal(await page.locator("noscript p", { hasText: "The puzzle needs JavaScript" }).isVisible(), true);
    assert.equal(await page.locator("button", { hasText: "Use the puzzle" }).isVisible(), false);
    await page.goto(`${origin}/passkey.en.html`);
    assert.equal(await page.locator("noscript p", { hasText: "Passkeys need JavaScript" }).isVisible(), true);
    await page.close();
  });

  test("a waiting page looks again, by itself and when asked", async () => {
    const page = await plain.open(`${origin}/link.en.html`);
    assert.equal(await page.locator('meta[http-equiv="refresh"]').getAttribute("content"), "10");
    await page.locator("a", { hasText: "I have answered" }).click();
    await page.waitForURL(`${origin}${gate}/visit`);
    await page.close();
  });

  test("who is let in goes on", async () => {
    const page = await plain.context.newPage();
    await plain.context.route("https://app.example.net/**", (route) => route.fulfill({ body: "in" }));
    await page.goto(`${origin}/done.en.html`);
    await page.waitForURL("https://app.example.net/reports?year=2026&month=11");
    await page.close();
  });

  test("the language is switched by a form", async () => {
    const page = await plain.open(`${origin}/approve.en.html`);
    await page.locator("button", { hasText: "Deutsch" }).click();
    await page.waitForURL(`${origin}${gate}/approve?k=YXBwcm92YWw&lang=de`);
    await page.close();
  });
});
