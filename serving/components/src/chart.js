// Live candles and volume: one Plotly figure whose DOM node outlives every update.
import Plotly from "plotly.js-finance-dist-min";
import { clock, compact, element, mounted, price, themed, TONES, unpack } from "./common.js";

const DRAWN_AT_MOST = 600; // candles; beyond that, neighbours are merged
const SHOWN_AT_FIRST = 120; // intervals
const UP = "#26a69a";
const DOWN = "#ef5350";

const STYLE = `${TONES}
  .root { position: relative; height: clamp(360px, calc(100vh - 112px - var(--banner, 0px)), 1200px); overflow: hidden; }
  .plot { position: absolute; inset: 0; }
  /* Plotly puts its own rules into the document's head, which a shadow root does not see. */
  .main-svg { position: absolute; top: 0; left: 0; pointer-events: none; }
  .draglayer { pointer-events: all; } .crisp { shape-rendering: crispEdges; }
  .cursor-crosshair { cursor: crosshair; } .cursor-move { cursor: grabbing; }
  .cursor-ew-resize { cursor: ew-resize; } .plot, .plot * { user-select: none; }
  .legend { position: absolute; top: 2px; left: 10px; right: 80px; z-index: 2; pointer-events: none;
    display: flex; flex-wrap: wrap; gap: 0 10px; font-size: 12px; line-height: 18px; }
  .legend b { font-weight: 400; margin-left: 3px; }
  .now { position: absolute; right: 76px; bottom: 44px; z-index: 3; padding: 3px 10px; border-radius: 12px;
    background: var(--st-primary-color, #4c8dff); color: #fff; font-size: 12px; }
  .none { position: absolute; inset: 0; display: grid; place-content: center; text-align: center;
    gap: 6px; padding: 24px; }
  .none strong { font-weight: 600; }
  [hidden] { display: none; }
  @media (max-width: 640px) {
    .root { height: clamp(300px, 52vh, 520px); } .legend { right: 8px; left: 4px; font-size: 11px; } }`;

/** The first index whose value is not below `x`. */
function lowerBound(values, x) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

const first = (values, from, to) => {
  for (let i = from; i < to; i++) if (!Number.isNaN(values[i])) return values[i];
  return NaN;
};
const last = (values, from, to) => {
  for (let i = to - 1; i >= from; i--) if (!Number.isNaN(values[i])) return values[i];
  return NaN;
};

/** Bars `from` to `to`, every `step` of them merged, aligned so that panning does not reshuffle them. */
function thinned(bars, from, to, width) {
  const step = Math.max(1, Math.ceil((to - from) / DRAWN_AT_MOST));
  const drawn = { time: [], open: [], high: [], low: [], close: [], volume: [] };
  for (let a = from - (from % step); a < to; a += step) {
    const start = Math.max(0, a);
    const end = Math.min(bars.time.length, a + step);
    let high = NaN;
    let low = NaN;
    let volume = 0;
    for (let i = start; i < end; i++) {
      if (!(high >= bars.high[i]) && !Number.isNaN(bars.high[i])) high = bars.high[i];
      if (!(low <= bars.low[i]) && !Number.isNaN(bars.low[i])) low = bars.low[i];
      volume += bars.volume[i];
    }
    drawn.time.push(bars.time[start]);
    drawn.open.push(first(bars.open, start, end));
    drawn.close.push(last(bars.close, start, end));
    drawn.high.push(high);
    drawn.low.push(low);
    drawn.volume.push(volume);
  }
  // Plotly takes a candle's width from the closest two; an empty neighbour keeps lone ones in shape.
  drawn.time.push(bars.time[to - 1] + step * width);
  for (const name of ["open", "high", "low", "close", "volume"]) drawn[name].push(NaN);
  return drawn;
}

class Chart {
  constructor(host, streamlit) {
    this.plot = element("div", { class: "plot", tabindex: "0", role: "img" });
    this.legend = element("div", { class: "legend" });
    this.toNow = element("button", { class: "now", type: "button", text: "To now →", hidden: "" });
    this.none = element("div", { class: "none", hidden: "" });
    this.root = element("div", { class: "root" }, [
      element("style", { text: STYLE }),
      this.plot,
      this.legend,
      this.toNow,
      this.none,
    ]);
    host.append(this.root);
    this.following = true;
    this.view = null;
    this.toNow.addEventListener("click", () => this.follow());
    this.plot.addEventListener("keydown", (event) => this.onKey(event));
    this.resizes = new ResizeObserver(() => this.bars && this.draw());
    this.resizes.observe(this.root);
  }

