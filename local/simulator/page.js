// Keeps the page fresh, and presses its buttons without leaving it. All of them work without, too.
"use strict";

const EVERY_MS = 1000;
const shown = new Map();
let busy = 0;

document.documentElement.classList.add("scripted");
for (const part of document.querySelectorAll("[data-live]")) shown.set(part.id, part.innerHTML);

function isHeld(part) {
  // Whoever is marking something to copy it would lose it.
  const marked = getSelection();
  return !marked.isCollapsed && part.contains(marked.anchorNode);
}

function replace(part, html) {
  const open = [...part.querySelectorAll("details")].map((each) => each.open);
  const ticked = [...part.querySelectorAll("input:checked")].map((each) => each.value);
  const active = document.activeElement;
  const [focused, action] = part.contains(active) ? [active.value, active.getAttribute("formaction")] : [];
  part.innerHTML = html;
  shown.set(part.id, html);
  part.querySelectorAll("details").forEach((each, place) => { each.open = open[place] ?? each.open; });
  for (const box of part.querySelectorAll("input[type=checkbox]:enabled")) box.checked = ticked.includes(box.value);
  if (action) part.querySelector(`[formaction="${action}"][value="${CSS.escape(focused)}"]`)?.focus();
}

function take(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const html = fresh.getElementById(part.id)?.innerHTML;
    if (html !== undefined && html !== shown.get(part.id) && !isHeld(part)) replace(part, html);
  }
  // What nobody has typed into follows what happened.
  for (const field of document.querySelectorAll("input[data-follows]")) {
    const now = fresh.getElementById(field.id)?.defaultValue;
    if (now === undefined || now === field.defaultValue || field === document.activeElement) continue;
    if (field.value === field.defaultValue) field.value = now;
    field.defaultValue = now;
  }
}

function said(why) {
  const notice = document.createElement("p");
  notice.className = "notice";
  notice.role = "alert";
  notice.textContent = why;
  return notice;
}

async function refresh() {
  try {
    const answer = await fetch("/", { cache: "no-store" });
    take(await answer.text());
    document.getElementById("gone")?.remove();
  } catch {
    if (document.getElementById("gone")) return;
    const gone = said("Nobody answers any more: the stack has ended. Start it with make up, and open the address that it prints.");
    gone.id = "gone";
    document.querySelector("header").append(gone);
  }
}

async function press(form, button) {
  const address = button.hasAttribute("formaction") ? button.formAction : form.action;
  const body = new URLSearchParams(new FormData(form, button));
  // One after the other: nobody takes a call that has not rung yet.
  const buttons = [...form.querySelectorAll("button")];
  for (const each of buttons) each.disabled = true;
  busy += 1;
  form.parentElement.querySelectorAll(":scope > .notice").forEach((each) => each.remove());
  try {
    const answer = await fetch(address, { method: "POST", body });
    if (!answer.ok) form.after(said((await answer.text()).trim()));
    await refresh();
  } catch {
    await refresh();
  } finally {
    for (const each of buttons) each.disabled = false;
    button.focus({ preventScroll: true });
    busy -= 1;
  }
}

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (button?.getAttribute("formtarget") === "_blank") return;
  event.preventDefault();
  if (button) press(event.target, button);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest(".command button");
  if (!button) return;
  navigator.clipboard.writeText(button.previousElementSibling.textContent);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
});

document.addEventListener("visibilitychange", () => document.hidden || refresh());
setInterval(() => document.hidden || busy || refresh(), EVERY_MS);
