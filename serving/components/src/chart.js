// Live candles and volume: one Plotly figure whose DOM node outlives every update.
import Plotly from "plotly.js-finance-dist-min";
import { lowerBound, ShownTime } from "./bars.js";
import { clock, colour, compact, day, element, exchange, mounted, price, same, themed, TONES, unpack } from "./common.js";
import { figure } from "./figure.js";
import { TABLE_STYLE, tableOf, toggle } from "./table.js";

const SHOWN_AT_FIRST = 120; // intervals
const FEWEST_SHOWN = 5; // intervals; a range that came with a link may be of a shorter one
const TABLE_ROWS = 500;
const SETTLED_MS = 300; // a range is told once it has stood still for so long
const ON_ITS_WAY_MS = 3000; // so long a range that was told may come back as it was before
const KEPT = "tapehouse.chart"; // where the browser keeps what is drawn on top
const LINES = [
  ["vwap", "VWAP", "The volume-weighted average price since the day's start, the same at every interval"],
  ["averages", "Averages", "The mean of the last closes"],
  ["profile", "Profile", "Volume by price, spread over each bar's range: an estimate"],
];

const STYLE = `${TONES}${TABLE_STYLE}
  .root { --vwap: light-dark(#9a5b00, #e0b252); --fast: light-dark(#1f5fd0, #6ea8fe); --slow: light-dark(#7a3fd0, #b58cff);
    --area: light-dark(rgba(60, 90, 150, .34), rgba(140, 165, 215, .3));
    --outside: light-dark(rgba(60, 90, 150, .16), rgba(140, 165, 215, .14));
    --gap: light-dark(rgba(120, 90, 30, .14), rgba(220, 190, 120, .13));
    display: flex; flex-direction: column; height: var(--chart-height, 460px); overflow: hidden; }
  .stage { position: relative; flex: 1; min-height: 0; }
  .plot { position: absolute; inset: 0; }
  /* Plotly puts its own rules into the document's head, which a shadow root does not see. */
  .main-svg { position: absolute; top: 0; left: 0; pointer-events: none; }
  .draglayer { pointer-events: all; } .crisp { shape-rendering: crispEdges; }
  .cursor-crosshair { cursor: crosshair; } .cursor-move { cursor: grabbing; }
  .cursor-ew-resize { cursor: ew-resize; } .plot, .plot * { user-select: none; }
  .legend { display: flex; gap: 0 10px; font-size: 12px; line-height: 18px; height: 18px; padding: 0 4px; overflow: hidden; white-space: nowrap; }
  .legend b { font-weight: 400; margin-left: 3px; }
  .tools { display: flex; gap: 6px; height: 24px; align-items: center; padding: 0 4px; overflow-x: auto; scrollbar-width: none; white-space: nowrap; }
  .tools .end { margin-left: auto; } .tools i { display: inline-block; width: 10px; border-top: 2px solid; margin: 0 0 3px 5px; }
  .now { position: absolute; right: 76px; bottom: 44px; z-index: 3; padding: 3px 10px; border-radius: 12px;
    background: var(--accent); color: var(--on-accent); font-size: 12px; }
  .none { position: absolute; inset: 0; display: grid; place-content: center; text-align: center;
    gap: 6px; padding: 24px; }
  .none strong { font-weight: 600; }
  [hidden] { display: none; }
  @media (max-width: 640px) { .legend { flex-wrap: wrap; height: 36px; gap: 0 8px; font-size: 11px; } }`;

