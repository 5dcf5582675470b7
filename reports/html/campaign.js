"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const rowsChoice = document.getElementById("ui-rows");
const onlyChoice = document.getElementById("ui-only");
const heat = document.getElementById("ui-heat");
const AXES = [data.payloads, data.states, data.mutators];

function element(name, classes, text) {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  if (text !== undefined) made.textContent = text;
  return made;
}

// What the reader has chosen stays when the page is read again.
function remembered(key, otherwise) {
  try {
    return sessionStorage.getItem(`campaign ${key}`) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function remember(key, value) {
  try {
    sessionStorage.setItem(`campaign ${key}`, value);
  } catch {
    // A page from a file may have no storage.
  }
}

function degree(count) {
  return count ? Math.min(String(count).length, 5) : 0;
}

function counted(rows, only) {
  const sums = new Map();
  const other = rows === 0 ? 2 : 0;
  for (const cell of data.cells) {
    if (only && cell[other] !== only) continue;
    const key = `${cell[rows]}\n${cell[1]}`;
    sums.set(key, (sums.get(key) ?? 0) + cell[3]);
  }
  return sums;
}

function draw() {
  const rows = Number(rowsChoice.value);
  const sums = counted(rows, onlyChoice.value);
  const table = element("table");
  const head = element("tr");
  head.append(element("th"));
  for (const state of data.states) {
    const cell = element("th");
    cell.append(element("span", "", state));
    head.append(cell);
  }
  head.append(element("th", "sum"));
  const body = element("tbody");
  for (const row of AXES[rows]) {
    const line = element("tr");
    line.append(element("th", "", row));
    let total = 0;
    for (const state of data.states) {
      const count = sums.get(`${row}\n${state}`) ?? 0;
      const cell = element("td", `h${degree(count)}`);
      cell.title = `${row} in ${state}: ${count ? `${count} times` : "never"}`;
      total += count;
      line.append(cell);
    }
    line.append(element("td", "sum", total.toLocaleString("en")));
    body.append(line);
  }
  const top = element("thead");
  top.append(head);
  table.append(top, body);
  const [left, down] = [heat.scrollLeft, heat.scrollTop];
  heat.replaceChildren(table);
  heat.scrollTo(left, down);
}

function choices() {
  const rows = Number(rowsChoice.value);
  const names = AXES[rows === 0 ? 2 : 0];
  const all = element("option", "", rows === 0 ? "all mutators" : "all payloads");
  all.value = "";
  onlyChoice.replaceChildren(all, ...names.map((name) => element("option", "", name)));
}

function curve() {
  const svg = document.getElementById("ui-curve");
  if (data.curve.length < 2) return;
  const last = data.curve[data.curve.length - 1];
  const most = Math.max(1, ...data.curve.map((point) => point[2]));
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  const points = data.curve.map((point) => `${(100 * point[0]) / (last[0] || 1)},${54 - (48 * point[2]) / most}`);
  line.setAttribute("points", points.join(" "));
  svg.append(line);
}

rowsChoice.value = remembered("rows", "0");
choices();
onlyChoice.value = remembered("only", "");
if (onlyChoice.selectedIndex < 0) onlyChoice.value = "";
rowsChoice.addEventListener("change", () => {
  remember("rows", rowsChoice.value);
  remember("only", "");
  choices();
  draw();
});
onlyChoice.addEventListener("change", () => {
  remember("only", onlyChoice.value);
  draw();
});
const open = new Set(remembered("open", "").split(" "));
for (const details of document.querySelectorAll(".found details")) {
  details.open = open.has(details.id);
  details.addEventListener("toggle", () => {
    details.open ? open.add(details.id) : open.delete(details.id);
    remember("open", [...open].join(" "));
  });
}
const theme = remembered("theme", "");
if (theme) document.documentElement.dataset.theme = theme;
document.getElementById("ui-theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  remember("theme", root.dataset.theme);
});
draw();
curve();
