// Draws a sheet: only the cells in sight, in four panes that stay where the workbook froze them.

import { element, fillRule, measure, paintBar, scale } from "/looks.js";
import { address, key, letters } from "/model.js";

const HEAD_WIDTH = 46, HEAD_HEIGHT = 22, SPARE = 12, FLASH = 2200;
const FONT = 'Calibri, Carlito, "Segoe UI", "Helvetica Neue", Arial, "Liberation Sans", sans-serif';

/** The first n with edges[n + 1] > at, from a row or column on. */
function first(edges, at) {
  let low = 0, high = edges.length - 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle + 1] > at) high = middle; else low = middle + 1;
  }
  return low;
}

export class Grid {
  constructor(root, model) {
    this.root = root;
    this.model = model;
    this.scale = scale();
    this.fonts = new Map();
    this.widths = new Map();
    this.sheet = null;
    this.active = { row: 1, column: 1 };
    this.other = { row: 1, column: 1 };
    this.rules = new CSSStyleSheet();
    this.known = 0;
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.rules];
    root.addEventListener("scroll", () => this.later());
    new ResizeObserver(() => this.later()).observe(root);
  }

  later() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => { this.asked = false; this.paint(); });
  }

  /** Shows a sheet where it was left. */
  show(sheet) {
    if (this.sheet) this.sheet.scroll = [this.root.scrollLeft, this.root.scrollTop, this.active, this.other];
    this.sheet = sheet;
    const [left, top, active, other] = sheet.scroll ?? [0, 0, this.start(sheet), null];
    this.active = active;
    this.other = other ?? active;
    this.build();
    this.root.scrollTo(left, top);
    this.paint();
  }

  start(sheet) {
    if (sheet.open?.length && sheet.open[0][0] <= 20) return { row: sheet.open[0][0], column: sheet.open[0][1] };
    return { row: 1, column: 1 };
  }

  build() {
    const sheet = this.sheet, [rows, columns] = sheet.frozen;
    this.frozenWidth = HEAD_WIDTH + sheet.x[columns];
    this.frozenHeight = HEAD_HEIGHT + sheet.y[rows];
    const end = this.whole ?? { row: sheet.rows, column: sheet.columns }; // of what is printed, or of the sheet
    const width = HEAD_WIDTH + sheet.x[Math.max(end.column, columns)], height = HEAD_HEIGHT + sheet.y[Math.max(end.row, rows)];
    this.root.replaceChildren();
    const all = element("div", "sheet", this.root), head = element("div", "head", all), body = element("div", "body", all);
    this.panes = {
      corner: element("div", "corner", head, "rowgroup"), top: element("div", "top", head, "rowgroup"),
      left: element("div", "left", body, "rowgroup"), main: element("div", "main", body, "rowgroup"),
    };
    Object.assign(all.style, { width: `${width}px`, height: `${height}px` });
    Object.assign(head.style, { width: `${width}px`, height: `${this.frozenHeight}px` });
    Object.assign(body.style, { width: `${width}px`, height: `${height - this.frozenHeight}px` });
    const size = (pane, w, h, left) => Object.assign(pane.style, { width: `${w}px`, height: `${h}px`, left: `${left}px` });
    size(this.panes.corner, this.frozenWidth, this.frozenHeight, 0);
    size(this.panes.top, width - this.frozenWidth, this.frozenHeight, this.frozenWidth);
    size(this.panes.left, this.frozenWidth, height - this.frozenHeight, 0);
    size(this.panes.main, width - this.frozenWidth, height - this.frozenHeight, this.frozenWidth);
    for (const pane of [this.panes.corner, this.panes.top]) pane.classList.toggle("froze-down", rows > 0);
    for (const pane of [this.panes.corner, this.panes.left]) pane.classList.toggle("froze-across", columns > 0);
    this.built = [sheet.rows, sheet.columns];
    this.root.setAttribute("aria-label", `Sheet ${sheet.name}`);
    this.root.setAttribute("aria-rowcount", sheet.rows);
    this.root.setAttribute("aria-colcount", sheet.columns);
  }

  /** The rows and columns in sight beside the frozen ones, with some to spare, counted from 1. */
  window() {
    const sheet = this.sheet, [rows, columns] = sheet.frozen, { scrollLeft, scrollTop, clientWidth, clientHeight } = this.root;
    if (this.whole) return { top: rows + 1, bottom: this.whole.row, left: columns + 1, right: this.whole.column };
    const left = sheet.x[columns] + scrollLeft, top = sheet.y[rows] + scrollTop;
    return {
      top: Math.max(first(sheet.y, top) + 1 - SPARE, rows + 1),
      bottom: Math.min(first(sheet.y, top + clientHeight) + 1 + SPARE, sheet.rows),
      left: Math.max(first(sheet.x, left) - 2, columns + 1),
      right: Math.min(first(sheet.x, left + clientWidth) + 3, sheet.columns),
    };
  }

  paint() {
    const sheet = this.sheet;
    if (!sheet) return;
    if (this.built[0] !== sheet.rows || this.built[1] !== sheet.columns) this.build();
    this.writeStyles();
    const view = this.window(), [rows, columns] = sheet.frozen;
    const parts = {
      corner: [1, rows, 1, columns], top: [1, rows, view.left, view.right],
      left: [view.top, view.bottom, 1, columns], main: [view.top, view.bottom, view.left, view.right],
    };
    for (const [name, [top, bottom, left, right]] of Object.entries(parts)) {
      const made = document.createDocumentFragment();
      this.rows = new Map();
      for (let row = top; row <= bottom; row++) {
        if (sheet.heights[row - 1]) this.paintRow(made, row, left, right, name);
      }
      this.paintCharts(made, name);
      this.paintHeads(made, name, top, bottom, left, right);
      this.paintPick(made, name);
      this.panes[name].replaceChildren(made);
    }
    const at = this.idOf(this.active.row, this.active.column);
    if (document.getElementById(at)) this.root.setAttribute("aria-activedescendant", at);
    else this.root.removeAttribute("aria-activedescendant"); // scrolled out of sight
  }

  idOf(row, column) {
    const merge = this.sheet.merged.get(key(row, column));
    return `at-${merge ? address(merge[0], merge[1]) : address(row, column)}`;
  }

  /** The element of a row of the pane being painted: cells and headings stand in it for screen readers, none of it is seen. */
  rowOf(made, row) {
    let found = this.rows.get(row);
    if (!found) {
      found = element("div", "row", made, "row");
      if (row) found.setAttribute("aria-rowindex", row); // the row of the columns' letters has none
      this.rows.set(row, found);
    }
    return found;
  }

  /** The pane that holds a cell, and where its own zero lies on the sheet. */
  paneOf(row, column) {
    const [rows, columns] = this.sheet.frozen;
    return (row <= rows ? (column <= columns ? "corner" : "top") : (column <= columns ? "left" : "main"));
  }

  origin(name) {
    const x = name === "corner" || name === "left" ? -HEAD_WIDTH : this.sheet.x[this.sheet.frozen[1]];
    const y = name === "corner" || name === "top" ? -HEAD_HEIGHT : this.sheet.y[this.sheet.frozen[0]];
    return [x, y];
  }

  /** Left, top, width and height of a cell, or of the merged cell it begins, in its pane. */
  box(row, column, name = this.paneOf(row, column)) {
    const sheet = this.sheet, [x, y] = this.origin(name), merge = sheet.merged.get(key(row, column));
    const [bottom, right] = merge ? [merge[2], merge[3]] : [row, column];
    return [sheet.x[column - 1] - x, sheet.y[row - 1] - y, sheet.x[right] - sheet.x[column - 1], sheet.y[bottom] - sheet.y[row - 1]];
  }

  paintRow(made, row, left, right, name) {
    const sheet = this.sheet;
    for (let column = name === "main" || name === "top" ? this.overflowStart(row, left) : left; column <= right; column++) {
      if (!sheet.widths[column - 1]) continue;
      const merge = sheet.merged.get(key(row, column));
      if (merge && (merge[0] !== row || merge[1] !== column)) continue;
      this.paintCell(made, row, column, name);
    }
  }

  /** A long text further left may reach into sight, from frozen columns too while nothing is scrolled: painting starts there. */
  overflowStart(row, left) {
    for (let column = left - 1; column > (this.root.scrollLeft ? this.sheet.frozen[1] : 0); column--) {
      const cell = this.sheet.cells.get(key(row, column));
      if (cell?.text) return cell.kind === "s" ? column : left;
    }
    return left;
  }

  paintCell(made, row, column, name) {
    const sheet = this.sheet, place = key(row, column), number = sheet.style(row, column), style = this.model.styles[number] ?? {};
    const cell = sheet.cells.get(place), [x, y, width, height] = this.box(row, column, name);
    const own = name === this.paneOf(row, column), active = own && this.idOf(row, column) === this.idOf(this.active.row, this.active.column);
    if (!cell?.text && !style.fill && !style.lines && !style.bar && !sheet.grid && !sheet.flashes.has(place) && !active) return;
    const box = element("div", `cell s${number}`, own ? this.rowOf(made, row) : made), lines = style.lines ?? {}; // a row holds cells of its own
    const overLeft = lines.l ? 1 : 0, overTop = lines.t ? 1 : 0;
    Object.assign(box.style, { left: `${x - overLeft}px`, top: `${y - overTop}px`, width: `${width + overLeft}px`, height: `${height + overTop}px` });
    if (own) this.name(box, row, column);
    else box.setAttribute("aria-hidden", "true"); // the end of a text from another pane
    if (sheet.grid && !style.fill) box.classList.add("lines");
    const flashed = sheet.flashes.get(place);
    if (flashed !== undefined) {
      const age = performance.now() - flashed;
      if (age < FLASH) { box.classList.add("flash"); box.style.animationDelay = `${-age}ms`; } else sheet.flashes.delete(place);
    }
    if (sheet.links.has(place)) box.classList.add("link");
    const note = sheet.notes.get(place);
    if (note) { box.classList.add("noted"); box.title = note[0]; }
    if (style.bar) paintBar(box, style.bar);
    if (cell?.text) this.paintText(box, row, column, cell, style, width);
  }

  /** Tells tests, scripts and screen readers which cell an element is. */
  name(box, row, column) {
    const sheet = this.sheet, { top, bottom, left, right } = this.range();
    box.dataset.at = address(row, column);
    box.id = this.idOf(row, column);
    box.setAttribute("role", "gridcell");
    box.setAttribute("aria-colindex", column);
    if (sheet.refusal(row, column)) box.setAttribute("aria-readonly", "true");
    else if (sheet.listAt(row, column)) box.setAttribute("aria-haspopup", "listbox");
    if (row >= top && row <= bottom && column >= left && column <= right) box.setAttribute("aria-selected", "true");
  }

  paintText(box, row, column, cell, style, width) {
    const span = document.createElement("span");
    span.textContent = cell.text;
    if (cell.kind === "n" || cell.kind === "g") {
      box.classList.add("number");
      if (style.icon) { const mark = element("span", "mark", box); mark.textContent = style.icon[0]; mark.style.color = style.icon[1]; }
      if (!style.wrap && this.width(cell.text.trim(), style) > width - 4) span.textContent = this.squeezed(cell, style, width - 6);
    } else if (cell.kind === "b") box.classList.add("bool");
    else if (cell.kind === "e") box.classList.add("fault");
    if (style.wrap && cell.kind !== "n" && cell.kind !== "g") box.classList.add("wrap");
    else if (cell.kind === "s" || cell.kind === "e") this.overflow(box, span, row, column, style, width);
    box.append(span);
  }

  /** A text runs on over the empty cells beside it. */
  overflow(box, span, row, column, style, width) {
    if (style.across && style.across !== "left") return;
    const needed = this.width(span.textContent, style) + 8, sheet = this.sheet;
    if (needed <= width || sheet.merged.has(key(row, column))) return;
    let room = width;
    for (let next = column + 1; room < needed && next <= sheet.columns; next++) {
      if (sheet.text(row, next) || sheet.merged.has(key(row, next))) break;
      room += sheet.widths[next - 1];
    }
    if (room > width) { box.classList.add("far"); span.style.maxWidth = `${room - 5}px`; }
  }

  /** A number that does not fit: fewer decimals where its format leaves that open, else hashes. */
  squeezed(cell, style, room) {
    if (cell.kind === "g") {
      const value = Number(cell.raw ?? cell.text);
      for (let digits = 10; digits > 0 && Number.isFinite(value); digits--) {
        const text = String(Number(value.toPrecision(digits)));
        if (this.width(text, style) <= room && (Math.abs(value) < 1 || digits >= Math.ceil(Math.log10(Math.abs(value) + 1)))) return text;
      }
    }
    return "#".repeat(Math.max(Math.floor(room / Math.max(this.width("#", style), 1)), 1));
  }

  width(text, style) {
    const font = `${style.bold ? "bold " : ""}${style.italic ? "italic " : ""}${this.size(style)}px ${this.family(style)}`, at = font + text;
    let found = this.widths.get(at);
    if (found === undefined) {
      if (this.widths.size > 50000) this.widths.clear();
      measure.font = font;
      found = measure.measureText(text).width;
      this.widths.set(at, found);
    }
    return found;
  }

  size(style) { return ((style.size ?? 11) * 4 / 3) * this.scale; }
  family(style) { return style.font ? `"${style.font}", ${FONT}` : FONT; }

  /** One rule per style. */
  writeStyles() {
    for (; this.known < this.model.styles.length; this.known++) {
      const style = this.model.styles[this.known], at = this.rules.insertRule(`.s${this.known} {}`, this.rules.cssRules.length);
      fillRule(this.rules.cssRules[at], style, this.family(style), this.size(style));
    }
  }

  paintHeads(made, name, top, bottom, left, right) {
    const sheet = this.sheet, [x, y] = this.origin(name), picked = this.range();
    const label = (text, l, t, w, h, on, kind, number) => {
      const made2 = element("div", `label${on ? " on" : ""}`, this.rowOf(made, kind === "row" ? number : 0), kind === "row" ? "rowheader" : "columnheader");
      if (kind === "column") made2.setAttribute("aria-colindex", number);
      made2.textContent = text;
      made2.dataset[kind] = number;
      Object.assign(made2.style, { left: `${l}px`, top: `${t}px`, width: `${w}px`, height: `${h}px` });
    };
    if (name === "corner" || name === "top") {
      for (let column = left; column <= right; column++) {
        if (sheet.widths[column - 1]) label(letters(column), sheet.x[column - 1] - x, 0, sheet.widths[column - 1], HEAD_HEIGHT, column >= picked.left && column <= picked.right, "column", column);
      }
    }
    if (name === "corner" || name === "left") {
      for (let row = top; row <= bottom; row++) {
        if (sheet.heights[row - 1]) label(row, 0, sheet.y[row - 1] - y, HEAD_WIDTH, sheet.heights[row - 1], row >= picked.top && row <= picked.bottom, "row", row);
      }
    }
    if (name === "corner") {
      label("All cells", 0, 0, HEAD_WIDTH, HEAD_HEIGHT, false, "all", "1");
    }
  }

  /** Charts, drawn into each pane that they reach into. */
  paintCharts(made, name) {
    const sheet = this.sheet, [x, y] = this.origin(name), [rows, columns] = sheet.frozen, now = performance.now();
    for (const chart of sheet.drawings.values()) {
      const down = name === "corner" || name === "top" ? chart.top < sheet.y[rows] : chart.top + chart.height > sheet.y[rows];
      const across = name === "corner" || name === "left" ? chart.left < sheet.x[columns] : chart.left + chart.width > sheet.x[columns];
      if (!down || !across) continue;
      chart.nodes ??= {};
      if (!chart.nodes[name]) {
        const drawing = new DOMParser().parseFromString(chart.svg, "image/svg+xml").documentElement;
        chart.nodes[name] = element("div", "chart", null, "row"); // a grid holds rows of cells only
        chart.nodes[name].dataset.chart = chart.id;
        element("div", "drawn", chart.nodes[name], "gridcell").append(document.importNode(drawing, true));
      }
      const node = chart.nodes[name];
      Object.assign(node.style, { left: `${chart.left - x}px`, top: `${chart.top - y}px`, width: `${chart.width}px`, height: `${chart.height}px` });
      node.classList.toggle("flash", now - chart.changed < FLASH);
      made.append(node);
    }
  }

  range() {
    const { active, other } = this;
    return { top: Math.min(active.row, other.row), bottom: Math.max(active.row, other.row), left: Math.min(active.column, other.column), right: Math.max(active.column, other.column) };
  }

  paintPick(made, name) {
    const sheet = this.sheet, picked = this.range(), [x, y] = this.origin(name), [rows, columns] = sheet.frozen;
    const down = name === "corner" || name === "top" ? [1, rows] : [rows + 1, sheet.rows];
    const across = name === "corner" || name === "left" ? [1, columns] : [columns + 1, sheet.columns];
    const top = Math.max(picked.top, down[0]), bottom = Math.min(picked.bottom, down[1]);
    const left = Math.max(picked.left, across[0]), right = Math.min(picked.right, across[1]);
    if (top > bottom || left > right) return;
    if (picked.top !== picked.bottom || picked.left !== picked.right) {
      const area = element("div", "picked", made);
      Object.assign(area.style, { left: `${sheet.x[left - 1] - x - 1}px`, top: `${sheet.y[top - 1] - y - 1}px`, width: `${sheet.x[right] - sheet.x[left - 1] + 1}px`, height: `${sheet.y[bottom] - sheet.y[top - 1] + 1}px` });
    }
    const { row, column } = this.active;
    if (this.paneOf(row, column) !== name) return;
    const [l, t, w, h] = this.box(row, column, name), mark = element("div", "active", made);
    Object.assign(mark.style, { left: `${l - 2}px`, top: `${t - 2}px`, width: `${w + 3}px`, height: `${h + 3}px` });
    if (sheet.listAt(row, column) && !sheet.refusal(row, column)) {
      const drop = element("button", "drop", made);
      drop.textContent = "▼";
      drop.tabIndex = -1;
      drop.setAttribute("aria-hidden", "true"); // its cell says that it has a list
      drop.title = "Choose (Alt+↓)";
      Object.assign(drop.style, { left: `${l + w - 18}px`, top: `${t + 1}px`, height: `${Math.min(h - 2, 20)}px` });
    }
  }

  /** Goes to a cell; `extend` keeps the other end of the selection. */
  go(row, column, extend = false, follow = true) {
    const sheet = this.sheet;
    row = Math.min(Math.max(row, 1), sheet.rows);
    column = Math.min(Math.max(column, 1), sheet.columns);
    if (extend) this.other = { row, column };
    else this.active = this.other = { row, column };
    if (follow) this.reveal(row, column);
    this.paint();
  }

  reveal(row, column) {
    const sheet = this.sheet, [rows, columns] = sheet.frozen, root = this.root;
    const width = root.clientWidth - this.frozenWidth, height = root.clientHeight - this.frozenHeight;
    if (column > columns) {
      const left = sheet.x[column - 1] - sheet.x[columns], right = sheet.x[column] - sheet.x[columns];
      if (left < root.scrollLeft || sheet.widths[column - 1] > width) root.scrollLeft = left;
      else if (right > root.scrollLeft + width) root.scrollLeft = right - width + 4;
    }
    if (row > rows) {
      const top = sheet.y[row - 1] - sheet.y[rows], bottom = sheet.y[row] - sheet.y[rows];
      if (top < root.scrollTop) root.scrollTop = top;
      else if (bottom > root.scrollTop + height) root.scrollTop = bottom - height + 4;
    }
  }

  /** The cell under the mouse. */
  at(event) {
    const sheet = this.sheet, box = this.root.getBoundingClientRect(), [rows, columns] = sheet.frozen;
    let x = event.clientX - box.left, y = event.clientY - box.top;
    x = x < this.frozenWidth ? x - HEAD_WIDTH : x - this.frozenWidth + sheet.x[columns] + this.root.scrollLeft;
    y = y < this.frozenHeight ? y - HEAD_HEIGHT : y - this.frozenHeight + sheet.y[rows] + this.root.scrollTop;
    const row = first(sheet.y, Math.max(y, 0)) + 1, column = first(sheet.x, Math.max(x, 0)) + 1, merge = sheet.merged.get(key(row, column));
    return merge ? { row: merge[0], column: merge[1] } : { row, column };
  }

  /** Where an element over a cell stands on the whole sheet: left, top, width, height. */
  over(row, column) {
    const sheet = this.sheet, [rows, columns] = sheet.frozen, [, , width, height] = this.box(row, column);
    return [HEAD_WIDTH + sheet.x[column - 1] + (column <= columns ? this.root.scrollLeft : 0),
      HEAD_HEIGHT + sheet.y[row - 1] + (row <= rows ? this.root.scrollTop : 0), width, height];
  }

  /** How many rows fit into sight. */
  page() { return Math.max(Math.floor((this.root.clientHeight - this.frozenHeight) / 21) - 1, 1); }
}
