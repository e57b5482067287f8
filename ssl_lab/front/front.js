// The front end of every picture: its controls, the drawing, and what answers a pointer. A model gives frames and takes wishes: in a notebook the
// kernel does, in a saved page `stored` does.
//   told   = a frame in JSON: {size, panels, items, spots, summary, values, disabled, trouble, serial, settled}, places in pixels at full size
//   images, rest = addresses of images, and items in JSON, of which a frame may have the numbers: what stays is built once
//   wish  = {values, serial, settled}
const SVG = "http://www.w3.org/2000/svg";
const LEAST = 11; // CSS pixels of the smallest word
const CLOSE = 0.6; // that a whole picture may lack: on a page of 1280, JupyterLab leaves 817 to one of 1300
const SETTLE = 180, SLOW = 3000, PACE = 160, CALM = 1000; // milliseconds
const REACH = 24; // pixels from a point within which it answers
const LINE = 1.18; // from one line of a text to the next, in sizes of its letters
const RISE = { center: 0.34, center_baseline: 0.36, top: 0.8, bottom: -0.22, baseline: 0 }; // from the place of a word down to its baseline
const THEMED = { "#1b1f24": "ink", "#5b626b": "grey", "#efece6": "faint", "#ffffff": "paper", "#0072b2": "positive", "#d55e00": "negative",
  "#e69f00": "anchor", "#c9c4ba": "rim", "#332288": "indigo", "#117733": "green", "#882255": "wine" };
const DASH = { "": null, dashed: "4 2", dotted: "1 1.2", dotdash: "5 1.2 1 1.2" };
const EMPTY = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

const put = (node, attributes, ...children) => {
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === false || value == null) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : value);
  node.append(...children);
  return node;
};
const write = (node, name, value) => { if (node[name] !== value) node[name] = value; }; // what is written costs a layout, even where it was there
const html = (name, attributes = {}, ...children) => put(document.createElement(name), attributes, ...children);
const svg = (name, attributes = {}, ...children) => put(document.createElementNS(SVG, name), attributes, ...children);
const colour = (hex) => (THEMED[hex] ? `var(--${THEMED[hex]})` : hex || "none");
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
const KEYS_STAY = "data-lm-suppress-shortcuts"; // on what has the focus: JupyterLab takes arrow keys before anybody else
const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

// ---- the drawing --------------------------------------------------------------------------------------------------------------------------------

const MARKS = { // of a mark 1 across, around the origin
  o: "M-.5 0a.5 .5 0 1 0 1 0a.5 .5 0 1 0-1 0", s: "M-.5-.5h1v1h-1z", "^": "M0-.5L.5 .5H-.5z", v: "M0 .5L.5-.5H-.5z", ">": "M.5 0L-.5 .5V-.5z",
  "<": "M-.5 0L.5 .5V-.5z", D: "M0-.7L.7 0L0 .7L-.7 0z", d: "M0-.7L.42 0L0 .7L-.42 0z", x: "M-.5-.5L.5 .5M-.5 .5L.5-.5",
  X: "M-.5-.25L-.25-.5L0-.25L.25-.5L.5-.25L.25 0L.5 .25L.25 .5L0 .25L-.25 .5L-.5 .25L-.25 0z",
  P: "M-.17-.5H.17V-.17H.5V.17H.17V.5H-.17V.17H-.5V-.17H-.17z", tick: "M-.5 0L-.1 .4L.6-.5", "|": "M0-.5V.5", _: "M-.5 0H.5",
  "*": "M0-.5L.112-.155H.476L.182 .059L.294 .405L0 .191L-.294 .405L-.182 .059L-.476-.155H-.112z",
};
const BARE = new Set(["x", "tick", "|", "_"]);
const OPEN = /([a-zA-Z])|(-?\.?\d[\d.]*)/g;