  update(streamlit) {
    const { header, columns } = unpack(streamlit.data);
    if (header.key === this.key && header.version === this.version) return;
    if (header.key !== this.key) {
      this.following = true;
      this.hovered = null;
    }
    this.key = header.key;
    this.version = header.version;
    this.header = header;
    this.bars = columns;
    this.root.dataset.version = header.version;
    this.root.style.setProperty("--banner", header.banner ? "58px" : "0px");
    this.draw();
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
    this.toNow.hidden = this.following || count === 0;
    if (count === 0) {
      const [title, why] = this.header.empty;
      this.none.replaceChildren(
        element("strong", { text: title }),
        element("span", { class: "dim", text: why }),
      );
      return;
    }
    this.drawing = true;
    try {
      if (this.following || !this.view) this.view = this.latest();
      const figure = this.figure();
      await Plotly.react(this.plot, figure.data, figure.layout, {
        displayModeBar: false,
        doubleClick: false,
        responsive: false,
        scrollZoom: true,
      });
      if (this.dead) Plotly.purge(this.plot);
      else if (!this.listening) this.listen();
      this.describe();
    } finally {
      this.drawing = false;
    }
    if (this.again && !this.dead) {
      this.again = false;
      this.draw();
    }
  }

  latest() {
    const { time } = this.bars;
    const width = this.header.width;
    const end = time[time.length - 1];
    let start = end - SHOWN_AT_FIRST * width;
    // A symbol that trades seldom: rather the last bars, however long ago.
    if (time.length - lowerBound(time, start) < SHOWN_AT_FIRST / 6)
      start = Math.min(time[Math.max(0, time.length - SHOWN_AT_FIRST)], end - 40 * width);
    return [start - width / 2, end + width * Math.max(4, (0.04 * (end - start)) / width)];
  }

  follow() {
    this.following = true;
    this.draw();
  }

  figure() {
    const { bars, header } = this;
    const [start, end] = this.view;
    const margin = (end - start) / 2;
    const from = Math.max(0, lowerBound(bars.time, start - margin) - 1);
    const to = Math.min(header.rows, lowerBound(bars.time, end + margin) + 1);
    const drawn = thinned(bars, from, to, header.width);
    let low = Infinity;
    let high = -Infinity;
    let most = 0;
    drawn.time.forEach((time, i) => {
      if (time < start || time > end) return;
      if (drawn.low[i] < low) low = drawn.low[i];
      if (drawn.high[i] > high) high = drawn.high[i];
      if (drawn.volume[i] > most) most = drawn.volume[i];
    });
    if (low === Infinity) [low, high] = [header.last ?? 0, header.last ?? 1];
    const pad = (high - low) * 0.08 || Math.abs(high) * 0.0005 || 1;
    const colours = drawn.close.map((close, i) => (close < drawn.open[i] ? DOWN : UP));
    return { data: this.traces(drawn, colours), layout: this.layout([low - pad, high + pad], most) };
  }

  traces(drawn, colours) {
    const common = { x: drawn.time, hoverinfo: "none", showlegend: false };
    return [
      {
        ...common,
        type: "candlestick",
        open: drawn.open,
        high: drawn.high,
        low: drawn.low,
        close: drawn.close,
        increasing: { line: { color: UP, width: 1 }, fillcolor: UP },
        decreasing: { line: { color: DOWN, width: 1 }, fillcolor: DOWN },
        whiskerwidth: 0,
      },
      {
        ...common,
        type: "bar",
        y: drawn.volume,
        yaxis: "y2",
        marker: { color: colours, opacity: 0.45, line: { width: 0 } },
      },
    ];
  }

  layout(range, most) {
    const text = themed(this.root, "--st-text-color", "#d1d4dc");
    const grid = themed(this.root, "--st-border-color", "#1c2230");
    const background = themed(this.root, "--st-background-color", "#0b0e14");
    const narrow = this.root.clientWidth < 560;
    const axis = { gridcolor: grid, zeroline: false, linecolor: grid, tickfont: { size: 11 } };
    const spike = { showspikes: true, spikemode: "across", spikesnap: "cursor", spikethickness: 1 };
    const cross = { ...spike, spikedash: "dot", spikecolor: "#6b7690" };
    return {
      width: this.root.clientWidth,
      height: this.root.clientHeight,
      uirevision: this.key,
      datarevision: this.version,
      margin: { l: 6, r: narrow ? 58 : 70, t: 22, b: 34 },
      paper_bgcolor: background,
      plot_bgcolor: background,
      dragmode: "pan",
      hovermode: "x",
      bargap: 0.25,
      font: { family: themed(this.root, "--st-font", "sans-serif"), size: 11, color: text },
      xaxis: {
        ...axis,
        ...cross,
        type: "date",
        range: this.view,
        autorange: false,
        rangeslider: { visible: false },
        anchor: "y2",
        nticks: narrow ? 5 : 10,
        hoverformat: "%H:%M:%S",
        tickformatstops: [
          { dtickrange: [null, 60000], value: "%H:%M:%S" },
          { dtickrange: [60000, 86400000], value: "%H:%M\n%b %-d" },
          { dtickrange: [86400000, null], value: "%b %-d\n%Y" },
        ],
      },
      yaxis: {
        ...axis,
        ...cross,
        domain: [0.2, 1],
        side: "right",
        range,
        autorange: false,
        fixedrange: true,
        tickformat: `,.${this.header.decimals}f`,
      },
      yaxis2: {
        ...axis,
        domain: [0, 0.17],
        side: "right",
        range: [0, most * 1.1 || 1],
        autorange: false,
        fixedrange: true,
        nticks: 3,
        tickformat: most < 1000 ? "~g" : "~s",
        showgrid: false,
      },
      shapes: this.lastLine(range),
      annotations: [this.zone(), ...this.lastLabel(range)],
    };
  }

