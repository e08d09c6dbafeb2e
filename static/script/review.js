/* Review: the selected field's place lights up, lines are driven from the keyboard, edits can be taken back. */
"use strict";

const sheet = document.querySelector("[data-review]");
const source = document.getElementById("source");
const place = document.getElementById("place");
const editable = sheet.hasAttribute("data-editable");
const undone = [];
let leaving = false;

/* --- evidence ------------------------------------------------------------------------------- */

function spots(path) {
  return [...source.querySelectorAll("[data-for]")].filter((spot) => spot.dataset.for.split(" ").includes(path));
}

function rowOf(path) {
  const parts = path.split(".");
  return parts.length === 3 && parts[0] === "lines" ? `${parts[0]}.${parts[1]}.` : null;
}

function light(field) {
  for (const spot of source.querySelectorAll(".is-on, .is-row")) spot.classList.remove("is-on", "is-row");
  for (const other of sheet.querySelectorAll(".is-shown")) other.classList.remove("is-shown");
  if (!field) return;
  const row = rowOf(field.name);
  if (row) {
    for (const spot of source.querySelectorAll("[data-for]")) {
      if (spot.dataset.for.split(" ").some((path) => path.startsWith(row))) spot.classList.add("is-row");
    }
  }
  const found = spots(field.name);
  for (const spot of found) spot.classList.add("is-on");
  field.classList.add("is-shown");
  const label = field.getAttribute("aria-label") || field.labels?.[0]?.textContent || field.name;
  place.title = field.dataset.path ?? "";
  if (found.length) {
    place.textContent = `${label} · ${field.dataset.place ?? lastSteps(field.dataset.path) ?? "in the source"}`;
    reveal(found[0]);
  } else if (field.dataset.path) place.textContent = `${label}: in the data, not on the page`;
  else place.textContent = `${label}: ${field.value ? "no place in the source" : "not found in the source"}`;
}

/* A path in an XML or EDIFACT file by its end, which says what it is. */
function lastSteps(path) {
  const steps = path?.split("/") ?? [];
  return steps.length > 3 ? `…/${steps.slice(-2).join("/")}` : path;
}

/* Scrolls the source alone, and only as far as needed: the fields stay where they are. */
function reveal(spot) {
  const box = spot.getBoundingClientRect();
  const view = source.getBoundingClientRect();
  const margin = 48;
  const past = (start, end, from, to) => (start < from + margin ? start - from - margin * 2
    : end > to - margin ? end - to + margin * 2 : 0);
  source.scrollBy(past(box.left, box.right, view.left, view.right), past(box.top, box.bottom, view.top, view.bottom));
}

sheet.addEventListener("focusin", (event) => {
  if (event.target.matches(".cell")) light(event.target);
});

source.addEventListener("click", (event) => {
  const spot = event.target.closest("[data-for]");
  if (!spot) return;
  for (const path of spot.dataset.for.split(" ")) {
    const field = sheet.elements[path];
    if (field instanceof HTMLElement && field.offsetParent) {
      field.focus();
      field.select?.();
      return;
    }
  }
});

/* --- edits ---------------------------------------------------------------------------------- */

function fields() {
  return [...sheet.querySelectorAll(".cell")];
}

function isChanged(field) {
  return !field.readOnly && !field.disabled && field.value !== field.dataset.saved;
}

function changeCount() {
  const typed = fields().filter(isChanged).length;
  return typed + sheet.querySelectorAll("tr.is-dropped").length;
}

function show() {
  for (const field of fields()) field.classList.toggle("is-changed", isChanged(field));
  sum();
  if (!editable) return;
  const count = changeCount();
  sheet.querySelector("[data-act='save']").disabled = count === 0;
  sheet.querySelector("[data-undo]").disabled = undone.length === 0;
  document.getElementById("unsaved").textContent =
    count === 0 ? "" : `${count} unsaved`;
}

let before = null;
sheet.addEventListener("focusin", (event) => {
  if (event.target.matches(".cell")) before = { field: event.target, value: event.target.value };
});
sheet.addEventListener("input", show);
sheet.addEventListener("change", (event) => {
  if (!event.target.matches(".cell")) return;
  if (before && before.field === event.target && before.value !== event.target.value) {
    const { field, value } = before;
    undone.push(() => {
      field.value = value;
      field.focus();
    });
    before = { field, value: field.value };
  }
  show();
});

function undo() {
  const last = undone.pop();
  if (last) last();
  show();
}