class Chart {
  constructor(host) {
    this.plot = element("div", { class: "plot", tabindex: "0", role: "img" });
    this.legend = element("div", { class: "legend" });
    this.toNow = element("button", { class: "now", type: "button", text: "To now →", hidden: "" });
    this.none = element("div", { class: "none", hidden: "" });
    this.sheet = element("div", { class: "sheet", tabindex: "0", role: "region", "aria-label": "Bars as a table", hidden: "" });
    this.history = element("button", { class: "chip end", type: "button", text: "History of the bar →" });
    const asTable = toggle("Table", "Show the bars as a table", false, (on) => this.showTable(on));
    this.root = element("div", { class: "root" }, [
      element("style", { text: STYLE }),
      this.legend,
      element("div", { class: "tools" }, [...this.lines(), this.history, asTable]),
      element("div", { class: "stage" }, [this.plot, this.toNow, this.none, this.sheet]),
    ]);
    host.append(this.root);
    this.following = true;
    this.view = null;
    this.version = 0;
    this.told = { range: null, at: -Infinity };
    this.toNow.addEventListener("click", () => this.follow());
    this.history.addEventListener("click", () => this.streamlit.setTriggerValue("bar", this.bars.time[this.place()]));
    this.plot.addEventListener("keydown", (event) => this.onKey(event));
    this.resizes = new ResizeObserver(() => this.bars && this.draw());
    this.resizes.observe(this.plot);
    this.onColours = () => {
      this.colours = null;
      if (this.bars) this.draw();
    };
    window.addEventListener("tapehouse:colours", this.onColours);
  }

  lines() {
    this.wanted = new Set(JSON.parse(localStorage.getItem(KEPT) ?? '["vwap"]'));
    return LINES.map(([name, text, title]) => {
      const made = toggle(text, title, this.wanted.has(name), (on) => {
        if (on) this.wanted.add(name);
        else this.wanted.delete(name);
        localStorage.setItem(KEPT, JSON.stringify([...this.wanted]));
        if (this.bars) this.draw();
      });
      const tones = { vwap: ["vwap"], averages: ["fast", "slow"] }[name] ?? [];
      made.append(...tones.map((tone) => element("i", { style: `color: var(--${tone})` })));
      return made;
    });
  }

  update(streamlit) {
    this.streamlit = streamlit;
    if (same(this.payload, streamlit.data)) return;
    this.payload = streamlit.data;
    this.version += 1;
    const { header, columns } = unpack(streamlit.data);
    const isOther = header.key !== this.header?.key;
    this.header = header;
    this.bars = columns;
    this.shownTime = new ShownTime(header.collapsed);
    if (isOther) this.hovered = this.pinned = null;
    this.adopt(isOther);
    this.draw();
  }

  /** Take the range of the link where it is another one than the chart has told of itself. */
  adopt(isOther) {
    const { range, width } = this.header;
    const asked = JSON.stringify(range);
    if (!isOther && (asked === this.told.range || performance.now() - this.told.at < ON_ITS_WAY_MS)) return;
    const fits = range !== null && range[1] - range[0] >= FEWEST_SHOWN * width;
    this.told.range = asked;
    this.following = !fits;
    if (fits) this.view = range;
    else if (range !== null) this.tell();
  }

  /** Let the link have the range, once it stands still. */
  tell() {
    clearTimeout(this.telling);
    this.told.at = performance.now();
    this.telling = setTimeout(() => {
      const range = this.following ? null : this.view.map(Math.round);
      if (this.dead || JSON.stringify(range) === this.told.range) return;
      this.told = { range: JSON.stringify(range), at: performance.now() };
      this.streamlit.setTriggerValue("range", range ?? []);
    }, SETTLED_MS);
  }

