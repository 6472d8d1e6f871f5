// Movers, and the heat map: a tile a symbol, as large as what was traded of it, in the colour of its change.
import { arrow, compact, element, mounted, percent, price, short, tone, TONES } from "./common.js";
import { TABLE_STYLE, tableOf, toggle } from "./table.js";

const FULL = 0.03; // the change from which on a tile has its full colour
const STRONGEST = 46; // per cent of the colour, so that the text on it can be read

const STYLE = `${TONES}${TABLE_STYLE}
  .root { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1.25fr); gap: 0 12px; height: var(--movers-height, 204px); font-size: 12px; }
  section { display: flex; flex-direction: column; min-width: 0; min-height: 0; }
  .bar { display: flex; gap: 6px; align-items: center; height: 26px; padding: 0 4px; }
  h2 { margin: 0 auto 0 0; padding: 0; font-size: 12px; font-weight: 600; }
  .body { position: relative; flex: 1; min-height: 0; }
  .list { position: absolute; inset: 0; overflow-y: auto; scrollbar-width: thin; }
  .list table { width: 100%; border-collapse: collapse; table-layout: fixed; }
  .list td { height: 22px; padding: 0 4px; text-align: right; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
  .list td:first-child { text-align: left; width: 27%; } .list td:nth-child(2) { width: 37%; }
  .list tr { cursor: pointer; } .list tr:hover td { background: var(--hover); }
  .list tr[aria-current] td { background: var(--st-secondary-background-color, var(--hover)); }
  .side { display: flex; height: 12px; } .side i { height: 100%; }
  .side.up i { background: var(--up); margin-left: 50%; }
  .side.down i { background: var(--down); margin-left: auto; margin-right: 50%; }
  .tiles { position: absolute; inset: 0; }
  .tile { position: absolute; overflow: hidden; text-align: center; border: 1px solid var(--ground); container-type: size;
    color: var(--st-text-color); border-radius: 3px; }
  .tile[aria-current] { outline: 2px solid var(--accent); outline-offset: -3px; }
  .tile div { display: grid; place-content: center; height: 100%; line-height: 1.25; }
  .tile strong { font-weight: 600; }
  @container (max-width: 52px) or (max-height: 34px) { .tile span { display: none; } }
  @container (max-width: 34px) or (max-height: 16px) { .tile div { display: none; } }
  .none { padding: 16px 8px; } [hidden] { display: none !important; }
  @media (max-width: 640px) { .root { grid-template-columns: minmax(0, 1fr); grid-template-rows: 1fr 1fr; } }`;

class Movers {
  constructor(host) {
    this.windows = element("div", { class: "bar", role: "group", "aria-label": "Change over" });
    this.body = element("tbody");
    this.tiles = element("div", { class: "tiles", role: "group", "aria-label": "Heat map: area by traded value of the day, colour by change" });
    this.sheet = element("div", { class: "sheet", tabindex: "0", role: "region", "aria-label": "Heat map as a table", hidden: "" });
    this.none = element("div", { class: "none dim" });
    const asTable = toggle("Table", "Show the heat map as a table", false, (on) => {
      this.sheet.hidden = !on;
      this.tiles.hidden = on;
    });
    const list = element("div", { class: "list", tabindex: "0", role: "region", "aria-label": "Movers" }, [
      element("table", { "aria-label": "Movers" }, [this.body]),
      this.none,
    ]);
    this.root = element("div", { class: "root" }, [
      element("style", { text: STYLE }),
      element("section", {}, [
        element("div", { class: "bar" }, [element("h2", { text: "Movers" }), this.windows]),
        element("div", { class: "body" }, [list]),
      ]),
      element("section", {}, [
        element("div", { class: "bar" }, [element("h2", { text: "Traded value, by symbol" }), asTable]),
        element("div", { class: "body" }, [this.tiles, this.sheet]),
      ]),
    ]);
    host.append(this.root);
    this.window = 0;
  }

