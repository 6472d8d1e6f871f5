// The watch list: every symbol with its last price, its change today and its last hour.
import { arrow, clock, element, exchange, mounted, percent, price, short, tone, TONES } from "./common.js";

const STYLE = `${TONES}
  .root { font-size: 12px; height: var(--watch-height, 220px); overflow-y: auto; scrollbar-width: thin; }
  table { width: 100%; border-collapse: collapse; table-layout: fixed; }
  th { font-size: 11px; font-weight: 400; color: var(--dim); text-align: right; padding: 0 6px 3px;
    position: sticky; top: 0; background: var(--ground); z-index: 1; }
  th:first-child, td:first-child { text-align: left; width: 28%; }
  th:nth-child(3), td:nth-child(3) { width: 24%; } th:nth-child(4), td:nth-child(4) { width: 20%; }
  td { padding: 0 6px; height: 27px; text-align: right; white-space: nowrap; overflow: hidden;
    text-overflow: ellipsis; border-top: 1px solid var(--st-border-color, var(--line)); }
  tr.choice { cursor: pointer; } tr.choice:hover td { background: var(--hover); }
  tr[aria-current="true"] td { background: var(--st-secondary-background-color, var(--hover)); }
  tr[aria-current="true"] td:first-child { box-shadow: inset 2px 0 var(--accent); }
  .symbol { display: block; overflow: hidden; text-overflow: ellipsis; text-align: left; width: 100%; }
  .stale { color: var(--dim); }
  svg { display: block; width: 100%; height: 20px; }
  path { fill: none; stroke: var(--dim); stroke-width: 1.25; vector-effect: non-scaling-stroke; }
  .flash { animation: flash .6s steps(3); }
  @keyframes flash { from { background: rgba(110, 150, 255, .28); } }
  @media (prefers-reduced-motion: reduce) { .flash { animation: none; } }
  .none { padding: 16px 8px; }`;

const SVG = "http://www.w3.org/2000/svg";

class Watch {
  constructor(host) {
    const titles = { Symbol: "", Last: "", Day: "since the first price of the session, or of the UTC day", "1 h": "one-minute closes" };
    this.body = element("tbody");
    this.none = element("div", { class: "none dim" });
    this.root = element("div", { class: "root", tabindex: "0", role: "region", "aria-label": "Watch list" }, [
      element("style", { text: STYLE }),
      element("table", { "aria-label": "Watch list" }, [
        element("thead", {}, [element("tr", {}, Object.entries(titles).map(([text, title]) => element("th", { text, title, scope: "col" })))]),
        this.body,
      ]),
      this.none,
    ]);
    host.append(this.root);
    this.rows = new Map();
  }

  update(streamlit) {
    this.streamlit = streamlit;
    const { rows, selected, empty } = streamlit.data;
    this.none.hidden = rows.length > 0;
    this.none.textContent = empty;
    for (const [symbol, row] of this.rows)
      if (!rows.some((one) => one.symbol === symbol)) {
        row.made.remove();
        this.rows.delete(symbol);
      }
    rows.forEach((one, place) => {
      if (!this.rows.has(one.symbol)) this.rows.set(one.symbol, this.row(one.symbol));
      const row = this.rows.get(one.symbol);
      if (this.body.children[place] !== row.made) this.body.insertBefore(row.made, this.body.children[place] ?? null);
      this.fill(row, one, one.symbol === selected);
    });
  }

  row(symbol) {
    const button = element("button", { class: "symbol", type: "button", text: short(symbol), title: symbol });
    const line = document.createElementNS(SVG, "path");
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 100 20");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    svg.append(line);
    const cells = [element("td", {}, [button]), element("td"), element("td"), element("td", {}, [svg])];
    const made = element("tr", { class: "choice" }, cells);
    made.addEventListener("click", () => this.streamlit.setTriggerValue("symbol", symbol));
    return { made, cells, svg, line };
  }

  fill({ made, cells, svg, line }, one, current) {
    if (current) made.setAttribute("aria-current", "true");
    else made.removeAttribute("aria-current");
    const [, cost, change, trend] = cells;
    const text = price(one.last, one.decimals);
    if (cost.textContent && cost.textContent !== text && !one.stale) {
      cost.classList.remove("flash");
      void cost.offsetWidth; // restart the animation
      cost.classList.add("flash");
    }
    cost.textContent = text;
    cost.classList.toggle("stale", Boolean(one.stale));
    change.textContent = `${arrow(one.change)} ${percent(one.change)}`;
    change.className = one.stale ? "stale" : tone(one.change);
    change.title = one.since === null ? "" : `since ${clock(one.since).slice(0, 5)} UTC, ${exchange(one.since)}`;
    this.trend(trend, svg, line, one);
  }

  /** The last hour; of a symbol that is silent, for how long. */
  trend(cell, svg, line, { stale, closed, spark, decimals }) {
    svg.style.display = stale ? "none" : "";
    let note = cell.querySelector("span");
    if (!note) cell.append((note = element("span", { class: "stale" })));
    note.textContent = stale ? (closed ? "closed" : stale) : "";
    const silent = `${closed ? "market closed, " : ""}last trade received ${stale} ago`;
    const [low, high] = [Math.min(...spark), Math.max(...spark)].map((value) => price(value, decimals));
    cell.title = stale ? silent : `closes of the last hour: ${low} to ${high}`;
    svg.setAttribute("aria-label", cell.title);
    line.setAttribute("d", stale ? "" : path(spark));
    line.style.stroke = spark.at(-1) >= spark[0] ? "var(--up)" : "var(--down)";
  }
}

function path(values) {
  if (values.length < 2) return "";
  const low = Math.min(...values);
  const range = Math.max(...values) - low || 1;
  const step = 100 / (values.length - 1);
  return values
    .map((value, i) => `${i ? "L" : "M"}${(i * step).toFixed(1)} ${(18.5 - ((value - low) / range) * 17).toFixed(1)}`)
    .join("");
}

export default mounted(Watch);
