// Shared by every component: the wire format of serving/charts.py, numbers and times as text, and DOM
// building that can only ever set text (what comes from the feed is never parsed as HTML).

/** Undo `charts.pack`: a header (JSON) and named columns of float64. */
export function unpack(bytes) {
  // A view into the socket's frame may be unaligned; Float64Array needs multiples of eight.
  const aligned = bytes.byteOffset % 8 ? bytes.slice() : bytes;
  const { buffer, byteOffset } = aligned;
  const length = new DataView(buffer, byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, byteOffset + 4, length)));
  const columns = {};
  let place = byteOffset + 4 + length;
  for (const name of header.columns) {
    columns[name] = new Float64Array(buffer, place, header.rows);
    place += header.rows * 8;
  }
  return { header, columns };
}

/** An element with attributes, text and children; `text` is always text. */
export function element(tag, { text, ...attributes } = {}, children = []) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

/** A theme colour of Streamlit's, or the fallback. */
export function themed(host, name, fallback) {
  const value = getComputedStyle(host).getPropertyValue(name).trim();
  return value && value !== "unset" ? value : fallback;
}

/** A custom property as a colour that not only CSS understands. */
export function colour(host, name) {
  const probe = element("i", { hidden: "", style: `color: var(${name})` });
  host.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** Whether two payloads hold the same. */
export const same = (one, other) =>
  one !== undefined && one.length === other.length && one.every((byte, i) => byte === other[i]);

/** `BINANCE:BTCUSDT` as `BTCUSDT`: the venue stands in the tooltip. */
export const short = (symbol) => symbol.slice(symbol.indexOf(":") + 1) || symbol;

const PRICES = new Map();
export function price(value, decimals) {
  if (value === null || Number.isNaN(value)) return "–";
  if (!PRICES.has(decimals)) {
    const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
    PRICES.set(decimals, new Intl.NumberFormat("en-US", digits));
  }
  return PRICES.get(decimals).format(value);
}

const COMPACT = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 4 });
const SIZE = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 6 });
export const compact = (value) => (value === null || Number.isNaN(value) ? "–" : COMPACT.format(value));
export const size = (value) => SIZE.format(value);
export const percent = (fraction) =>
  fraction === null ? "–" : `${fraction >= 0 ? "+" : "−"}${Math.abs(fraction * 100).toFixed(2)}%`;

/** Direction is never told by colour alone. */
export const arrow = (direction) => (direction > 0 ? "▲" : direction < 0 ? "▼" : " ");
export const tone = (direction) => (direction > 0 ? "up" : direction < 0 ? "down" : "");

/** hh:mm:ss[.mmm] in UTC. */
export const clock = (ms, fraction = false) =>
  new Date(ms).toISOString().slice(11, fraction ? 23 : 19);

/** yyyy-mm-dd hh:mm:ss in UTC. */
export const day = (ms) => new Date(ms).toISOString().slice(0, 19).replace("T", " ");

const NEW_YORK = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", timeStyle: "medium" });
/** The same time where the US exchanges are. */
export const exchange = (ms) => `${NEW_YORK.format(ms)} New York`;

export const TONES = `
  :host, .root { color-scheme: inherit; }
  .root { font-family: var(--st-font, sans-serif); color: var(--st-text-color, #d1d4dc);
    font-variant-numeric: tabular-nums; font-size: 13px; }
  .up { color: var(--up, #2ebd9f); } .down { color: var(--down, #f7716f); }
  .dim { color: var(--dim, #8b93a5); }
  button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
  button:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--st-primary-color, #4c8dff);
    outline-offset: -2px; border-radius: 3px; }`;

/** Keep one instance per mount: made on the first call, updated on each, destroyed on unmount. */
export function mounted(Component) {
  const instances = new WeakMap();
  return (streamlit) => {
    const host = streamlit.parentElement;
    let instance = instances.get(host);
    if (!instance) instances.set(host, (instance = new Component(host, streamlit)));
    instance.update(streamlit);
    return () => {
      instance.destroy?.();
      instances.delete(host);
      instance.root.remove();
    };
  };
}
