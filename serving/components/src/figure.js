// The candle chart as Plotly takes it: a pure function of bars, what is shown of them, and colours.
import { broken, lowerBound, thinned } from "./bars.js";
import { price } from "./common.js";

const PROFILE_SHARE = 0.22; // of the chart's width

/** `chart` is what `Chart.look` makes. */
export function figure(chart) {
  const { bars, header, view } = chart;
  const [start, end] = view;
  const margin = (end - start) / 2;
  const from = Math.max(0, lowerBound(bars.time, start - margin) - 1);
  const to = Math.min(header.rows, lowerBound(bars.time, end + margin) + 1);
  const drawn = thinned(bars, from, Math.max(to, from + 1), header.width);
  const range = extent(drawn, chart);
  return {
    data: [...candles(drawn, chart), ...lines(drawn, chart), profile(chart)],
    layout: { ...frame(chart), ...axes(chart, range, tallest(drawn, view)), ...marks(chart, range) },
  };
}

/** What of the prices is in view, with room above and below. */
function extent(drawn, { header, view }) {
  let low = Infinity;
  let high = -Infinity;
  drawn.time.forEach((time, i) => {
    if (time < view[0] || time > view[1]) return;
    if (drawn.low[i] < low) low = drawn.low[i];
    if (drawn.high[i] > high) high = drawn.high[i];
  });
  if (low === Infinity) [low, high] = [header.last ?? 0, header.last ?? 1];
  const room = (high - low) * 0.08 || Math.abs(high) * 0.0005 || 1;
  return [low - room, high + room];
}

function tallest(drawn, view) {
  let most = 0;
  drawn.time.forEach((time, i) => {
    if (time >= view[0] && time <= view[1] && drawn.volume[i] > most) most = drawn.volume[i];
  });
  return most;
}

function candles(drawn, { colours }) {
  const common = { x: drawn.time, hoverinfo: "none", showlegend: false };
  const tones = drawn.close.map((close, i) => (close < drawn.open[i] ? colours.down : colours.up));
  const body = (tone) => ({ line: { color: tone, width: 1 }, fillcolor: tone });
  return [
    {
      ...common,
      type: "candlestick",
      open: drawn.open,
      high: drawn.high,
      low: drawn.low,
      close: drawn.close,
      increasing: body(colours.up),
      decreasing: body(colours.down),
      whiskerwidth: 0,
    },
    {
      ...common,
      type: "bar",
      y: drawn.volume,
      yaxis: "y2",
      marker: { color: tones, opacity: 0.45, line: { width: 0 } },
    },
  ];
}

function lines(drawn, { header, wanted, colours }) {
  const [fast, slow] = header.averages.map((length) => `average_${length}`);
  const each = [
    ["day_vwap", wanted.has("vwap"), { color: colours.vwap, width: 1.5 }],
    [fast, wanted.has("averages"), { color: colours.fast, width: 1.25 }],
    [slow, wanted.has("averages"), { color: colours.slow, width: 1.25 }],
  ];
  return each.map(([name, visible, line]) => ({
    ...broken(drawn.time, drawn[name], header.gaps),
    type: "scatter",
    mode: "lines",
    line,
    visible,
    hoverinfo: "skip",
    showlegend: false,
  }));
}

/** Volume by price, from the right edge inwards. */
function profile({ header, wanted, colours }) {
  const { low, step, volumes, area } = header.profile ?? { low: 0, step: 1, volumes: [], area: [0, 0] };
  return {
    type: "bar",
    orientation: "h",
    x: volumes,
    y: volumes.map((_, i) => low + (i + 0.5) * step),
    width: step,
    xaxis: "x2",
    visible: wanted.has("profile") && volumes.length > 0,
    marker: {
      color: volumes.map((_, i) => (i >= area[0] && i <= area[1] ? colours.area : colours.outside)),
      line: { width: 0 },
    },
    hoverinfo: "skip",
    showlegend: false,
  };
}

function frame({ header, size, font, colours, narrow }) {
  return {
    ...size,
    uirevision: header.key,
    margin: { l: 6, r: narrow ? 58 : 70, t: 6, b: 34 },
    paper_bgcolor: colours.ground,
    plot_bgcolor: colours.ground,
    dragmode: "pan",
    hovermode: "x",
    bargap: 0.25,
    font: { family: font, size: 11, color: colours.text },
  };
}

