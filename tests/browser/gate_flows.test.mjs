// The whole way through the gate, in a real browser against a real door: a visitor asks for a page,
// confirms that it is he, and lands where he wanted to go.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { appCode, launch, Stage } from "./gate_lab.mjs";
import { Simulator } from "./lab.mjs";

const wanted = "/report?year=2026&q=a%2Fb+c%26d&name=J%C3%BCrgen";

let browser;
let simulator;

before(async () => {
  [browser, simulator] = await Promise.all([launch(), Simulator.start()]);
});

after(async () => {
  await browser?.close();
  await simulator?.stop();
});

/** A test with a door of its own, at whose end no browser has complained. */
function flow(name, options, walk) {
  test(name, async () => {
    const stage = await Stage.open(browser, typeof options === "function" ? options() : options);
    try {
      await walk(stage);
      assert.deepEqual(stage.troubles, []);
    } finally {
      await stage.close();
    }
  });
}

const shows = (page, name) => page.locator(`body[data-page="${name}"]`).waitFor();
const press = (page, name) => page.getByRole("button", { name }).click();

/** Asks for the page, is sent to the gate, and says who he is. */
async function ask(stage, page, user = "alice") {
  await page.goto(stage.url + wanted);
  await shows(page, "start");
  await page.locator("#user").fill(user);
  await press(page, "Continue");
}

async function lands(stage, page) {
  await page.waitForURL(stage.url + wanted);
  assert.equal(await page.locator("p").textContent(), wanted);
}

const wrong = (code) => String((Number(code) + 1) % 1_000_000).padStart(6, "0");

async function isTold(page, text) {
  await page.getByRole("alert").filter({ hasText: text }).waitFor();
}

describe("a code by message", { concurrency: 3 }, () => {
  flow("lets in to exactly the page that was asked for", {}, async (stage) => {
    const page = await stage.device();
    await ask(stage, page);
    await shows(page, "token");
    await page.locator("#code").pressSequentially(await stage.code());
    await lands(stage, page);
    // Whoever is in is not asked again.
    await page.goto(`${stage.url}/other?x=1`);
    assert.equal(await page.locator("p").textContent(), "/other?x=1");
  });

  flow("may be mistyped, and typed right then", {}, async (stage) => {
    const page = await stage.device();
    await ask(stage, page);
    const code = await stage.code();
    await page.locator("#code").pressSequentially(wrong(code));
    await isTold(page, "That code is wrong");
    await page.locator("#code").pressSequentially(`${code.slice(0, 3)} ${code.slice(3)}`);
    await lands(stage, page);
  });

  flow("ends the visit when too many were wrong", { gate: "tries = 2" }, async (stage) => {
    const page = await stage.device();
    await ask(stage, page);
    const code = await stage.code();
    await page.locator("#code").pressSequentially(wrong(code));
    await isTold(page, "That code is wrong");
    await page.locator("#code").pressSequentially(wrong(code));
    await shows(page, "ended");
    await page.getByRole("link", { name: "Start again" }).click();
    await page.locator("#user").fill("alice");
    await press(page, "Continue");
    await page.locator("#code").pressSequentially(await stage.code(2));
    await lands(stage, page);
  });

  flow("is worth nothing when its time is over", { gate: 'token_duration = "10s"' }, async (stage) => {
    const page = await stage.device();
    await ask(stage, page);
    const code = await stage.code();
    await page.locator(".left", { hasText: "The time is over" }).waitFor();
    await page.locator("#code").pressSequentially(code);
    await isTold(page, "The time for this ran out");
    await page.goto(stage.url + wanted);
    await shows(page, "start");
  });

  flow("is sent anew when asked for, and the old one is worth nothing", {}, async (stage) => {
    const page = await stage.device();
    await ask(stage, page);
    const first = await stage.code();
    await press(page, "Send a new code");
    const second = await stage.code(2);
    await shows(page, "token");
    if (first !== second) {
      await page.locator("#code").pressSequentially(first);
      await isTold(page, "That code is wrong");
    }
    await page.locator("#code").pressSequentially(second);
    await lands(stage, page);
  });

  flow("of somebody unknown is just wrong", {}, async (stage) => {
    const page = await stage.device();
    await ask(stage, page, "mallory");
    await shows(page, "token");
    await page.locator("#code").pressSequentially("123456");
    await isTold(page, "That code is wrong");
    assert.deepEqual(stage.messages, []);
  });

  flow("lets in without a script, on a telephone's screen", {}, async (stage) => {
    const page = await stage.device({
      javaScriptEnabled: false, viewport: { width: 320, height: 568 }, isMobile: true, hasTouch: true,
    });
    await ask(stage, page);
    await page.locator("#code").fill(await stage.code());
    await page.getByRole("button", { name: "Confirm", exact: true }).tap();
    await lands(stage, page);
  });

  flow("may be typed in another tab of the same visit", {}, async (stage) => {
    const page = await stage.device();
    await ask(stage, page);
    await shows(page, "token");
    const other = await stage.tab(page.context());
    await other.goto(`${stage.url}/.sallyport/visit`);
    await other.locator("#code").pressSequentially(await stage.code());
    await lands(stage, other);
    // The first tab's form comes too late, and leads in.
    await page.locator("#code").pressSequentially("123456");
    await lands(stage, page);
  });

  flow("is asked for in the visitor's language, and in the one he switches to", {}, async (stage) => {
    const page = await stage.device({ locale: "de-DE" });
    await page.goto(stage.url + wanted);
    await page.locator('html[lang="de"]').waitFor();
    await press(page, "English");
    await page.locator('html[lang="en"]').waitFor();
    await page.locator("#user").fill("alice");
    await press(page, "Continue");
    await shows(page, "token");
    await press(page, "Deutsch");
    await page.locator('html[lang="de"] body[data-page="token"]').waitFor();
    await page.locator("#code").pressSequentially(await stage.code());
    await lands(stage, page);
  });

  const captcha = { gate: 'captcha = "full"' };
  flow("is sent only after the captcha, which the browser can work off", captcha, async (stage) => {
    const page = await stage.device();
    await ask(stage, page);
    await shows(page, "captcha");
    const picture = page.locator("img.captcha");
    assert.ok(await picture.evaluate((image) => image.decode().then(() => image.naturalWidth)) > 0);
    await page.locator("#answer").fill("wrong");
    await press(page, "Continue");
    await isTold(page, "not what the picture showed");
    assert.deepEqual(stage.messages, []);
    await press(page, "Use the puzzle instead");
    await shows(page, "token");
    await page.locator("#code").pressSequentially(await stage.code());
    await lands(stage, page);
  });
});

