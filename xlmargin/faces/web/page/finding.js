// Finds a text on all sheets: the box of Ctrl+F, its hits counted, and the way from one to the next.

const at = (id) => document.getElementById(id);
const WAIT = 200; // milliseconds after the last letter

export class Finding {
  /** Parameters: model; grid; go(sheet, row, column) shows a cell; failed(error) says what went wrong. */
  constructor(model, grid, go, failed) {
    Object.assign(this, { model, grid, go, failed, hits: [], now: -1, asked: "", typed: null });
    this.box = at("find");
    this.box.addEventListener("input", () => { clearTimeout(this.typed); this.typed = setTimeout(() => this.look(0), WAIT); });
    at("finding").addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") this.close();
      else if (event.key === "Enter" && event.target === this.box) this.look(event.shiftKey ? -1 : 1);
      else return;
      event.preventDefault();
    });
    at("before").addEventListener("click", () => this.look(-1));
    at("after").addEventListener("click", () => this.look(1));
    at("leave").addEventListener("click", () => this.close());
  }

  open() {
    at("finding").hidden = false;
    this.box.focus();
    this.box.select();
  }

  close() {
    clearTimeout(this.typed);
    at("finding").hidden = true;
    this.grid.root.focus({ preventScroll: true });
  }

  /** Goes to a hit: `step` on from the last one; for a new text the first from the active cell on. */
  async look(step) {
    clearTimeout(this.typed);
    const text = this.box.value.trim(), wanted = `${this.model.state.revision} ${text}`;
    if (wanted !== this.asked) {
      try { this.hits = text ? await this.model.find(text) : []; } catch (error) { this.hits = []; this.failed(error); }
      if (this.box.value.trim() !== text) return; // typed on meanwhile: that is looked for next
      const again = this.text === text && this.hits.length; // the same text in a book that has changed: on from the active cell
      Object.assign(this, { asked: wanted, text, now: this.nearest() });
      if (again && (step < 0 || this.stands())) this.now = (this.now + step + this.hits.length) % this.hits.length;
    } else if (this.hits.length) this.now = (this.now + step + this.hits.length) % this.hits.length;
    at("hits").textContent = this.hits.length ? `${this.now + 1} of ${this.hits.length}` : text ? "Found nowhere" : "";
    if (this.hits.length) await this.go(...this.hits[this.now]);
  }

  here() { return [this.grid.sheet.number, this.grid.active.row, this.grid.active.column]; }

  stands() { return this.here().every((part, n) => part === this.hits[this.now][n]); }

  nearest() {
    const here = this.here();
    const later = (hit) => { const n = hit.findIndex((part, k) => part !== here[k]); return n < 0 || hit[n] > here[n]; };
    return Math.max(this.hits.findIndex(later), 0);
  }
}