/** The path of a mark, so large, at a place. */
const shaped = (kind, x, y, size) => {
  let command = "", turn = 0;
  return (MARKS[kind] ?? MARKS.o).replace(OPEN, (_, letter, number) => {
    if (letter) { command = letter; turn = 0; return letter; }
    const value = Number(number), at = turn++;
    if (command === "a") return at % 7 > 1 && at % 7 < 5 ? ` ${number}` : ` ${(value * size).toFixed(2)}`;
    const absolute = command === command.toUpperCase(), across = command === "H" || (command !== "V" && at % 2 === 0);
    return ` ${(value * size + (absolute ? (across ? x : y) : 0)).toFixed(2)}`;
  });
};
const traced = (path, closed) => {
  let d = "";
  for (let i = 0; i < path.length; i += 2) d += `${i ? "L" : "M"}${path[i]} ${path[i + 1]}`;
  return closed ? `${d}Z` : d;
};
const one = (values, i) => (Array.isArray(values) ? values[i] : values);

/** Paths of the same style as one element each, in the order of their first. */
function grouped(count, style, d) {
  const groups = new Map();
  for (let i = 0; i < count; i++) {
    const path = d(i);
    if (path == null) continue;
    const look = style(i), key = JSON.stringify(look);
    if (groups.has(key)) groups.get(key).d += path;
    else groups.set(key, { ...look, d: path });
  }
  return [...groups.values()].map((look) => svg("path", look));
}

const DRAW = { // kind of item → its elements, of what begins `inside` a panel
  image: ([box, source, smooth], inside, images) => {
    const [x, y, width, height] = box, href = images[source] ?? source;
    if (!inside(x + width / 2, y + height / 2)) return [];
    return [svg("image", { x, y, width, height, href, preserveAspectRatio: "none", class: smooth ? null : "cells" })];
  },
  strokes: ([paths, colours, widths, dash, alpha], inside) => grouped(paths.length, (i) => {
    const width = one(widths, i) * 100 / 72;
    return { fill: "none", stroke: colour(one(colours, i)), "stroke-width": width, opacity: alpha < 1 ? alpha : null, "stroke-linejoin": "round",
      "stroke-dasharray": DASH[dash] ? DASH[dash].split(" ").map((part) => part * width).join(" ") : null };
  }, (i) => (paths[i].length > 2 && inside(paths[i][0], paths[i][1]) ? traced(paths[i]) : null)),
  areas: ([outlines, fills, edges, width, alpha], inside) => grouped(outlines.length, (i) => ({ fill: colour(one(fills, i)),
    stroke: edges.length ? colour(one(edges, i)) : null, "stroke-width": edges.length ? width * 100 / 72 : null, opacity: alpha < 1 ? alpha : null }),
  (i) => (inside(outlines[i][0], outlines[i][1]) ? traced(outlines[i], true) : null)),
  marks: ([kind, x, y, sizes, fills, edge, width], inside) => grouped(x.length, (i) => {
    const fill = colour(one(fills, i)), line = width * 100 / 72;
    return BARE.has(kind) ? { fill: "none", stroke: fill, "stroke-width": line } : { fill, stroke: edge ? colour(edge) : null, "stroke-width": edge ? line : null };
  }, (i) => (inside(x[i], y[i]) ? shaped(kind, x[i], y[i], one(sizes, i) * 100 / 72) : null)),
  words: ([x, y, text, size, ink, bold, ha, va, turn, ground, rim], inside) => {
    if (!inside(x, y)) return [];
    const lines = String(text).split("\n"), up = { top: 0, bottom: 1, baseline: 0 }[va] ?? 0.5;
    const first = RISE[va] - up * (lines.length - 1) * LINE;
    const node = svg("text", { x, y, "text-anchor": { left: "start", center: "middle", right: "end" }[ha], fill: colour(ink), "font-weight": bold ? 700 : null,
      transform: turn ? `rotate(${-turn} ${x} ${y})` : null, style: `font-size:max(${size}px, var(--least))` },
    ...lines.map((line, i) => svg("tspan", { x, dy: `${i ? LINE : first}em` }, line)));
    if (!ground) return [node];
    return [svg("rect", { fill: colour(ground), stroke: rim ? colour(rim) : null, "stroke-width": rim ? 3.5 : null, opacity: 0.9, rx: 4, class: "ground" }), node];
  },
};