  /** Draw, one drawing at a time, never under the user's dragging pointer. */
  async draw() {
    if (this.drawing || this.dragging) {
      this.again = true;
      return;
    }
    const count = this.header.rows;
    this.plot.hidden = this.legend.hidden = count === 0;
    this.none.hidden = count > 0;
    this.history.disabled = count === 0;
    this.toNow.hidden = this.following || count === 0;
    if (count === 0) {
      const [title, why] = this.header.empty;
      this.none.replaceChildren(element("strong", { text: title }), element("span", { class: "dim", text: why }));
      this.root.dataset.version = this.version;
      return;
    }
    this.drawing = true;
    try {
      if (this.following || !this.view) this.view = this.latest();
      const { version } = this;
      const { data, layout } = figure(this.look());
      const config = { displayModeBar: false, doubleClick: false, responsive: false, scrollZoom: true };
      await Plotly.react(this.plot, data, layout, config);
      this.root.dataset.version = version;
      if (this.dead) Plotly.purge(this.plot);
      else if (!this.listening) this.listen();
      this.describe();
      if (!this.sheet.hidden) this.tabulate();
    } finally {
      this.drawing = false;
    }
    if (this.again && !this.dead) {
      this.again = false;
      this.draw();
    }
  }

  /** What `figure` draws by. */
  look() {
    this.colours ??= {
      text: themed(this.root, "--st-text-color", "#d7dce6"),
      grid: themed(this.root, "--st-border-color", "#1f2635"),
      ...Object.fromEntries(
        ["up", "down", "dim", "ground", "vwap", "fast", "slow", "area", "outside", "gap"].map((name) => [
          name,
          colour(this.root, `--${name}`),
        ]),
      ),
    };
    const { clientWidth: width, clientHeight: height } = this.plot;
    return {
      bars: this.bars,
      header: this.header,
      view: this.view,
      wanted: this.wanted,
      pinned: this.pinned,
      colours: this.colours,
      font: themed(this.root, "--st-font", "sans-serif"),
      size: { width, height },
      narrow: width < 560,
    };
  }

  latest() {
    const { time } = this.bars;
    const { width } = this.header;
    const end = time[time.length - 1];
    let start = this.shownTime.move(end, -SHOWN_AT_FIRST * width);
    // A symbol that trades seldom: rather the last bars, however long ago.
    if (time.length - lowerBound(time, start) < SHOWN_AT_FIRST / 6)
      start = Math.min(time[Math.max(0, time.length - SHOWN_AT_FIRST)], end - 40 * width);
    const shown = this.shownTime.of(end) - this.shownTime.of(start);
    return [start - width / 2, end + Math.max(4 * width, 0.04 * shown)];
  }

  follow() {
    this.following = true;
    this.draw();
    this.tell();
  }

  /** Stop following, and show that instead. */
  lookAt(view) {
    this.view = view;
    this.following = false;
    this.draw();
    this.tell();
  }

  /** The index of the bar that is told of: under the crosshair, clicked, or the newest. */
  place() {
    const { time } = this.bars;
    const at = this.hovered ?? this.pinned ?? time[time.length - 1];
    return Math.min(time.length - 1, Math.max(0, lowerBound(time, at)));
  }

  figuresOf(i) {
    const { bars, header } = this;
    return [
      ["O", price(bars.open[i], header.decimals)],
      ["H", price(bars.high[i], header.decimals)],
      ["L", price(bars.low[i], header.decimals)],
      ["C", price(bars.close[i], header.decimals)],
      ["Vol", compact(bars.volume[i])],
      ["VWAP", price(bars.vwap[i], header.decimals)],
      ["Trades", compact(bars.trade_count[i])],
    ];
  }

  when(i) {
    const time = this.bars.time[i];
    return this.header.width < 60000 ? clock(time) : day(time).slice(0, 16);
  }

