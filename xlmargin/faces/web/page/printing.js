// Prints the sheet in sight whole: all that shows something is drawn before the browser takes its pages, then as before.

const WIDE = 1040; // pixels across a landscape page within its margins

export function printing(grid, last) {
  window.addEventListener("beforeprint", () => {
    if (!grid.sheet) return;
    const sheet = grid.sheet, to = last();
    for (const chart of sheet.drawings.values()) {
      while (to.row < sheet.rows && sheet.y[to.row] < chart.top + chart.height) to.row++;
      while (to.column < sheet.columns && sheet.x[to.column] < chart.left + chart.width) to.column++;
    }
    grid.whole = to;
    grid.kept = [grid.root.scrollLeft, grid.root.scrollTop];
    grid.root.scrollTo(0, 0);
    grid.build();
    grid.root.style.setProperty("zoom", Math.min(1, WIDE / grid.root.firstChild.offsetWidth));
    grid.paint();
  });
  window.addEventListener("afterprint", () => {
    if (!grid.whole) return;
    grid.whole = null;
    grid.root.style.removeProperty("zoom");
    grid.build();
    grid.root.scrollTo(...grid.kept);
    grid.paint();
  });
}