/** Make these the elements of a layer, in this order; those that stay are not touched. */
function arrange(layer, wanted) {
  const stays = new Set(wanted);
  for (const node of [...layer.childNodes]) if (!stays.has(node)) node.remove();
  let next = layer.firstChild;
  for (const node of wanted)
    if (node === next) next = next.nextSibling;
    else layer.insertBefore(node, next);
}

/** Give the boxes behind words the size of their words, which only a browser knows. */
function fit(nodes) {
  const boxes = nodes.filter((node) => node.classList.contains("ground"));
  boxes.map((box) => box.nextSibling.getBBox()).forEach(({ x, y, width, height }, i) =>
    put(boxes[i], { x: x - 4, y: y - 2, width: width + 8, height: height + 4 }));
}

/** One part of the drawing, with what answers a pointer above it. */
function panel(say, move) {
  const drawn = svg("g", { "aria-hidden": "true" }), over = svg("g"), spots = [];
  const layer = svg("svg", {}, drawn, over), node = html("div", { class: "panel" }, layer);
  let place = "", wide = 0, built = new WeakMap(); // item → its elements, as long as the panel keeps its place and its width
  const stand = ([, , width, height]) => { // beside others where there is room
    const sizes = { aspectRatio: `${width} / ${height}`, flexBasis: `${width}px`, maxWidth: `${1.15 * width}px` };
    for (const [name, value] of Object.entries(sizes)) write(node.style, name, value);
  };
  const show = (frame, [x, y, width, height], images) => {
    const inside = (a, b) => a >= x - 1 && a < x + width + (x + width >= frame.size[0] - 1) && b >= y - 1 && b < y + height + (y + height >= frame.size[1] - 1);
    const here = [x, y, width, height, ...frame.size].join();
    if (here !== place) put(layer, { viewBox: `${x} ${y} ${width} ${height}` });
    if (here !== place || wide !== node.clientWidth) {
      [place, wide, built] = [here, node.clientWidth, new WeakMap()];
      layer.style.setProperty("--least", `${(LEAST * width) / (wide || width)}px`);
    }
    const fresh = frame.items.filter((item) => !built.has(item));
    for (const item of fresh) built.set(item, DRAW[item[0]](item.slice(1), inside, images));
    arrange(drawn, frame.items.flatMap((item) => built.get(item)));
    fit(fresh.flatMap((item) => built.get(item)));
    if (!frame.spots) return; // a hand is moving: those that were there stay
    const own = frame.spots.filter(({ box }) => inside(box[0] + box[2] / 2, box[1] + box[3] / 2));
    while (spots.length > own.length) { const { node: last, mark } = spots.pop(); last.remove(); mark.remove(); }
    while (spots.length < own.length) { const spot = spotted(layer, say, move); spots.push(spot); over.append(spot.node, spot.mark); }
    own.forEach((spot, i) => spots[i].update(spot));
    put(layer, own.length ? { role: "group", "aria-label": "parts of the picture" } : { role: null, "aria-label": null });
  };
  return { node, stand, show };
}

// ---- what answers a pointer -----------------------------------------------------------------------------------------------------------------------

/** The places of one Spots: where each lies, what it says, what it sets, and which one is near. */
function places({ box, tip, data, sets, rows, columns, at, along }) {
  const [x, y, width, height] = box, across = Math.max(columns.length, 1), down = Math.max(rows.length, 1), [w, h] = [width / across, height / down];
  const count = at.length ? at.length / 2 : across * down;
  const say = (place) => {
    const names = { row: rows[Math.floor(place / across)] ?? "", column: columns[place % across] ?? "" };
    return tip.replace(/{(\w+)}/g, (_, name) => names[name] ?? data[name][place]);
  };
  const set = (place) => Object.fromEntries(Object.entries(sets).map(([name, values]) => [name, values[place]]));
  const cell = (place) => [x + (place % across) * w, y + Math.floor(place / across) * h, w, h];
  const dot = (place) => [at[2 * place] - 7, at[2 * place + 1] - 7, 14, 14];
  const near = (a, b) => {
    if (!at.length) return clamp(Math.floor((b - y) / h), 0, down - 1) * across + clamp(Math.floor((a - x) / w), 0, across - 1);
    let best = -1, least = along === "x" ? Infinity : REACH ** 2;
    for (let place = 0; place < count; place++) {
      const gap = (at[2 * place] - a) ** 2 + (along === "x" ? 0 : (at[2 * place + 1] - b) ** 2);
      if (gap < least) [best, least] = [place, gap];
    }
    return best;
  };
  const step = (place, right, below) => {
    if (!at.length && down > 1) return clamp(Math.floor(place / across) + below, 0, down - 1) * across + clamp((place % across) + right, 0, across - 1);
    return clamp(place + right + below, 0, count - 1);
  };
  return { count, say, set, near, step, box: at.length ? dot : cell, moves: Object.keys(sets).length > 0, round: at.length > 0 };
}

