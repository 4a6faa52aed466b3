
// ---- what the viewer knows: pictures and values by group; and what of it is shown ----
const data = byId("viewer-data") ? JSON.parse(byId("viewer-data").textContent) : null;
const PREFIX = "#pixels?";
const SLOTS = 4;
const state = {
  group: null,
  image: 0,
  shown: [], // names of sources, one per slot; "" for none
  mode: "side",
  active: 0, // the slot that is seen in flip mode
  zoom: 0, // device pixels per image pixel; 0 fits
  x: 0.5, // the point in the middle of each pane, from 0 to 1
  y: 0.5,
  error: 0, // a factor of the error map, or the metric whose map is shown
  split: 50, // percent of the width
  sort: { by: "name", metric: 0, a: "", b: "", reverse: false },
};

const sourceOf = (name) => state.group.sources.find((source) => source.name === name);
const hasPicture = (source, image) => source && (source.has === true || source.has[image] === "1");
const addressOf = (source, image, metric = "") =>
  `images/${encodeURIComponent(state.group.id)}/${encodeURIComponent(source.folder)}/${image}${metric && "."}${encodeURIComponent(metric)}.png`;
const chosen = () => state.shown.map((name, slot) => ({ name, slot })).filter(({ name }) => name);
function labelOf(name) {
  if (name === "hr") return "HR (original)";
  return name === "lr" ? `LR (nearest, ×${state.group.scale})` : name;
}
function valueOf(model, metric, image) {
  const row = state.group.models.indexOf(model);
  const values = row < 0 ? (model === "hr" ? state.group.hr : null) : state.group.values[row];
  const value = values?.[metric]?.[image] ?? null;
  return value === "inf" ? Infinity : value;
}
// ---- where a picture differs from the original: by subtraction, or by a map that the run made ----
const FACTORS = [1, 2, 4, 8, 16];
const MAP_TITLES = { ssim: "SSIM", "lpips-alex": "LPIPS (AlexNet)", "lpips-vgg": "LPIPS (VGG-16)", "lpips-squeeze": "LPIPS (SqueezeNet)" };
const mapTitle = (metric) => MAP_TITLES[metric] ?? metric;
const mapOf = (metric) => state.group.maps.find((one) => one.metric === metric);
function hasMap(metric, source, image) {
  const marks = source && mapOf(metric)?.has[source.folder];
  return marks === true || marks?.[image] === "1";
}
function knownError(text) {
  if (!sourceOf("hr")) return 0;
  return mapOf(text) ? text : FACTORS.find((factor) => String(factor) === String(text)) ?? 0;
}
const numberText = (value, metric) => (value === Infinity ? "∞" : value.toFixed(metric.decimals));

function choose(group) {
  state.group = group;
  state.image = Math.min(state.image, group.images.length - 1);
  const names = group.sources.map((source) => source.name);
  const kept = state.shown.filter((name) => names.includes(name));
  state.shown = kept.length >= 2 ? Array.from({ length: SLOTS }, (_, slot) => kept[slot] ?? "") : defaults(names);
  const models = group.models;
  const { sort } = state;
  if (!models.includes(sort.a)) sort.a = models.at(-1);
  if (!models.includes(sort.b)) sort.b = models.includes("bicubic") ? "bicubic" : models[0];
  if (sort.by !== "name" && sort.by !== "difference" && !models.includes(sort.by.slice(6))) sort.by = "name";
  sort.metric = Math.min(sort.metric, group.metrics.length - 1);
  state.error = knownError(state.error);
}
// The original, the baseline and the best model; on a phone two of them.
function defaults(names) {
  const models = names.filter((name) => name !== "hr" && name !== "lr");
  const baseline = models.includes("bicubic") ? "bicubic" : models[0];
  const wished = innerWidth < 640 ? ["hr", models.at(-1), baseline] : ["hr", baseline, models.at(-1)];
  const found = [...new Set([...wished, ...names])].filter((name) => names.includes(name));
  const count = Math.min(found.length, innerWidth < 640 ? 2 : 3);
  return Array.from({ length: SLOTS }, (_, slot) => (slot < count ? found[slot] : ""));
}

// ---- the order of the images ----
function sortValue(image) {
  const { by, metric, a, b } = state.sort;
  if (by === "difference") {
    const [first, second] = [valueOf(a, metric, image), valueOf(b, metric, image)];
    const difference = first === null || second === null ? null : first - second;
    return Number.isNaN(difference) ? 0 : difference; // both are infinite
  }
  return by === "name" ? null : valueOf(by.slice(6), metric, image);
}
function ordered() {
  const images = state.group.images.map((_, image) => image);
  const { by, reverse } = state.sort;
  if (by === "name") return reverse ? images.reverse() : images;
  const sign = reverse ? -1 : 1;
  const keyed = images.map((image) => [image, sortValue(image)]);
  keyed.sort(([, p], [, q]) => (p === null) - (q === null) || (p === q ? 0 : p < q ? sign : -sign));
  return keyed.map(([image]) => image);
}

// ---- the view as an address ----
function toHash() {
  const words = new URLSearchParams([["group", state.group.id], ["image", state.group.images[state.image]]]);
  for (const { name } of chosen()) words.append("show", name);
  const { sort } = state;
  const set = (key, value, standard) => value !== standard && words.set(key, value);
  set("mode", state.mode, "side");
  set("seen", state.active, 0);
  set("zoom", +state.zoom.toFixed(4), 0);
  if (state.zoom) words.set("at", `${state.x.toFixed(5)} ${state.y.toFixed(5)}`);
  set("error", state.error, 0);
  set("split", state.split, 50);
  set("sort", sort.by, "name");
  if (sort.by !== "name") set("metric", state.group.metrics[sort.metric]?.name, state.group.metrics[0]?.name);
  if (sort.by === "difference") {
    words.set("a", sort.a);
    words.set("b", sort.b);
  }
  set("reverse", sort.reverse ? 1 : 0, 0);
  return PREFIX + words;
}
const within = (text, low, high, standard) => {
  const number = parseFloat(text);
  return number >= low && number <= high ? number : standard;
};
// An address may be old or wrong: whatever it names that is not there is as if it were not said.
function fromHash(hash) {
  if (!hash.startsWith(PREFIX)) return false;
  const words = new URLSearchParams(hash.slice(PREFIX.length));
  const group = data.groups.find(({ id }) => id === words.get("group")) ?? data.groups[0];
  const names = group.sources.map(({ name }) => name);
  const shown = words.getAll("show").filter((name) => names.includes(name)).slice(0, SLOTS);
  state.shown = Array.from({ length: SLOTS }, (_, slot) => shown[slot] ?? "");
  state.image = Math.max(0, group.images.indexOf(words.get("image")));
  state.mode = ["flip", "slider"].includes(words.get("mode")) ? words.get("mode") : "side";
  state.active = Math.floor(within(words.get("seen"), 0, SLOTS - 1, 0));
  state.zoom = within(words.get("zoom"), 0, MOST_ZOOM, 0);
  [state.x, state.y] = [0, 1].map((i) => within(words.get("at")?.split(" ")[i], 0, 1, 0.5));
  state.error = words.get("error") ?? 0;
  state.split = within(words.get("split"), 0, 100, 50);
  state.sort = {
    by: words.get("sort") ?? "name",
    metric: Math.max(0, group.metrics.findIndex(({ name }) => name === words.get("metric"))),
    a: words.get("a") ?? "",
    b: words.get("b") ?? "",
    reverse: words.get("reverse") === "1",
  };
  choose(group);
  return true;
}
