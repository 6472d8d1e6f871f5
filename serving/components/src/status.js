// The quote of the chosen symbol, and how true the screen is: complete to when, how late, from where.
import { arrow, clock, compact, element, exchange, mounted, percent, price, tone, TONES } from "./common.js";

const STYLE = `${TONES}
  .root { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 16px; min-height: 52px; }
  .quote { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 12px; }
  .symbol { font-weight: 600; font-size: 15px; }
  .last { font-size: 24px; line-height: 32px; font-weight: 600; }
  .facts { display: flex; flex-wrap: wrap; gap: 0 12px; font-size: 12px; white-space: nowrap; }
  .facts b { font-weight: 400; margin-left: 4px; color: var(--st-text-color); }
  .truth { flex-basis: 100%; font-size: 12px; display: flex; flex-wrap: wrap; gap: 0 10px; align-items: baseline; min-height: 20px; }
  .truth :nth-child(3) { min-width: 5.2em; }
  .badge { font-size: 11px; font-weight: 600; letter-spacing: .02em; padding: 1px 8px; border-radius: 9px; white-space: nowrap; }
  .live { background: light-dark(#d5f2ea, #12382f); color: light-dark(#06503f, #5fe0c0); }
  .quiet { background: light-dark(#fbeecb, #3a2f10); color: light-dark(#6b4700, #f2cc60); }
  .closed, .loading { background: light-dark(#dfe8fb, #1c2a45); color: light-dark(#1b438f, #a9c7ff); }
  .broken { background: light-dark(#fbdcda, #4a1a1d); color: light-dark(#8d1a17, #ffb3b0); }
  .past { background: var(--accent); color: var(--on-accent); }
  .trouble { flex-basis: 100%; padding: 6px 10px; border-radius: 6px; background: light-dark(#fbe4e2, #2c1417); color: light-dark(#8d1a17, #ffc9c6);
    font-size: 12px; overflow-wrap: anywhere; }
  [hidden] { display: none; }
  @media (max-width: 640px) { .last { font-size: 22px; } }`;

const FACTS = ["O", "H", "L", "Vol", "VWAP", "Trades", "Trades/s"];

class Status {
  constructor(host) {
    this.quote = element("div", { class: "quote" });
    this.values = new Map(FACTS.map((name) => [name, element("b")]));
    const facts = [...this.values].map(([name, value]) => element("span", { class: "dim", text: name }, [value]));
    this.facts = element("div", { class: "facts" }, facts);
    this.truth = element("div", { class: "truth", role: "status", "aria-live": "off" });
    this.trouble = element("div", { class: "trouble", role: "alert", hidden: "" });
    this.root = element("div", { class: "root" }, [
      element("style", { text: STYLE }),
      this.quote,
      this.facts,
      this.truth,
      this.trouble,
    ]);
    host.append(this.root);
  }

  update({ data }) {
    const { quote, badge, truth, trouble } = data;
    const { decimals } = quote;
    this.quote.hidden = !quote.symbol;
    say(this.quote, [
      ["symbol", quote.symbol],
      [`last ${tone(quote.direction)}`, price(quote.last, decimals)],
      [tone(quote.change), `${arrow(quote.change)} ${percent(quote.change)}`],
    ]);
    const facts = {
      O: price(quote.open, decimals),
      H: price(quote.high, decimals),
      L: price(quote.low, decimals),
      Vol: compact(quote.volume),
      VWAP: price(quote.vwap, decimals),
      Trades: compact(quote.trades),
      "Trades/s": quote.rate === null ? "–" : quote.rate.toFixed(quote.rate < 10 ? 1 : 0),
    };
    for (const [name, value] of this.values) if (value.textContent !== facts[name]) value.textContent = facts[name];
    this.facts.hidden = quote.last === null;
    this.facts.title = quote.since === null ? "" : `since ${clock(quote.since).slice(0, 5)} UTC, ${exchange(quote.since)}; trades a second over the last minute`;
    say(this.truth, [[`badge ${badge.kind}`, badge.text], ...truth.map((text) => ["dim", text])]);
    this.truth.firstChild.title = badge.title;
    if (this.trouble.textContent !== (trouble ?? "")) this.trouble.textContent = trouble ?? "";
    this.trouble.hidden = !trouble;
  }
}

/** Let the place hold these texts, each of its class; what stays the same is left alone. */
function say(place, texts) {
  while (place.childElementCount < texts.length) place.append(element("span"));
  while (place.childElementCount > texts.length) place.lastChild.remove();
  texts.forEach(([name, text], i) => {
    const made = place.children[i];
    if (made.className !== name) made.className = name;
    if (made.textContent !== text) made.textContent = text;
  });
}

export default mounted(Status);
