/* The plain chat page: talks to /api/v1 and shows every kind of message.
   Text is set with textContent only; the page's policy (require-trusted-types-for) forbids more. */
"use strict";

const API = "/api/v1";
const TRIES = 4;
const OWN_KEY = "kneewise.mine";
const BEGUN_KEY = "kneewise.begun";

const log = document.getElementById("log");
const status = document.getElementById("status");
const form = document.getElementById("form");
const field = document.getElementById("text");

let lastSeq = 0;
let busy = false;
let openAnswers = null; // the answer controls of the last question
let unsent = null; // the last turn while it has no reply: sent again, it keeps its id
let token = null; // in memory only, for browsers that drop the cookie (plain http, not localhost)

/* -- small pieces ------------------------------------------------------------------------ */

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter(Boolean));
  return element;
}

/* Paragraphs and "- " lists, as the messages' own text has them. */
function prose(text) {
  const parts = [];
  let list = null;
  for (const line of text.split("\n")) {
    if (line.startsWith("- ")) {
      if (!list) parts.push((list = make("ul")));
      list.append(make("li", { text: line.slice(2) }));
    } else {
      list = null;
      if (line.trim()) parts.push(make("p", { text: line }));
    }
  }
  return parts;
}

function button(label, kind, onClick) {
  const element = make("button", { type: "button", class: kind, text: label });
  element.addEventListener("click", () => {
    if (!busy && !isResting(element)) onClick();
  });
  return element;
}

const isResting = (control) => control.getAttribute("aria-disabled") === "true";

function newId() {
  // randomUUID is missing on plain http other than localhost.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* -- the API ----------------------------------------------------------------------------- */

class Refused extends Error {
  constructor(code, problem) {
    super(problem.detail || "Something went wrong.");
    this.code = code;
    this.slug = String(problem.type || "").split("/").pop();
  }
}

/* One call; repeated when the network or the server is not there. Repeating is safe: every
   message has its id. */
async function call(path, options = {}) {
  for (let attempt = 1; ; attempt += 1) {
    let wait = 500 * 2 ** attempt * (0.5 + Math.random() / 2);
    try {
      const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
      const reply = await fetch(API + path, { credentials: "same-origin", ...options, headers });
      if (reply.ok) return reply.status === 204 ? null : await reply.json();
      const problem = await reply.json().catch(() => ({}));
      if (![429, 500, 503].includes(reply.status) || attempt >= TRIES) {
        throw new Refused(reply.status, problem);
      }
      wait = Math.max(wait, 1000 * Number(reply.headers.get("Retry-After") || 0));
    } catch (error) {
      if (error instanceof Refused || attempt >= TRIES) throw error;
    }
    say("No answer yet. I am trying again.");
    await pause(Math.min(wait, 20000));
  }
}

function post(path, body) {
  return call(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  });
}

/* -- what the person said, kept in this browser so that a reload shows both sides --------- */

const mine = {
  read() {
    try {
      return JSON.parse(sessionStorage.getItem(OWN_KEY)) || [];
    } catch {
      return []; // storage is blocked: only the bot's side is shown after a reload
    }
  },
  add(after, text) {
    try {
      sessionStorage.setItem(OWN_KEY, JSON.stringify([...this.read(), { after, text }]));
    } catch {
      /* as above */
    }
  },
  clear() {
    try {
      sessionStorage.removeItem(OWN_KEY);
    } catch {
      /* as above */
    }
  },
};

/* Whether this browser has a session, as far as we know: a first visit need not ask for one. */
const begun = {
  maybe() {
    try {
      return localStorage.getItem(BEGUN_KEY) !== null;
    } catch {
      return true; // storage is blocked: ask the server
    }
  },
  note() {
    try {
      localStorage.setItem(BEGUN_KEY, "yes");
    } catch {
      /* as above */
    }
  },
};

/* -- showing messages -------------------------------------------------------------------- */

function say(text) {
  status.textContent = text;
}

function showMine(text) {
  log.append(make("div", { class: "turn me", text }));
  log.scrollTop = log.scrollHeight;
}

