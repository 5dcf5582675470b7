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

function renderKnown(known) {
  const until = known.until ? `, until ${known.until}` : "";
  const text = element("div", "deviation", element("b", "", `${known.name || "Known deviation"}${until}: `), known.reason);
  if (known.reference) text.append(` (${known.reference})`);
  return element("section", "", text);
}

function renderLog(log, of = "The device's log") {
  const lines = log.split("\n").length - (log.endsWith("\n") ? 1 : 0);
  const title = element("summary", "", `${of} (${lines} ${lines === 1 ? "line" : "lines"})`);
  return element("details", "log", title, element("pre", "", log));
}

function size(octets) {
  return octets < 1024 ? `${octets} B` : octets < 1 << 20 ? `${Math.round(octets / 1024)} KB` : `${(octets / (1 << 20)).toFixed(1)} MB`;
}

// --- the message sequence chart -------------------------------------------------------------------------------------

function renderChart(trace, device, ours = "ikespec") {
  const end = (name, address) => element("div", "end", element("b", "", name), element("span", "", address));
  const chart = element("div", "chart",
    element("div", "ends", end(ours, trace.ours), end(device, trace.device)));
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
  if (!(entry.payloads || []).length) tree.append(element("li", "", withoutPayloads(entry)));
  return element("div", "look", header, tree, renderHex(entry));
}

function withoutPayloads(entry) {
  if (entry.kind === "raw") return entry.text || "";
  return entry.size && !entry.bytes ? "payloads are shown by: ikespec report FOLDER PURPOSE" : "no payloads";
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
