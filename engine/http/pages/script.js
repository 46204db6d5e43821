// The gate's pages, made livelier: they wait, count down, and go on by themselves. Every page works
// without it, but for passkeys and the puzzle. No markup is made here: only text and attributes.
"use strict";

const gate = document.body.dataset.gate;
const pageName = document.body.dataset.page;
const language = document.documentElement.lang;
const one = (selector) => document.querySelector(selector);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function say(near, text) {
  near.parentElement.querySelector(".status").textContent = text;
}

// --- Forms are sent once ---------------------------------------------------------------------

const sent = new Set();

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  if (sent.has(event.target)) {
    event.preventDefault();
    return;
  }
  sent.add(event.target);
  event.target.setAttribute("aria-busy", "true");
});

// Back in the browser's history: they may be sent again.
addEventListener("pageshow", () => {
  for (const form of sent) form.removeAttribute("aria-busy");
  sent.clear();
});

function send(form) {
  form.requestSubmit();
}

// --- Times and codes -------------------------------------------------------------------------

function showLocalTimes() {
  const format = new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short" });
  for (const time of document.querySelectorAll("time[datetime]")) {
    time.title = time.textContent;
    time.textContent = format.format(new Date(time.dateTime));
  }
}

/** The last digit sends the form. Spaces and dashes between them are how some codes are written. */
function watchCode(input) {
  const digits = Number(input.dataset.digits);
  input.addEventListener("input", () => {
    const value = input.value.replace(/[\s.-]/g, "");
    if (value.length === digits && /^\d+$/.test(value) && input.form.checkValidity()) send(input.form);
  });
}

function countDown(place) {
  const { until, begun, now, left, soon, over } = place.dataset;
  // The server's clock says how long it is, this one's only how much of it has gone.
  const total = Math.max(until - (Number(begun) || now || Date.now()), 1);
  const end = performance.now() + (until - (Number(now) || Date.now()));
  const line = place.querySelector(".left");
  const aloud = place.querySelector("[aria-live]");
  const bar = place.insertBefore(document.createElement("progress"), line);
  bar.max = total;
  bar.setAttribute("aria-hidden", "true");
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  const show = () => {
    const rest = end - performance.now();
    const seconds = Math.max(Math.ceil(rest / 1000), 0);
    bar.value = Math.max(rest, 0);
    line.textContent = seconds > 0 ? left.replace("{time}", clock(seconds)) : over;
    if (seconds === 20) aloud.textContent = soon.replace("{time}", clock(seconds));
    if (seconds > 0) return setTimeout(show, rest % 1000 || 1000);
    aloud.textContent = over;
  };
  show();
}

// --- Waiting for an answer -------------------------------------------------------------------

async function waitForAnswer() {
  for (let failures = 0; ; ) {
    try {
      const reply = await fetch(`${gate}/wait`, {
        headers: { Accept: "application/json" },
        cache: "no-store",
        redirect: "manual",
      });
      if (reply.type === "opaqueredirect") return location.replace(`${gate}/visit`);
      if (reply.status === 429 || reply.status >= 500) throw new Error(reply.status);
      const news = await reply.json();
      if (news.reload || news.page !== pageName) return location.replace(`${gate}/visit`);
      failures = 0;
      await pause(250); // a server that does not hold the question is not asked without end
    } catch {
      failures = Math.min(failures + 1, 5);
      await pause(1000 * 2 ** failures);
    }
  }
}

// --- Passkeys --------------------------------------------------------------------------------

const toOctets = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const toText = (octets) =>
  btoa(String.fromCharCode(...new Uint8Array(octets ?? [])))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function makePasskey({ challenge, rp, rpName, user, userName }) {
  const credential = await navigator.credentials.create({
    publicKey: {
      challenge: toOctets(challenge),
      rp: { name: rpName, ...(rp && { id: rp }) },
      user: { id: toOctets(user), name: userName, displayName: userName },
      pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
      attestation: "none",
    },
  });
  return {
    credential: toText(credential.rawId),
    client_data: toText(credential.response.clientDataJSON),
    attestation: toText(credential.response.attestationObject),
  };
}

async function usePasskey({ challenge, rp }) {
  const credential = await navigator.credentials.get({
    publicKey: {
      challenge: toOctets(challenge),
      ...(rp && { rpId: rp }),
      userVerification: "required",
    },
  });
  return {
    credential: toText(credential.rawId),
    client_data: toText(credential.response.clientDataJSON),
    authenticator_data: toText(credential.response.authenticatorData),
    signature: toText(credential.response.signature),
    user_handle: toText(credential.response.userHandle),
  };
}

