// The tape: a virtual list of the last trades, newest on top, that stands still while it is read.
import { arrow, clock, element, mounted, price, size, tone, TONES, unpack } from "./common.js";

const ROW = 20; // pixels
const SPARE = 4; // rows above and below the visible ones

const STYLE = `${TONES}
  .root { position: relative; display: flex; flex-direction: column; font-size: 12px;
    height: clamp(260px, calc(100vh - 146px - var(--banner, 0px) - min(var(--watched, 7) * 28px + 22px, 42vh)), 1100px); }
  .bar { display: flex; justify-content: space-between; align-items: baseline; padding: 0 6px 4px; }
  .bar h2 { margin: 0; font-size: 12px; font-weight: 600; }
  .filter { font-size: 11px; padding: 1px 8px; border: 1px solid var(--st-border-color, #242b3a);
    border-radius: 10px; }
  .filter[aria-pressed="true"] { background: var(--st-secondary-background-color, #141925); }
  .row { display: grid; grid-template-columns: 4.7em minmax(4.4em, .9fr) 7em 5em minmax(3em, 1.3fr);
    gap: 0 8px; padding: 0 6px; height: ${ROW}px; line-height: ${ROW}px; white-space: nowrap; }
  .row > * { overflow: hidden; text-overflow: ellipsis; }
  .head { color: var(--dim, #8b93a5); border-bottom: 1px solid var(--st-border-color, #242b3a);
    font-size: 11px; }
  .number { text-align: right; }
  .scroll { position: relative; flex: 1; overflow-y: auto; overflow-anchor: none; contain: strict;
    scrollbar-width: thin; }
  .scroll .row { position: absolute; top: 0; left: 0; right: 0; }
  /* In steps: a smooth one would paint the page sixty times a second, for ever. */
  .fresh { animation: fresh .7s steps(3); }
  @keyframes fresh { from { background: rgba(110, 150, 255, .28); } }
  @media (prefers-reduced-motion: reduce) { .fresh { animation: none; } }
  .pill { position: absolute; top: 52px; left: 50%; transform: translateX(-50%); z-index: 2;
    padding: 2px 12px; border-radius: 12px; background: var(--st-primary-color, #4c8dff); color: #fff; }
  .none { padding: 24px 12px; text-align: center; }
  [hidden] { display: none; }
  @media (max-width: 640px) { .root { height: 420px; } }`;

class Tape {
  constructor(host) {
    this.filter = element("button", { class: "filter", type: "button", "aria-pressed": "false" });
    this.pill = element("button", { class: "pill", type: "button", hidden: "" });
    this.space = element("div");
    this.none = element("div", { class: "none dim", hidden: "" });
    this.scroll = element(
      "div",
      { class: "scroll", tabindex: "0", role: "log", "aria-live": "off", "aria-label": "Trades" },
      [this.space, this.none],
    );
    const titles = ["Time UTC", "Symbol", "Price", "Size", "Conditions"];
    this.root = element("div", { class: "root" }, [
      element("style", { text: STYLE }),
      element("div", { class: "bar" }, [element("h2", { text: "Tape" }), this.filter]),
      element(
        "div",
        { class: "row head" },
        titles.map((text, i) => element("span", { text, ...(i === 2 || i === 3 ? { class: "number" } : {}) })),
      ),
      this.pill,
      this.scroll,
    ]);
    host.append(this.root);
    this.pool = [];
    this.newest = Infinity;
    this.only = false;
    this.scroll.addEventListener("scroll", () => this.onScroll());
    this.pill.addEventListener("click", () => {
      this.scroll.scrollTop = 0;
    });
    this.filter.addEventListener("click", () => {
      this.only = !this.only;
      this.scroll.scrollTop = 0;
      this.show(this.held ?? this.data);
    });
    this.resizes = new ResizeObserver(() => this.data && this.render());
    this.resizes.observe(this.scroll);
  }

