
// ---- the viewer's controls ----
function fill(select, options, value) {
  const made = options.map(([key, label]) => {
    const option = document.createElement("option");
    option.value = key;
    option.textContent = label;
    return option;
  });
  select.replaceChildren(...made);
  select.value = value;
}
function drawControls() {
  const { group, sort } = state;
  const models = group.models.map((name) => [name, name]);
  fill(byId("v-group"), data.groups.map(({ id, title }) => [id, title]), group.id);
  for (let slot = 0; slot < SLOTS; slot++) {
    const names = group.sources.map(({ name }) => [name, labelOf(name)]);
    fill(byId(`v-slot-${slot + 1}`), slot < 2 ? names : [["", "none"], ...names], state.shown[slot]);
  }
  const orders = [["name", "name"], ["difference", "difference A − B"], ...models.map(([name]) => [`model:${name}`, name])];
  fill(byId("v-sort"), orders, sort.by);
  const factors = FACTORS.map((factor) => [factor, `error × ${factor}`]);
  fill(byId("v-error"), [[0, "off"], ...factors, ...group.maps.map(({ metric }) => [metric, `${mapTitle(metric)} map`])], state.error);
  fill(byId("v-metric"), group.metrics.map(({ name }, m) => [m, name]), sort.metric);
  fill(byId("v-first"), models, sort.a);
  fill(byId("v-second"), models, sort.b);
  drawChoices();
}
function drawChoices() {
  for (const radio of document.getElementsByName("v-mode")) radio.checked = radio.value === state.mode;
  byId("v-error").value = state.error;
  byId("v-error").disabled = !sourceOf("hr");
  byId("v-split").value = state.split;
}

// ---- the list of images ----
function drawList() {
  const { sort, group } = state;
  byId("v-metric").parentElement.hidden = sort.by === "name";
  byId("v-first-label").hidden = byId("v-second-label").hidden = sort.by !== "difference";
  byId("v-direction").textContent = sort.reverse ? "↑" : "↓";
  byId("v-direction").setAttribute("aria-pressed", String(sort.reverse));
  byId("v-list").replaceChildren(...ordered().map((image) => listItem(image, group.metrics[sort.metric])));
  markImage();
}
function listItem(image, metric) {
  const item = document.createElement("li");
  item.id = `v-image-${image}`;
  item.setAttribute("role", "option");
  item.dataset.image = image;
  const [name, number] = [document.createElement("span"), document.createElement("span")];
  name.textContent = name.title = state.group.images[image];
  const value = sortValue(image);
  if (value !== null) number.textContent = (state.sort.by === "difference" && value > 0 ? "+" : "") + numberText(value, metric);
  item.append(thumbnail(image), name, number);
  return item;
}
// The lr image where there is one: it is small, and its address is loaded when the list is scrolled to it.
function thumbnail(image) {
  const source = ["lr", "hr"].map(sourceOf).find((one) => hasPicture(one, image));
  const img = document.createElement("img");
  img.alt = "";
  img.loading = "lazy";
  img.decoding = "async";
  if (source) img.src = addressOf(source, image);
  return img;
}
function markImage() {
  byId("v-name").textContent = byId("v-name").title = state.group.images[state.image];
  for (const item of byId("v-list").children) item.setAttribute("aria-selected", String(Number(item.dataset.image) === state.image));
  byId("v-list").setAttribute("aria-activedescendant", `v-image-${state.image}`);
  const item = byId(`v-image-${state.image}`);
  const list = byId("v-list"); // scrolled by hand: scrollIntoView would move the page too
  const [top, bottom] = [item.offsetTop - list.offsetTop, item.offsetTop - list.offsetTop + item.offsetHeight];
  if (top < list.scrollTop) list.scrollTop = top;
  if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
}
function turn(by) {
  const order = ordered();
  setImage(order[clamp(order.indexOf(state.image) + by, 0, order.length - 1)]);
}
function setImage(image) {
  state.image = image;
  markImage();
  drawPanes();
  remember();
}
function listKey(event) {
  const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, End: Infinity, Home: -Infinity }[event.key];
  if (!by || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  turn(by);
}

// ---- changes ----
function setMode(mode) {
  state.mode = mode;
  drawChoices();
  drawPanes();
  remember();
}
function setError(error) {
  state.error = knownError(error);
  drawChoices();
  drawPanes();
  remember();
}
function flip(to) {
  if (state.mode !== "flip") return;
  const shown = chosen().map(({ slot }) => slot);
  const next = to ?? shown[(shown.indexOf(state.active) + 1) % shown.length];
  if (!shown.includes(next)) return;
  state.active = next;
  drawPanes();
  remember();
}
function setShown(slot, name) {
  state.shown[slot] = name;
  drawPanes();
  remember();
}
function setSort(change) {
  Object.assign(state.sort, change);
  drawList();
  remember();
}
function setGroup(id) {
  const image = state.group.images[state.image];
  choose(data.groups.find((group) => group.id === id));
  state.image = Math.max(0, state.group.images.indexOf(image));
  drawAll();
  remember();
}
function drawAll() {
  drawControls();
  drawList();
  drawPanes();
}

const onChange = (id, act) => byId(id).addEventListener("change", (event) => act(event.target.value));
const onClick = (id, act) => byId(id).addEventListener("click", act);
function startControls() {
  onChange("v-group", setGroup);
  for (let slot = 0; slot < SLOTS; slot++) onChange(`v-slot-${slot + 1}`, (name) => setShown(slot, name));
  onChange("v-mode", setMode);
  onChange("v-error", setError);
  onChange("v-sort", (by) => setSort({ by }));
  onChange("v-metric", (metric) => setSort({ metric: Number(metric) }));
  onChange("v-first", (a) => setSort({ a }));
  onChange("v-second", (b) => setSort({ b }));
  onClick("v-direction", () => setSort({ reverse: !state.sort.reverse }));
  onClick("v-in", () => zoomBy(STEP));
  onClick("v-out", () => zoomBy(1 / STEP));
  onClick("v-fit", () => zoomTo(0));
  onClick("v-one", () => zoomTo(1));
  onClick("v-previous", () => turn(-1));
  onClick("v-next", () => turn(1));
  onClick("v-full", () => (document.fullscreenElement ? document.exitFullscreen() : byId("viewer").requestFullscreen()));
  byId("v-split").addEventListener("input", (event) => setSplit(Number(event.target.value)));
  byId("v-list").addEventListener("keydown", listKey);
  byId("v-list").addEventListener("click", (event) => {
    const item = event.target.closest("li");
    if (item) setImage(Number(item.dataset.image));
  });
}
function follow() {
  if (!fromHash(location.hash)) return;
  drawAll();
  byId("pixels").scrollIntoView();
}
function startViewer() {
  byId("viewer").hidden = false;
  byId("v-full").hidden = !document.fullscreenEnabled;
  if (!fromHash(location.hash)) choose(data.groups[0]);
  startControls();
  startInput();
  drawAll();
  addEventListener("hashchange", follow);
  new IntersectionObserver((entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    looking = true;
    drawPanes();
  }).observe(stage);
  if (location.hash.startsWith(PREFIX)) byId("pixels").scrollIntoView();
}
if (data) startViewer();