/** One Spots as an element that takes the pointer and the keyboard. */
function spotted(layer, say, move) {
  let spot, all, place = 0;
  const mark = svg("rect", { class: "mark" });
  const show = (next, spoken) => {
    place = next;
    if (place < 0) return say("");
    const [x, y, width, height] = all.box(place);
    put(mark, { x, y, width, height, rx: all.round ? 7 : 1 });
    node.setAttribute("aria-label", `${spot.name}: ${all.say(place)}`);
    say(all.say(place), mark, spoken);
  };
  const hover = (event) => {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(layer.getScreenCTM().inverse());
    show(all.near(x, y));
  };
  const act = () => { if (place >= 0 && all.moves) move(all.set(place)); };
  const KEYS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  const key = (event) => {
    if (event.key === "Enter" || event.key === " ") act();
    else if (event.key === "Escape") say("");
    else if (event.key in KEYS) show(all.step(Math.max(place, 0), ...KEYS[event.key]), true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const node = svg("rect", { class: "spot", tabindex: 0, [KEYS_STAY]: "true", onpointermove: hover, onpointerdown: hover, onpointerleave: () => say(""),
    onfocus: () => { if (node.matches(":focus-visible")) show(Math.max(place, 0)); }, onblur: () => say(""), onclick: act, onkeydown: key });
  const update = (next) => {
    [spot, all] = [next, places(next)];
    place = clamp(place, 0, all.count - 1);
    const [x, y, width, height] = spot.box;
    put(node, { x, y, width, height, role: all.moves ? "button" : "img", "aria-label": `${spot.name}: ${all.say(place)}`, class: all.moves ? "spot moves" : "spot" });
    if (mark.classList.contains("on")) show(place); // the sentence under a resting pointer stays true
  };
  return { node, mark, update };
}

// ---- controls -------------------------------------------------------------------------------------------------------------------------------------

/** A range over the stops, a box for exact numbers, and Play. */
function slider({ label, stops, words, low, high, whole, exact, unit }, move, arrived) {
  const last = stops.length - 1, wordy = !exact;
  let value = stops[0], playing = 0, shown;
  const nearest = (v) => stops.reduce((best, stop, k) => (Math.abs(stop - v) < Math.abs(stops[best] - v) ? k : best), 0);
  const spoken = (v) => (stops.includes(v) ? words[stops.indexOf(v)] : `${v}${unit ?? ""}`.replace("-", "−"));
  const go = (k, settled) => move(stops[clamp(k, 0, last)], settled);
  const range = html("input", { type: "range", min: 0, max: last, step: 1, "aria-label": label, "aria-keyshortcuts": wordy ? "Space" : "Space Enter",
    title: wordy ? "Space plays" : "Space plays, Enter takes an exact value", oninput: () => go(+range.value, false), onchange: () => go(+range.value, true) });
  const box = wordy ? html("output", { class: "value", "aria-hidden": "true" })
    : html("input", { class: "value", type: "number", step: whole ? 1 : "any", min: low, max: high, tabindex: -1, "aria-label": `${label}, exact value` });
  const take = () => { if (box.value !== "" && box.checkValidity()) move(+box.value, true); else box.reportValidity(); };
  if (!wordy) put(box, { onchange: take, onkeydown: (event) => { if (event.key === "Enter") { take(); range.focus(); } } });
  const stop = () => { playing = 0; put(play, { "aria-label": `play ${label}`, "aria-pressed": "false" }); play.textContent = "▶"; };
  const start = async () => {
    const mine = (playing = Math.random());
    put(play, { "aria-label": `pause ${label}`, "aria-pressed": "true" });
    play.textContent = "❚❚";
    if (+range.value >= last) go(0, false);
    for (;;) { // no stop is left out where the kernel is slower
      await Promise.all([arrived(), new Promise((done) => setTimeout(done, calm() ? CALM : PACE))]);
      if (playing !== mine) return;
      if (+range.value >= last || !range.isConnected) break;
      go(+range.value + 1, calm());
    }
    stop();
    move(value, true);
  };
  const toggle = () => { if (playing) { stop(); move(value, true); } else start(); };
  put(range, { onpointerdown: () => playing && stop(), onkeydown: (event) => {
    if (event.key === " ") toggle(); else if (event.key === "Enter" && !wordy) { box.focus(); box.select(); } else return;
    event.preventDefault();
  } });
  const press = (sign, said, act) => html("button", { type: "button", "aria-label": said, title: said, tabindex: -1, class: "small", onclick: act }, sign);
  const play = press("▶", `play ${label}`, toggle);
  const steps = [press("‹", `${label}: one step back`, () => go(+range.value - 1, true)), play, press("›", `${label}: one step on`, () => go(+range.value + 1, true))];
  const show = (next, disabled) => {
    value = next;
    if (!wordy && document.activeElement !== box) write(box, "value", String(whole ? value : Number(value.toPrecision(3))));
    if (value === shown && disabled === range.disabled && +range.value === nearest(value)) return;
    shown = value;
    range.value = nearest(value);
    range.setAttribute("aria-valuetext", spoken(value));
    if (wordy) box.textContent = spoken(value);
    for (const part of [range, box, ...steps]) part.disabled = disabled;
  };
  return { node: html("div", { class: "control slider" }, html("span", { class: "name", "aria-hidden": "true" }, label), box, range, html("span", { class: "steps" }, ...steps)), show };
}

function choice({ label, stops, words, own }, move) { // own: what a value is called that is not listed
  const other = html("option", { hidden: true }, own ?? ""), listed = words.map((said) => html("option", {}, said));
  const select = html("select", { "aria-label": label, onchange: () => move(stops[select.selectedIndex], true) }, ...listed, ...(own ? [other] : []));
  const show = (value, disabled) => {
    other.hidden = stops.includes(value);
    select.selectedIndex = own && !stops.includes(value) ? stops.length : stops.indexOf(value);
    select.disabled = disabled;
  };
  const wide = Math.max(...words.map((said) => said.length)) + label.length > 30; // what can be chosen is never cut
  return { node: html("label", { class: wide ? "control wide" : "control" }, html("span", { class: "name" }, label), select), show };
}

function onoff({ label }, move) {
  const box = html("input", { type: "checkbox", onchange: () => move(box.checked, true) });
  return { node: html("label", { class: "control" }, box, html("span", {}, label)), show: (value, disabled) => { box.checked = value; box.disabled = disabled; } };
}

function press({ label }, move) {
  let times = 0;
  const button = html("button", { type: "button", onclick: () => move(times + 1, true) }, label);
  return { node: html("div", { class: "control" }, button), show: (value, disabled) => { times = value; button.disabled = disabled; } };
}

const KINDS = { slider, choice, switch: onoff, button: press };

// ---- all of it ------------------------------------------------------------------------------------------------------------------------------------

const night = () => {
  const { jpThemeLight, vscodeThemeKind } = document.body.dataset;
  if (jpThemeLight) return jpThemeLight === "false";
  if (vscodeThemeKind) return /dark|black/.test(vscodeThemeKind);
  return matchMedia("(prefers-color-scheme: dark)").matches;
};

export function render({ model, el }) {
  const me = Math.random().toString(36).slice(2), panels = [], waiting = [];
  let frame = null, values = {}, serial = 0, busy = "", wish = null, settle = 0, slow = 0;

  const tip = html("div", { class: "tip", hidden: true }), status = html("p", { class: "spoken", role: "status" });
  const alarm = html("p", { class: "trouble", role: "alert" }), news = html("div", { class: "news" });
  const alt = html("img", { src: EMPTY, alt: "", class: "alt", draggable: "false" }), stage = html("div", { class: "stage" }), caption = html("p", { class: "caption", "aria-hidden": "true" });
  const say = (words, near, spoken) => {
    root.querySelectorAll(".mark.on").forEach((mark) => mark.classList.remove("on"));
    tip.hidden = !words;
    tip.textContent = words;
    if (!words) return;
    near.classList.add("on");
    const [a, b] = [near.getBoundingClientRect(), root.getBoundingClientRect()], [width, height] = [tip.offsetWidth, tip.offsetHeight];
    const right = a.right - b.left + 8, beside = right + width <= b.width ? right : a.left - b.left - width - 8;
    tip.style.left = `${clamp(beside, 0, Math.max(0, b.width - width))}px`;
    tip.style.top = `${beside >= 0 ? (a.top + a.bottom) / 2 - b.top - height / 2 : a.bottom - b.top + 6}px`;
    if (spoken) status.textContent = words;
  };

  const still = () => root.classList.toggle("still", !busy && !wish && !settle); // all that was asked for is seen
  // the latest wish wins, and one is on its way at a time
  const send = () => {
    const asked = wish;
    [wish, busy] = [null, `${me} ${++serial}`];
    clearTimeout(slow);
    slow = setTimeout(() => { root.classList.add("slow"); status.textContent = "waiting for the kernel"; }, SLOW);
    still();
    model.send({ ...asked, serial: busy });
  };
  const ask = (settled, only) => { wish = { values: { ...wish?.values, ...only }, settled }; if (!busy) send(); };
  const rest = (moving) => { // what answers a pointer comes when the hand rests
    clearTimeout(settle);
    settle = moving ? setTimeout(() => { settle = 0; ask(true, {}); }, SETTLE) : 0;
    still();
  };
  const change = (some, settled) => {
    const own = Object.fromEntries(Object.entries(some).filter(([name]) => name in controls));
    if (!Object.keys(own).length) return;
    values = { ...values, ...own };
    sync();
    ask(settled, own);
    rest(!settled);
  };
  const arrived = () => (busy ? new Promise((done) => waiting.push(done)) : Promise.resolve());
  const controls = Object.fromEntries(Object.entries(model.get("controls")).map(([name, told]) =>
    [name, KINDS[told.kind](told, (value, settled) => change({ [name]: value }, settled), arrived)]));
  const sync = () => { for (const [name, control] of Object.entries(controls)) if (name in values) control.show(values[name], frame?.disabled?.includes(name) ?? false); };

  const lay = () => {
    if (!frame) return;
    const room = stage.clientWidth || frame.size[0]; // 0 where a notebook has not laid out what is out of sight
    const least = Math.min(99, ...frame.items.filter(([kind]) => kind === "words").map(([, , , , size]) => size));
    const narrow = frame.panels.length > 1 && room * least / frame.size[0] < LEAST - CLOSE;
    const wanted = narrow ? frame.panels : [[0, 0, ...frame.size]];
    stage.classList.toggle("narrow", narrow);
    while (panels.length > wanted.length) panels.pop().node.remove();
    while (panels.length < wanted.length) { const part = panel(say, (set) => change(set, true)); panels.push(part); stage.append(part.node); }
    panels.forEach((part, i) => part.stand(wanted[i]));
    panels.forEach((part, i) => part.show(frame, wanted[i], frame.images));
  };
  const known = new Set();
  const ready = (items) => Promise.all(items.filter(([kind, , source]) => kind === "image" && typeof source === "string" && !known.has(source)).map(async ([, , source]) => {
    const image = new Image();
    image.src = source;
    if (known.size > 2000) known.clear();
    known.add(source);
    await image.decode().catch(() => {}); // one that cannot be read is drawn all the same: as nothing
  }));

  let latest = null, stays = {};
  const show = async () => {
    const next = (latest = { ...JSON.parse(model.get("told") || "{}"), images: model.get("images") });
    if (!next.items) return;
    if (stays.text !== model.get("rest") || stays.images !== next.images) stays = { text: model.get("rest"), images: next.images, items: JSON.parse(model.get("rest")) };
    next.items = next.items.map((item) => (typeof item === "number" ? stays.items[item] : item));
    const mine = next.serial === busy;
    if (mine) { busy = ""; clearTimeout(slow); root.classList.remove("slow"); }
    if (!mine || (!wish && next.settled)) values = { ...values, ...next.values }; // a hand that has gone on is not pulled back
    const spoken = frame && next.settled && !wish && next.summary !== frame.summary;
    const spots = next.spots ?? frame?.spots ?? [];
    frame = next.trouble && frame ? { ...frame, trouble: next.trouble, disabled: next.disabled } : next;
    sync();
    write(alarm, "textContent", next.trouble ?? "");
    news.replaceChildren(...(next.news ? [html("progress", { max: next.news.most, value: next.news.done, "aria-label": next.news.what }), html("span", {}, next.news.words), html("b", {}, next.news.note ?? "")] : []));
    if (wish) send();
    else waiting.splice(0).forEach((done) => done());
    await ready(next.items);
    if (next !== latest) return; // a later one has come
    lay();
    frame.spots ??= spots; // for a change of the width
    alt.alt = caption.textContent = frame.summary;
    if (spoken) status.textContent = frame.summary;
    if (next.settled === false && !busy && !wish && !settle) rest(true);
    still();
  };

  const hand = html("div", { class: "controls", hidden: !Object.keys(controls).length }, ...Object.values(controls).map(({ node }) => node));
  const root = html("div", { class: "ssl-lab", [KEYS_STAY]: "true" },
    html("div", { class: "body" }, html("div", { class: "hand" }, hand, news, alarm), html("div", { class: "view" }, html("div", { class: "whole" }, stage, alt), caption)), status, tip);
  root.querySelectorAll("input, select, button").forEach((part) => part.setAttribute(KEYS_STAY, "true"));
  const themed = () => root.classList.toggle("night", night());
  themed();
  el.append(root);
  const sized = new ResizeObserver(lay), watch = new MutationObserver(themed), scheme = matchMedia("(prefers-color-scheme: dark)");
  sized.observe(stage);
  watch.observe(document.body, { attributes: true });
  scheme.addEventListener("change", themed);
  model.on("change:told", show);
  show();
  return () => {
    model.off("change:told", show);
    sized.disconnect();
    watch.disconnect();
    scheme.removeEventListener("change", themed);
    clearTimeout(settle);
    clearTimeout(slow);
  };
}

/** A model whose frames have all been drawn: a page that was saved. */
export function stored({ controls, frames, images, rest, lists, first }) {
  const whole = (frame, serial) => JSON.stringify({ ...frame, serial, spots: frame.spots.map(unfolded) });
  const list = (value) => (typeof value === "number" ? lists[value] : value), all = (lot) => Object.fromEntries(Object.entries(lot).map(([name, value]) => [name, list(value)]));
  const unfolded = (spot) => ({ ...spot, rows: list(spot.rows), columns: list(spot.columns), at: list(spot.at), data: all(spot.data), sets: all(spot.sets) });
  const heard = [], state = { controls, images, rest: JSON.stringify(rest), told: whole(frames[first], "") };
  let frame = frames[first];
  return {
    get: (name) => state[name], on: (_, call) => heard.push(call), off: () => {},
    send: ({ values, serial }) => {
      const now = { ...frame.values, ...values };
      const place = Object.entries(controls).map(([name, { stops }]) => stops.indexOf(now[name])).join();
      frame = frames[place] ?? frame;
      state.told = whole(frame, serial);
      queueMicrotask(() => heard.forEach((call) => call()));
    },
  };
}

export default { render };