/* Shows what is new, scrolled so that reading can begin at its first line. */
function showMessages(messages) {
  const last = log.lastElementChild;
  for (const message of messages) {
    if (message.seq <= lastSeq) continue;
    lastSeq = message.seq;
    if (SUPERSEDING.has(message.kind)) {
      rest(openAnswers);
      openAnswers = null;
    }
    const view = VIEWS[message.kind] || plain;
    log.append(view(message));
  }
  log.scrollTop = last ? last.offsetTop - log.offsetTop - 8 : 0;
}

function plain(message) {
  return make("div", { class: "turn bot" }, ...prose(message.text));
}

function withReferences(message) {
  const element = plain(message);
  if (message.references?.length) {
    element.append(make("p", { class: "refs", text: "Source: " + message.references.join(", ") }));
  }
  return element;
}

function crisis(message) {
  return make("div", { class: "turn card urgent" }, ...prose(message.text));
}

function section(title, items) {
  if (!items?.length) return [];
  return [make("h3", { text: title }), make("ul", {}, ...items.map((text) => make("li", { text })))];
}

function contactLine(contact, urgent) {
  if (!contact) return null;
  const line = make("p", {}, make("strong", { text: "Who to contact: " }), contact.label + " ");
  if (contact.phone) {
    const href = "tel:" + contact.phone.replace(/[^+0-9]/g, "");
    line.append(make("a", { href, class: urgent ? "call" : "", text: "Call " + contact.phone }), " ");
  }
  if (contact.url?.startsWith("https://")) {
    line.append(make("a", { href: contact.url, rel: "noreferrer", text: "Book online" }));
  }
  return line;
}

function assessment(message) {
  const mood = message.level >= 5 ? "urgent" : message.level >= 3 ? "care" : "calm";
  const card = make("section", { class: `turn card ${mood}`, "aria-label": "Your result" });
  if (!message.headline) {
    card.append(...prose(message.text));
    return card;
  }
  card.append(
    make("p", { class: "urgency", text: message.urgency }),
    make("h2", { text: message.headline }),
  );
  const contact = contactLine(message.contact, message.level >= 5);
  if (message.level >= 5 && contact) card.append(contact);
  if (message.actions.length) {
    card.append(make("ul", {}, ...message.actions.map((text) => make("li", { text }))));
  }
  if (message.level < 5 && contact) card.append(contact);
  card.append(...section("Until then", message.meanwhile));
  if (message.reasons.length) {
    const reasons = message.reasons.map((reason) =>
      make("li", {}, reason.text, " ", make("span", { class: "refs", text: `[${reason.references.join(", ")}]` })),
    );
    card.append(make("h3", { text: "Why" }), make("ul", {}, ...reasons));
  }
  card.append(...section("Watch for these", message.safety_net));
  const ifs = (message.counterfactuals || []).map((one) => one.text || `If ${one.if}: ${one.disposition.replaceAll("_", " ")}`);
  const titles = (message.references || []).map((one) => `${one.id}: ${one.title}`);
  if (ifs.length) card.append(fold("What would change this", ifs));
  if (titles.length) card.append(fold("Where this comes from", titles));
  if (message.note) card.append(make("p", { class: "hint", text: message.note }));
  return card;
}

function fold(title, lines) {
  return make(
    "details",
    {},
    make("summary", { text: title }),
    make("ul", {}, ...lines.map((text) => make("li", { text }))),
  );
}

function summary(message) {
  const rows = message.findings.map((row) => {
    const topic = row.topic || row.finding.replaceAll("_", " ");
    const change = button("Change", "change", () =>
      answer({ finding: "change", value: row.finding }, `Change: ${topic}`),
    );
    change.setAttribute("aria-label", `Change: ${topic}`);
    return make("div", {}, make("dt", { text: topic }), make("dd", { text: row.label }), change);
  });
  const lines = message.text.split("\n").filter((line) => line && !line.startsWith("- "));
  const confirm = button("Yes, show my result", "go", () =>
    answer({ finding: "summary", value: "confirm" }, "Yes, that is right"),
  );
  const card = make(
    "section",
    { class: "turn card", "aria-label": "What I understood" },
    ...lines.slice(0, 1).map((text) => make("p", { class: "ask", text })),
    make("dl", {}, ...rows),
    ...lines.slice(1).map((text) => make("p", { class: "hint", text })),
    make("div", { class: "answers" }, confirm),
  );
  openAnswers = card;
  return card;
}