/* --- lines ---------------------------------------------------------------------------------- */

const body = document.querySelector("#lines tbody");
let added = body.querySelectorAll("[data-added]").length;

function addLine() {
  const template = document.getElementById("new-line");
  if (!template) return;
  const row = template.content.firstElementChild.cloneNode(true);
  added += 1;
  for (const cell of row.querySelectorAll(".cell")) {
    cell.name = cell.name.replace("#", String(added));
    cell.id = cell.id.replace("#", String(added));
    cell.setAttribute("aria-label", `${cell.getAttribute("aria-label")}, new line ${added}`);
  }
  body.append(row);
  undone.push(() => row.remove());
  row.querySelector(".cell").focus();
  show();
}

function dropLine(row) {
  if (!editable || !row) return;
  if (row.hasAttribute("data-added")) {
    const next = row.nextElementSibling;
    row.remove();
    undone.push(() => body.insertBefore(row, next));
  } else {
    const box = row.querySelector("input[name='drop']");
    const turn = () => {
      box.checked = !box.checked;
      row.classList.toggle("is-dropped", box.checked);
    };
    turn();
    undone.push(turn);
  }
  show();
}

function shownCells(row) {
  return [...row.querySelectorAll("td .cell")].filter((cell) => cell.offsetParent);
}

function go(cell, down, across) {
  const row = cell.closest("tr");
  const column = shownCells(row).indexOf(cell) + across;
  let target = row;
  if (down > 0) target = row.nextElementSibling;
  if (down < 0) target = row.previousElementSibling;
  const next = target && shownCells(target)[column];
  if (!next) return false;
  next.focus();
  next.select?.();
  return true;
}

/* As a number is stored: 1.234,50 and 1,234.50 have one reading and are kept as 1234.50. */
function stored(text) {
  const typed = text.trim();
  if (/^-?(\d+|\d{1,3}(\.\d{3})+),(\d{1,2}|\d{4,})$/.test(typed)) return typed.replaceAll(".", "").replace(",", ".");
  return /^-?\d{1,3}(,\d{3})+\.\d+$/.test(typed) ? typed.replaceAll(",", "") : typed;
}

/* Whole hundredths, so that a sum of prices is a sum and not an approximation. */
function hundredths(text) {
  const number = Number(stored(text));
  return text.trim() === "" || Number.isNaN(number) ? null : Math.round(number * 100);
}

function sum() {
  const told = document.getElementById("sum");
  const totals = [...body.querySelectorAll("tr:not(.is-dropped) .col-line_total .cell")]
    .map((cell) => hundredths(cell.value)).filter((value) => value !== null);
  const net = hundredths(sheet.elements.net_total?.value ?? "");
  const charges = hundredths(sheet.elements.charges_total?.value ?? "") ?? 0;
  const allowances = hundredths(sheet.elements.allowances_total?.value ?? "") ?? 0;
  if (!totals.length) {
    told.textContent = "";
    return;
  }
  const lines = totals.reduce((left, right) => left + right, 0) + charges - allowances;
  const words = (lines / 100).toFixed(2);
  const off = net !== null && net !== lines;
  told.textContent = net === null ? `Lines add up to ${words}`
    : off ? `Lines add up to ${words}, net says ${(net / 100).toFixed(2)}` : `Lines add up to the net, ${words}`;
  told.classList.toggle("tone-warn", off);
  told.classList.toggle("tone-good", net !== null && !off);
}

/* --- acts and keys -------------------------------------------------------------------------- */

function act(name) {
  const button = sheet.querySelector(`[data-act='${name}']`);
  if (button && !button.disabled) sheet.requestSubmit(button);
}

/* A decision opens the next document; the way back to the one before is kept for this tab. */
const DECIDED = "zalion-decided";

function keepDecided(button) {
  if (["approve", "reject"].includes(button?.value)) sessionStorage.setItem(DECIDED, sheet.dataset.review);
}

function openDecided() {
  const decided = sessionStorage.getItem(DECIDED);
  if (decided) location.assign(decided);
}

function openDialog(id) {
  const dialog = document.getElementById(id);
  if (dialog && !dialog.open) dialog.showModal();
}