describe("an authenticator app", { concurrency: 3 }, () => {
  const byCookie = { gate: 'factors = ["otp"]\nbind = "cookie"' };

  /** Sets up the app by the mailed link, on the device at the gate. `code` confirmed it and is used up. */
  async function setUp(stage, page) {
    await shows(page, "otp");
    await press(page, "Set up an app");
    await shows(page, "register_sent");
    await page.goto(await stage.link());
    await shows(page, "register_otp");
    await page.locator(".qr-frame svg").waitFor();
    const secret = await page.locator(".secret code").textContent();
    assert.match(await page.locator(".on-phone a").getAttribute("href"),
      new RegExp(`secret=${secret.replaceAll(" ", "")}`));
    const code = appCode(secret);
    await page.locator("#code").pressSequentially(code);
    await shows(page, "recovery_codes");
    const recovery = await page.locator(".codes code").allTextContents();
    assert.equal(new Set(recovery).size, 10);
    return { secret, code, recovery };
  }

  flow("is set up by a mailed link, and lets in", { gate: 'factors = ["otp"]' }, async (stage) => {
    const page = await stage.device();
    await ask(stage, page);
    const { secret, code } = await setUp(stage, page);
    // Once: the link is used up, and going back shows nothing.
    await page.goto(await stage.link());
    await shows(page, "message");
    await page.goto(`${stage.url}/.sallyport/visit`);
    await shows(page, "otp");
    // The code of the registration is used up, too.
    await page.locator("#code").pressSequentially(code);
    await isTold(page, "That code is wrong");
    await page.locator("#code").pressSequentially(appCode(secret, 1));
    await lands(stage, page);
    assert.match(await stage.message(2), /otp|app/i); // he is told of the change
  });

  flow("lets nobody in twice by the same code", byCookie, async (stage) => {
    const page = await stage.device();
    await ask(stage, page);
    const { secret } = await setUp(stage, page);
    await page.goto(`${stage.url}/.sallyport/visit`);
    const code = appCode(secret, 1);
    await page.locator("#code").pressSequentially(code);
    await lands(stage, page);
    const other = await stage.device();
    await ask(stage, other);
    await other.locator("#code").pressSequentially(code);
    await isTold(other, "was used before");
  });

  flow("can be lost: a recovery code lets in, once", byCookie, async (stage) => {
    const page = await stage.device();
    await ask(stage, page);
    const { recovery } = await setUp(stage, page);
    await page.getByRole("link", { name: "I have kept them" }).click();
    const recover = async (at, code) => {
      await at.getByText("Lost your phone?").click();
      await at.locator("#recovery").fill(code);
      await press(at, "Use this code");
    };
    await recover(page, recovery[3]);
    await lands(stage, page);
    await page.goto(`${stage.url}/.sallyport/access`);
    await page.getByText("Recovery codes left: 9").waitFor();
    const other = await stage.device();
    await ask(stage, other);
    await recover(other, recovery[3]);
    await isTold(other, "was used before");
    await recover(other, recovery[4].toLowerCase());
    await lands(stage, other);
  });
});