  update(streamlit) {
    this.streamlit = streamlit;
    const text = JSON.stringify(streamlit.data);
    if (text === this.shown) return;
    this.shown = text;
    this.data = streamlit.data;
    this.none.textContent = this.data.empty;
    this.none.hidden = this.data.rows.length > 0;
    this.offer();
    this.render();
  }

  offer() {
    const { windows } = this.data;
    if (this.windows.childElementCount === windows.length) return;
    this.windows.replaceChildren(
      ...windows.map((text, place) => {
        const made = element("button", { class: "chip", type: "button", text, title: place ? `over the last ${text}` : "since the day's first price" });
        made.addEventListener("click", () => {
          this.window = place;
          this.render();
        });
        return made;
      }),
    );
  }

  render() {
    const focused = this.root.getRootNode().activeElement?.title;
    [...this.windows.children].forEach((button, place) => button.setAttribute("aria-pressed", String(place === this.window)));
    const change = (row) => row.changes[this.window];
    const ordered = [...this.data.rows].sort((a, b) => size(change(b)) - size(change(a)));
    const widest = Math.max(1e-9, ...ordered.map((row) => Math.abs(change(row) ?? 0)));
    this.body.replaceChildren(...ordered.map((row) => this.mover(row, change(row), widest)));
    this.tiles.replaceChildren(...this.data.tiles.map((tile, i) => this.tile(this.data.rows[i], tile)));
    const titles = ["Symbol", "Last", ...this.data.windows.map((text) => `Change, ${text}`), "Traded value"];
    const rows = this.data.rows.map((row) => [row.symbol, price(row.last, row.decimals), ...row.changes.map(percent), compact(row.value)]);
    this.sheet.replaceChildren(tableOf("Symbols by traded value of the day", titles, rows));
    // What was made anew has lost the focus.
    if (focused) [...this.root.querySelectorAll("button")].find(({ title }) => title === focused)?.focus();
  }

  mover(row, change, widest) {
    const name = element("button", { type: "button", text: short(row.symbol), title: row.symbol });
    const length = change === null ? 0 : (50 * Math.abs(change)) / widest;
    const bar = element("div", { class: `side ${tone(change)}` }, [element("i", { style: `width: ${length}%` })]);
    const made = element("tr", row.symbol === this.data.selected ? { "aria-current": "true" } : {}, [
      element("td", {}, [name]),
      element("td", {}, [bar]),
      element("td", { class: tone(change), text: `${arrow(change)} ${percent(change)}` }),
    ]);
    made.addEventListener("click", () => this.choose(row.symbol));
    return made;
  }

  tile(row, [left, top, width, height]) {
    const change = row.changes[this.window];
    const strength = Math.min(1, Math.abs(change ?? 0) / FULL) * STRONGEST;
    const ground = change ? `var(--${tone(change)}) ${strength.toFixed(0)}%` : "transparent 0%";
    const place = Object.entries({ left, top, width, height }).map(([name, share]) => `${name}: ${(100 * share).toFixed(3)}%`);
    const words = `${row.symbol}: traded ${compact(row.value)}, ${percent(change)}`;
    const made = element(
      "button",
      {
        class: "tile",
        type: "button",
        title: words,
        "aria-label": words,
        style: `${place.join("; ")}; background: color-mix(in srgb, ${ground}, light-dark(#e9edf4, #1a2130))`,
        ...(row.symbol === this.data.selected ? { "aria-current": "true" } : {}),
      },
      [
        element("div", {}, [
          element("strong", { text: short(row.symbol) }),
          element("span", { text: `${arrow(change)} ${percent(change)}` }),
          element("span", { text: compact(row.value) }),
        ]),
      ],
    );
    made.addEventListener("click", () => this.choose(row.symbol));
    return made;
  }

  choose(symbol) {
    this.streamlit.setTriggerValue("symbol", symbol);
  }
}

/** Of a change, for the order: what did not trade comes last. */
const size = (change) => (change === null ? -1 : Math.abs(change));

export default mounted(Movers);