function axes({ header, view, colours, narrow }, range, most) {
  const axis = { gridcolor: colours.grid, zeroline: false, linecolor: colours.grid, tickfont: { size: 11 } };
  const spike = { showspikes: true, spikemode: "across", spikesnap: "cursor", spikethickness: 1 };
  const cross = { ...spike, spikedash: "dot", spikecolor: colours.dim };
  const upright = { ...axis, side: "right", autorange: false, fixedrange: true };
  return {
    xaxis: {
      ...axis,
      ...cross,
      type: "date",
      range: view,
      autorange: false,
      rangeslider: { visible: false },
      rangebreaks: header.collapsed.map((bounds) => ({ bounds })),
      anchor: "y2",
      nticks: narrow ? 5 : 10,
      hoverformat: "%H:%M:%S",
      tickformatstops: [
        { dtickrange: [null, 60000], value: "%H:%M:%S" },
        { dtickrange: [60000, 86400000], value: "%H:%M\n%b %-d" },
        { dtickrange: [86400000, null], value: "%b %-d\n%Y" },
      ],
    },
    xaxis2: {
      overlaying: "x",
      range: [Math.max(1e-12, ...(header.profile?.volumes ?? [])) / PROFILE_SHARE, 0],
      fixedrange: true,
      visible: false,
    },
    yaxis: { ...upright, ...cross, domain: [0.2, 1], range, tickformat: `,.${header.decimals}f` },
    yaxis2: {
      ...upright,
      domain: [0, 0.17],
      range: [0, most * 1.1 || 1],
      nticks: 3,
      tickformat: most < 1000 ? "~g" : "~s",
      showgrid: false,
    },
  };
}

function marks(chart, range) {
  const levels = profileLevels(chart).filter(([, value]) => value >= range[0] && value <= range[1]);
  const { last } = chart.header;
  const shown = last !== null && last >= range[0] && last <= range[1];
  return {
    shapes: [
      ...chart.header.gaps.map((gap) => gapShape(gap, chart)),
      ...levels.map(([name, value]) => levelShape(name, value, chart)),
      ...(chart.pinned === null ? [] : [pinShape(chart)]),
      ...(shown ? [lastShape(chart)] : []),
    ],
    annotations: [
      zone(),
      ...levels.map(([name, value]) => levelLabel(name, value, chart)),
      ...(shown ? [lastLabel(chart)] : []),
    ],
  };
}

/** The point of control, and the ends of the value area. */
function profileLevels({ header, wanted }) {
  if (!header.profile || !wanted.has("profile")) return [];
  const { low, step, peak, area } = header.profile;
  return [
    ["POC", low + (peak + 0.5) * step],
    ["VAH", low + (area[1] + 1) * step],
    ["VAL", low + area[0] * step],
  ];
}

const levelShape = (name, y, { colours }) => ({
  type: "line",
  xref: "paper",
  x0: 1 - PROFILE_SHARE,
  x1: 1,
  y0: y,
  y1: y,
  line: { color: colours.text, width: 1, dash: name === "POC" ? "solid" : "dot" },
});

const levelLabel = (name, y, { header, colours }) => ({
  xref: "paper",
  x: 1 - PROFILE_SHARE,
  xanchor: "right",
  y,
  text: `${name} ${price(y, header.decimals)}`,
  showarrow: false,
  bgcolor: colours.ground,
  font: { size: 10, color: colours.text },
});

/** Where the feed may have sent what nobody received. */
function gapShape([start, end], { view, colours }) {
  const wide = (end - start) / (view[1] - view[0]) > 0.07;
  return {
    type: "rect",
    x0: start,
    x1: end,
    yref: "paper",
    y0: 0,
    y1: 1,
    layer: "below",
    fillcolor: colours.gap,
    line: { width: 0 },
    ...(wide ? { label: { text: "gap in the feed", textposition: "top center", font: { size: 10, color: colours.text } } } : {}),
  };
}

const pinShape = ({ pinned, colours }) => ({
  type: "line",
  x0: pinned,
  x1: pinned,
  yref: "paper",
  y0: 0,
  y1: 1,
  line: { color: colours.text, width: 1, dash: "dash" },
});

const lastShape = ({ header: { last, falling }, colours }) => ({
  type: "line",
  xref: "paper",
  x0: 0,
  x1: 1,
  y0: last,
  y1: last,
  line: { color: falling ? colours.down : colours.up, width: 1, dash: "dot" },
});

const lastLabel = ({ header: { last, falling, decimals }, colours }) => ({
  xref: "paper",
  x: 1,
  xanchor: "left",
  y: last,
  text: price(last, decimals),
  showarrow: false,
  font: { color: colours.ground, size: 11 },
  bgcolor: falling ? colours.down : colours.up,
  borderpad: 2,
});

/** Every time on the axis is UTC, and it says so. */
const zone = () => ({
  xref: "paper",
  yref: "paper",
  x: 1,
  y: 0,
  xanchor: "left",
  yanchor: "top",
  text: "UTC",
  showarrow: false,
  xshift: 4,
  yshift: -17,
  font: { size: 11 },
});
