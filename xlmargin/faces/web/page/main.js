// Puts the page together: buttons, tabs, keys, mouse, clipboard, and what the status line says.

import { marked, toTabs, ways } from "/areas.js";
import { Editing } from "/editing.js";
import { Finding } from "/finding.js";
import { Grid } from "/grid.js";
import { printing } from "/printing.js";
import { Gone, Model, address, key, parsed } from "/model.js";

const at = (id) => document.getElementById(id);
const root = at("grid"), status = at("status"), content = at("content"), place = at("place");
const SLOW = 150, EVERY = 2000;
const model = new Model();
const grid = new Grid(root, model);
const editing = new Editing(grid, content, put, tell);
const finding = new Finding(model, grid, goTo, failed);
let message = "", bad = false, slow = null, over = false, told = "";

// ---- what is said

function tell(text, isBad = false) { message = text; bad = isBad; said(); }

function said() {
  if (over) return;
  const { row, column } = grid.active, sheet = grid.sheet;
  status.classList.toggle("busy", slow === true);
  status.classList.toggle("told", Boolean(message));
  status.classList.toggle("bad", bad && slow !== true);
  if (slow === true) { status.textContent = "calculating…"; return; }
  if (message) { status.textContent = message; return; }
  if (!sheet) return;
  const refusal = sheet.refusal(row, column), prompt = sheet.prompt(row, column), note = sheet.notes.get(key(row, column));
  status.textContent = refusal ? `${address(row, column)} is read-only: ${refusal}` : [prompt, note?.[0]].filter(Boolean).join(" · ") || "Ready";
}

model.changed = () => {
  if (model.pending && slow === null) slow = setTimeout(() => { slow = true; said(); }, SLOW);
  if (!model.pending && slow !== null) { clearTimeout(slow); slow = null; said(); }
  root.setAttribute("aria-busy", String(model.pending > 0));
  buttons();
};

function buttons() {
  at("undo").disabled = !model.state.undo;
  at("redo").disabled = !model.state.redo;
  at("dirty").hidden = !model.state.dirty;
  document.title = `${model.state.dirty ? "• " : ""}${model.name ?? "xlmargin"}`;
}

/** After the active cell or its sheet has changed. */
function moved() {
  message = "";
  bad = false;
  const { row, column } = grid.active, sheet = grid.sheet, picked = grid.range();
  if (document.activeElement !== place) {
    place.value = picked.top === picked.bottom && picked.left === picked.right ? address(row, column)
      : `${address(picked.top, picked.left)}:${address(picked.bottom, picked.right)}`;
  }
  if (!editing.open) {
    content.value = sheet.formulas.get(key(row, column)) ?? sheet.raw(row, column);
    content.readOnly = Boolean(sheet.refusal(row, column));
  }
  totals(picked);
  said();
}
editing.closed = moved;

function totals(picked) {
  const sheet = grid.sheet;
  let count = 0, sum = 0, numbers = 0;
  if (picked.top !== picked.bottom || picked.left !== picked.right) {
    for (const [where, cell] of sheet.cells) {
      const row = Math.floor(where / 16384), column = where % 16384;
      if (!cell.text || row < picked.top || row > picked.bottom || column < picked.left || column > picked.right) continue;
      count++;
      if (cell.kind !== "n" && cell.kind !== "g") continue;
      const raw = cell.raw ?? cell.text, value = raw.endsWith("%") ? Number(raw.slice(0, -1)) / 100 : Number(raw);
      if (Number.isFinite(value)) { sum += value; numbers++; }
    }
  }
  const shown = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 6 });
  at("totals").textContent = count < 2 ? "" : numbers ? `Average ${shown(sum / numbers)}   Count ${count}   Sum ${shown(sum)}` : `Count ${count}`;
}

function failed(error) {
  if (error instanceof Gone) ended(error.message);
  else tell(error.message, true);
}

function ended(text) {
  over = true;
  at("ended").hidden = false;
  at("ended").firstElementChild.textContent = text;
  for (const area of document.body.children) area.inert = area.id !== "ended";
  at("ended").focus();
}

// ---- what is done

async function put(cells, sheet) {
  message = "";
  try {
    await model.edit(sheet, cells);
    refreshed();
  } catch (error) { failed(error); }
}