  /** What the crosshair is on, or the last bar; also the chart's text alternative. */
  describe() {
    const i = this.place();
    const { bars, header, view } = this;
    const tone = bars.close[i] < bars.open[i] ? "down" : "up";
    const parts = this.figuresOf(i);
    const there = header.width < 60000 ? exchange(bars.time[i]) : exchange(bars.time[i]).replace(/:\d\d /, " ");
    this.legend.replaceChildren(
      element("span", { class: "dim", text: `${this.when(i)} UTC${header.around_the_clock ? "" : ` · ${there}`}` }),
      ...parts.map(([name, value]) =>
        element("span", { class: "dim", text: name }, [element("b", { class: tone, text: value })]),
      ),
    );
    this.history.title = `How the bar of ${this.when(i)} UTC came to be, commit by commit`;
    const words = parts.map(([name, value]) => `${name} ${value}`).join(", ");
    const gaps = header.gaps.length ? ` Gaps in the feed: ${header.gaps.length}.` : "";
    this.plot.setAttribute(
      "aria-label",
      `${header.symbol}, ${header.interval} candles, ${view.map(day).join(" to ")} UTC. ` +
        `Bar of ${this.when(i)} UTC: ${words}.${gaps}`,
    );
  }

  showTable(on) {
    this.sheet.hidden = !on;
    if (on && this.bars) this.tabulate();
  }

  /** The bars in view, newest first. */
  tabulate() {
    const { header, view } = this;
    const from = lowerBound(this.bars.time, view[0]);
    const to = Math.min(header.rows, lowerBound(this.bars.time, view[1]));
    const places = Array.from({ length: Math.min(TABLE_ROWS, Math.max(0, to - from)) }, (_, k) => to - 1 - k);
    const titles = ["Start, UTC", "Open", "High", "Low", "Close", "Volume", "VWAP", "Trades"];
    const rows = places.map((i) => [this.when(i), ...this.figuresOf(i).map(([, text]) => text)]);
    const cut = to - from > TABLE_ROWS ? `, the last ${TABLE_ROWS} of ${to - from} shown` : "";
    const top = this.sheet.scrollTop;
    this.sheet.replaceChildren(tableOf(`${header.symbol}, ${header.interval} bars${cut}`, titles, rows));
    this.sheet.scrollTop = top;
  }

  listen() {
    this.listening = true;
    const { plot } = this;
    plot.on("plotly_relayouting", () => {
      this.dragging = true;
    });
    plot.on("plotly_relayout", (change) => {
      this.dragging = false;
      if ("xaxis.range[0]" in change || "xaxis.range" in change) {
        // The only place where Plotly keeps the range.
        this.lookAt(plot._fullLayout.xaxis.range.map(milliseconds));
      } else if (this.again) {
        this.again = false;
        this.draw();
      }
    });
    plot.on("plotly_doubleclick", () => this.follow());
    plot.on("plotly_click", ({ points }) => this.pin(milliseconds(points[0].x)));
    plot.on("plotly_hover", ({ points }) => {
      this.hovered = milliseconds(points[0].x);
      this.describe();
    });
    plot.on("plotly_unhover", () => {
      this.hovered = null;
      this.describe();
    });
  }

  pin(time) {
    this.pinned = time;
    this.draw();
  }

  onKey(event) {
    if (!this.view) return;
    const { shownTime } = this;
    const [start, end] = this.view;
    const width = shownTime.of(end) - shownTime.of(start);
    const pan = (by) => [shownTime.move(start, by), shownTime.move(end, by)];
    const moves = {
      ArrowLeft: () => this.lookAt(pan(-width / 10)),
      ArrowRight: () => this.lookAt(pan(width / 10)),
      "+": () => this.lookAt([shownTime.move(start, width / 5), end]),
      "-": () => this.lookAt([shownTime.move(start, -width / 4), end]),
      End: () => this.follow(),
      Escape: () => this.pin(null),
    };
    if (!moves[event.key]) return;
    moves[event.key]();
    event.preventDefault();
  }

  destroy() {
    this.dead = true;
    this.resizes.disconnect();
    clearTimeout(this.telling);
    window.removeEventListener("tapehouse:colours", this.onColours);
    // Purging under a pending react throws; `draw` does it then.
    if (!this.drawing) Plotly.purge(this.plot);
  }
}

const milliseconds = (x) => (typeof x === "number" ? x : Date.parse(`${x.replace(" ", "T")}Z`));

export default mounted(Chart);