/** Holds a form back until `work` has what is to be sent with it, by the names of its fields. */
function sendAfter(button, work) {
  const { form } = button;
  let done = false;
  form.addEventListener("submit", async (event) => {
    if (done) return;
    event.preventDefault();
    if (button.getAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    say(button, button.dataset.working);
    try {
      for (const [name, value] of Object.entries(await work())) form.elements[name].value = value;
      done = true;
      send(form);
    } catch {
      say(button, button.dataset.failed);
    }
    button.removeAttribute("aria-disabled");
  });
}

function holdCeremony(button) {
  if (!window.PublicKeyCredential) {
    button.disabled = true;
    say(button, button.dataset.unsupported);
    return;
  }
  const make = button.dataset.ceremony === "create" ? makePasskey : usePasskey;
  sendAfter(button, () => make(button.dataset));
}

// --- The puzzle: a number whose SHA-256 begins with zero bits --------------------------------

// Its own SHA-256, of one block: crypto.subtle answers later, a hundred thousand times, and is not
// there without TLS.
const primes = [];
for (let n = 2; primes.length < 64; ++n) if (primes.every((p) => n % p)) primes.push(n);
const fraction = (x) => ((x - Math.floor(x)) * 2 ** 32) | 0;
const rounds = Int32Array.from(primes, (p) => fraction(Math.cbrt(p)));
const begin = Int32Array.from(primes.slice(0, 8), (p) => fraction(Math.sqrt(p)));
const schedule = new Int32Array(64);

/** The first word of the SHA-256 of at most 55 octets. */
function firstWord(text) {
  schedule.fill(0, 0, 16);
  for (let i = 0; i < text.length; ++i) schedule[i >> 2] |= text.charCodeAt(i) << (24 - 8 * (i & 3));
  schedule[text.length >> 2] |= 0x80 << (24 - 8 * (text.length & 3));
  schedule[15] = 8 * text.length;
  const turn = (x, n) => (x >>> n) | (x << (32 - n));
  for (let i = 16; i < 64; ++i) {
    const x = schedule[i - 15];
    const y = schedule[i - 2];
    schedule[i] = (schedule[i - 16] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) +
      schedule[i - 7] + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10))) | 0;
  }
  let [a, b, c, d, e, f, g, h] = begin;
  for (let i = 0; i < 64; ++i) {
    const t = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + rounds[i] + schedule[i]) | 0;
    const u = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g; g = f; f = e; e = (d + t) | 0; d = c; c = b; b = a; a = (t + u) | 0;
  }
  return (begin[0] + a) | 0;
}

async function solve(challenge, bits) {
  for (let number = 0; ; ) {
    // In slices that nobody notices.
    for (const end = performance.now() + 12; performance.now() < end; ) {
      for (let i = 0; i < 200; ++i, ++number) {
        if (Math.clz32(firstWord(`${challenge}:${number}`)) >= bits) return number;
      }
    }
    await pause(0);
  }
}

function offerPuzzle(button) {
  sendAfter(button, async () => {
    const proof = await solve(button.dataset.challenge, Number(button.dataset.bits));
    say(button, button.dataset.proved);
    return { proof };
  });
}

// --- The device's other address --------------------------------------------------------------

/** From the other address: it is another host, and all it learns is the token in the URL. */
async function pairAddress(url) {
  const target = new URL(url);
  const body = new URLSearchParams({ t: target.searchParams.get("t") });
  await fetch(target.origin + target.pathname, {
    method: "POST", mode: "no-cors", credentials: "omit", keepalive: true, body,
    signal: AbortSignal.timeout(5000),
  });
}

function offerPair(link) {
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    const place = link.parentElement;
    say(place, link.dataset.working);
    try {
      await pairAddress(link.href);
      location.reload();
    } catch {
      say(place, link.dataset.failed);
    }
  });
}

async function goOn(link) {
  const { pair } = link.dataset;
  if (!pair) return; // the page does it by itself
  await Promise.race([pairAddress(pair).catch(() => {}), pause(1500)]);
  location.replace(link.href);
}

// --- Recovery codes --------------------------------------------------------------------------

function offerCopy(button) {
  button.addEventListener("click", async () => {
    const codes = [...document.querySelectorAll(".codes code")].map((code) => code.textContent);
    await navigator.clipboard.writeText(`${codes.join("\n")}\n`);
    say(button.parentElement, button.dataset.copied);
  });
}

for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
showLocalTimes();
for (const input of document.querySelectorAll("input[data-digits]")) watchCode(input);
for (const place of document.querySelectorAll(".countdown")) countDown(place);
for (const button of document.querySelectorAll("[data-ceremony]")) holdCeremony(button);
for (const button of document.querySelectorAll("[data-bits]")) offerPuzzle(button);
if (one("#copy")) offerCopy(one("#copy"));
one("#print")?.addEventListener("click", () => print());
if (one("#pair")) offerPair(one("#pair"));
if (one("#go")) goOn(one("#go"));
if (pageName === "link" || pageName === "push") waitForAnswer();
