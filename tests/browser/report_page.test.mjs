// The benchmark report in a real browser: its charts, its table, both colour schemes, and that
// nothing in a result can become markup.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { Browser, binary } from "./lab.mjs";

const fixtures = fileURLToPath(new URL("fixtures/", import.meta.url));
let folder;
let browser;
const pages = [];

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "sallyport-report-"));
  browser = await Browser.start();
});

after(async () => {
  await browser?.stop();
  await rm(folder, { recursive: true, force: true });
});

afterEach(async () => {
  for (const page of pages.splice(0)) {
    const { troubles } = page;
    await page.close();
    assert.deepEqual(troubles, []);
  }
});

/** The report of these fixtures (names) or results (objects), open. */
async function report(results, options) {
  const files = await Promise.all(results.map(async (result, i) => {
    if (typeof result === "string") return path.join(fixtures, result);
    const file = path.join(folder, `result-${i}.json`);
    await writeFile(file, JSON.stringify(result));
    return file;
  }));
  const output = path.join(folder, "report.html");
  await promisify(execFile)(binary, ["bench", "report", ...files, "--output", output]);
  const page = await browser.open(pathToFileURL(output).href, options);
  pages.push(page);
  await page.locator("h1").waitFor();
  return page;
}

const text = (page, selector) => page.locator(selector).first().textContent();

for (const colorScheme of ["light", "dark"]) {
  test(`a comparison shows every chart, on a desk and on a phone, ${colorScheme}`, async () => {
    const page = await report(["comparison.json"], { colorScheme, viewport: { width: 1180, height: 900 } });
    for (const [name, width] of [["desk", 1180], ["phone", 375]]) {
      await page.setViewportSize({ width, height: 800 });
      for (const id of ["scenario-saturation", "curve-0", "memory", "transfers", "scaling", "scenario-clients", "http"]) {
        const figures = page.locator(`#${id} figure`);
        assert.ok((await figures.count()) > 0, `${id} has no chart`);
        for (const figure of await figures.all()) await figure.locator("svg.plot[role=img] > title").waitFor({ state: "attached" });
      }
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(overflow, 0, `${name}: the page is wider than the screen`);
      const shots = process.env.SCREENSHOTS;
      if (shots) await page.screenshot({ path: path.join(shots, `report-${colorScheme}-${name}.png`), fullPage: true });
    }
    const ink = await page.evaluate(() => getComputedStyle(document.body).color);
    assert.equal(ink === "rgb(22, 24, 29)", colorScheme === "light");
  });
}

test("the speed table says in words what holds", async () => {
  const page = await report(["comparison.json"]);
  const row = (name) => page.locator("#speed tbody tr", { hasText: name });
  await row("radsecproxy's CPU").getByText("holds").waitFor();
  await row("added p99 latency").getByText("misses").waitFor();
  await row("duplicate ÷ fresh").getByText("aim reached").waitFor();
  await row("100,000 verifications").getByText("not measured").waitFor();
  assert.match(await text(page, ".badges"), /1 of 8 bounds missed/);
});

test("bars carry the median of their rounds, and the table beside them the extremes", async () => {
  const rounds = [3, 9, 4].map((cost, round) => ({ scenario: "saturation", system: "sallyport", round, cpu_us_per_request: cost }));
  const page = await report([{ schema: 1, kind: "comparison", rounds, table: [] }]);
  assert.equal(await text(page, ".bar-value"), "4 µs");
  const cells = await page.locator("#scenario-saturation td").allTextContents();
  assert.deepEqual(cells, ["4 µs", "3 µs", "9 µs", "3"]);
});

test("one run of the load generator stands alone", async () => {
  const page = await report(["load.json"]);
  assert.match(await text(page, "h1"), /RADIUS load on 127\.0\.0\.1:1812/);
  const run = JSON.parse(await readFile(path.join(fixtures, "load.json"), "utf8"));
  assert.match(await text(page, ".stats"), new RegExp(Math.round(run.rate).toLocaleString("en-US")));
  for (const id of ["distribution", "time"]) await page.locator(`#${id} svg.plot`).first().waitFor();
  await page.locator("#method summary").click();
  await page.locator("#method pre", { hasText: "bench radius --target 127.0.0.1:1812" }).waitFor();
});

test("several runs are compared, and a generator that was the limit is named", async () => {
  const page = await report(["load.json", "search.json"]);
  assert.equal(await page.locator("#runs tbody tr").count(), 2);
  await page.locator(".badge.note", { hasText: "search: the load generator was the limit" }).waitFor();
  assert.ok((await page.locator("#steps circle.hollow").count()) > 0);
});

test("the pointer shows values", async () => {
  const page = await report(["comparison.json"]);
  const chart = page.locator("#curve-0 svg.plot").first();
  const shown = page.locator("#hover", { hasText: "sallyport" });
  // Getting there scrolls the page, and scrolling hides what the pointer shows, even a little later.
  for (let moves = 0; moves < 1000 && !(await shown.isVisible()); ++moves)
    await chart.hover({ position: { x: 100 + (moves % 100), y: 60 } });
  await shown.waitFor();
});

test("a result that says little still makes a page", async () => {
  const page = await report([{ schema: 1, kind: "comparison" }, { schema: 1, kind: "radius-load" },
    { schema: 1, kind: "verify-pending", mode: "held", rss_bytes_per_pending: 8000 }]);
  await page.locator("#memory svg.plot").first().waitFor();
});

test("markup in a result stays text", async () => {
  const hostile = `</script><img src=x onerror="document.title='owned'">`;
  const page = await report([{ schema: 1, kind: "comparison", machine: { [hostile]: hostile }, limits: [hostile], command: [hostile],
    rounds: [{ scenario: hostile, system: hostile, round: 0, cpu_us_per_request: 1, rate: 2 }],
    table: [{ name: hostile, value: 1, unit: hostile, ours: 1, bound: { op: "<=", value: 2 } }] }]);
  assert.equal(await page.locator("img").count(), 0);
  assert.equal(await text(page, "#speed tbody th"), hostile);
  assert.notEqual(await page.title(), "owned");
});

test("what is no result is refused by name", async () => {
  const file = path.join(folder, "other.json");
  await writeFile(file, "{}");
  await assert.rejects(promisify(execFile)(binary, ["bench", "report", file]), /other\.json: not a result/);
});
