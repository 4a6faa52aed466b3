"use strict";
const byId = (id) => document.getElementById(id);

// ---- theme: as the system, light or dark; kept in the browser where it can be ----
const THEMES = [
  ["light dark", "as the system"],
  ["light", "light"],
  ["dark", "dark"],
];
function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // a browser that keeps nothing for files shows the system's theme the next time
  }
}
function startTheme() {
  const button = byId("theme");
  let at = Math.max(0, THEMES.findIndex(([value]) => value === recall("report/theme")));
  const apply = () => {
    document.documentElement.style.colorScheme = THEMES[at][0];
    button.textContent = `Theme: ${THEMES[at][1]}`;
  };
  button.addEventListener("click", () => {
    at = (at + 1) % THEMES.length;
    keep("report/theme", THEMES[at][0]);
    apply();
  });
  button.hidden = false;
  apply();
}

// ---- a link opens what it leads to, and what that lies in ----
function openTarget() {
  const target = byId(location.hash.slice(1));
  for (const old of document.querySelectorAll("details.found")) old.classList.remove("found");
  if (!target) return;
  for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  const fold = target.querySelector(":scope > details.fold");
  if (fold) fold.open = true;
  if (target.tagName === "DETAILS") target.classList.add("found");
  target.scrollIntoView();
}

// ---- the note of a number stands beside it while it is pointed at or focused; Escape hides it ----
function startNotes() {
  const bubble = document.createElement("div");
  bubble.className = "bubble";
  bubble.id = "note";
  bubble.setAttribute("role", "tooltip");
  bubble.hidden = true;
  document.body.append(bubble);
  let shown = null;
  const hide = () => {
    shown?.removeAttribute("aria-describedby");
    shown = null;
    bubble.hidden = true;
  };
  const show = (event) => {
    const owner = event.target.closest?.("[data-note]");
    if (owner === shown) return;
    hide();
    if (!owner) return;
    shown = owner;
    bubble.textContent = owner.dataset.note + (owner.hash ? "\nClick for its provenance." : "");
    bubble.hidden = false;
    owner.setAttribute("aria-describedby", "note");
    put();
  };
  const put = () => {
    if (!shown) return;
    const { left, top, bottom } = shown.getBoundingClientRect();
    const { width, height } = bubble.getBoundingClientRect();
    bubble.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
    bubble.style.top = `${bottom + 6 + height < innerHeight ? bottom + 6 : Math.max(8, top - height - 6)}px`;
  };
  document.addEventListener("pointerover", show);
  document.addEventListener("focusin", show);
  document.addEventListener("scroll", put, true);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
}

// ---- paper shows everything ----
function openForPrint() {
  const closed = Array.from(document.querySelectorAll("details.fold:not([open])"));
  addEventListener("afterprint", () => closed.forEach((fold) => (fold.open = false)), { once: true });
  for (const fold of closed) if (!fold.closest("#certificates")) fold.open = true;
}

// ---- the section that is read is marked in the navigation ----
function followSections() {
  const links = new Map(Array.from(document.querySelectorAll("nav a"), (a) => [a.hash.slice(1), a]));
  const seen = new IntersectionObserver(
    (entries) => {
      for (const entry of entries.filter((e) => e.isIntersecting)) {
        for (const link of links.values()) link.removeAttribute("aria-current");
        links.get(entry.target.id)?.setAttribute("aria-current", "true");
      }
    },
    { rootMargin: "-20% 0px -75% 0px" },
  );
  for (const id of links.keys()) if (byId(id)) seen.observe(byId(id));
}

startTheme();
openTarget();
addEventListener("hashchange", openTarget);
addEventListener("beforeprint", openForPrint);
startNotes();
followSections();
