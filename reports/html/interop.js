"use strict";

// chart.js stands before this.

function renderDetail(data) {
  const detail = element("div", "detail");
  if (data.known) detail.append(renderKnown(data.known));
  if (data.reason) detail.append(section("Why", element("p", "reason", data.reason)));
  detail.append(section("The same between the others", renderBeside(data)));
  if (data.steps.length) detail.append(section("Steps", renderSteps(data.steps)));
  if (data.notes.length) {
    detail.append(element("section", "", element("ul", "notes", ...data.notes.map((one) => element("li", "", one)))));
  }
  if (data.trace) detail.append(section("Conversation", renderChart(data.trace, data.responder, data.initiator)));
  for (const role of ["initiator", "responder"]) {
    const log = data[`${role}_log`];
    if (log) detail.append(element("section", "", renderLog(log, `${data[role]}, the ${role}: its log`)));
  }
  if (data.files.length) detail.append(section("Evidence", renderFiles(data.files)));
  return detail;
}

function renderBeside(data) {
  const list = element("p", "others", ...data.beside.map((one) => {
    const link = element("button", `badge ${one.standing}`, `${one.who} ${one.verdict}`);
    link.type = "button";
    link.addEventListener("click", () => show(one.key));
    return link;
  }));
  if (!data.beside.length) list.append("nobody else did it");
  if (data.suspect) list.append(element("span", "suspect", `All failures have ${data.suspect} in them, the others agree.`));
  return list;
}

function renderSteps(steps) {
  return element("ol", "steps", ...steps.map((one) => {
    const text = one.problem ? element("span", "why", one.problem) : null;
    return element("li", one.problem ? "fail" : "pass", one.text, ` (${one.seconds.toFixed(2)} s)`, text);
  }));
}

function renderFiles(files) {
  return element("p", "files", ...files.map((file) => {
    const link = element("a", "", file.name);
    link.href = file.href;
    return element("span", "", link, ` ${size(file.size)}`);
  }));
}

// --- choosing and opening -------------------------------------------------------------------------------------------

const articles = new Map([...document.querySelectorAll(".purpose")].map((one) => [one.id, one]));
const sources = new Map([...document.querySelectorAll("script[data-result]")].map((one) => [one.dataset.result, one]));
const lists = [...document.querySelectorAll(".celllist")];
const cells = [...document.querySelectorAll(".cell")];

function choose(key) {
  for (const list of lists) list.hidden = list.dataset.cell !== key;
  for (const cell of cells) cell.setAttribute("aria-pressed", String(cell.dataset.cell === key));
  return lists.find((list) => list.dataset.cell === key);
}

function remember(key) {
  try {
    history.replaceState(null, "", `#${encodeURIComponent(key)}`);
  } catch {
    // Some browsers forbid it for local files; the page works without.
  }
}

function toggle(article, wanted) {
  const open = article.classList.contains("open");
  if (open === wanted) return;
  if (open) article.querySelector(".detail").remove();
  else article.append(renderDetail(JSON.parse(sources.get(article.id).textContent)));
  article.classList.toggle("open", !open);
  article.querySelector(".row").setAttribute("aria-expanded", String(!open));
}

function show(key) {
  const article = articles.get(key);
  if (!article) return;
  choose(article.parentElement.dataset.cell);
  toggle(article, true);
  article.scrollIntoView();
  remember(key);
}

for (const cell of cells) {
  cell.addEventListener("click", () => {
    const list = choose(cell.getAttribute("aria-pressed") === "true" ? "" : cell.dataset.cell);
    if (list) {
      list.scrollIntoView();
      remember(cell.dataset.cell);
    }
  });
}
for (const button of document.querySelectorAll("[data-open]")) {
  button.addEventListener("click", () => show(button.dataset.open));
}
for (const article of articles.values()) {
  article.querySelector(".row").addEventListener("click", () => {
    toggle(article, !article.classList.contains("open"));
    remember(article.id);
  });
}
document.getElementById("ui-theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

function followHash() {
  try {
    const wanted = decodeURIComponent(location.hash.slice(1));
    if (articles.has(wanted)) show(wanted);
    else choose(wanted)?.scrollIntoView();
  } catch {
    // No address of ours.
  }
}
addEventListener("hashchange", followHash);
followHash();
