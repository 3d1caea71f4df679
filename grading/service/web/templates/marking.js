// The keys with which answers are marked; everything works without them, by the page's forms.
"use strict";

const form = document.getElementById("marking");
const find = document.getElementById("find");

function inText(element) {
  return element.matches("textarea, select, input:not([type=checkbox])");
}

function total() {
  const boxes = [...form.querySelectorAll("input[data-points]:checked")];
  const added = boxes.reduce((sum, box) => sum + Number(box.dataset.points), 0);
  const marks = Number(form.dataset.start) + added;
  const most = Number(form.dataset.most);
  const clamped = Math.min(Math.max(marks, 0), most) + (Number(form.adjustment.value) || 0);
  return Math.min(Math.max(clamped, 0), most);
}

function show() {
  form.querySelector("output").value = String(Math.round(total() * 1000) / 1000);
}

let isChanged = form?.dataset.changed === "yes";

form?.addEventListener("input", (event) => {
  if (event.target === find) return;
  isChanged = true;
  show();
});

find?.addEventListener("change", () => {
  form.comment.value = [form.comment.value.trimEnd(), find.value].filter(Boolean).join("\n");
  find.value = "";
  isChanged = true;
});

const follow = (name) => document.getElementById(name)?.click();

const KEYS = {
  Enter: () => form.requestSubmit(),
  n: () => (isChanged ? form.requestSubmit() : follow("next")),
  p: () => follow("previous"),
  u: () => document.getElementById("undo")?.requestSubmit(),
  w: () => follow("whole"),
  "/": () => (find ?? form.comment).focus(),
  c: () => form.comment.focus(),
};

document.addEventListener("keydown", (event) => {
  const target = event.target;
  if (!form || event.altKey || event.metaKey || event.isComposing || event.repeat) return;
  if (event.key === "Escape") return target.blur();
  if (event.ctrlKey) {
    if (event.key === "Enter") form.requestSubmit();
    return;
  }
  if (target === form.adjustment && event.key === "Enter") return;
  if (target === find && event.key === "Enter") return event.preventDefault();
  if (inText(target) || (target.matches("a, button, summary") && event.key === "Enter")) return;
  const box = /^[1-9]$/.test(event.key) && form.querySelectorAll("input[data-points]")[event.key - 1];
  if (box) {
    box.click();
  } else if (KEYS[event.key]) {
    KEYS[event.key]();
  } else {
    return;
  }
  event.preventDefault();
});