sheet.addEventListener("click", (event) => {
  const target = event.target;
  if (target.closest("[data-add-line]")) addLine();
  else if (target.closest("[data-drop]")) dropLine(target.closest("tr"));
  else if (target.closest("[data-undo]")) undo();
  else if (target.closest("[data-columns]")) {
    const button = target.closest("[data-columns]");
    const all = document.getElementById("lines").classList.toggle("grid-all");
    button.setAttribute("aria-pressed", String(all));
    button.textContent = all ? "Fewer columns" : "All columns";
  }
});

for (const button of document.querySelectorAll("[data-zoom-by]")) {
  button.addEventListener("click", () => {
    const zoom = Number(source.dataset.zoom) + Number(button.dataset.zoomBy);
    source.dataset.zoom = String(Math.min(3, Math.max(1, zoom)));
  });
}

sheet.addEventListener("submit", (event) => {
  leaving = true;
  keepDecided(event.submitter);
  if (event.submitter?.value !== "save") return;
  const focused = document.activeElement;
  if (focused?.matches(".cell")) sessionStorage.setItem("zalion-field", focused.name);
});
document.getElementById("reject")?.querySelector("form").addEventListener("submit", (event) => {
  leaving = true;
  keepDecided(event.submitter);
});

window.addEventListener("beforeunload", (event) => {
  if (!leaving && editable && changeCount() > 0) event.preventDefault();
});
window.addEventListener("pageshow", () => {
  leaving = false;
});

document.addEventListener("keydown", (event) => {
  const field = event.target.closest?.(".cell");
  const control = event.ctrlKey || event.metaKey;
  const dialog = document.querySelector("dialog[open]");
  if (dialog) {
    if (control && event.key === "Enter") dialog.querySelector("form")?.requestSubmit(dialog.querySelector("[name='act']"));
    return;
  }
  if (control && event.key === "Enter") {
    event.preventDefault();
    return act("approve");
  }
  if (control && event.key.toLowerCase() === "s") {
    event.preventDefault();
    return act("save");
  }
  if (event.altKey && !control) {
    if (event.code === "KeyZ") undo();
    else if (event.key === "+" || event.code === "NumpadAdd") addLine();
    else if (event.code === "KeyN") document.querySelector("[data-next]")?.click();
    else if (event.code === "KeyR" && editable) openDialog("reject");
    else if (event.code === "KeyB") openDecided();
    else if (event.code === "KeyO") act("reopen");
    else if (event.key === "Backspace") dropLine(field?.closest("tr"));
    else if (field?.closest("tr") && event.key === "ArrowLeft") go(field, 0, -1);
    else if (field?.closest("tr") && event.key === "ArrowRight") go(field, 0, 1);
    else return;
    return event.preventDefault();
  }
  if (control) return;
  if (field) return fieldKey(event, field);
  if (event.target.closest("input, textarea, select")) return;
  if (event.key === "?") openDialog("shortcuts");
  else if (event.key === "f") sheet.querySelector(".sheet-grid .cell")?.focus();
  else return;
  event.preventDefault();
});

function fieldKey(event, field) {
  if (event.key === "Escape") {
    if (isChanged(field)) {
      field.value = field.dataset.saved;
      show();
    } else field.blur();
    return event.preventDefault();
  }
  const plain = !event.shiftKey && !(field instanceof HTMLSelectElement);
  if (!field.closest("tr")) {
    if (event.key === "Enter" && plain && !(field instanceof HTMLTextAreaElement)) event.preventDefault();
    return;
  }
  if (!plain) return;
  if (event.key === "ArrowUp") go(field, -1, 0);
  else if (event.key === "ArrowDown") go(field, 1, 0);
  else if (event.key === "Enter") {
    if (!go(field, 1, 0) && editable) addLine();
  } else return;
  event.preventDefault();
}

/* What was refused is shown in answer to a form: loading the page again asks for the document, and sends nothing. */
if (location.pathname !== sheet.dataset.review) history.replaceState(null, "", sheet.dataset.review);

/* After a save the cursor is where it was; else what is wrong comes first. */
const kept = sessionStorage.getItem("zalion-field");
sessionStorage.removeItem("zalion-field");
const first = (kept && sheet.elements[kept])
  || sheet.querySelector("[aria-invalid='true'], .cell.has-error, .cell.has-warning");
show();
if (!first) light(sheet.elements.number);
if (matchMedia("(min-width: 72.01rem)").matches) {
  // With nothing to put right, the keys scroll the fields and Tab goes to the first of them.
  if (first instanceof HTMLElement) first.focus({ preventScroll: !kept });
  else document.getElementById("fields").focus({ preventScroll: true });
}
