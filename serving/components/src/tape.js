// The tape: a virtual list of the last trades, newest on top, that stands still while it is read.
import { arrow, clock, element, exchange, mounted, price, same, short, size, tone, TONES, unpack } from "./common.js";

const ROW = 20; // pixels
const SPARE = 4; // rows above and below the visible ones
const ALL = "";

const STYLE = `${TONES}
  .root { position: relative; display: flex; flex-direction: column; font-size: 12px; height: var(--tape-height, 420px); }
  .bar { display: flex; gap: 6px; align-items: center; padding: 0 6px; height: 26px; }
  .bar h2 { margin: 0 auto 0 0; padding: 0; font-size: 12px; font-weight: 600; }
  select, input { font: inherit; font-size: 11px; color: inherit; height: 22px; box-sizing: border-box; padding: 0 4px; min-width: 0;
    border: 1px solid var(--line); border-radius: 5px; background: var(--ground); }
  select { max-width: 96px; } input { width: 74px; } input::placeholder { color: var(--dim); opacity: 1; }
  select:focus-visible, input:focus-visible { outline: 2px solid var(--accent); outline-offset: -1px; }
  label { display: flex; gap: 3px; align-items: center; font-size: 11px; white-space: nowrap; }
  label input { width: auto; height: auto; margin: 0; accent-color: var(--accent); }
  .row { display: grid; grid-template-columns: 4.7em minmax(4.4em, .9fr) 7.2em 5em minmax(3em, 1.2fr);
    gap: 0 8px; padding: 0 6px; height: ${ROW}px; line-height: ${ROW}px; white-space: nowrap; }
  .row > * { overflow: hidden; text-overflow: ellipsis; }
  .head { color: var(--dim); border-bottom: 1px solid var(--st-border-color, var(--line)); }
  .head > * { font-size: 11px; }
  .number { text-align: right; }
  .scroll { position: relative; flex: 1; overflow-y: auto; overflow-anchor: none; contain: strict; scrollbar-width: thin; }
  .scroll .row { position: absolute; top: 0; left: 0; right: 0; }
  .large { background: light-dark(rgba(170, 110, 0, .12), rgba(242, 179, 61, .13)); font-weight: 600; }
  .large .size::before { content: "● "; font-size: 9px; color: light-dark(#8a5300, #f2b33d); }
  /* In steps: a smooth one would paint the page sixty times a second, for ever. */
  .fresh { animation: fresh .7s steps(3); }
  @keyframes fresh { from { background: rgba(110, 150, 255, .28); } }
  @media (prefers-reduced-motion: reduce) { .fresh { animation: none; } }
  .pill { position: absolute; top: 54px; left: 50%; transform: translateX(-50%); z-index: 2;
    padding: 2px 12px; border-radius: 12px; background: var(--accent); color: var(--on-accent); }
  .none { padding: 24px 12px; text-align: center; }
  [hidden] { display: none; }`;

const TITLES = [
  ["Time", "UTC, when the venue says it happened"],
  ["Symbol", ""],
  ["Price", "▲ ▼ against the symbol's price before; which side traded is not in the feed"],
  ["Size", ""],
  ["Conditions", "without Regular"],
];

