"use strict";
// The page works without this: it only adds sorting, searching and opening what a link points to.

const collator = new Intl.Collator(document.documentElement.lang);

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    if (head.classList.contains("unsorted")) return;
    const numeric = head.classList.contains("number");
    const keyOf = (row) => row.cells[column].dataset.key ?? row.cells[column].textContent.trim();
    const compare = numeric
      ? (a, b) => Number(keyOf(a)) - Number(keyOf(b))
      : (a, b) => collator.compare(keyOf(a), keyOf(b));
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const rows = [...body.rows].sort(compare);
      body.append(...(descending ? rows.reverse() : rows));
    });
  });
}

const search = document.getElementById("search");
if (search) {
  search.closest("label").hidden = false;
  const found = [...document.querySelectorAll("[data-student]")];
  const normal = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  search.addEventListener("input", () => {
    const wanted = normal(search.value.trim());
    for (const item of found) item.hidden = !normal(item.dataset.student).includes(wanted);
  });
}

const openTarget = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  const details = target && target.closest("details");
  if (details && !details.open) {
    details.open = true;
    details.scrollIntoView();
  }
};
addEventListener("hashchange", openTarget);
openTarget();

// On paper everything is open: reasons are to be read there, too.
const shut = [];
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details:not([open])")) {
    details.open = true;
    shut.push(details);
  }
});
addEventListener("afterprint", () => {
  for (const details of shut.splice(0)) details.open = false;
});
