"use strict";

const search = document.getElementById("ui-search");
const chips = [...document.querySelectorAll("[data-state][aria-pressed]")];

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const states = chips.filter((one) => one.getAttribute("aria-pressed") === "true").map((one) => one.dataset.state);
  for (const group of document.querySelectorAll(".group")) {
    let shown = 0;
    for (const row of group.querySelectorAll("tr")) {
      const fits = (!states.length || states.includes(row.dataset.state)) && words.every((word) => row.dataset.text.includes(word));
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    group.hidden = shown === 0;
    group.querySelector(".count").textContent = shown;
  }
}

for (const chip of chips) {
  chip.addEventListener("click", () => {
    chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
    filter();
  });
}
search.addEventListener("input", filter);
document.getElementById("ui-filters").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== search) {
    event.preventDefault();
    search.focus();
  }
});
