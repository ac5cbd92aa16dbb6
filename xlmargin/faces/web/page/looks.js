// How a cell looks: its rule in the style sheet, its bar, and what its text measures.

export const measure = document.createElement("canvas").getContext("2d");

/** Letters of other fonts are wider than those the workbook was made for: then they are drawn smaller. */
export function scale() {
  const width = (font) => { measure.font = `20px ${font}`; return measure.measureText("Initial margin 1234567").width; };
  return width("Calibri, monospace") !== width("monospace") || width("Carlito, monospace") !== width("monospace") ? 1 : 0.92;
}

export function element(name, className, parent, role) {
  const made = document.createElement(name);
  made.className = className;
  if (role) made.setAttribute("role", role);
  parent?.append(made);
  return made;
}

/** Lays something over the sheet, in a row and a cell: a grid holds nothing else. Returns what to remove in the end. */
export function layer(sheet, made) {
  const row = element("div", "layer", sheet, "row");
  element("div", "", row, "gridcell").append(made);
  return row;
}

/** A bar from where zero lies to where the value lies, both as shares of the cell. */
export function paintBar(box, bar) {
  const meter = element("div", "meter", box), below = bar.value < bar.axis;
  Object.assign(meter.style, { left: `${Math.min(bar.value, bar.axis) * 100}%`, width: `${Math.abs(bar.value - bar.axis) * 100}%`, background: below ? bar.below : bar.colour });
}

/** Fills in the rule of a style; by property, so that no text of a file is read as a rule. */
export function fillRule(rule, style, family, size) {
  const set = (name, value) => value && rule.style.setProperty(name, value);
  set("font-family", family);
  set("font-size", `${size}px`);
  set("font-weight", style.bold ? "700" : "");
  set("font-style", style.italic ? "italic" : "");
  set("text-decoration", [style.underline && "underline", style.strike && "line-through"].filter(Boolean).join(" "));
  set("color", style.colour ?? "#000000");
  set("background-color", style.fill ?? "");
  set("align-items", { top: "flex-start", center: "center" }[style.down] ?? "flex-end");
  set("justify-content", { left: "flex-start", center: "center", right: "flex-end", centerContinuous: "center" }[style.across] ?? "");
  if (style.across) set("text-align", style.across === "justify" ? "justify" : style.across === "right" ? "right" : style.across.startsWith("center") ? "center" : "left");
  if (style.indent) set(style.across === "right" ? "padding-right" : "padding-left", `${3 + style.indent * 9}px`);
  for (const [side, name] of [["l", "left"], ["r", "right"], ["t", "top"], ["b", "bottom"]]) {
    const line = style.lines?.[side];
    if (line) set(`border-${name}`, `${line[0]}px ${line[1]} ${line[2]}`);
  }
}