function refreshed() {
  if (over) return;
  grid.paint();
  if (!editing.open) moved();
  buttons();
}

async function step(way) {
  try {
    const name = await model.step(way, grid.sheet), target = model.sheets.find((sheet) => sheet.name === name);
    if (target && target !== grid.sheet) await open(target);
    refreshed();
    if (!name) tell(`There is nothing to ${way}.`);
  } catch (error) { failed(error); }
}

async function save() {
  if (editing.open) editing.commit(0, 0);
  try {
    await model.save();
    buttons();
    tell(`Saved in ${model.name}.`);
  } catch (error) { failed(error); }
}

async function download() {
  try {
    const blob = await (await model.fetch("/api/file")).blob(), link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = model.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    tell("A copy was downloaded; the file itself is as it was.");
  } catch (error) { failed(error); }
}

async function quit() {
  const kept = model.state.dirty ? "\nEdits that are not saved are kept in a copy beside the file." : "";
  if (!confirm(`End the server?${kept}`)) return;
  try {
    await model.fetch("/api/quit", {});
    ended(`The server has ended. You can close this page.${kept && "\nYour unsaved edits are in a copy beside the file."}`);
  } catch (error) { failed(error); }
}

async function open(sheet) {
  if (editing.open) editing.commit(0, 0);
  editing.closeList();
  for (const tab of at("tabs").children) {
    const on = tab.dataset.sheet === String(sheet.number);
    tab.setAttribute("aria-selected", String(on));
    if (on) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  marked(at("tabs"));
  root.classList.add("waiting");
  try {
    await model.view(sheet);
    grid.show(sheet);
    moved();
  } catch (error) { failed(error); }
  root.classList.toggle("waiting", false);
}

/** Loads the page again, for a file that another program changed in more than its values, and goes where it was. */
function again() {
  sessionStorage.setItem("was", JSON.stringify([grid.sheet.name, grid.active.row, grid.active.column]));
  location.reload();
}

async function watch() {
  if (over) return;
  if (!model.pending && !document.hidden) {
    try {
      const state = await (await model.fetch("/api/state")).json();
      if (state.opened !== model.opened && !editing.open) { again(); return; }
      if (state.told !== told) { told = state.told; tell(told, true); }
      if (!model.pending && grid.sheet && (state.revision !== model.state.revision || state.dirty !== model.state.dirty)) {
        if (await model.view(grid.sheet)) refreshed(); else buttons();
      }
    } catch (error) { if (error instanceof Gone) ended(error.message); }
  }
  setTimeout(watch, EVERY);
}

async function goTo(number, row, column) {
  if (model.sheets[number] !== grid.sheet) await open(model.sheets[number]);
  grid.go(row, column);
  moved();
}

function follow(link) {
  const [target, row, column] = link;
  if (typeof target === "number") goTo(target, row, column);
  else if (target) window.open(target, "_blank", "noopener,noreferrer");
}

// ---- keys

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** Where Ctrl and an arrow lead: the end of what is filled, or the next that is. */
function jumped(from, [down, across]) {
  const sheet = grid.sheet, inside = (r, c) => r >= 1 && c >= 1 && r <= sheet.rows && c <= sheet.columns;
  let { row, column } = from;
  const full = (r, c) => inside(r, c) && sheet.text(r, c) !== "";
  const along = full(row, column) && full(row + down, column + across);
  do { row += down; column += across; } while (inside(row + down, column + across) && (along ? full(row + down, column + across) : !full(row, column)));
  return inside(row, column) ? { row, column } : from;
}

/** The last row and column that show something. */
function last() {
  let row = 1, column = 1;
  for (const [where, cell] of grid.sheet.cells) if (cell.text) { row = Math.max(row, Math.floor(where / 16384)); column = Math.max(column, where % 16384); }
  return { row, column };
}

function neighbour(step2) {
  const shown = model.sheets.filter((sheet) => !sheet.hidden), now = shown.indexOf(grid.sheet);
  const next = shown[now + step2];
  if (next) open(next);
}

function control(event) {
  const name = event.key.toLowerCase(), from = event.shiftKey ? grid.other : grid.active;
  if (ARROWS[event.key]) { const to = jumped(from, ARROWS[event.key]); grid.go(to.row, to.column, event.shiftKey); }
  else if (event.key === "Home") grid.go(grid.sheet.frozen[0] + 1, grid.sheet.frozen[1] + 1, event.shiftKey);
  else if (event.key === "End") { const to = last(); grid.go(to.row, to.column, event.shiftKey); }
  else if (name === "a") { const to = last(); grid.active = { row: 1, column: 1 }; grid.other = to; grid.paint(); }
  else if (name === "z") step(event.shiftKey ? "redo" : "undo");
  else if (name === "y") step("redo");
  else if (name === "g") place.focus();
  else return false;
  return true;
}

function plain(event) {
  const { row, column } = event.shiftKey ? grid.other : grid.active, sheet = grid.sheet;
  if (event.key === "Enter") grid.go(grid.active.row + (event.shiftKey ? -1 : 1), grid.active.column);
  else if (ARROWS[event.key]) grid.go(row + ARROWS[event.key][0], column + ARROWS[event.key][1], event.shiftKey);
  else if (event.key === "Home") grid.go(row, sheet.frozen[1] + 1, event.shiftKey);
  else if (event.key === "End") grid.go(row, last().column, event.shiftKey);
  else if (event.key === "PageDown") grid.go(row + grid.page(), column, event.shiftKey);
  else if (event.key === "PageUp") grid.go(row - grid.page(), column, event.shiftKey);
  else if (event.key === "F2") { editing.begin(null, "edit"); return true; }
  else if (event.key === "Backspace" || event.key === "Delete") editing.emptied();
  else if (event.key === "Escape") toTabs();
  else if (event.key.length === 1) { editing.begin(event.key, "enter"); return true; }
  else return false;
  return true;
}

function skipHidden(before, extend) {
  const sheet = grid.sheet, to = extend ? grid.other : grid.active;
  const down = Math.sign(to.row - before.row), across = Math.sign(to.column - before.column);
  let { row, column } = to;
  while (down && !sheet.heights[row - 1] && row + down >= 1 && row + down <= sheet.rows) row += down;
  while (across && !sheet.widths[column - 1] && column + across >= 1 && column + across <= sheet.columns) column += across;
  if (row !== to.row || column !== to.column) grid.go(row, column, extend);
}

root.addEventListener("keydown", (event) => {
  if (editing.open || over || event.isComposing) return;
  if (editing.listKey(event)) { event.preventDefault(); return; }
  if (event.altKey && event.key === "ArrowDown") { if (editing.openList()) event.preventDefault(); return; }
  if (event.altKey) return;
  const before = event.shiftKey ? grid.other : grid.active;
  const done = event.ctrlKey || event.metaKey ? control(event) : plain(event);
  if (!done) return;
  event.preventDefault();
  if (editing.open) return;
  skipHidden(before, event.shiftKey && event.key !== "Enter");
  if (event.key !== "Escape") moved();
});

document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || over) return;
  if (event.key.toLowerCase() === "s") { event.preventDefault(); save(); }
  else if (event.key.toLowerCase() === "f") { event.preventDefault(); finding.open(); }
  else if (event.key === "PageDown") { event.preventDefault(); neighbour(1); }
  else if (event.key === "PageUp") { event.preventDefault(); neighbour(-1); }
});
editing.saved = (event) => { event.preventDefault(); save(); };

