"use strict";

// chart.js stands before this.

// --- the opened purpose ---------------------------------------------------------------------------------------------

function renderDetail(data, device) {
  const detail = element("div", "detail");
  if (data.known) detail.append(renderKnown(data.known));
  if (data.earlier.length) detail.append(section("Earlier tries", element("ul", "notes", ...data.earlier.map((one) => element("li", "", one)))));
  if (data.expected || data.got) detail.append(renderVersus(data));
  if (data.beside) detail.append(section("The same on other devices", renderBeside(data.beside)));
  if (data.requirements.length) detail.append(section("Requirements", renderRequirements(data.requirements)));
  if (data.notes.length) {
    detail.append(element("section", "", element("ul", "notes", ...data.notes.map((one) => element("li", "", one)))));
  }
  if (data.trace) detail.append(section("Conversation", renderChart(data.trace, device)));
  if (data.log) detail.append(element("section", "", renderLog(data.log)));
  detail.append(renderFoot(data));
  return detail;
}

function renderBeside(beside) {
  const rows = beside.rows.map((one) => element("li", "",
    element("span", `badge ${one.slug}`, one.label), ` ${one.device}`, one.reason ? element("span", "about", ` ${one.reason}`) : ""));
  return element("div", "", element("p", "suspect", beside.conclusion), element("ul", "besides", ...rows));
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
    let findings = 0;
    for (const finding of group.querySelectorAll(".finding")) {
      let inside = 0;
      for (const article of finding.querySelectorAll(".purpose")) {
        const fits = Object.entries(wanted).every(([kind, values]) => !values.length || values.includes(article.dataset[kind]))
          && words.every((word) => article.dataset.text.includes(word));
        article.hidden = !fits;
        inside += fits ? 1 : 0;
      }
      finding.hidden = inside === 0;
      findings += inside > 0 ? 1 : 0;
      shown += inside;
    }
    group.hidden = shown === 0;
    group.querySelector(".count").textContent = findings === shown ? shown : `${findings} in ${shown} purposes`;
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
