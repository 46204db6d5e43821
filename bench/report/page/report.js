"use strict";
// Puts the page together: what it is about, the verdicts, the charts, how it was measured.

const input = JSON.parse(document.getElementById("results").textContent);

/** All runs of the load generator that were given, each with a label of its own and a colour. */
function loadRuns(results) {
  const runs = results.filter(({ result }) => result.kind === "radius-load");
  const colours = ["var(--ours)", "var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c5)"];
  return runs.map(({ name, result }, i) => ({
    label: runs.length > 1 ? name.replace(/\.json$/, "") : result.target ?? name, result, colour: colours[i % colours.length] }));
}

function stat(name, value, note) {
  return h("div", { class: "stat" }, h("dt", {}, name), h("dd", {}, h("b", {}, value), note ? h("small", {}, note) : null));
}

function badge(kind, text) {
  return h("span", { class: `badge ${kind}` }, h("i", { "aria-hidden": "true" }, { ok: "✓", aim: "★", bad: "✗", note: "!" }[kind]), text);
}

// ---- the speed table ------------------------------------------------------------------------

const within = (value, { op, value: bound }) => (op === ">=" ? value >= bound : value <= bound);
const sign = { "<=": "≤", ">=": "≥" };

function verdictOf(row) {
  if (!Number.isFinite(row.value)) return { kind: "note", words: "not measured" };
  const holds = row.holds ?? (row.bound ? within(row.value, row.bound) : true);
  if (!holds) return { kind: "bad", words: "misses" };
  const reached = row.aim !== undefined && row.bound && within(row.value, { op: row.bound.op, value: row.aim });
  return reached ? { kind: "aim", words: "aim reached" } : { kind: "ok", words: "holds" };
}

function bulletOf(row, verdict) {
  if (!Number.isFinite(row.value) || !row.bound) return "";
  const share = (value) => (row.bound.op === ">=" ? row.bound.value / value : value / row.bound.value);
  return bullet({ share: share(row.value), aimShare: share(row.aim ?? NaN), holds: verdict.kind !== "bad",
    words: `${number(row.value)}, bound ${sign[row.bound.op]} ${number(row.bound.value)}: ${verdict.words}` });
}

function speedSection(tables) {
  const rows = tables.flat();
  if (rows.length === 0) return null;
  const unit = (value, row) => (Number.isFinite(value) ? `${number(value)}${row.unit ? ` ${row.unit}` : ""}` : "–");
  const body = rows.map((row) => {
    const verdict = verdictOf(row);
    return h("tr", { class: `speed-${verdict.kind}` },
      h("th", { scope: "row" }, row.name),
      h("td", { class: "n", "data-name": "ours" }, unit(row.ours, row)),
      h("td", { class: "n", "data-name": "theirs" }, unit(row.theirs, row)),
      h("td", { class: "n value", "data-name": "result", title: row.spread ? `${number(row.spread.min)} to ${number(row.spread.max)} in ${row.spread.rounds} rounds` : null },
        Number.isFinite(row.value) ? `${number(row.value)}${row.value_unit ? ` ${row.value_unit}` : ""}` : "–"),
      h("td", { class: "n", "data-name": "at least" }, row.bound ? `${sign[row.bound.op]} ${number(row.bound.value)}` : "–"),
      h("td", { class: "n", "data-name": "aim" }, row.bound && Number.isFinite(row.aim) ? `${sign[row.bound.op]} ${number(row.aim)}` : "–"),
      h("td", { class: "picture" }, bulletOf(row, verdict)),
      h("td", {}, badge(verdict.kind, verdict.words)));
  });
  const head = ["", ">ours", ">theirs", ">result", ">at least", ">aim", "verdict"];
  return h("section", { id: "speed", "aria-labelledby": "speed-title" },
    h("h2", { id: "speed-title" }, "The speed to reach"),
    h("p", { class: "lede" }, "Ratios of figures taken in one run on one machine, ours beside theirs in turns. The line is the bound, the tick the aim; left of the line is good."),
    h("div", { class: "scroll" }, h("table", { class: "speed" }, h("caption", { class: "hidden" }, "The speed to reach"),
      h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col", class: name.startsWith(">") ? "n" : null, colspan: name === "verdict" ? 2 : null }, name.replace(/^>/, ""))))),
      h("tbody", {}, body))));
}

// ---- the top of the page --------------------------------------------------------------------

function headOf(title, lede, stats, badges) {
  const started = input.results.map(({ result }) => result.started).filter(Boolean).sort()[0];
  return h("header", { class: "top" },
    h("p", { class: "brand" }, "sallyport bench"),
    h("h1", {}, title), lede ? h("p", { class: "lede" }, lede) : null,
    badges.length ? h("p", { class: "badges" }, badges) : null,
    stats.length ? h("dl", { class: "stats" }, stats) : null,
    h("p", { class: "when" }, started ? `Measured ${String(started).replace("T", " ").replace(/(\.\d+)?(Z|\+00:00)$/, " UTC")}. ` : "",
      `Report made by sallyport-lab ${input.version}.`));
}

