// The quote of the chosen symbol, and how true the screen is: complete to when, how late, from where.
import { arrow, compact, element, mounted, percent, price, tone, TONES } from "./common.js";

const STYLE = `${TONES}
  .root { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 16px; min-height: 34px; }
  .quote { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 12px; }
  .symbol { font-weight: 600; font-size: 15px; }
  .last { font-size: 24px; line-height: 32px; font-weight: 600; }
  .facts { display: flex; flex-wrap: wrap; gap: 0 12px; font-size: 12px; }
  .facts b { font-weight: 400; margin-left: 4px; color: var(--st-text-color, #d1d4dc); }
  .truth { margin-left: auto; font-size: 12px; display: flex; flex-wrap: wrap; gap: 0 10px; align-items: baseline; }
  .badge { font-size: 11px; font-weight: 600; letter-spacing: .02em; padding: 1px 8px; border-radius: 9px; }
  .live { background: #12382f; color: #5fe0c0; } .quiet { background: #3a2f10; color: #f2cc60; }
  .broken { background: #4a1a1d; color: #ffb3b0; } .loading { background: #1c2a45; color: #a9c7ff; }
  .trouble { flex-basis: 100%; padding: 6px 10px; border-radius: 6px; background: #2c1417; color: #ffc9c6;
    font-size: 12px; overflow-wrap: anywhere; }
  [hidden] { display: none; }
  @media (max-width: 640px) { .truth { margin-left: 0; } .last { font-size: 22px; } }`;

class Status {
  constructor(host) {
    this.quote = element("div", { class: "quote" });
    this.facts = element("div", { class: "facts" });
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
    const decimals = quote.decimals;
    const direction = tone(quote.direction);
    this.quote.hidden = !quote.symbol;
    this.quote.replaceChildren(
      element("span", { class: "symbol", text: quote.symbol }),
      element("span", { class: `last ${direction}`, text: price(quote.last, decimals) }),
      element("span", { class: tone(quote.change), text: `${arrow(quote.change)} ${percent(quote.change)}` }),
    );
    const facts = [
      ["O", price(quote.open, decimals)],
      ["H", price(quote.high, decimals)],
      ["L", price(quote.low, decimals)],
      ["Vol", compact(quote.volume)],
      ["VWAP", price(quote.vwap, decimals)],
      ["Trades", compact(quote.trades)],
    ];
    this.facts.hidden = quote.last === null;
    this.facts.title = "of the last trade's day, UTC";
    this.facts.replaceChildren(
      ...facts.map(([name, value]) =>
        element("span", { class: "dim", text: name }, [element("b", { text: value })]),
      ),
    );
    this.truth.replaceChildren(
      element("span", { class: `badge ${badge.kind}`, text: badge.text, title: badge.title }),
      ...truth.map((text) => element("span", { class: "dim", text })),
    );
    if (this.trouble.textContent !== (trouble ?? "")) this.trouble.textContent = trouble ?? "";
    this.trouble.hidden = !trouble;
  }
}

export default mounted(Status);