/* -- questions --------------------------------------------------------------------------- */

function question(message) {
  const set = make("fieldset", { class: "answers" }, make("legend", { text: message.prompt || message.text }));
  if (message.help) set.append(make("p", { class: "hint", text: message.help }));
  if (message.input === "checklist") checklist(message, set);
  else if (message.input === "number") number(message, set);
  else choices(message, set);
  const box = make("div", { class: "turn bot question" }, set);
  if (message.why) {
    box.append(make("details", {}, make("summary", { text: "Why do you ask?" }), make("p", { text: message.why })));
  }
  if (message.progress) {
    const { answered, at_most: most } = message.progress;
    box.append(make("p", { class: "progress", text: `Answered: ${answered}. At most ${Math.max(most - answered, 1)} to go.` }));
  }
  openAnswers = set;
  return box;
}

function notSure(message) {
  return button("Not sure", "chip quiet", () => answer({ finding: message.finding, value: "unknown" }, "Not sure"));
}

function choices(message, set) {
  for (const choice of message.choices) {
    const chip = button(choice.label, "chip", () => answer({ finding: message.finding, value: choice.value }, choice.label));
    if (choice.help) chip.append(make("small", { text: choice.help }));
    set.append(chip);
  }
  if (!message.choices.some((choice) => choice.value === "unknown")) set.append(notSure(message));
}

function checklist(message, set) {
  set.classList.add("stack");
  const none = message.none_label || "None of these";
  const send = button(none, "go", () => {
    const ticked = boxes.filter((box) => box.checked);
    answer(
      { finding: message.finding, value: ticked.map((box) => box.value) },
      ticked.length ? ticked.map((box) => box.dataset.label).join("; ") : none,
    );
  });
  const boxes = message.choices.map((choice) => {
    const box = make("input", { type: "checkbox", value: choice.value });
    box.dataset.label = choice.label;
    box.addEventListener("click", (event) => {
      if (isResting(box)) event.preventDefault();
    });
    box.addEventListener("change", () => {
      const count = boxes.filter((one) => one.checked).length;
      send.textContent = count ? `Send (${count})` : none;
    });
    const words = make("span", { text: choice.label });
    if (choice.help) words.append(make("small", { text: choice.help }));
    set.append(make("label", { class: "tick" }, box, words));
    return box;
  });
  set.append(make("div", { class: "answers" }, send, notSure(message)));
}

function number(message, set) {
  const unit = message.unit ? ` ${message.unit}` : "";
  if (message.max - message.min <= 10) {
    for (let value = message.min; value <= message.max; value += 1) {
      set.append(button(String(value), "chip number", () => answer({ finding: message.finding, value }, String(value))));
    }
    if (message.min_label) {
      set.append(
        make(
          "p",
          { class: "ends" },
          make("span", { text: `${message.min}: ${message.min_label}` }),
          make("span", { text: `${message.max}: ${message.max_label}` }),
        ),
      );
    }
  } else {
    const input = make("input", {
      class: "amount", type: "number", inputmode: "numeric", step: "1",
      min: message.min, max: message.max, "aria-label": `Number${unit}`,
    });
    const send = () => {
      if (input.value === "" || !input.checkValidity()) {
        say(`Please give a whole number from ${message.min} to ${message.max}.`);
        input.focus();
      } else {
        answer({ finding: message.finding, value: Number(input.value) }, `${input.value}${unit}`);
      }
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !busy) send();
    });
    set.append(input, button("Send", "go", send));
  }
  set.append(notSure(message));
}

const VIEWS = { question, summary, assessment, crisis, faq: withReferences, exercise: withReferences, plan: plain };

/* What takes the place of the question or summary before it. After any other reply, such as a
   short answer to "what does this cost?", its answers are still open. */
const SUPERSEDING = new Set(["question", "summary", "assessment"]);

/* A question that was answered keeps its words; its controls rest. */
function rest(answers) {
  for (const control of answers?.querySelectorAll("button, input") || []) {
    control.setAttribute("aria-disabled", "true");
    if (control.type === "number") control.readOnly = true;
  }
}

