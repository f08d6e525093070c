"use strict";
const ROW = 26, LEFT = 430;
const COLOURS = { cli: "#4f9aa8", gateway: "#70798a", intake: "#2f7ed8", design: "#8e5bd0", provisioning: "#d98219",
  migration: "#1f9e77", monitoring: "#bf4a94", feedback: "#a3921b" };
const SPARE = ["#3c6e8f", "#7a6a4f", "#5c8f3c", "#66609c", "#a06a3c"];
const $ = (id) => document.getElementById(id);
const trace = JSON.parse($("data").textContent);
const spans = new Map(trace.spans.map((span) => [span.id, span]));
const children = new Map();
const parentOf = (span) => spans.get(span.parent);
const end = (span) => span.start + span.duration;
for (const span of trace.spans) {
  if (!parentOf(span)) continue;
  if (!children.has(span.parent)) children.set(span.parent, []);
  children.get(span.parent).push(span);
}
const services = [...new Set(trace.spans.map((span) => span.service))];
const colour = (service) => COLOURS[service] || SPARE[[...service].reduce((sum, c) => sum + c.charCodeAt(0), 0) % SPARE.length];
const state = { view: "hops", from: 0, to: Math.max(trace.duration, 1), picked: null, text: "", hidden: new Set(), closed: new Set(), opened: new Set(), rows: [] };
const RUN = 8, RUN_SHOWN = 3;

function element(tag, attributes = {}, ...content) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "style") Object.assign(made.style, value);
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null) made.setAttribute(key, value);
  }
  made.append(...content.filter((part) => part !== null && part !== undefined));
  return made;
}

function time(us) {
  const size = Math.abs(us);
  if (size < 1000) return `${us.toFixed(size < 10 && us % 1 ? 1 : 0)} µs`;
  if (size < 1e6) return `${(us / 1e3).toFixed(size < 1e5 ? 1 : 0)} ms`;
  if (size < 6e7) return `${(us / 1e6).toFixed(2)} s`;
  return `${Math.floor(us / 6e7)} min ${((us % 6e7) / 1e6).toFixed(0)} s`;
}

// A message handled starts a block of its own: in a long flow the depth of the tree only counts the hops.
const startsBlock = (span) => !parentOf(span) || (state.view === "hops" && (span.kind === "consumer" || isServed(span)));
const isServed = (span) => span.kind === "server" && parentOf(span).service !== span.service;

function matches(span) {
  if (state.hidden.has(span.service)) return false;
  if (!state.text) return true;
  const hay = [span.name, span.service, span.kind, span.id, span.message, ...Object.entries(span.attributes).flat()];
  return hay.some((part) => String(part).toLowerCase().includes(state.text));
}

const belowOf = (span) => (children.get(span.id) || []).filter((child) => !startsBlock(child));

// Neighbours that say the same, with nothing below them: a batch of events sent, or folded one by one.
function runs(list) {
  const found = [];
  for (const span of list) {
    const run = found.at(-1), first = run && run[0];
    const same = first && first.name === span.name && first.service === span.service && !belowOf(first).length && !belowOf(span).length;
    if (same && !first.failed && !span.failed) run.push(span);
    else found.push([span]);
  }
  return found;
}

function arrange() {
  const rows = [];
  const walk = (span, depth) => {
    const below = belowOf(span);
    if (matches(span)) rows.push({ span, depth: state.text ? 0 : depth, parent: below.length > 0 });
    if (!state.closed.has(span.id) || state.text) level(below, depth + 1);
  };
  const level = (list, depth) => {
    for (const run of runs(list.filter((span) => state.text || matches(span) || belowOf(span).length))) {
      const short = run.length > RUN && !state.text && !state.opened.has(run[0].id);
      (short ? run.slice(0, RUN_SHOWN) : run).forEach((span) => walk(span, depth));
      if (short) rows.push({ span: run[RUN_SHOWN], depth, rest: run.slice(RUN_SHOWN), first: run[0].id });
    }
  };
  level(trace.spans.filter(startsBlock), 0);
  state.rows = rows;
  $("space").style.height = `${rows.length * ROW + 40}px`;
  $("main").setAttribute("aria-rowcount", rows.length);
  draw();
}