  /** Every time on the chart is UTC, and says so at the axis. */
  zone() {
    const place = { xref: "paper", yref: "paper", x: 1, y: 0, xanchor: "left", yanchor: "top" };
    return { ...place, text: "UTC", showarrow: false, xshift: 4, yshift: -17, font: { size: 11 } };
  }

  shows([low, high]) {
    const { last: value } = this.header;
    return value !== null && value >= low && value <= high;
  }

  lastLine(range) {
    if (!this.shows(range)) return [];
    const { last: value, falling } = this.header;
    const line = { color: falling ? DOWN : UP, width: 1, dash: "dot" };
    return [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: value, y1: value, line }];
  }

  lastLabel(range) {
    if (!this.shows(range)) return [];
    const { last: value, falling, decimals } = this.header;
    return [
      {
        xref: "paper",
        x: 1,
        xanchor: "left",
        y: value,
        text: price(value, decimals),
        showarrow: false,
        font: { color: falling ? "#1a0505" : "#04120f", size: 11 },
        bgcolor: falling ? DOWN : UP,
        borderpad: 2,
      },
    ];
  }

  /** What the crosshair is on, or the last bar; also the chart's text alternative. */
  describe() {
    const { bars, header } = this;
    const at = this.hovered ?? bars.time[header.rows - 1];
    const i = Math.min(header.rows - 1, Math.max(0, lowerBound(bars.time, at)));
    const decimals = header.decimals;
    const when = new Date(bars.time[i]).toISOString();
    const shown = header.width < 60000 ? when.slice(11, 19) : when.slice(0, 16).replace("T", " ");
    const tone = bars.close[i] < bars.open[i] ? "down" : "up";
    const parts = [
      ["O", price(bars.open[i], decimals)],
      ["H", price(bars.high[i], decimals)],
      ["L", price(bars.low[i], decimals)],
      ["C", price(bars.close[i], decimals)],
      ["Vol", compact(bars.volume[i])],
      ["VWAP", price(bars.vwap[i], decimals)],
      ["Trades", compact(bars.trades[i])],
    ];
    this.legend.replaceChildren(
      element("span", { class: "dim", text: `${shown} UTC` }),
      ...parts.map(([name, value]) =>
        element("span", { class: "dim", text: name }, [element("b", { class: tone, text: value })]),
      ),
    );
    const words = parts.map(([name, value]) => `${name} ${value}`).join(", ");
    this.plot.setAttribute(
      "aria-label",
      `${header.symbol}, ${header.interval} candles. Bar of ${shown} UTC: ${words}.`,
    );
  }

  listen() {
    this.listening = true;
    const plot = this.plot;
    plot.on("plotly_relayouting", () => {
      this.dragging = true;
    });
    plot.on("plotly_relayout", (change) => {
      this.dragging = false;
      if ("xaxis.range[0]" in change || "xaxis.range" in change) {
        // eslint-disable-next-line no-underscore-dangle -- the only place Plotly keeps the range
        this.view = plot._fullLayout.xaxis.range.map(milliseconds);
        this.following = false;
        this.draw();
      } else if (this.again) {
        this.again = false;
        this.draw();
      }
    });
    plot.on("plotly_doubleclick", () => this.follow());
    plot.on("plotly_hover", ({ points }) => {
      this.hovered = milliseconds(points[0].x);
      this.describe();
    });
    plot.on("plotly_unhover", () => {
      this.hovered = null;
      this.describe();
    });
  }

  onKey(event) {
    if (!this.view) return;
    const [start, end] = this.view;
    const width = end - start;
    const moves = {
      ArrowLeft: [start - width / 10, end - width / 10],
      ArrowRight: [start + width / 10, end + width / 10],
      "+": [start + width / 5, end],
      "-": [start - width / 4, end],
    };
    if (event.key === "End") this.follow();
    else if (moves[event.key]) {
      this.view = moves[event.key];
      this.following = false;
      this.draw();
    } else return;
    event.preventDefault();
  }

  destroy() {
    this.dead = true;
    this.resizes.disconnect();
    // Purging under a pending react throws; `draw` does it then.
    if (!this.drawing) Plotly.purge(this.plot);
  }
}

const milliseconds = (x) => (typeof x === "number" ? x : Date.parse(`${x.replace(" ", "T")}Z`));

export default mounted(Chart);
