
// ---- tables: a click on a head sorts by best first, then by worst first, then as it was ----
function startSorting(table) {
  const body = table.tBodies[0]; // published rows are a body of their own, and stay where they are
  const original = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  heads.forEach((head, column) => {
    head.querySelector("button")?.addEventListener("click", () => {
      const next = following(head);
      for (const other of heads) other.removeAttribute("aria-sort");
      if (next) head.setAttribute("aria-sort", next);
      table.classList.toggle("sorted", Boolean(next));
      body.append(...(next ? sorted(original, column, next === "descending") : original));
    });
  });
}
function following(head) {
  const first = head.dataset.better === "higher" ? "descending" : "ascending";
  const second = first === "ascending" ? "descending" : "ascending";
  return { [first]: second, [second]: null }[head.getAttribute("aria-sort")] ?? (head.hasAttribute("aria-sort") ? null : first);
}
const collator = new Intl.Collator("en", { numeric: true });
function sorted(rows, column, descending) {
  const keyed = rows.map((row) => ({ row, key: keyOf(row.cells[column]) }));
  const known = keyed.filter(({ key }) => key !== null);
  known.sort((a, b) => (descending ? -1 : 1) * compareKeys(a.key, b.key));
  return [...known, ...keyed.filter(({ key }) => key === null)].map(({ row }) => row);
}
function keyOf(cell) {
  if (cell.dataset.sort !== undefined) {
    const number = { inf: Infinity, "-inf": -Infinity }[cell.dataset.sort] ?? Number(cell.dataset.sort);
    return Number.isNaN(number) ? null : number;
  }
  return cell.innerText.trim() || null;
}
// Of one column, what has no number comes after what has one.
function compareKeys(a, b) {
  if (typeof a === "number" && typeof b === "number") return a === b ? 0 : a < b ? -1 : 1;
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return collator.compare(a, b);
}

// ---- published rows: a body of their own behind a button ----
function startParts(table) {
  for (const part of table.querySelectorAll("tbody.part")) {
    const head = part.querySelector(".part-title th");
    const rows = Array.from(part.rows).slice(1);
    const button = document.createElement("button");
    button.type = "button";
    const show = (open) => {
      for (const row of rows) row.hidden = !open;
      button.setAttribute("aria-expanded", String(open));
      button.textContent = `${open ? "Hide" : "Show"} ${rows.length} rows. ${part.dataset.title}`;
    };
    button.addEventListener("click", () => show(rows[0].hidden));
    head.replaceChildren(button);
    show(false);
  }
}

// ---- long tables: rows with all of the words; where a table has choices, those of one of them or of any ----
function startRowFilter(bar) {
  const rows = Array.from(bar.parentElement.querySelector("table").tBodies[0].rows);
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const sets = rows.map((row) => (row.dataset.sets ?? "").split(" ").filter(Boolean));
  const [input, output] = [bar.querySelector("[type=search]"), bar.querySelector("output")];
  const [only, which] = [bar.querySelector("[role=switch]"), bar.querySelector("select")];
  const chosen = (own) => !only?.checked || (which.value ? own.includes(which.value) : own.length > 0);
  const apply = () => {
    const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row, i) => {
      row.hidden = !(chosen(sets[i]) && wanted.every((word) => texts[i].includes(word)));
    });
    output.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
  };
  input.addEventListener("input", apply);
  only?.addEventListener("change", apply);
  which?.addEventListener("change", () => {
    only.checked = true;
    apply();
  });
  bar.hidden = false;
}

// ---- printed numbers: filtered by verdict and by words ----
function startFilter(form) {
  const groups = Array.from(document.querySelectorAll("details.cells"));
  const rows = groups.flatMap((group) => Array.from(group.querySelectorAll("tbody tr")));
  const texts = rows.map((row) => `${row.closest("details").querySelector("b").textContent} ${row.textContent}`.toLowerCase());
  const { judgement, words } = form.elements;
  const notRun = byId("show-not-run");
  const apply = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (judgement.value === "not run") notRun.checked = true;
    rows.forEach((row, i) => {
      const fits = judgement.value ? row.dataset.judgement === judgement.value : notRun.checked || row.dataset.judgement !== "not run";
      row.hidden = !(fits && wanted.every((word) => texts[i].includes(word)));
    });
    for (const group of groups) {
      const visible = group.querySelectorAll("tbody tr:not([hidden])").length;
      group.hidden = !visible;
      if (visible && (judgement.value || wanted.length)) group.open = true;
    }
    byId("verdict-count").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const count of document.querySelectorAll(".count")) {
    count.addEventListener("click", () => {
      judgement.value = count.dataset.judgement;
      apply();
    });
  }
  form.hidden = false;
  apply();
}

for (const table of document.querySelectorAll("table.sortable")) {
  startSorting(table);
  startParts(table);
}
for (const bar of document.querySelectorAll(".filter")) startRowFilter(bar);
if (byId("verdict-filter")) startFilter(byId("verdict-filter"));