// ---- mouse

let dragging = false;
root.addEventListener("mousedown", (event) => {
  if (event.button !== 0 || event.target.closest(".editor, .choices")) return;
  const box = root.getBoundingClientRect();
  if (event.clientX - box.left > root.clientWidth || event.clientY - box.top > root.clientHeight) return;
  if (event.target.closest(".chart")) return;
  if (editing.open) editing.commit(0, 0);
  editing.closeList();
  const head = event.target.closest(".label"), sheet = grid.sheet;
  if (event.target.closest(".drop")) { event.preventDefault(); editing.openList(); return; }
  if (head?.dataset.column) { grid.active = { row: 1, column: +head.dataset.column }; grid.other = { row: sheet.rows, column: +head.dataset.column }; grid.paint(); moved(); return; }
  if (head?.dataset.row) { grid.active = { row: +head.dataset.row, column: 1 }; grid.other = { row: +head.dataset.row, column: sheet.columns }; grid.paint(); moved(); return; }
  if (head?.dataset.all) { control(new KeyboardEvent("keydown", { key: "a", ctrlKey: true })); moved(); return; }
  const { row, column } = grid.at(event);
  grid.go(row, column, event.shiftKey);
  dragging = { row, column };
  moved();
});
root.addEventListener("mousemove", (event) => {
  if (!dragging || !(event.buttons & 1)) return;
  const { row, column } = grid.at(event);
  if (row === grid.other.row && column === grid.other.column) return;
  grid.go(row, column, true);
  moved();
});
document.addEventListener("mouseup", (event) => {
  const begun = dragging;
  dragging = false;
  if (!begun || !root.contains(event.target) || event.shiftKey) return;
  const { row, column } = grid.at(event), link = grid.sheet.links.get(key(row, column));
  if (link && row === begun.row && column === begun.column) follow(link);
});
root.addEventListener("dblclick", (event) => {
  if (event.target.closest(".label, .chart, .editor, .choices, .drop")) return;
  editing.begin(null, "edit");
});

