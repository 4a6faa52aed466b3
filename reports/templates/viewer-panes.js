
// ---- panes: pictures are loaded when they are looked at, and all panes show the same place ----
const MOST_ZOOM = 64;
const STEP = 1.25;
const stage = byId("v-stage");
const slots = stage ? Array.from(stage.querySelectorAll(".slot")) : [];
const panes = slots.map((slot) => slot.querySelector(".pane"));
let looking = false; // nothing is loaded before the viewer comes into sight

function drawPanes() {
  const shown = chosen();
  if (state.mode === "slider") shown.splice(2);
  if (!shown.some(({ slot }) => slot === state.active)) state.active = shown[0].slot;
  stage.dataset.mode = state.mode;
  stage.dataset.count = shown.length;
  slots.forEach((slot, i) => {
    slot.hidden = !shown.some((one) => one.slot === i);
    slot.classList.toggle("active", i === state.active);
    if (!slot.hidden) drawSlot(slot, state.shown[i], i);
  });
  byId("v-divider").hidden = byId("v-split-label").hidden = state.mode !== "slider";
  drawErrorHelp();
  drawValues(shown);
  place();
}
const mapped = () => (typeof state.error === "string" ? state.error : "");
function drawErrorHelp() {
  const map = mapped() !== "";
  byId("v-error-help").hidden = !state.error || map;
  byId("v-map-help").hidden = !map;
  byId("v-map-title").textContent = mapped() === "ssim" ? "1 − SSIM" : mapTitle(mapped());
  byId("v-error-most").textContent = String(Math.round(255 / (Number(state.error) || 1)));
}
// A model's picture, or what is shown in its place: a map, or its difference to the original.
function drawSlot(slot, name, i) {
  const source = sourceOf(name);
  const there = hasPicture(source, state.image);
  const label = labelOf(name);
  const original = sourceOf("hr");
  const model = name !== "hr" && name !== "lr";
  const metric = mapped();
  const map = metric !== "" && model && hasMap(metric, source, state.image);
  const error = !metric && state.error > 0 && name !== "hr" && hasPicture(original, state.image);
  const shown = map ? `, ${mapTitle(metric)} map` : error ? `, error × ${state.error}` : "";
  slot.querySelector(".tag").textContent = `${i + 1}  ${label}${shown}`;
  slot.querySelector("figcaption b").textContent = label;
  const lacking = metric && model && !map ? `There is no ${mapTitle(metric)} map of this image.` : "";
  complain(slot, there ? lacking : "There is no such version of this image.");
  const about = `${label}: ${state.group.images[state.image]}${shown}`;
  load(slot.querySelector(".picture"), there ? source : null, about, map ? metric : "");
  if (isBroken(slot.querySelector(".picture"))) complain(slot, LOST);
  load(slot.querySelector(".reference"), error || map ? original : null, "");
  const lens = slot.querySelector(".lens");
  lens.classList.toggle("error", error || map);
  lens.classList.toggle("map", map);
  lens.style.filter = error ? `brightness(${state.error}) url(#v-heat)` : map ? "url(#v-heat)" : "";
}
const LOST = "This image could not be loaded: is the folder images beside the page?";
const isBroken = (img) => !img.hidden && img.hasAttribute("src") && img.complete && !img.naturalWidth;
function load(img, source, alt, metric = "") {
  img.hidden = !source;
  img.alt = alt;
  if (!source || !looking) return;
  const address = addressOf(source, state.image, metric);
  img.dataset.enlarge = source.name === "lr" ? state.group.scale : metric ? "map" : 1;
  if (img.getAttribute("src") === address) return;
  img.style.visibility = "hidden"; // until its size is known
  img.decoding = "sync";
  img.src = address;
}
function complain(slot, text) {
  const trouble = slot.querySelector(".trouble");
  trouble.textContent = text;
  trouble.hidden = !text;
}
// A pixel of a map stands for a square of pixels: by how much the original, which lies unseen below it, is larger.
function enlargedBy(img) {
  if (img.dataset.enlarge !== "map") return Number(img.dataset.enlarge);
  const whole = img.parentElement.querySelector(".reference");
  const longer = (one) => Math.max(one.naturalWidth, one.naturalHeight);
  return whole.complete && whole.naturalWidth ? Math.ceil(longer(whole) / longer(img)) : 0;
}
function size(img) {
  const enlarge = img.complete && img.naturalWidth ? enlargedBy(img) : 0;
  if (!enlarge) return;
  img.style.width = `${img.naturalWidth * enlarge}px`;
  img.style.height = `${img.naturalHeight * enlarge}px`;
  img.style.visibility = "";
}
function loaded(img) {
  for (const one of img.parentElement.querySelectorAll("img")) size(one);
  drawValues(chosen());
  place();
}