function comparisonHead(comparisons) {
  const rows = comparisons.flatMap((comparison) => comparison.table ?? []);
  const kinds = rows.map((row) => verdictOf(row).kind);
  const measured = kinds.filter((kind) => kind !== "note").length;
  const bad = kinds.filter((kind) => kind === "bad").length;
  const aims = kinds.filter((kind) => kind === "aim").length;
  const rounds = comparisons.flatMap((comparison) => comparison.rounds ?? []);
  const systems = [...new Set(rounds.map((round) => round.system).filter((system) => kSystemNames[system] && system !== "pool" && system !== "bare"))];
  const badges = [];
  if (measured) badges.push(bad ? badge("bad", `${bad} of ${measured} bounds missed`) : badge("ok", `all ${measured} bounds hold`));
  if (aims) badges.push(badge("aim", `${aims} aims reached`));
  if (kinds.length > measured) badges.push(badge("note", `${kinds.length - measured} not measured`));
  const wrong = rounds.reduce((sum, round) => sum + (round.wrong ?? 0), 0);
  if (rounds.some((round) => "wrong" in round)) badges.push(wrong ? badge("bad", `${wrong} wrong answers`) : badge("ok", "every answer checked, none wrong"));
  return headOf(systems.length && !systems.includes("sallyport") ? "Measured side by side" : "sallyport and its peers, measured",
    systems.length ? `${systems.map(systemName).join(", ")}: pinned the same way, run in turns, each figure the median of its rounds.` : null, costs(rounds), badges);
}

/** What a proxied request costs each, ours first. */
function costs(rounds) {
  const [, group] = [...groupBy(rounds, (round) => round.scenario)].find(([, same]) => new Set(same.filter((round) => cpu(round)).map((round) => round.system)).size > 1) ?? [];
  const rows = group && !String(group[0].scenario).startsWith("http") ? barRows(group, cpu) : [];
  const ours = rows.find((row) => row.system === "sallyport");
  if (!ours) return [];
  return [ours, ...rows.filter((row) => row !== ours).sort((a, b) => a.value - b.value)].map((row) => stat(row.name, micros(row.value),
    row === ours ? "CPU per proxied request" : `${number(row.value / ours.value)} × ours`));
}

function runsHead(runs) {
  if (runs.length > 1) return headOf(`${runs.length} runs compared`, null, [], runBadges(runs));
  const { result } = runs[0];
  const lost = result.requests ? (result.lost ?? 0) / result.requests : NaN;
  return headOf(`RADIUS load on ${result.target ?? "a server"}`,
    [result.method, loadWords(result), result.duration_s ? `${number(result.duration_s)} s` : null].filter(Boolean).join(" · "), [
      stat("answers per second", number(result.rate), result.offered_rate ? `of ${number(result.offered_rate)} offered` : null),
      stat("median", micros(latency(result, "p50"))),
      stat("99th percentile", micros(latency(result, "p99")), `99.9th ${micros(latency(result, "p999"))}`),
      stat("lost", percent(lost), `${number(result.lost ?? 0)} of ${number(result.requests)}`),
    ], runBadges(runs));
}

/** What a reader must know before any figure. */
function runBadges(runs) {
  const badges = [];
  const wrong = runs.reduce((sum, { result }) => sum + (result.wrong ?? 0) + (result.differing_answers ?? 0), 0);
  if (wrong) badges.push(badge("bad", `${number(wrong)} wrong answers`));
  else if (runs.some(({ result }) => result.answers > 0)) badges.push(badge("ok", "every answer checked, none wrong"));
  for (const { label, result } of runs) {
    const of = (text) => (runs.length > 1 ? `${label}: ${text}` : text);
    if (result.failure) badges.push(badge("bad", of(result.failure)));
    if (result.interrupted) badges.push(badge("note", of("ended early")));
    if (result.generator?.was_limit) {
      const why = result.generator.limit ? ` (${result.generator.limit})` : "";
      badges.push(badge("note", of(`the load generator was the limit, not the server${why}`)));
    }
  }
  return badges;
}

// ---- how it was measured --------------------------------------------------------------------

const kMachineNames = { cpu: "Processor", cpu_model: "Processor", model: "Processor", cores: "Cores", kernel: "Kernel", governor: "Frequency governor", memory_gb: "Memory, GB", hostname: "Host" };

function machineSection(machines) {
  const entries = machines.flatMap((machine) => Object.entries(machine));
  if (entries.length === 0) return null;
  const text = (value) => (typeof value === "object" && value !== null ? JSON.stringify(value) : String(value));
  return h("section", { id: "machine", "aria-labelledby": "machine-title" }, h("h2", { id: "machine-title" }, "The machine"),
    h("p", { class: "lede" }, "Absolute figures mean something only on this machine; the ratios travel better."),
    h("dl", { class: "facts" }, entries.filter(([, value]) => value !== null && value !== "").map(([key, value]) =>
      h("div", {}, h("dt", {}, kMachineNames[key] ?? plainWords(key)), h("dd", {}, text(value))))));
}