// ---- clipboard

const typing = () => document.activeElement.matches("input") || editing.open;
document.addEventListener("copy", (event) => {
  if (typing() || over) return;
  event.clipboardData.setData("text/plain", editing.copied());
  event.preventDefault();
});
document.addEventListener("cut", (event) => {
  if (typing() || over) return;
  event.clipboardData.setData("text/plain", editing.copied());
  event.preventDefault();
  editing.emptied();
});
document.addEventListener("paste", (event) => {
  if (typing() || over) return;
  event.preventDefault();
  const text = event.clipboardData.getData("text/plain");
  if (text) editing.pasted(text);
});

// ---- around the sheet

place.addEventListener("keydown", (event) => {
  event.stopPropagation();
  if (event.key === "Escape") root.focus();
  if (event.key !== "Enter") return;
  const [from, to] = place.value.split(":").map(parsed);
  root.focus();
  if (!from) { moved(); tell("Write a cell like B7, or a range like B7:D20.", true); return; }
  grid.go(from.row, from.column);
  if (to) grid.go(to.row, to.column, true, false);
  moved();
});
at("undo").addEventListener("click", () => step("undo"));
at("redo").addEventListener("click", () => step("redo"));
at("save").addEventListener("click", save);
at("copy").addEventListener("click", download);
at("quit").addEventListener("click", quit);
ways(() => { if (editing.open) editing.commit(0, 0); });
at("search").addEventListener("click", () => finding.open());
printing(grid, last);
at("print").addEventListener("click", () => print());
at("keys").addEventListener("click", () => tell(at("help").textContent));
for (const button of document.querySelectorAll(".bar button:not(#search)")) button.addEventListener("click", () => root.focus({ preventScroll: true }));

addEventListener("beforeunload", (event) => {
  if (!over && (model.state.dirty || editing.open)) event.preventDefault();
});

async function start() {
  try {
    await model.load();
  } catch (error) { ended(error.message); return; }
  at("file").textContent = model.name;
  at("file").title = model.folder;
  for (const sheet of model.sheets) {
    if (sheet.hidden) continue;
    const tab = document.createElement("button");
    tab.textContent = sheet.name;
    tab.dataset.sheet = sheet.number;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", "grid");
    if (sheet.tab) tab.style.borderBottomColor = sheet.tab;
    tab.addEventListener("click", () => open(sheet).then(() => root.focus({ preventScroll: true })));
    at("tabs").append(tab);
  }
  const shown = model.sheets.filter((sheet) => !sheet.hidden);
  if (!shown.length) { ended("This workbook has no sheet to show."); return; }
  const [name, row, column] = JSON.parse(sessionStorage.getItem("was") ?? "[]");
  sessionStorage.removeItem("was");
  const was = shown.find((sheet) => sheet.name === name);
  await open(was ?? shown.find((sheet) => sheet.number === model.active) ?? shown[0]);
  if (was) { grid.go(row, column); moved(); }
  root.focus({ preventScroll: true });
  if (model.kept.length) tell(`Edits that were not saved when this was open before are in ${model.kept.join(", ")}`, true);
  setTimeout(watch, EVERY);
}

start();