// ---- values below each picture; a number leads to its certificate ----
function drawValues(shown) {
  const { metrics } = state.group;
  const best = metrics.map((metric, m) => {
    const models = shown.filter(({ name }) => name !== "hr"); // what is measured against is not ranked
    const known = models.map(({ name }) => valueOf(name, m, state.image)).filter((value) => value !== null);
    return known.length > 1 ? (metric.higher ? Math.max(...known) : Math.min(...known)) : null;
  });
  for (const { name, slot } of shown) {
    const entries = metrics.flatMap((metric, m) => valueEntry(name, metric, m, best[m]));
    const model = state.group.models.includes(name);
    slots[slot].querySelector("dl").replaceChildren(...(model ? [] : sizeEntry(slot)), ...entries);
  }
}
// What is not a model has its size.
function sizeEntry(slot) {
  const img = slots[slot].querySelector(".picture");
  if (img.hidden || !img.naturalWidth || !img.complete) return [];
  const [term, entry] = ["dt", "dd"].map((tag) => document.createElement(tag));
  term.textContent = "size";
  entry.textContent = `${img.naturalWidth} × ${img.naturalHeight} px`;
  return [term, entry];
}
// HR has values of its own by metrics that need no reference; they lead nowhere and are not ranked.
function valueEntry(name, metric, m, best) {
  const value = valueOf(name, m, state.image);
  if (value === null) return [];
  const [term, entry] = ["dt", "dd"].map((tag) => document.createElement(tag));
  const certificate = state.group.certificates[state.group.models.indexOf(name)]?.[m];
  const link = document.createElement(name === "hr" ? "span" : "a");
  term.textContent = metric.name;
  link.textContent = `${numberText(value, metric)}${metric.unit ? ` ${metric.unit}` : ""}`;
  if (certificate) link.href = `#${certificate}`;
  entry.classList.toggle("best", name !== "hr" && value === best);
  entry.append(link);
  return [term, entry];
}

// ---- one transform for all ----
function worldSize() {
  const seen = slots.filter((slot) => !slot.hidden).map((slot) => slot.querySelector(".picture"));
  const known = seen.filter((img) => !img.hidden && img.style.width && img.complete && img.naturalWidth);
  return [known.map((img) => parseFloat(img.style.width)), known.map((img) => parseFloat(img.style.height))].map((sides) =>
    Math.max(0, ...sides),
  );
}
function paneSize() {
  const pane = slots.find((slot) => !slot.hidden).querySelector(".pane");
  return [pane.clientWidth, pane.clientHeight];
}
// Enlarged pixels are whole squares: a fit that enlarges does so by a whole number.
function fitZoom() {
  const [[w, h], [width, height]] = [worldSize(), paneSize()];
  const fit = Math.min(width / w, height / h) * devicePixelRatio;
  return fit > 1 ? Math.floor(fit) : fit;
}
const zoomNow = () => state.zoom || fitZoom();
const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));

function place() {
  const [w, h] = worldSize();
  const [width, height] = paneSize();
  byId("v-divider").style.left = `${state.split}%`;
  panes[1].style.clipPath = state.mode === "slider" ? `inset(0 0 0 ${state.split}%)` : "";
  if (!w || !width) return;
  const scale = zoomNow() / devicePixelRatio;
  const inside = (at, side, space) => (side * scale <= space ? 0.5 : clamp(at, space / 2 / (side * scale), 1 - space / 2 / (side * scale)));
  state.x = inside(state.x, w, width);
  state.y = inside(state.y, h, height);
  const whole = (value) => Math.round(value * devicePixelRatio) / devicePixelRatio;
  const transform = `translate(${whole(width / 2 - state.x * w * scale)}px, ${whole(height / 2 - state.y * h * scale)}px) scale(${scale})`;
  for (const pane of panes) pane.querySelector(".world").style.transform = transform;
  stage.classList.toggle("crisp", zoomNow() >= 1 || Boolean(state.error));
  stage.toggleAttribute("data-moved", w * scale > width + 1 || h * scale > height + 1);
  byId("v-zoom").textContent = `${Math.round(zoomNow() * 100)} %`;
}
// The point (dx, dy), from the middle of a pane in CSS pixels, stays where it is.
function zoomBy(factor, dx = 0, dy = 0) {
  const [w, h] = worldSize();
  if (!w) return;
  const before = zoomNow();
  const after = clamp(before * factor, Math.min(fitZoom(), 1) / 2, MOST_ZOOM);
  const change = devicePixelRatio / before - devicePixelRatio / after;
  state.x += (dx * change) / w;
  state.y += (dy * change) / h;
  state.zoom = after;
  moved();
}
function panBy(dx, dy) {
  const [w, h] = worldSize();
  if (!w) return;
  const scale = zoomNow() / devicePixelRatio;
  state.x -= dx / (w * scale);
  state.y -= dy / (h * scale);
  moved();
}
function zoomTo(zoom) {
  state.zoom = zoom;
  moved();
}
let pending = 0;
function moved() {
  place();
  clearTimeout(pending); // browsers allow few changes of the address in a second
  pending = setTimeout(remember, 200);
}
function remember() {
  clearTimeout(pending);
  try {
    history.replaceState(null, "", toHash());
  } catch {
    // a browser that keeps addresses of files as they are
  }
}