describe("a link by message", { concurrency: 3 }, () => {
  const gate = 'factors = ["link"]';

  flow("lets in the waiting browser by Yes on another device", { gate }, async (stage) => {
    const page = await stage.device();
    await ask(stage, page);
    await shows(page, "link");
    const number = await page.locator(".match strong").textContent();
    const phone = await stage.device();
    await phone.goto(await stage.link());
    await shows(phone, "approve");
    assert.equal(await phone.locator(".match strong").textContent(), number);
    // Looking changes nothing, however often.
    await phone.reload();
    await shows(phone, "approve");
    await shows(page, "link");
    await press(phone, "Yes, let it in");
    await shows(phone, "approved");
    await lands(stage, page); // by itself
    // The answer was for that browser: the link is used up, and the phone is not signed in.
    await phone.goto(await stage.link());
    await shows(phone, "message");
    await phone.goto(`${stage.url}/.sallyport/access`);
    await shows(phone, "start");
  });

  flow("that is answered with No tells the waiting browser", { gate }, async (stage) => {
    const page = await stage.device();
    await ask(stage, page);
    await shows(page, "link");
    const phone = await stage.device();
    await phone.goto(await stage.link());
    await press(phone, "No, that is not me");
    await shows(phone, "refused");
    await shows(page, "ended"); // by itself
    await isTold(page, "refused");
    await page.goto(stage.url + wanted);
    await shows(page, "start");
  });

  flow("needs no script on either device", { gate }, async (stage) => {
    const page = await stage.device({ javaScriptEnabled: false });
    await ask(stage, page);
    await shows(page, "link");
    const phone = await stage.device({ javaScriptEnabled: false });
    await phone.goto(await stage.link());
    await press(phone, "Yes, let it in");
    await shows(phone, "approved");
    await lands(stage, page); // by itself, at its next look
  });
});

describe("a question on the phone", { concurrency: 3 }, () => {
  const options = () => ({
    gate: 'factors = ["push"]',
    more: `[notakey]\nhost = "${simulator.url}"\naccess_id = "lab"\n`,
  });

  for (const [user, button, name] of [
    ["alice", "Approve", "that is approved lets in"],
    ["bob", "Deny", "that is denied tells the waiting browser"],
  ]) {
    flow(name, options, async (stage) => {
      const phone = await stage.device();
      await phone.goto(simulator.phone);
      const page = await stage.device();
      await ask(stage, page, user);
      await shows(page, "push");
      const number = await page.locator(".match strong").textContent();
      const card = phone.locator(".card", { hasText: user });
      await card.filter({ hasText: number }).waitFor();
      await card.getByRole("button", { name: button }).click();
      if (button === "Approve") return lands(stage, page);
      await shows(page, "ended");
      await isTold(page, "refused");
    });
  }
});

describe("a passkey", { concurrency: 3 }, () => {
  const gate = 'factors = ["passkey", "token"]\nbind = "cookie"';

  async function withAuthenticator(page) {
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("WebAuthn.enable");
    await devtools.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true,
        isUserVerified: true, automaticPresenceSimulation: true,
      },
    });
  }

  flow("is made by a mailed link, lets in, and is removed", { gate }, async (stage) => {
    const page = await stage.device();
    await withAuthenticator(page);
    await ask(stage, page);
    await shows(page, "choose");
    await press(page, "Passkey");
    await shows(page, "passkey");
    await press(page, "Make a passkey");
    await shows(page, "register_sent");
    await page.goto(await stage.link());
    await page.locator("#name").fill("Desk");
    await press(page, "Make passkey");
    await shows(page, "passkey");
    await press(page, "Use passkey");
    await lands(stage, page);
    await page.goto(`${stage.url}/.sallyport/access`);
    await page.locator(".lines li", { hasText: "Desk" }).getByRole("button", { name: "Remove" }).click();
    await page.getByText("None yet").waitFor();
    await page.locator('button[value="sign-out"]').click();
    await page.goto(stage.url + wanted);
    await page.locator("#user").fill("alice");
    await press(page, "Continue");
    await press(page, "Passkey");
    await press(page, "Use passkey");
    await isTold(page, "could not be checked");
  });
});

describe("who is in", { concurrency: 3 }, () => {
  flow("sees his access, and ends it", {}, async (stage) => {
    const page = await stage.device();
    await ask(stage, page);
    await page.locator("#code").pressSequentially(await stage.code());
    await lands(stage, page);
    await page.goto(`${stage.url}/.sallyport/access`);
    const line = page.locator(".lines li", { hasText: "127.0.0.1" }).filter({ hasText: "This address" });
    await line.getByRole("button", { name: "End" }).click();
    await page.getByText("No address is open for you now").waitFor();
    await page.goto(stage.url + wanted);
    await shows(page, "start");
  });

  flow("ends all at once, in all his browsers", { gate: 'bind = "cookie"' }, async (stage) => {
    const pages = [await stage.device(), await stage.device()];
    for (const [index, page] of pages.entries()) {
      await ask(stage, page);
      await page.locator("#code").pressSequentially(await stage.code(index + 1));
      await lands(stage, page);
    }
    await pages[0].goto(`${stage.url}/.sallyport/access`);
    await press(pages[0], "End all access");
    await shows(pages[0], "start");
    for (const page of pages) {
      await page.goto(stage.url + wanted);
      await shows(page, "start");
      await page.goto(`${stage.url}/.sallyport/access`);
      await shows(page, "start");
    }
  });
});