  update(streamlit) {
    const data = unpack(streamlit.data);
    if (this.version === data.header.version && this.symbol === data.header.symbol) return;
    const switched = this.symbol !== data.header.symbol;
    this.version = data.header.version;
    this.symbol = data.header.symbol;
    this.root.style.setProperty("--watched", data.header.watched);
    this.root.style.setProperty("--banner", data.header.banner ? "58px" : "0px");
    // While it is read, rows must not move: what is new waits behind the pill.
    if (this.data && this.scroll.scrollTop >= ROW && !switched) this.hold(data);
    else this.show(data);
  }

  hold(data) {
    this.held = data;
    const count = data.header.serial - this.data.header.serial;
    this.pill.textContent = `${count.toLocaleString("en-US")} new ↑`;
    this.pill.hidden = count === 0;
  }

  show(data) {
    this.held = null;
    this.pill.hidden = true;
    this.newest = this.data ? this.data.header.serial : Infinity;
    this.data = data;
    this.filter.textContent = `Only ${short(data.header.symbol)}`;
    this.filter.hidden = !data.header.symbol;
    this.filter.setAttribute("aria-pressed", String(this.only));
    const { symbol } = data.columns;
    const mine = data.header.symbols.indexOf(data.header.symbol);
    this.rows = [];
    for (let i = 0; i < data.header.rows; i++) if (!this.only || symbol[i] === mine) this.rows.push(i);
    this.none.hidden = this.rows.length > 0;
    this.none.textContent = this.only
      ? `No trade of ${data.header.symbol} among the last ${data.header.rows}.`
      : data.header.empty;
    this.render();
  }

  onScroll() {
    if (this.held && this.scroll.scrollTop < ROW) this.show(this.held);
    else if (this.data) this.render();
  }

  render() {
    this.space.style.height = `${this.rows.length * ROW}px`;
    const first = Math.max(0, Math.floor(this.scroll.scrollTop / ROW) - SPARE);
    const shown = Math.ceil(this.scroll.clientHeight / ROW) + 2 * SPARE;
    while (this.pool.length < shown) this.pool.push(this.row());
    this.pool.forEach((row, k) => this.fill(row, first + k));
  }

  row() {
    const cells = ["dim", "", "number", "number", "dim"].map((name) => element("span", { class: name }));
    const made = element("div", { class: "row" }, cells);
    this.scroll.append(made);
    return { made, cells };
  }

  fill({ made, cells }, place) {
    made.hidden = place >= this.rows.length;
    made.style.display = made.hidden ? "none" : "";
    if (made.hidden) return;
    const { header, columns } = this.data;
    const i = this.rows[place];
    const [time, symbol, cost, amount, conditions] = cells;
    const direction = columns.direction[i];
    const name = header.symbols[columns.symbol[i]];
    made.style.transform = `translateY(${place * ROW}px)`;
    time.textContent = clock(columns.time[i]);
    time.title = `${clock(columns.time[i], true)} UTC`;
    symbol.textContent = short(name);
    symbol.title = name;
    cost.textContent = `${arrow(direction)} ${price(columns.price[i], header.decimals[columns.symbol[i]])}`;
    cost.className = `number ${tone(direction)}`;
    amount.textContent = amount.title = size(columns.size[i]);
    conditions.textContent = conditions.title = header.conditions[columns.conditions[i]];
    const fresh = columns.serial[i] > this.newest;
    if (fresh && made.dataset.serial !== String(columns.serial[i])) {
      made.classList.remove("fresh");
      void made.offsetWidth; // restart the animation of a reused row
      made.classList.add("fresh");
    } else if (!fresh) made.classList.remove("fresh");
    made.dataset.serial = columns.serial[i];
  }

  destroy() {
    this.resizes.disconnect();
  }
}

/** `BINANCE:BTCUSDT` as `BTCUSDT`: the venue stands in the tooltip. */
const short = (symbol) => symbol.slice(symbol.indexOf(":") + 1) || symbol;

export default mounted(Tape);
