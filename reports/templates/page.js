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

// ---- a link to a certificate opens it ----
function openTarget() {
  const target = byId(location.hash.slice(1));
  for (const old of document.querySelectorAll("details.found")) old.classList.remove("found");
  if (target?.tagName !== "DETAILS") return;
  target.open = true;
  target.classList.add("found");
  target.scrollIntoView();
}

// ---- notes open below the button that was pressed ----
function placePopover(event) {
  const note = event.target;
  if (event.newState !== "open" || !note.classList?.contains("popover")) return;
  const button = document.querySelector(`[popovertarget="${CSS.escape(note.id)}"]`).getBoundingClientRect();
  const { width, height } = note.getBoundingClientRect();
  const below = button.bottom + 4 + height < innerHeight;
  note.style.left = `${Math.max(8, Math.min(button.left, innerWidth - width - 8))}px`;
  note.style.top = `${below ? button.bottom + 4 : Math.max(8, button.top - height - 4)}px`;
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
document.addEventListener("toggle", placePopover, true);
followSections();
