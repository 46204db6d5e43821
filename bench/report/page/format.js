"use strict";
// Numbers and words as people read them, and the little statistics that the charts need.

const group = new Intl.NumberFormat("en-US");

/** About three significant digits, never an exponent: 0.012, 1.35, 13.5, 135, 13,512. */
function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return group.format(Math.round(value));
  if (size >= 1) return value.toFixed(size >= 10 ? 1 : 2);
  return String(Number(value.toFixed(Math.min(6, 1 - Math.floor(Math.log10(size))))));
}

/** For axes: 20k, 1.5M. */
function short(value) {
  const size = Math.abs(value);
  const trim = (text) => text.replace(/\.0+$/, "");
  if (size >= 1e9) return `${trim((value / 1e9).toFixed(1))}G`;
  if (size >= 1e6) return `${trim((value / 1e6).toFixed(1))}M`;
  if (size >= 1e3) return `${trim((value / 1e3).toFixed(1))}k`;
  return String(Number(value.toPrecision(3)));
}

function micros(value) {
  if (!Number.isFinite(value)) return "–";
  if (value >= 1e6) return `${number(value / 1e6)} s`;
  if (value >= 1e3) return `${number(value / 1e3)} ms`;
  return `${number(value)} µs`;
}

function microsShort(value) {
  if (value >= 1e6) return `${short(value / 1e6)} s`;
  if (value >= 1e3) return `${short(value / 1e3)} ms`;
  return `${short(value)} µs`;
}

function octets(value) {
  if (!Number.isFinite(value)) return "–";
  if (value >= 1e9) return `${number(value / 1e9)} GB`;
  if (value >= 1e6) return `${number(value / 1e6)} MB`;
  if (value >= 1e3) return `${number(value / 1e3)} KB`;
  return `${number(value)} B`;
}

const octetsShort = (value) => octets(value).replace(/\.0+ /, " ");

const perSecond = (value) => `${number(value)}/s`;
const percent = (share) => `${number(share * 100)} %`;

function median(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median, extremes and count of what pick() finds; null where it finds nothing. */
function spread(items, pick) {
  const values = items.map(pick).filter(Number.isFinite);
  if (values.length === 0) return null;
  return { value: median(values), min: Math.min(...values), max: Math.max(...values), values };
}

/** A Map of lists, in the order in which the keys appear. */
function groupBy(items, key) {
  const groups = new Map();
  for (const item of items) {
    const name = key(item);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(item);
  }
  return groups;
}

/** A line for the shell, quoted where it must be. */
function shellLine(words) {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${String(word).replaceAll("'", "'\\''")}'`))
    .join(" ");
}

/** "rss_kb_per_client" → "Rss kb per client". */
function plainWords(name) {
  const text = String(name).replaceAll(/[_-]+/g, " ").trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** An element; text becomes text, never markup. */
function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  return furnish(element, attributes, children);
}

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  return furnish(element, attributes, children);
}

function furnish(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// One colour a system in all charts: ours stands out, the bare wall stays in the back.
const kSystemColours = {
  sallyport: "var(--ours)",
  relay: "var(--wall)",
  "bare relay": "var(--wall)",
  direct: "var(--wall)",
  origin: "var(--wall)",
  pool: "var(--ours)",
  bare: "var(--wall)",
  radsecproxy: "var(--c1)",
  freeradius: "var(--c2)",
  nginx: "var(--c1)",
  haproxy: "var(--c2)",
  caddy: "var(--c3)",
};
const kOtherColours = ["var(--c3)", "var(--c4)", "var(--c5)", "var(--c1)", "var(--c2)"];
const givenColours = new Map();

function colourOf(system) {
  const known = kSystemColours[String(system).toLowerCase()];
  if (known) return known;
  if (!givenColours.has(system)) {
    givenColours.set(system, kOtherColours[givenColours.size % kOtherColours.length]);
  }
  return givenColours.get(system);
}

const kSystemNames = {
  sallyport: "sallyport",
  relay: "bare relay",
  radsecproxy: "radsecproxy",
  freeradius: "FreeRADIUS",
  nginx: "nginx",
  haproxy: "HAProxy",
  caddy: "Caddy",
  pool: "sallyport verify",
  bare: "bare libcurl",
};
const systemName = (system) => kSystemNames[String(system).toLowerCase()] ?? String(system);
