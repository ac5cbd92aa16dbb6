// Ways between the areas of the page without a mouse: F6, Esc, and arrows along the toolbar and the tabs.

const at = (id) => document.getElementById(id);
const usable = (area) => [...area.querySelectorAll("button:enabled")];

/** Where the focus goes in an area: the grid itself, the tab of the sheet in sight, the first button that works. */
function enter(area) {
  (area.id === "grid" ? area : area.querySelector("[aria-selected=true]") ?? usable(area)[0])?.focus();
}

export const toTabs = () => enter(at("tabs"));

/** Only the tab of the sheet in sight is a stop of the Tab key; the others are reached by arrows. */
export function marked(tabs) {
  for (const tab of tabs.children) tab.tabIndex = tab.getAttribute("aria-selected") === "true" ? 0 : -1;
}

function along(area) {
  area.addEventListener("keydown", (event) => {
    const stops = usable(area), now = stops.indexOf(document.activeElement);
    const next = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: stops.length - 1 }[event.key];
    if (event.key === "Escape") at("grid").focus();
    else if (next !== undefined && now >= 0 && !event.ctrlKey && !event.altKey && !event.metaKey) stops[(next + stops.length) % stops.length].focus();
    else return;
    event.preventDefault();
  });
}

/** Parameters: settle() ends what is being typed, before the focus goes elsewhere. */
export function ways(settle) {
  const areas = [at("tools"), at("grid"), at("tabs")];
  along(at("tools"));
  along(at("tabs"));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "F6" || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    settle();
    const now = areas.findIndex((area) => area.contains(document.activeElement));
    enter(areas[(now < 0 ? 1 : now + (event.shiftKey ? areas.length - 1 : 1)) % areas.length]);
  }, true);
}
