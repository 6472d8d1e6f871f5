// Bars in memory: columns by name, in order of time (milliseconds); a missing value is NaN.

const DRAWN_AT_MOST = 600; // candles; beyond that, neighbours are merged

/** The first index whose value is not below `x`. */
export function lowerBound(values, x) {
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
const most = (values, from, to) => {
  let found = NaN;
  for (let i = from; i < to; i++) if (!(found >= values[i]) && !Number.isNaN(values[i])) found = values[i];
  return found;
};
const least = (values, from, to) => {
  let found = NaN;
  for (let i = from; i < to; i++) if (!(found <= values[i]) && !Number.isNaN(values[i])) found = values[i];
  return found;
};
const sum = (values, from, to) => {
  let total = 0;
  for (let i = from; i < to; i++) total += values[i];
  return total;
};

const MERGED = { open: first, close: last, high: most, low: least, volume: sum };

/** Bars `from` to `to`, every `step` of them merged, aligned so that panning does not reshuffle them. */
export function thinned(bars, from, to, width) {
  const step = Math.max(1, Math.ceil((to - from) / DRAWN_AT_MOST));
  const names = Object.keys(bars).filter((name) => name !== "time");
  const drawn = { time: [], ...Object.fromEntries(names.map((name) => [name, []])) };
  for (let a = from - (from % step); a < to; a += step) {
    const end = Math.min(bars.time.length, a + step);
    drawn.time.push(bars.time[a]);
    for (const name of names) drawn[name].push((MERGED[name] ?? last)(bars[name], a, end));
  }
  // Plotly takes a candle's width from the closest two; an empty neighbour keeps lone ones in shape.
  drawn.time.push(bars.time[to - 1] + step * width);
  for (const name of names) drawn[name].push(NaN);
  return drawn;
}

/** A line over the bars that breaks where a gap in the feed lies between two of them. */
export function broken(times, values, gaps) {
  const x = [];
  const y = [];
  let g = 0;
  times.forEach((time, i) => {
    while (g < gaps.length && gaps[g][1] <= (times[i - 1] ?? -Infinity)) g++;
    if (i && g < gaps.length && gaps[g][0] < time && gaps[g][1] > times[i - 1]) {
      x.push(time);
      y.push(NaN);
    }
    x.push(time);
    y.push(values[i]);
  });
  return { x, y };
}

/** Time as the chart shows it: without the stretches that are collapsed; and back. */
export class ShownTime {
  constructor(collapsed) {
    this.collapsed = collapsed;
  }

  of(time) {
    let gone = 0;
    for (const [start, end] of this.collapsed) if (start < time) gone += Math.min(time, end) - start;
    return time - gone;
  }

  back(shown) {
    let time = shown;
    for (const [start, end] of this.collapsed) if (start < time) time += end - start;
    return time;
  }

  /** A time moved by so much of what is shown. */
  move(time, by) {
    return this.back(this.of(time) + by);
  }
}
