// Typing into cells, the lists to choose from, and blocks of cells as tab-separated text.

import { layer } from "/looks.js";
import { address, key } from "/model.js";

/** The cells of tab-separated text, where a cell with tabs or line ends stands in quotes. */
export function fromText(text) {
  const rows = [[]];
  let at = 0;
  while (at < text.length) {
    let cell = "";
    if (text[at] === '"') {
      let closed = false;
      for (at++; at < text.length; at++) {
        if (text[at] !== '"') cell += text[at];
        else if (text[at + 1] === '"') { cell += '"'; at++; } else { closed = true; at++; break; }
      }
      if (!closed) cell = `"${cell}`;
    }
    while (at < text.length && !"\t\n\r".includes(text[at])) cell += text[at++];
    rows[rows.length - 1].push(cell);
    if (at >= text.length) break;
    if (text[at] === "\t") { at++; if (at === text.length) rows[rows.length - 1].push(""); continue; }
    if (text[at] === "\r" && text[at + 1] === "\n") at++;
    at++;
    if (at < text.length) rows.push([]);
  }
  return rows;
}

const quoted = (text) => (/["\t\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export const toText = (rows) => rows.map((row) => row.map(quoted).join("\t")).join("\n");

export class Editing {
  /** Parameters: grid; entry, the line above the sheet; done(row, column, text) puts a text in; told(text, bad) says something. */
  constructor(grid, entry, done, told) {
    Object.assign(this, { grid, entry, done, told });
    this.box = null;
    this.list = null;
    // the line is edited from its first letter on: Tab only passes through it
    entry.addEventListener("input", () => { if (this.box) this.box.value = entry.value; else this.begin(entry.value, "edit", true); });
    entry.addEventListener("keydown", (event) => this.pressed(event));
  }

  get open() { return this.box !== null; }

  /** Begins to edit the active cell: with a first letter, or with what stands in it; "enter" lets arrows end it. */
  begin(text, mode, inEntry = false) {
    const { row, column } = this.grid.active, sheet = this.grid.sheet, refusal = sheet.refusal(row, column);
    if (refusal) {
      this.told(`This cell cannot be typed over: ${refusal}.`, true);
      return;
    }
    this.closeList();
    this.mode = mode;
    this.at = { row, column, sheet };
    this.grid.reveal(row, column);
    const box = document.createElement("input");
    box.className = "editor";
    box.setAttribute("aria-label", "Content of the cell");
    box.spellcheck = false;
    box.autocomplete = "off";
    box.value = text ?? sheet.raw(row, column);
    const [left, top, width, height] = this.grid.over(row, column);
    Object.assign(box.style, { left: `${left - 1}px`, top: `${top - 1}px`, width: `${Math.max(width + 2, 90)}px`, height: `${height + 2}px`, fontSize: `${13 * this.grid.scale}px` });
    box.addEventListener("keydown", (event) => this.pressed(event));
    box.addEventListener("input", () => { this.entry.value = box.value; this.fit(); });
    box.addEventListener("blur", () => setTimeout(() => { if (this.box === box && document.activeElement !== this.entry) this.commit(0, 0); }));
    this.over = layer(this.grid.root.firstChild, box);
    this.box = box;
    this.entry.value = box.value;
    this.fit();
    if (!inEntry) { box.focus({ preventScroll: true }); box.setSelectionRange(box.value.length, box.value.length); }
  }

  fit() { this.box.style.width = `${Math.max(parseFloat(this.box.style.width), Math.min(this.box.scrollWidth + 8, 600))}px`; }

  pressed(event) {
    event.stopPropagation();
    if (!this.box) {
      if (event.key === "Enter" || event.key === "Escape") { event.preventDefault(); this.grid.root.focus(); }
      return;
    }
    const arrows = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (event.key === "Enter") this.commit(event.shiftKey ? -1 : 1, 0);
    else if (event.key === "Tab") this.commit(0, event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") this.cancel();
    else if (event.key === "F2") this.mode = "edit";
    else if (this.mode === "enter" && arrows[event.key]) this.commit(...arrows[event.key]);
    else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") { this.commit(0, 0); return this.saved?.(event); }
    else return;
    event.preventDefault();
  }

  commit(down, across) {
    const box = this.box;
    if (!box) return;
    const { row, column, sheet } = this.at, text = box.value;
    this.close();
    if (text !== sheet.raw(row, column)) this.done([[row, column, text]], sheet);
    if (this.grid.sheet === sheet && (down || across)) this.grid.go(row + down, column + across);
  }

  cancel() { this.close(); }

  close() {
    this.box = null;
    this.over?.remove();
    this.grid.root.focus({ preventScroll: true });
    this.grid.later();
    this.closed?.();
  }

  // ---- lists

  openList() {
    const { row, column } = this.grid.active, sheet = this.grid.sheet, texts = sheet.listAt(row, column);
    if (!texts || sheet.refusal(row, column)) return false;
    this.closeList();
    const list = document.createElement("ul"), [left, top, width, height] = this.grid.over(row, column);
    list.className = "choices";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", `Choices for ${address(row, column)}`);
    Object.assign(list.style, { left: `${left}px`, top: `${top + height + 1}px`, minWidth: `${width}px` });
    texts.forEach((text, n) => {
      const item = document.createElement("li");
      item.textContent = text;
      item.setAttribute("role", "option");
      item.id = `choice-${n}`;
      item.addEventListener("mousedown", (event) => { event.preventDefault(); event.stopPropagation(); this.choose(n); });
      list.append(item);
    });
    const over = layer(this.grid.root.firstChild, list);
    this.list = { list, over, texts, row, column, sheet, at: Math.max(texts.indexOf(sheet.raw(row, column)), 0) };
    this.mark();
    return true;
  }

  mark() {
    const items = [...this.list.list.children], chosen = items[this.list.at];
    items.forEach((item) => { item.classList.toggle("on", item === chosen); item.setAttribute("aria-selected", String(item === chosen)); });
    chosen.scrollIntoView({ block: "nearest" });
    this.grid.root.setAttribute("aria-activedescendant", chosen.id);
  }

  choose(n) {
    const { texts, row, column, sheet } = this.list;
    this.closeList();
    if (texts[n] !== sheet.raw(row, column)) this.done([[row, column, texts[n]]], sheet);
    this.grid.root.focus({ preventScroll: true });
  }

  closeList() {
    if (!this.list) return;
    this.list.over.remove();
    this.list = null;
    this.grid.later(); // which names the active cell again
  }

  /** Keys while a list is open; returns whether the key was meant for it. */
  listKey(event) {
    if (!this.list) return false;
    const count = this.list.texts.length;
    if (event.key === "ArrowDown") this.list.at = Math.min(this.list.at + 1, count - 1);
    else if (event.key === "ArrowUp") this.list.at = Math.max(this.list.at - 1, 0);
    else if (event.key === "Enter") { this.choose(this.list.at); return true; }
    else { this.closeList(); return event.key === "Escape"; }
    this.mark();
    return true;
  }

  // ---- blocks

  /** The selected cells as text for another spreadsheet. */
  copied() {
    const { top, bottom, left, right } = this.grid.range(), sheet = this.grid.sheet, rows = [];
    for (let row = top; row <= bottom; row++) {
      const line = [];
      for (let column = left; column <= right; column++) {
        const cell = sheet.cells.get(key(row, column));
        line.push(!cell ? "" : cell.kind === "s" ? cell.text : cell.raw ?? cell.text);
      }
      rows.push(line);
    }
    return toText(rows);
  }

  /** Puts a block in from the selection's first cell on, without its own headings; a single value fills the selection. */
  pasted(text) {
    const block = fromText(text), { top: first, bottom, left, right } = this.grid.range(), sheet = this.grid.sheet, cells = [];
    if (block.length === 1 && block[0].length === 1) {
      for (let row = first; row <= bottom; row++) for (let column = left; column <= right; column++) cells.push([row, column, block[0][0]]);
      this.done(cells, sheet);
      return;
    }
    const [rows, top] = this.headless(block, first, left), room = this.roomAt(top, left);
    while (rows.length > room && rows[rows.length - 1].every((cell) => !cell.trim())) rows.pop();
    if (rows.length > room) {
      const told = this.tooMany(rows.length, room, top, left);
      if (!confirm(`${told}\nPaste the first ${room} of them? Cancel pastes nothing.`)) { this.told(`Nothing was pasted. ${told}`, true); return; }
      rows.length = room;
    }
    if (!rows.length) { this.told("Only headings were copied: nothing was pasted.", true); return; }
    rows.forEach((line, n) => line.forEach((cell, m) => cells.push([top + n, left + m, cell])));
    this.grid.active = { row: top, column: left };
    this.grid.other = { row: top + rows.length - 1, column: left + Math.max(...rows.map((line) => line.length)) - 1 };
    this.done(cells, sheet);
  }

  /** The rows of a block that go in, and where: a first row that repeats the headings above the cells, or in them, stays out. */
  headless(block, row, column) {
    const sheet = this.grid.sheet, plain = (text) => text.trim().toLowerCase();
    const same = (at) => at >= 1 && block[0].some((cell) => cell.trim()) && block[0].every((cell, n) => plain(cell) === plain(sheet.text(at, column + n)));
    if (sheet.refusal(row, column) && same(row)) return [block.slice(1), row + 1];
    let above = (sheet.areaAt(row, column)?.[0] ?? row) - 1;
    if (!sheet.open) while (above > 1 && !sheet.headings.has(key(above, column))) above--;
    return same(above) ? [block.slice(1), row] : [block, row];
  }

  /** How many rows there are for input from a cell down; where nothing is kept for input, as many as one likes. */
  roomAt(row, column) {
    const area = this.grid.sheet.areaAt(row, column);
    return area ? area[2] - row + 1 : Infinity; // a locked cell is refused with its reason
  }

  tooMany(count, room, row, column) {
    const sheet = this.grid.sheet, [top, , bottom] = sheet.areaAt(row, column), wanted = count + row - top;
    const more = sheet.name === "Positions" ? ` \`xlmargin new FOLDER --rows ${wanted}\` makes a workbook with room for all.` : "";
    return `The block has ${count} rows; ${room} fit${room === 1 ? "s" : ""} from row ${row} to ${bottom}, the last one for input here.${more}`;
  }

  emptied() {
    const { top, bottom, left, right } = this.grid.range(), sheet = this.grid.sheet, cells = [];
    const last = Math.min(bottom, sheet.rows), end = Math.min(right, sheet.columns);
    for (let row = top; row <= last; row++) for (let column = left; column <= end; column++) if (sheet.raw(row, column)) cells.push([row, column, ""]);
    if (cells.length) this.done(cells, sheet);
  }
}
