// The phone page in a real browser: what people do with it, and what must work without a script.

import assert from "node:assert/strict";
import path from "node:path";
import { after, afterEach, before, test } from "node:test";
import { Browser, Simulator } from "./lab.mjs";

let simulator;
let browser;
const pages = [];

before(async () => {
  simulator = await Simulator.start();
  browser = await Browser.start();
});

after(async () => {
  await browser?.stop();
  await simulator?.stop();
});

// Each test begins with an empty phone and ends without a complaint from the browser.
afterEach(async () => {
  for (const page of pages.splice(0)) {
    const { troubles } = page;
    await page.close();
    assert.deepEqual(troubles, []);
  }
  await fetch(`${simulator.url}/lab/requests`, { method: "DELETE" });
});

async function open(options) {
  const page = await browser.open(simulator.phone, options);
  pages.push(page);
  await page.locator('#link[data-state="live"]').waitFor();
  return page;
}

const card = (page, uuid) => page.locator(`.card[data-uuid="${uuid}"]`);

for (const [button, response, state] of [
  ["Approve", "ApproveRequest", "approved"],
  ["Deny", "DenyRequest", "denied"],
]) {
  test(`${button} answers the request`, async () => {
    const page = await open();
    await page.getByText("All quiet").waitFor();
    const uuid = await simulator.create("alice");
    assert.equal((await simulator.poll(uuid)).response_type, null);
    await card(page, uuid).getByText("Log in as alice from 198.51.100.7?").waitFor();
    await card(page, uuid).getByRole("button", { name: button }).click();
    await card(page, uuid).waitFor({ state: "detached" });
    assert.equal((await simulator.poll(uuid)).response_type, response);
    await page.locator(`.past.${state}`).getByText("alice").waitFor();
  });
}

test("the countdown falls, and a request that runs out goes to the history", async () => {
  const page = await open();
  const uuid = await simulator.create("alice", { ttl: 10 });
  await card(page, uuid).waitFor();
  const progress = card(page, uuid).locator("progress");
  const first = await progress.evaluate((element) => element.value);
  await page.waitForFunction(
    ([selector, value]) => document.querySelector(selector)?.value < value,
    [`.card[data-uuid="${uuid}"] progress`, first],
  );
  await page.locator(".past.expired").waitFor();
  const poll = await simulator.poll(uuid);
  assert.equal(poll.expired, true);
  assert.equal(poll.response_type, null);
});

test("all tabs show the same", async () => {
  const tabs = [await open(), await open()];
  const uuid = await simulator.create("bob");
  for (const tab of tabs) await card(tab, uuid).waitFor();
  await card(tabs[0], uuid).getByRole("button", { name: "Approve" }).click();
  for (const tab of tabs) await tab.locator(".past.approved").waitFor();
});

test("a new request does not take the focus from the button under the finger", async () => {
  const page = await open();
  const first = await simulator.create("alice");
  const approve = card(page, first).getByRole("button", { name: "Approve" });
  await approve.focus();
  const second = await simulator.create("bob");
  await card(page, second).waitFor();
  assert.equal(await approve.evaluate((element) => element === document.activeElement), true);
  await page.keyboard.press("Enter");
  await card(page, first).waitFor({ state: "detached" });
  assert.equal((await simulator.poll(first)).response_type, "ApproveRequest");
  assert.equal((await simulator.poll(second)).response_type, null);
});

test("a new request is announced to screen readers", async () => {
  const page = await open();
  await simulator.create("alice", { description: "Open the gate?" });
  await page.locator("#news[aria-live]").getByText("New request for alice: Open the gate?")
    .waitFor({ state: "attached" });
});

test("markup in names and questions stays text", async () => {
  const page = await open();
  const hostile = `<img src=x onerror="document.title='owned'">`;
  const uuid = await simulator.create(hostile, { action: hostile, description: hostile });
  await card(page, uuid).waitFor();
  assert.equal(await card(page, uuid).locator("img").count(), 0);
  assert.equal(await card(page, uuid).locator(".question").textContent(), hostile);
  assert.notEqual(await page.title(), "owned");
});

test("without JavaScript the form answers and the page comes back", async () => {
  const uuid = await simulator.create("alice");
  const html = await (await fetch(simulator.phone)).text();
  assert.match(html, /<noscript><meta http-equiv="refresh"/);
  const action = html.match(/<form method="post" action="([^"]+)"/)[1];
  const reply = await fetch(new URL(action, simulator.phone), {
    method: "POST",
    headers: { Accept: "text/html,application/xhtml+xml" },
    body: new URLSearchParams({ answer: "approve" }),
    redirect: "manual",
  });
  assert.equal(reply.status, 303);
  assert.equal(reply.headers.get("location"), "/");
  assert.equal((await simulator.poll(uuid)).response_type, "ApproveRequest");
});

test("a foreign page cannot press a button", async () => {
  const uuid = await simulator.create("alice");
  const reply = await fetch(new URL(`/phone/requests/${uuid}`, simulator.phone), {
    method: "POST",
    headers: { "Sec-Fetch-Site": "cross-site" },
    body: new URLSearchParams({ answer: "approve" }),
  });
  assert.equal(reply.status, 403);
  assert.equal((await simulator.poll(uuid)).response_type, null);
});

for (const colorScheme of ["light", "dark"]) {
  test(`the page fits a phone and a desk, ${colorScheme}`, async () => {
    const done = await simulator.create("carol");
    const page = await open({ colorScheme, viewport: { width: 1000, height: 900 } });
    await card(page, done).getByRole("button", { name: "Approve" }).click();
    await page.locator(".past.approved").waitFor();
    await simulator.create("alice");
    const uuid = await simulator.create("a-name-that-is-very-long-and-has-no-space-in-it@example.org");
    await card(page, uuid).waitFor();
    for (const [name, viewport] of [
      ["desk", { width: 1000, height: 900 }],
      ["phone", { width: 375, height: 780 }],
    ]) {
      await page.setViewportSize(viewport);
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      assert.equal(overflow, 0, `${name}: the page is wider than the screen`);
      const folder = process.env.SCREENSHOTS;
      if (folder) {
        await page.screenshot({ path: path.join(folder, `${colorScheme}-${name}.png`) });
      }
    }
  });
}