const share = (us) => ((us - state.from) / (state.to - state.from)) * 100;

function waited(span) {
  const sender = parentOf(span);
  if (span.kind !== "consumer" || !sender) return null;
  return { sender, from: Math.min(end(sender), span.start), length: Math.max(0, span.start - end(sender)) };
}

function bars(span) {
  const left = share(span.start), right = share(end(span)), made = [];
  const gap = waited(span);
  if (gap && gap.length > 0) {
    made.push(element("div", { class: "gap", title: `${time(gap.length)} between publish and consume`,
      style: { left: `${share(gap.from)}%`, width: `${Math.max(0, left - share(gap.from))}%` } }));
  }
  made.push(element("div", { class: "bar", style: { left: `${left}%`, width: `${Math.max(0, right - left)}%`, background: colour(span.service) } }));
  for (const event of span.events) {
    made.push(element("div", { class: "mark", title: `${event.name} at ${time(event.at)}`, style: { left: `${share(event.at)}%` } }));
  }
  const label = (span.failed ? "✕ " : "") + time(span.duration) + (gap && gap.length >= 1000 ? `, waited ${time(gap.length)}` : "");
  if (right >= 0 && left <= 100) {
    const inside = right > 82 && left <= 18, before = gap ? share(gap.from) : left;
    const place = right <= 82 ? { left: `${right}%` } : { right: inside ? `${Math.max(100 - right, 0)}%` : `${100 - before}%` };
    made.push(element("div", { class: inside ? "time inside" : "time", style: place }, label));
  }
  return made;
}

function restRow({ depth, rest, first }, index) {
  const from = Math.min(...rest.map((span) => span.start)), to = Math.max(...rest.map(end));
  const open = () => { state.opened.add(first); arrange(); };
  return element("div", { class: "row rest", role: "row", style: { top: `${index * ROW}px` }, onclick: open, title: "Show all of them" },
    element("div", { class: "name", style: { paddingLeft: `${30 + Math.min(depth, 14) * 14}px` } }, element("span", { class: "op" }, `and ${rest.length} more: ${rest[0].name}`)),
    element("div", { class: "bars" }, element("div", { class: "bar", style: { left: `${share(from)}%`, width: `${share(to) - share(from)}%`, background: colour(rest[0].service), opacity: 0.35 } })));
}

// What travelled, without the service that the topic names already.
const carried = (span) => (span.attributes["cloudevents.event_type"] || "").replace(/^[a-z]+\./, "").replace(/\.v\d+$/, "");

function row({ span, depth, parent }, index) {
  const block = startsBlock(span), gap = waited(span);
  const twisty = parent && !state.text
    ? element("button", { class: "twisty", tabindex: -1, "aria-label": "Fold", onclick: (e) => { e.stopPropagation(); fold(span.id); } }, state.closed.has(span.id) ? "▸" : "▾")
    : element("span", { class: "twisty" });
  const name = element("div", { class: "name", style: { paddingLeft: `${8 + Math.min(depth, 14) * 14}px` } }, twisty,
    element("span", { class: "dot", style: { background: colour(span.service) } }),
    block || span.service !== parentOf(span).service || state.text ? element("span", { class: "svc" }, span.service) : null,
    element("span", { class: "op" }, ...(carried(span) ? [`${span.name.split(" ")[0]} `, element("span", { class: "what" }, carried(span))] : [span.name])),
    block && gap ? element("span", { class: "from" }, `← ${gap.sender.service}`) : null,
    block && parentOf(span) && isServed(span) ? element("span", { class: "from" }, `← ${parentOf(span).service}`) : null,
    !parentOf(span) && span.parent ? element("span", { class: "from", title: "its parent span is not in this trace store" }, "(parent missing)") : null);
  return element("div", { class: `row${span.failed ? " failed" : ""}${span.id === state.picked ? " picked" : ""}${block || state.text || state.view === "tree" ? " hop" : ""}`,
    style: { top: `${index * ROW}px` }, role: "row", id: `row-${span.id}`, "aria-level": depth + 1, "aria-selected": span.id === state.picked,
    title: `${span.service}: ${span.name} ${carried(span)}, ${time(span.duration)}`, onclick: () => pick(span.id, false), ondblclick: () => zoomTo(span) },
    name, element("div", { class: "bars" }, ...bars(span)));
}

