// Keeps the page current without reloading it: the server renders the lists, this puts the new ones
// in place of the old, counts down, and sends the same forms that work without a script.
"use strict";

const lists = document.getElementById("lists");
const link = document.getElementById("link");
const news = document.getElementById("news");
let receivedAt = performance.now();

function countDown() {
  const passed = performance.now() - receivedAt;
  for (const card of lists.querySelectorAll(".card")) {
    const left = Math.max(0, Number(card.dataset.leftMs) - passed);
    card.querySelector("progress").value = left;
    card.querySelector(".left").textContent =
      left > 0 ? `${Math.ceil(left / 1000)} s left` : "time is up";
    card.classList.toggle("soon", left < 10000);
    if (left === 0) for (const button of card.querySelectorAll("button")) button.disabled = true;
  }
}

// A button that a person is about to press must not move away or lose the focus: cards that stay
// are kept as they are, and only their time is taken over.
function show(html) {
  const next = document.createElement("div");
  next.innerHTML = html;
  const kept = new Map();
  for (const card of lists.querySelectorAll(".card")) kept.set(card.dataset.uuid, card);
  const focused = document.activeElement;
  const arrived = [];
  for (const card of next.querySelectorAll(".card")) {
    const old = kept.get(card.dataset.uuid);
    if (old) {
      old.dataset.leftMs = card.dataset.leftMs;
      old.classList.remove("new");
      card.replaceWith(old);
    } else {
      card.classList.add("new");
      arrived.push(card);
    }
  }
  lists.replaceChildren(...next.childNodes);
  if (focused && lists.contains(focused)) focused.focus({ preventScroll: true });
  receivedAt = performance.now();
  countDown();
  if (arrived.length > 0) {
    const card = arrived[0];
    const text = (selector) => card.querySelector(selector).textContent;
    news.textContent = `New request for ${text(".user")}: ${text(".question") || text("h3")}`;
  }
  const waiting = lists.querySelectorAll(".card").length;
  document.title = waiting > 0 ? `(${waiting}) Phone · sallyport lab` : "Phone · sallyport lab";
}

function linkState(state, text) {
  link.dataset.state = state;
  link.textContent = text;
}

async function answer(form, verdict) {
  const buttons = form.querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  form.querySelector(".trouble")?.remove();
  try {
    const reply = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams({ answer: verdict }),
    });
    const { state } = await reply.json();
    news.textContent = reply.ok ? `Request ${state}.` : `Too late: the request is ${state}.`;
  } catch {
    for (const button of buttons) button.disabled = false;
    const trouble = document.createElement("p");
    trouble.className = "trouble";
    trouble.setAttribute("role", "alert");
    trouble.textContent = "The answer could not be sent. Is the lab still running?";
    form.append(trouble);
  }
}

lists.addEventListener("submit", (event) => {
  event.preventDefault();
  answer(event.target, event.submitter ? event.submitter.value : "deny");
});

const events = new EventSource("/phone/events");
events.onopen = () => linkState("live", "live");
events.onmessage = (event) => show(event.data);
events.onerror = () => linkState("lost", "reconnecting…");

setInterval(countDown, 250);
countDown();
