// Plays xlwings Lite: Python in Pyodide, calls with the values of Office.js, one JSON line each way.
// node player.mjs PYODIDE_FOLDER WHEEL_FOLDER SITE_PACKAGES_XLWINGS PLAYER_PY MAIN_PY
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [folder, wheel, xlwings, player, main] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(path.join(folder, "pyodide.mjs")));

process.on("uncaughtException", (error) => {  // the default prints a page of Pyodide's own source
  fs.writeSync(2, `${error.message ?? error} (${error.errno ?? ""})\n${(error.stack ?? "").slice(-2000)}\n`);
  process.exit(1);
});

const input = fs.openSync("/dev/stdin", "r");  // opened again, because Pyodide makes file 0 one that does not wait
let waiting = "";
function receive() {
  const chunk = Buffer.alloc(1 << 16);
  while (!waiting.includes("\n")) {
    const count = fs.readSync(input, chunk);
    if (!count) process.exit(0);
    waiting += chunk.toString("utf8", 0, count);
  }
  const end = waiting.indexOf("\n");
  const line = waiting.slice(0, end);
  waiting = waiting.slice(end + 1);
  return line;
}
const send = (line) => fs.writeSync(1, line + "\n");

const python = await loadPyodide({ stdout: (text) => fs.writeSync(2, text + "\n") });
python.FS.mkdirTree("/packages/xlwings");
python.FS.mkdirTree("/wheel");
python.mountNodeFS("/packages/xlwings", xlwings);
python.mountNodeFS("/wheel", wheel);
python.FS.writeFile("/home/pyodide/main.py", fs.readFileSync(main));
python.registerJsModule("office", { ask: (question) => { send(JSON.stringify({ ask: question })); return receive(); } });
const lite = python.runPython(fs.readFileSync(player, "utf8"));
send(lite.get("about"));
const call = lite.get("call");
for (;;) {
  const { name, values } = JSON.parse(receive());
  // the values are JavaScript's own: numbers, texts, null, objects
  send(JSON.stringify({ answer: call(name, values) }));
}