function draw() {
  const main = $("main"), first = Math.max(0, Math.floor(main.scrollTop / ROW) - 10);
  const last = Math.min(state.rows.length, first + Math.ceil(main.clientHeight / ROW) + 20);
  const shown = state.rows.slice(first, last).map((item, offset) => (item.rest ? restRow : row)(item, first + offset));
  $("space").replaceChildren(...(shown.length ? shown : [element("div", { class: "empty" }, "No span matches.")]));
  ruler();
  overview();
}

function ruler() {
  const width = state.to - state.from, rough = width / 7, unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * unit >= rough) * unit, ticks = [];
  for (let tick = Math.ceil(state.from / step) * step; tick <= state.to - width * 0.05; tick += step) {
    ticks.push(element("span", { style: { left: `${share(tick)}%` } }, tick === 0 ? "0" : time(tick)));
  }
  $("ruler").style.width = `${$("main").clientWidth - LEFT}px`;
  $("ruler").replaceChildren(...ticks);
}

function svg(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

let drawn = "";
function overview() {
  const box = $("overview"), width = 1000, height = 56, total = Math.max(trace.duration, 1);
  const key = [...state.hidden].join() + state.text + state.view;
  if (drawn !== key) {
    drawn = key;
    box.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const lane = height / Math.max(state.rows.length, 14);
    box.replaceChildren(...state.rows.map(({ span }, index) => svg("rect", {
      x: (span.start / total) * width, y: index * lane, height: Math.max(lane * 0.8, 2),
      width: Math.max((span.duration / total) * width, 2.5), fill: span.failed ? "var(--bad)" : colour(span.service) })));
  }
  box.querySelectorAll(".shade").forEach((shade) => shade.remove());
  const shade = (x, w) => w > 0.5 && box.append(svg("rect", { class: "shade", x, y: 0, width: w, height, fill: "var(--ground)", opacity: 0.78 }));
  shade(0, (state.from / total) * width);
  shade((state.to / total) * width, width - (state.to / total) * width);
}

function zoom(from, to) {
  const total = Math.max(trace.duration, 1);
  state.from = Math.max(0, Math.min(from, to));
  state.to = Math.min(total, Math.max(from, to));
  if (state.to - state.from < 2) state.to = state.from + 2;
  showZoomed();
  draw();
}

// Rows are in order of time, so the part zoomed to is usually elsewhere in the list.
function showZoomed() {
  const main = $("main"), seen = ({ span }) => span.start <= state.to && end(span) >= state.from;
  const first = Math.floor(main.scrollTop / ROW), shown = state.rows.slice(first, first + Math.floor(main.clientHeight / ROW));
  if (state.to - state.from >= trace.duration || shown.filter(seen).length > shown.length / 3) return;
  const within = ({ span }) => span.start >= state.from && span.start <= state.to;
  const block = state.rows.findIndex((item) => within(item) && startsBlock(item.span));
  const begins = block >= 0 ? block : state.rows.findIndex(within);
  if (begins >= 0) main.scrollTop = Math.max(0, begins - 1) * ROW;
}

// With the pause before it, so that the wait between publish and consume stays in sight.
function zoomTo(span) {
  const gap = waited(span), from = gap ? gap.from : span.start;
  let last = end(span);
  const walk = (item) => (children.get(item.id) || []).forEach((child) => { last = Math.max(last, end(child)); walk(child); });
  walk(span);
  zoom(from - (last - from) * 0.05, last + (last - from) * 0.25);
}

function dragToZoom(target, from, width) {
  target.addEventListener("pointerdown", (down) => {
    const box = target.getBoundingClientRect(), start = from(), span = width();
    const at = (event) => start + ((event.clientX - box.left) / box.width) * span, begin = at(down);
    target.setPointerCapture(down.pointerId);
    target.onpointerup = (up) => {
      target.onpointerup = null;
      if (Math.abs(up.clientX - down.clientX) > 4) zoom(begin, at(up));
    };
  });
  target.addEventListener("dblclick", () => zoom(0, trace.duration));
}

function fold(id) {
  state.closed.has(id) ? state.closed.delete(id) : state.closed.add(id);
  arrange();
}

function pick(id, reveal = true) {
  const span = spans.get(id);
  state.picked = span ? id : null;
  history.replaceState(null, "", span ? `#${id}` : location.pathname);
  $("detail").hidden = !span;
  if (span) detail(span);
  const inRun = state.rows.find((item) => item.rest && item.rest.some((other) => other.id === id));
  if (inRun) { state.opened.add(inRun.first); arrange(); }
  const index = state.rows.findIndex((item) => !item.rest && item.span.id === id), main = $("main");
  if (reveal && index >= 0 && (index * ROW < main.scrollTop || (index + 2) * ROW > main.scrollTop + main.clientHeight)) {
    main.scrollTop = index * ROW - main.clientHeight / 3;
  }
  if (span && (end(span) < state.from || span.start > state.to)) zoom(0, trace.duration);
  main.setAttribute("aria-activedescendant", span ? `row-${id}` : "");
  draw();
}

function table(values) {
  return element("table", {}, ...Object.entries(values).map(([key, value]) =>
    element("tr", {}, element("td", {}, ...key.split(/(?<=[._])/).flatMap((part) => [part, element("wbr")])), element("td", { class: "mono" }, value instanceof Node ? value : String(value)))));
}

const jump = (span) => element("a", { href: `#${span.id}`, onclick: (e) => { e.preventDefault(); pick(span.id); } }, `${span.service}: ${span.name}`);

function detail(span) {
  const gap = waited(span), parent = parentOf(span), below = children.get(span.id) || [];
  const timing = { "starts after": time(span.start), "at": new Date(trace.start + span.start / 1e3).toISOString(), "takes": time(span.duration) };
  if (gap) timing["waited since publish"] = gap.length ? time(gap.length) : "nothing: taken before the producer's acknowledgement";
  if (parent) timing[gap ? "published by" : "parent"] = jump(parent);
  const parts = [
    element("div", { class: "line" }, element("h2", {}, span.name), element("button", { class: "push", "aria-label": "Close", onclick: () => pick(null) }, "✕")),
    element("div", { class: "line" }, element("span", { class: "chip" }, element("span", { class: "dot", style: { background: colour(span.service) } }), ` ${span.service}`), element("span", { class: "soft" }, span.kind), element("code", {}, span.id)),
  ];
  if (span.failed) parts.push(element("p", { class: "alarm" }, `Failed: ${span.message || "no reason was given"}`));
  parts.push(table(timing), element("h3", {}, "Attributes"), table(span.attributes));
  for (const event of span.events) {
    parts.push(element("h3", {}, `${event.name} at ${time(event.at)}`));
    const { "exception.stacktrace": stack, ...rest } = event.attributes;
    parts.push(table(rest), stack ? element("pre", { class: "mono" }, stack) : null);
  }
  if (span.links.length) {
    parts.push(element("h3", {}, "Linked spans"), ...span.links.map((link) => element("div", {},
      spans.has(link.span) ? jump(spans.get(link.span)) : element("a", { href: `/traces/${link.trace}#${link.span}` }, `trace ${link.trace.slice(0, 12)}…`))));
  }
  if (below.length) {
    parts.push(element("h3", {}, "Leads to"), ...below.slice(0, 60).map((child) => element("div", {}, jump(child), element("span", { class: "soft" }, ` ${time(child.duration)}`))));
  }
  parts.push(element("h3", {}, "Process"), table(trace.resources[span.source]));
  $("detail").replaceChildren(...parts.filter(Boolean));
  $("detail").scrollTop = 0;
}

function step(by) {
  const at = state.rows.findIndex((item) => item.span.id === state.picked);
  const next = state.rows[Math.min(Math.max(at + by, 0), state.rows.length - 1)];
  if (next) pick(next.span.id);
}

function nextFailure() {
  const failed = state.rows.filter((item) => item.span.failed);
  const at = failed.findIndex((item) => item.span.id === state.picked);
  if (failed.length) pick(failed[(at + 1) % failed.length].span.id);
}

function view(name) {
  state.view = name;
  $("hops").setAttribute("aria-pressed", name === "hops");
  $("tree").setAttribute("aria-pressed", name === "tree");
  arrange();
}

function head() {
  const failed = trace.spans.filter((span) => span.failed).length;
  $("title").textContent = trace.title;
  $("id").textContent = trace.id;
  for (const engagement of trace.engagements) {
    $("engagements").append(engagement.query
      ? element("a", { href: engagement.query, title: "The engagement's query on the gateway (it asks for a token)" }, engagement.id)
      : element("b", {}, engagement.id), " ");
  }
  const fact = (value, name, cls = "") => element("span", { class: cls }, element("b", {}, String(value)), ` ${name}`);
  const messages = trace.spans.filter((span) => waited(span)).length;
  $("facts").append(fact(new Date(trace.start).toISOString().replace("T", " ").slice(0, 23), "UTC"), fact(time(trace.duration), "from first to last"),
    fact(trace.spans.length, "spans"), fact(services.length, "services"), fact(messages, "messages published and consumed"), fact(failed, "failed", failed ? "bad" : ""), $("search"));
  $("errors").hidden = !failed;
  for (const service of services) {
    const count = trace.spans.filter((span) => span.service === service).length;
    const button = element("button", { "aria-pressed": "true", title: `Show or hide ${service}`, onclick: () => {
      state.hidden.has(service) ? state.hidden.delete(service) : state.hidden.add(service);
      button.setAttribute("aria-pressed", String(!state.hidden.has(service)));
      arrange();
    } }, element("span", { class: "dot", style: { background: colour(service) } }), service, element("span", { class: "soft" }, String(count)));
    $("services").append(button);
  }
}

const KEYS = { ArrowDown: () => step(1), ArrowUp: () => step(-1), PageDown: () => step(20), PageUp: () => step(-20), Escape: () => pick(null), e: nextFailure,
  0: () => zoom(0, trace.duration), "/": () => $("search").focus(),
  ArrowLeft: () => state.picked && !state.closed.has(state.picked) && fold(state.picked), ArrowRight: () => state.picked && state.closed.has(state.picked) && fold(state.picked) };
document.addEventListener("keydown", (event) => {
  const typing = event.target === $("search");
  if (typing && event.key === "Escape") $("main").focus();
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});
$("search").addEventListener("input", (event) => { state.text = event.target.value.trim().toLowerCase(); $("main").scrollTop = 0; arrange(); });
$("main").addEventListener("scroll", () => requestAnimationFrame(draw));
$("hops").addEventListener("click", () => view("hops"));
$("tree").addEventListener("click", () => view("tree"));
$("errors").addEventListener("click", nextFailure);
$("whole").addEventListener("click", () => zoom(0, trace.duration));
$("reload").addEventListener("click", () => location.reload());
addEventListener("resize", draw);
dragToZoom($("overview"), () => 0, () => Math.max(trace.duration, 1));
dragToZoom($("ruler"), () => state.from, () => state.to - state.from);
head();
arrange();
const asked = location.hash.slice(1) || new URLSearchParams(location.search).get("uiFind");
if (asked && spans.has(asked)) pick(asked);
