// The workbook as the page knows it: sheets with their cells, kept up to date by requests that wait for each other.

const COLUMNS = 16384;
export const key = (row, column) => row * COLUMNS + column;

/** The letters of a column counted from 1. */
export function letters(number) {
  let text = "";
  for (; number > 0; number = Math.floor((number - 1) / 26)) text = String.fromCharCode(65 + ((number - 1) % 26)) + text;
  return text;
}

export const address = (row, column) => letters(column) + row;

/** Row and column of a text such as B7, or null. */
export function parsed(text) {
  const found = /^\$?([A-Za-z]{1,3})\$?(\d{1,7})$/.exec(text.trim());
  if (!found) return null;
  const column = [...found[1].toUpperCase()].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0);
  return { row: +found[2], column };
}

const expanded = (runs) => runs.flatMap(([value, count]) => new Array(count).fill(value));

/** Sums before each of the numbers, and of all. */
function edges(sizes) {
  const sums = [0];
  for (const size of sizes) sums.push(sums[sums.length - 1] + size);
  return sums;
}

class Sheet {
  constructor(number, told) {
    Object.assign(this, told);
    this.number = number;
    this.widths = expanded(told.widths);
    this.heights = expanded(told.heights);
    this.resize(told.rows, told.columns);
    this.revision = -1;
    this.cells = new Map();
    this.rowStyles = [];
    this.formulas = new Map();
    this.flashes = new Map();
    this.drawings = new Map();
    this.choices = [];
    const placed = (list) => new Map(list.map(([row, column, ...rest]) => [key(row, column), rest]));
    this.links = placed(told.links);
    this.notes = placed(told.notes);
    this.headings = new Set(told.headings.map(([row, column]) => key(row, column)));
    this.merged = new Map();
    for (const area of told.merges) {
      for (let row = area[0]; row <= area[2]; row++) {
        for (let column = area[1]; column <= area[3]; column++) this.merged.set(key(row, column), area);
      }
    }
  }

  resize(rows, columns) {
    while (this.heights.length < rows) this.heights.push(20);
    while (this.widths.length < columns) this.widths.push(64);
    this.rows = Math.max(rows, this.rows);
    this.columns = Math.max(columns, this.columns);
    this.x = edges(this.widths);
    this.y = edges(this.heights);
  }

  text(row, column) { return this.cells.get(key(row, column))?.text ?? ""; }

  /** What stands in the cell when it is edited. */
  raw(row, column) {
    const cell = this.cells.get(key(row, column));
    return cell ? cell.raw ?? cell.text : "";
  }

  style(row, column) {
    const cell = this.cells.get(key(row, column));
    return cell ? cell.style : this.rowStyles[row - 1]?.[column - 1] ?? 0;
  }

  /** Why a cell cannot be edited, or "". */
  refusal(row, column) {
    if (this.formulas.has(key(row, column))) return "calculated by a formula";
    if (this.headings.has(key(row, column))) return "heading of a table";
    const merge = this.merged.get(key(row, column));
    if (merge && (merge[0] !== row || merge[1] !== column)) return "part of a merged cell";
    if (this.open && !this.areaAt(row, column)) return "locked";
    return "";
  }

  /** The area for input that holds a cell, as top, left, bottom, right, in a workbook that marks them. */
  areaAt(row, column) {
    return this.open?.find(([top, left, bottom, right]) => row >= top && row <= bottom && column >= left && column <= right);
  }

  listAt(row, column) {
    const found = this.choices.find(([[top, left, bottom, right]]) => row >= top && row <= bottom && column >= left && column <= right);
    return found ? found[1] : null;
  }

  prompt(row, column) {
    const found = this.prompts.find(([[top, left, bottom, right]]) => row >= top && row <= bottom && column >= left && column <= right);
    return found ? found[1] : "";
  }

  /** Takes what the server sent; returns whether anything that is shown has changed. */
  take(view) {
    const first = view.since < 0, now = performance.now();
    if (first) {
      this.rowStyles = [];
      for (const [count, runs] of view.rows) {
        const line = expanded(runs);
        for (let n = 0; n < count; n++) this.rowStyles.push(line);
      }
      this.formulas = new Map(view.formulas.map(([row, column, text]) => [key(row, column), text]));
      this.cells.clear();
    }
    for (const [row, column, text, style, kind, raw] of view.cells) {
      const place = key(row, column), old = this.cells.get(place)?.text ?? "";
      this.cells.set(place, { text, style, kind, raw });
      if (!first && old !== text) this.flashes.set(place, now);
    }
    for (const chart of view.charts) this.drawings.set(chart.id, { ...chart, changed: first ? -Infinity : now });
    this.choices = view.choices;
    if (view.size[0] > this.rows || view.size[1] > this.columns) this.resize(...view.size);
    this.revision = view.state.revision;
    return view.cells.length > 0 || view.charts.length > 0;
  }
}

export class Refused extends Error {}
export class Gone extends Error {}

export class Model {
  constructor() {
    this.styles = [];
    this.sheets = [];
    this.state = { revision: 0, dirty: false, undo: 0, redo: 0 };
    this.waiting = Promise.resolve();
    this.pending = 0;
    this.changed = () => {};
  }

  async fetch(path, body) {
    let answer;
    try {
      answer = await fetch(path, body === undefined ? {} : {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    } catch { throw new Gone("The server has ended. Start it again with `xlmargin open`."); }
    if (!answer.ok) {
      const told = await answer.json().catch(() => ({}));
      throw new Refused(told.error ?? `The server answered ${answer.status}.`);
    }
    return answer;
  }

  /** Requests one after the other, in the order they were made. */
  ask(path, body) {
    const next = this.waiting.then(async () => (await this.fetch(path, body && body())).json());
    this.waiting = next.catch(() => {});
    this.pending++;
    this.changed();
    return next.finally(() => { this.pending--; this.changed(); });
  }

  async load() {
    const told = await this.ask("/api/book");
    this.name = told.name;
    this.folder = told.folder;
    this.active = told.active;
    this.kept = told.kept;
    this.sheets = told.sheets.map((sheet, number) => new Sheet(number, sheet));
    this.state = told.state;
    this.opened = told.state.opened;
  }

  wanted(sheet) { return { opened: this.opened, sheet: sheet.number, since: sheet.revision, styles: this.styles.length }; }

  take(sheet, view) {
    if (view.styles.length) this.styles.splice(view.from, Infinity, ...view.styles);
    this.state = view.state;
    return sheet.take(view);
  }

  async view(sheet) { return this.take(sheet, await this.ask("/api/view", () => this.wanted(sheet))); }

  async edit(sheet, cells) {
    const answer = await this.ask("/api/edit", () => ({ ...this.wanted(sheet), target: sheet.number, cells }));
    this.take(sheet, answer.view);
    return answer.made;
  }

  async step(way, sheet) {
    const answer = await this.ask(`/api/${way}`, () => this.wanted(sheet));
    this.take(sheet, answer.view);
    return answer.on;
  }

  async find(text) { return (await this.ask("/api/find", () => ({ text }))).hits; }

  async save() {
    const answer = await this.ask("/api/save", () => ({}));
    this.state = answer.state;
    return answer.written;
  }
}