class Tape {
  constructor(host) {
    this.symbols = element("select", { "aria-label": "Symbols on the tape" });
    this.least = element("input", { type: "number", min: "0", step: "any", placeholder: "min size", "aria-label": "Smallest size on the tape" });
    this.large = element("input", { type: "checkbox" });
    this.largeLabel = element("label", {}, [this.large, "large"]);
    this.pill = element("button", { class: "pill", type: "button", hidden: "" });
    this.space = element("div");
    this.none = element("div", { class: "none dim", hidden: "" });
    this.scroll = element("div", { class: "scroll", tabindex: "0", role: "log", "aria-live": "off", "aria-label": "Trades, the newest first" }, [
      this.space,
      this.none,
    ]);
    this.root = element("div", { class: "root" }, [
      element("style", { text: STYLE }),
      element("div", { class: "bar" }, [element("h2", { text: "Tape" }), this.largeLabel, this.least, this.symbols]),
      element(
        "div",
        { class: "row head" },
        TITLES.map(([text, title], i) => element("span", { text, title, ...(i === 2 || i === 3 ? { class: "number" } : {}) })),
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
    for (const filter of [this.symbols, this.least, this.large]) filter.addEventListener("input", () => this.refilter());
    this.resizes = new ResizeObserver(() => this.data && this.render());
    this.resizes.observe(this.scroll);
  }

  update(streamlit) {
    if (same(this.payload, streamlit.data)) return;
    this.payload = streamlit.data;
    const data = unpack(streamlit.data);
    const before = this.data?.header;
    const { symbol, as_of: asOf, serial } = data.header;
    // Another symbol or moment, or a server that has started anew, is no news of what is read.
    const isOther = before?.symbol !== symbol || before.as_of !== asOf || serial < before.serial;
    if (!isOther && this.scroll.scrollTop >= ROW) this.hold(data);
    else this.show(data, isOther);
  }

  /** While it is read, rows must not move: what is new waits behind the pill. */
  hold(data) {
    this.held = data;
    const count = data.header.serial - this.data.header.serial;
    this.pill.textContent = `${count.toLocaleString("en-US")} new ↑`;
    this.pill.hidden = count === 0;
  }

  show(data, isOther = false) {
    this.held = null;
    this.pill.hidden = true;
    this.newest = isOther ? Infinity : this.data.header.serial;
    this.data = data;
    if (isOther) this.scroll.scrollTop = 0;
    this.offer(data.header);
    this.filter();
    this.render();
  }

  offer({ symbol, large }) {
    this.largeLabel.title = `Only trades of at least ${large} times the value of their symbol's mean trade of the day`;
    if (this.offered === symbol) return;
    this.offered = symbol;
    const one = symbol ? [element("option", { value: symbol, text: `Only ${short(symbol)}` })] : [];
    this.symbols.replaceChildren(element("option", { value: ALL, text: "All symbols" }), ...one);
    this.symbols.value = this.only && symbol ? symbol : ALL;
  }

  refilter() {
    this.only = this.symbols.value !== ALL;
    this.scroll.scrollTop = 0;
    const data = this.held ?? this.data;
    if (data) this.show(data);
  }

  /** The places of the rows that the filters let through. */
  filter() {
    const { header, columns } = this.data;
    const mine = header.symbols.indexOf(header.symbol);
    const least = Number(this.least.value) || 0;
    const passes = (i) =>
      (this.only ? columns.symbol[i] === mine : columns.serial[i] >= header.all_from) &&
      columns.size[i] >= least &&
      (!this.large.checked || columns.large[i] === 1);
    this.rows = [];
    for (let i = 0; i < header.rows; i++) if (passes(i)) this.rows.push(i);
    this.none.hidden = this.rows.length > 0;
    const filtered = this.only || least > 0 || this.large.checked;
    this.none.textContent = filtered && header.rows ? `None of the last ${header.rows} trades passes the filters.` : header.empty;
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
    const cells = ["dim", "", "number", "number size", "dim"].map((name) => element("span", { class: name }));
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
    const [shortly, inFull] = header.conditions[columns.conditions[i]];
    made.style.transform = `translateY(${place * ROW}px)`;
    made.classList.toggle("large", columns.large[i] === 1);
    time.textContent = clock(columns.time[i]);
    time.title = `${clock(columns.time[i], true)} UTC, ${exchange(columns.time[i])}`;
    symbol.textContent = short(name);
    symbol.title = name;
    cost.textContent = `${arrow(direction)} ${price(columns.price[i], header.decimals[columns.symbol[i]])}`;
    cost.className = `number ${tone(direction)}`;
    amount.textContent = amount.title = size(columns.size[i]);
    conditions.textContent = shortly;
    conditions.title = inFull;
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

export default mounted(Tape);
