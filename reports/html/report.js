"use strict";

// Everything a device or a file says goes into the page as text, never as markup.
function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children.filter((one) => one !== null && one !== undefined && one !== ""));
  return made;
}

function section(title, ...children) {
  return element("section", "", element("h3", "", title), ...children);
}

// --- the opened purpose ---------------------------------------------------------------------------------------------

function renderDetail(data, device) {
  const detail = element("div", "detail");
  if (data.known) detail.append(renderKnown(data.known));
  if (data.expected || data.got) detail.append(renderVersus(data));
  if (data.requirements.length) detail.append(section("Requirements", renderRequirements(data.requirements)));
  if (data.notes.length) {
    detail.append(element("section", "", element("ul", "notes", ...data.notes.map((one) => element("li", "", one)))));
  }
  if (data.trace) detail.append(section("Conversation", renderChart(data.trace, device)));
  if (data.log) detail.append(element("section", "", renderLog(data.log)));
  detail.append(renderFoot(data));
  return detail;
}

function renderKnown(known) {
  const until = known.until ? `, until ${known.until}` : "";
  const text = element("div", "deviation", element("b", "", `Known deviation${until}: `), known.reason);
  if (known.reference) text.append(` (${known.reference})`);
  return element("section", "", text);
}

function renderVersus(data) {
  const side = (className, title, text) =>
    element("div", className, element("h3", "", title), element("p", "", text || "nothing"));
  const both = element("div", "versus", side("", "Expected", data.expected), side("came", "What came", data.got));
  return element("section", "", both);
}

function renderRequirements(requirements) {
  return element("ul", "cited", ...requirements.map((one) => {
    const id = element("code", "", one.id);
    if (one.url) {
      const link = element("a", "", id);
      link.href = one.url;
      link.rel = "noreferrer";
      return requirementLine(one, link);
    }
    return requirementLine(one, id);
  }));
}

function requirementLine(one, id) {
  const text = element("span", "", one.broken ? element("b", "", "Broken: ") : "", one.text || "not in the catalogue");
  return element("li", one.broken ? "broken" : "", id, element("span", "level", one.level || ""), text);
}

function renderLog(log) {
  const lines = log.split("\n").length - (log.endsWith("\n") ? 1 : 0);
  const title = element("summary", "", `The device's log (${lines} ${lines === 1 ? "line" : "lines"})`);
  return element("details", "log", title, element("pre", "", log));
}

function renderFoot(data) {
  const foot = section("Evidence");
  const files = element("p", "files");
  for (const file of data.files) {
    const link = element("a", "", file.name);
    link.href = file.href;
    files.append(element("span", "", link, ` ${size(file.size)}`));
  }
  foot.append(data.files.length ? files : element("p", "files", "none was written"));
  foot.append(element("dl", "facts", ...data.facts.map(([name, value]) =>
    element("div", "", element("dt", "", name), element("dd", "", value)))));
  return foot;
}

function size(octets) {
  return octets < 1024 ? `${octets} B` : octets < 1 << 20 ? `${Math.round(octets / 1024)} KB` : `${(octets / (1 << 20)).toFixed(1)} MB`;
}

// --- the message sequence chart -------------------------------------------------------------------------------------

function renderChart(trace, device) {
  const end = (name, address) => element("div", "end", element("b", "", name), element("span", "", address));
  const chart = element("div", "chart",
    element("div", "ends", end("ikespec", trace.ours), end(device, trace.device)));
  for (const entry of trace.entries) {
    chart.append(entry.kind === "message" || entry.kind === "raw" ? renderArrow(entry) : renderRemark(entry));
  }
  return chart;
}

function clock(entry) {
  const t = entry.t;
  return element("time", "", t < 100 ? t.toFixed(3) : t.toFixed(1));
}

function renderRemark(entry) {
  const expect = entry.kind === "expect";
  const outcome = entry.ok === true ? "yes" : entry.ok === false ? "no" : "open";
  const row = element("div", `step remark ${expect ? `expect ${outcome}` : "note"}`, clock(entry));
  if (expect) row.append(element("span", "mark", { yes: "✓", no: "✗", open: "…" }[outcome]));
  row.append(element("span", "", entry.text || ""));
  return row;
}

function renderArrow(entry) {
  const row = element("button", `step arrow ${entry.sent ? "sent" : "came-in"}`, clock(entry));
  row.type = "button";
  row.classList.toggle("bent", Boolean(entry.bent));
  row.classList.toggle("troubled", Boolean(entry.problem));
  row.classList.toggle("raw", entry.kind === "raw");
  const label = element("span", entry.sent ? "label" : "label received");
  const [head, ...rest] = (entry.summary || entry.text || `${entry.size || 0} octets`).split(": ");
  label.append(element("b", "", head), " ", element("span", "list", rest.join(": ")));
  if (entry.encrypted) label.append(" ", element("span", "tag sealed", "SK"));
  if (entry.bent) label.append(" ", element("span", "tag bent", `bent: ${entry.bent}`));
  if (entry.problem) label.append(" ", element("span", "tag problem", entry.problem));
  const [left, right] = entry.sent ? [entry.src, entry.dst] : [entry.dst, entry.src];
  row.append(label, element("span", "line"), port("left", left), port("right", right));
  row.setAttribute("aria-expanded", "false");
  row.addEventListener("click", () => toggleLook(row, entry));
  return row;
}