function methodSection(results) {
  const commands = [...new Set(results.flatMap(({ result }) => [result.command, ...(result.commands ?? []), ...(result.rounds ?? []).map((round) => round.command)])
    .filter((command) => command?.length).map((command) => (Array.isArray(command) ? shellLine(command) : String(command))))];
  const limits = results.flatMap(({ result }) => result.limits ?? []).map((limit) => (typeof limit === "string" ? limit : JSON.stringify(limit)));
  const save = h("button", { type: "button" }, "Save the raw JSON");
  save.addEventListener("click", () => {
    const link = h("a", { download: "results.json", href: URL.createObjectURL(new Blob([JSON.stringify(input, null, 1)], { type: "application/json" })) });
    link.click();
    URL.revokeObjectURL(link.href);
  });
  return h("section", { id: "method", "aria-labelledby": "method-title" }, h("h2", { id: "method-title" }, "How it was measured"),
    limits.length ? [h("h3", {}, "What set limits"), h("ul", { class: "limits" }, limits.map((limit) => h("li", {}, limit)))] : [],
    commands.length ? h("details", { class: "figures" }, h("summary", {}, commands.length > 1 ? `The ${commands.length} commands` : "The command"), commands.map((command) => h("pre", {}, command))) : null,
    h("p", { class: "save" }, save));
}

// ---- the page -------------------------------------------------------------------------------

/** The sections of a comparison, each scenario by the shape of its rounds. */
function comparisonSections(rounds) {
  const made = { curves: [], scaling: [], memory: [], transfers: [], http: [], others: [] };
  const memory = rounds.filter((round) => Number.isFinite(round.rss_bytes_per_pending));
  const transfers = rounds.filter((round) => Number.isFinite(round.cpu_us_per_transfer));
  const rest = rounds.filter((round) => !memory.includes(round) && !transfers.includes(round));
  for (const [name, group] of groupBy(rest, (round) => round.scenario ?? "run")) {
    const steps = Math.max(...[...groupBy(group, (round) => round.system).values()].map((same) => new Set(same.map((round) => round.offered_rate).filter(Boolean)).size));
    if (String(name).startsWith("http")) made.http.push(...group);
    else if (group.some((round) => Number.isFinite(round.shards))) made.scaling.push(...group);
    else if (steps > 2) made.curves.push([name, group]);
    else made.others.push([name, group]);
  }
  const [first, ...others] = made.others.map(([name, group]) => scenarioSection(name, group));
  return [first, ...made.curves.map(([name, group]) => curveSection(curvePoints(group), `curve-${made.curves.length > 1 ? name : "0"}`)),
    memorySection(memory), transfersSection(transfers), scalingSection(made.scaling), ...others, httpSection(made.http)];
}

function build() {
  const results = input.results.map(({ result }) => result);
  const comparisons = results.filter((result) => result.kind === "comparison");
  const runs = loadRuns(input.results);
  const verify = results.filter((result) => String(result.kind).startsWith("verify-"))
    .flatMap((result) => (Array.isArray(result.rounds) ? result.rounds : [result]));
  const rounds = [...comparisons.flatMap((comparison) => comparison.rounds ?? []), ...verify];
  const single = runs.length && !rounds.length;
  const head = single ? runsHead(runs) : comparisonHead(comparisons);
  const parts = [head, speedSection(comparisons.map((comparison) => comparison.table ?? [])), ...comparisonSections(rounds)];
  if (runs.length > 1 || (runs.length && !single)) {
    parts.push(h("section", { id: "runs", "aria-labelledby": "runs-title" }, h("h2", { id: "runs-title" }, "The runs"), h("div", { class: "scroll" }, runsTable(runs))));
  }
  parts.push(distributionSection(runs), seriesSection(runs),
    curveSection(runs.flatMap(stepPoints), "steps"));
  if (runs.length === 1 && single) parts.push(section("counts", "What was answered", null, [h("figure", { class: "chart wide" }, h("div", { class: "scroll" }, runsTable(runs)))]));
  parts.push(machineSection(results.map((result) => result.machine).filter(Boolean)), methodSection(input.results));
  document.title = `${head.querySelector("h1").textContent} · sallyport bench`;
  document.getElementById("report").replaceChildren(...parts.filter(Boolean));
}

build();
addEventListener("scroll", hideHover, { passive: true });
// Paper cannot be clicked: all tables are shown, and closed again after.
addEventListener("beforeprint", () => { for (const part of document.querySelectorAll("details:not([open])")) { part.open = true; part.dataset.printed = ""; } });
addEventListener("afterprint", () => { for (const part of document.querySelectorAll("details[data-printed]")) { part.open = false; delete part.dataset.printed; } });
