
// ---- hands: mouse, fingers, keys ----
const PAN = 60; // CSS pixels for a press of an arrow key
const fingers = new Map();
let travelled = 0;
let sliding = false;

function fromMiddle(x, y, target) {
  const pane = target.closest?.(".pane") ?? slots.find((slot) => !slot.hidden).querySelector(".pane");
  const box = pane.getBoundingClientRect();
  return [x - box.left - box.width / 2, y - box.top - box.height / 2];
}
function pointerDown(event) {
  if (event.button !== 0 || event.target.closest("figcaption")) return;
  sliding = event.target.id === "v-divider";
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY, target: event.target });
  travelled = fingers.size > 1 ? Infinity : 0;
  stage.setPointerCapture(event.pointerId);
  stage.classList.add("dragged");
}
function pointerMove(event) {
  const finger = fingers.get(event.pointerId);
  if (!finger) return;
  const [dx, dy] = [event.clientX - finger.x, event.clientY - finger.y];
  const before = spread();
  Object.assign(finger, { x: event.clientX, y: event.clientY });
  travelled += Math.abs(dx) + Math.abs(dy);
  if (sliding) slideTo(event.clientX);
  else if (fingers.size === 1) panBy(dx, dy);
  else if (fingers.size === 2) pinch(before, dx, dy);
}
function spread() {
  const [a, b] = fingers.values();
  return b ? { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, far: Math.hypot(a.x - b.x, a.y - b.y), target: a.target } : null;
}
function pinch(before, dx, dy) {
  const now = spread();
  panBy(dx / 2, dy / 2);
  if (before.far > 0) zoomBy(now.far / before.far, ...fromMiddle(now.x, now.y, now.target));
}
function pointerUp(event) {
  if (!fingers.delete(event.pointerId)) return;
  if (fingers.size === 0) stage.classList.remove("dragged");
  if (event.type === "pointerup" && state.mode === "flip" && !sliding && travelled < 5) flip();
  sliding &&= fingers.size > 0;
}
function slideTo(x) {
  const box = panes.find((pane) => pane.offsetParent).getBoundingClientRect();
  setSplit(clamp(((x - box.left) / box.width) * 100, 0, 100));
}
function setSplit(percent) {
  state.split = Math.round(percent * 10) / 10;
  byId("v-split").value = state.split;
  moved();
}
// A page that is scrolled past the pictures goes on scrolling: the wheel zooms those that were clicked.
function wheel(event) {
  if (!(event.ctrlKey || event.metaKey || document.activeElement === stage)) return;
  event.preventDefault();
  const pixels = event.deltaY * (event.deltaMode === 1 ? 20 : 1);
  zoomBy(Math.exp(-clamp(pixels, -120, 120) / 600), ...fromMiddle(event.clientX, event.clientY, event.target));
}

const ARROWS = { ArrowLeft: [PAN, 0], ArrowRight: [-PAN, 0], ArrowUp: [0, PAN], ArrowDown: [0, -PAN] };
const KEYS = {
  "+": () => zoomBy(STEP),
  "=": () => zoomBy(STEP),
  "-": () => zoomBy(1 / STEP),
  0: () => zoomTo(0),
  1: () => zoomTo(1),
  " ": () => flip(),
  n: () => turn(1),
  p: () => turn(-1),
  f: () => setMode("flip"),
  s: () => setMode("side"),
  d: () => setMode("slider"),
  e: () => setError(state.error ? 0 : 8),
};
function keyDown(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target !== stage) return;
  const slot = Number(event.key) - 1;
  let action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (ARROWS[event.key]) action = () => panBy(...ARROWS[event.key]);
  if (state.mode === "flip" && slot >= 0 && slot < SLOTS) action = () => flip(slot);
  if (!action) return;
  event.preventDefault();
  action();
}
// While z is held, the place under the pointer is seen four times as large; letting go brings the view back.
const MAGNIFIED = 4;
let pointer = null;
let magnified = null;
function magnify(event) {
  if (event.key.toLowerCase() !== "z" || event.repeat || magnified || event.target !== stage) return;
  magnified = { zoom: state.zoom, x: state.x, y: state.y };
  zoomBy(MAGNIFIED, ...(pointer ? fromMiddle(pointer.clientX, pointer.clientY, pointer.target) : [0, 0]));
}
function unmagnify(event) {
  if (!magnified || (event.type === "keyup" && event.key.toLowerCase() !== "z")) return;
  Object.assign(state, magnified);
  magnified = null;
  moved();
}
function startInput() {
  stage.addEventListener("pointermove", (event) => (pointer = event));
  stage.addEventListener("keydown", magnify);
  stage.addEventListener("keyup", unmagnify);
  stage.addEventListener("blur", unmagnify);
  stage.addEventListener("pointerdown", pointerDown);
  stage.addEventListener("pointermove", pointerMove);
  stage.addEventListener("pointerup", pointerUp);
  stage.addEventListener("pointercancel", pointerUp);
  stage.addEventListener("wheel", wheel, { passive: false });
  stage.addEventListener("keydown", keyDown);
  for (const img of stage.querySelectorAll("img")) {
    img.addEventListener("load", () => loaded(img));
    img.addEventListener("error", () => complain(img.closest(".slot"), LOST));
  }
  new ResizeObserver(place).observe(stage);
}