function wake(answers) {
  for (const control of answers?.querySelectorAll("[aria-disabled]") || []) {
    control.removeAttribute("aria-disabled");
    control.readOnly = false;
  }
}

/* -- turns ------------------------------------------------------------------------------- */

async function turn(content, shown) {
  busy = true;
  form.setAttribute("aria-busy", "true");
  say("Kneewise is thinking ...");
  const after = lastSeq;
  const said = JSON.stringify(content);
  if (unsent?.said !== said) unsent = { id: newId(), said };
  rest(openAnswers);
  showMine(shown);
  try {
    const { messages } = await post("/messages", { id: unsent.id, ...content });
    unsent = null;
    mine.add(after, shown);
    say("");
    showMessages(messages);
  } catch (error) {
    if (error instanceof Refused && error.code < 500) unsent = null;
    if (error.code === 401) {
      // Ended, or deleted in another tab.
      log.replaceChildren();
      await begin();
      say("That conversation has ended. This is a new one.");
    } else {
      say(error instanceof Refused ? error.message : "I cannot reach the server. Your words are still in the box below.");
      log.lastElementChild?.remove();
      if (content.text) field.value = content.text;
    }
  } finally {
    wake(openAnswers);
    busy = false;
    form.removeAttribute("aria-busy");
  }
}

/* The focus stays where it is: a control that rests can still hold it. */
function answer(content, shown) {
  turn({ answer: content }, shown);
}

async function begin() {
  mine.clear();
  lastSeq = 0;
  openAnswers = null;
  token = null;
  say("Starting ...");
  const clinic = new URLSearchParams(location.search).get("clinic");
  try {
    const session = await post("/sessions", clinic ? { clinic } : {});
    token = session.token;
    begun.note();
    say("");
    showMessages(session.messages);
  } catch (error) {
    say(error instanceof Refused ? error.message : "I cannot reach the server. Please load the page again.");
  }
}

async function resume() {
  const { messages } = await call("/messages?after=0", { headers: { Accept: "application/json" } });
  const said = mine.read();
  for (const message of messages) {
    while (said.length && said[0].after < message.seq) showMine(said.shift().text);
    showMessages([message]);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = field.value.trim();
  if (busy) return;
  if (!text) {
    say("Write a few words, or tap an answer.");
    return;
  }
  field.value = "";
  grow();
  turn({ text }, text);
});

field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});

function grow() {
  field.style.blockSize = "auto";
  field.style.blockSize = `${field.scrollHeight + 3}px`;
}
field.addEventListener("input", grow);

/* Does it once the person has said yes in the dialog `sure-<id>`. */
function afterYes(id, act) {
  const dialog = document.getElementById(`sure-${id}`);
  document.getElementById(id).addEventListener("click", () => dialog.showModal());
  dialog.addEventListener("close", () => {
    const yes = dialog.returnValue === "yes";
    dialog.returnValue = "";
    if (yes && !busy) act();
  });
}

afterYes("start-over", () => answer({ finding: "control", value: "start_over" }, "Start over"));

document.getElementById("export").addEventListener("click", async () => {
  try {
    const held = await call("/export");
    const file = new Blob([JSON.stringify(held, null, 2)], { type: "application/json" });
    const link = make("a", { href: URL.createObjectURL(file), download: "kneewise-export.json" });
    link.click();
    URL.revokeObjectURL(link.href);
  } catch (error) {
    say(error instanceof Refused ? error.message : "I cannot reach the server. Please try again.");
  }
});

afterYes("delete", async () => {
  try {
    await call("/session", { method: "DELETE" });
  } catch (error) {
    if (error.code !== 401) {
      say("It could not be deleted just now. Please try again.");
      return;
    }
  }
  log.replaceChildren();
  await begin();
  say("All your data is deleted. This is a new conversation.");
});

(async () => {
  if (!begun.maybe()) {
    await begin();
    return;
  }
  say("Starting ...");
  try {
    await resume();
    say("");
  } catch (error) {
    if (error.code === 401) await begin();
    else say(error instanceof Refused ? error.message : "I cannot reach the server. Please load the page again.");
  }
})();