function port(side, address) {
  return element("span", `port ${side}`, (address || "").split(":").pop());
}

function toggleLook(row, entry) {
  const open = row.getAttribute("aria-expanded") === "true";
  row.setAttribute("aria-expanded", String(!open));
  if (open) row.nextElementSibling.remove();
  else row.after(renderLook(entry));
}

function renderLook(entry) {
  const facts = [`${entry.src} > ${entry.dst}`, `${entry.size || 0} octets`];
  if (entry.spi_i) facts.push(`SPIi ${entry.spi_i}`, `SPIr ${entry.spi_r}`, `message ID ${entry.message_id}`);
  const header = element("div", "header", ...facts.map((one) => element("span", "", one)));
  const tree = element("ul", "tree", ...(entry.payloads || []).map(renderTree));
  if (!(entry.payloads || []).length) tree.append(element("li", "", entry.kind === "raw" ? entry.text || "" : "no payloads"));
  return element("div", "look", header, tree, renderHex(entry));
}

function renderTree(node) {
  const item = element("li", "", element("b", "", node.name));
  for (const [name, value] of Object.entries(node.fields || {})) {
    item.append(element("span", value.length > 70 ? "field long" : "field", `${name} `, element("i", "", value)));
  }
  if (node.children) item.append(element("ul", "", ...node.children.map(renderTree)));
  return item;
}

function renderHex(entry) {
  const octets = (entry.bytes || "").match(/../g) || [];
  const dump = element("pre", "hex");
  for (let start = 0; start < octets.length; start += 16) {
    const line = octets.slice(start, start + 16);
    const text = line.map((one) => parseInt(one, 16)).map((code) => (code > 31 && code < 127 ? String.fromCharCode(code) : "."));
    const columns = `${line.slice(0, 8).join(" ")}  ${line.slice(8).join(" ")}`.padEnd(49);
    dump.append(`${start.toString(16).padStart(4, "0")}  `, element("b", "", columns), ` ${text.join("")}\n`);
  }
  const missing = (entry.size || 0) - octets.length;
  if (missing > 0) dump.append(`${missing} more octets: see capture.pcapng\n`);
  return dump;
}

// --- opening and closing --------------------------------------------------------------------------------------------

const articles = [...document.querySelectorAll(".purpose")];
const groups = [...document.querySelectorAll(".group")];
const sources = new Map([...document.querySelectorAll("script[data-purpose]")].map((one) => [one.dataset.purpose, one]));
const device = JSON.parse(document.getElementById("ui-device").textContent);

function open(article) {
  if (article.classList.contains("open")) return;
  article.append(renderDetail(JSON.parse(sources.get(article.id).textContent), device));
  article.classList.add("open");
  article.querySelector(".row").setAttribute("aria-expanded", "true");
}

function close(article) {
  article.querySelector(".detail")?.remove();
  article.classList.remove("open");
  article.querySelector(".row").setAttribute("aria-expanded", "false");
}

function followHash() {
  let wanted = "";
  try {
    wanted = decodeURIComponent(location.hash.slice(1));
  } catch {
    return;
  }
  const article = articles.find((one) => one.id === wanted);
  if (!article) return;
  article.closest(".group").open = true;
  open(article);
  article.scrollIntoView();
}

for (const article of articles) {
  article.querySelector(".row").addEventListener("click", () => {
    const opening = !article.classList.contains("open");
    (opening ? open : close)(article);
    const address = opening ? `#${encodeURIComponent(article.id)}` : location.pathname + location.search;
    try {
      history.replaceState(null, "", address);
    } catch {
      // Some browsers forbid it for local files; the page works without.
    }
  });
}

// --- filters --------------------------------------------------------------------------------------------------------

const search = document.getElementById("ui-search");
const clear = document.getElementById("ui-clear");
const toggles = [...document.querySelectorAll("[aria-pressed]")];

function pressed(kind) {
  return toggles.filter((one) => kind in one.dataset && one.getAttribute("aria-pressed") === "true").map((one) => one.dataset[kind]);
}

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = { standing: pressed("standing"), subject: pressed("subject"), role: pressed("role") };
  const active = words.length > 0 || Object.values(wanted).some((one) => one.length > 0);
  let total = 0;
  for (const group of groups) {
    let shown = 0;
    for (const article of group.querySelectorAll(".purpose")) {
      const fits = Object.entries(wanted).every(([kind, values]) => !values.length || values.includes(article.dataset[kind]))
        && words.every((word) => article.dataset.text.includes(word));
      article.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    group.hidden = shown === 0;
    group.querySelector(".count").textContent = shown;
    group.open = active ? true : "open" in group.dataset;
    total += shown;
  }
  document.getElementById("ui-nothing").hidden = total > 0 || articles.length === 0;
  clear.hidden = !active;
}

for (const toggle of toggles) {
  toggle.addEventListener("click", () => {
    toggle.setAttribute("aria-pressed", String(toggle.getAttribute("aria-pressed") !== "true"));
    filter();
  });
}
search.addEventListener("input", filter);
clear.addEventListener("click", () => {
  search.value = "";
  for (const toggle of toggles) toggle.setAttribute("aria-pressed", "false");
  filter();
});
document.getElementById("ui-filters").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== search) {
    event.preventDefault();
    search.focus();
  }
});
document.getElementById("ui-theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

addEventListener("hashchange", followHash);
followHash();
