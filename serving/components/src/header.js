// The frame's header: pages, symbol, interval, moment, pause; the banner of a past moment; the keys.
// It tells Python what a user wants as changes of the URL's query, which Python checks like any link.
import { day, element, exchange, mounted, TONES } from "./common.js";

const STYLE = `${TONES}
  .bar { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 10px; min-height: 34px; }
  .mark { font-weight: 700; letter-spacing: .01em; }
  nav { display: flex; gap: 2px; overflow-x: auto; scrollbar-width: none; }
  nav a { color: inherit; text-decoration: none; padding: 4px 9px; border-radius: 6px; white-space: nowrap; }
  nav a:hover { background: var(--hover); }
  nav a[aria-current] { background: var(--st-secondary-background-color, #151b28); font-weight: 600;
    box-shadow: inset 0 -2px var(--accent); }
  .tools { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 8px; margin-left: auto; padding-right: 34px; }
  input, select, .box { font: inherit; color: inherit; height: 28px; box-sizing: border-box; padding: 0 8px;
    border: 1px solid var(--line); border-radius: 6px; background: var(--st-background-color, #0b0e14); }
  input:focus-visible, select:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: -1px; border-radius: 6px; }
  .symbol { width: 168px; } input::placeholder { color: var(--dim); opacity: 1; }
  .group { display: flex; border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
  .group button { padding: 0 7px; height: 26px; border-radius: 0; }
  .group button + button, .group .box { border-left: 1px solid var(--line); }
  .group button:hover, .box:hover { background: var(--hover); }
  .group button[aria-pressed="true"] { background: var(--accent); color: var(--on-accent); font-weight: 600; }
  .group .when { min-width: 7.4em; text-align: center; }
  .past .when, .box[aria-pressed="true"] { background: var(--accent); color: var(--on-accent); font-weight: 600; }
  .pause { min-width: 6.2em; text-align: center; } select { padding: 0 2px; }
  .icon { width: 28px; padding: 0; text-align: center; }
  .banner { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 14px; margin-top: 4px; padding: 6px 12px;
    border-radius: 6px; background: var(--accent); color: var(--on-accent); }
  .banner strong { font-size: 14px; } .banner .acts { margin-left: auto; display: flex; gap: 6px; }
  .banner button { border: 1px solid currentColor; border-radius: 6px; padding: 2px 10px; font-weight: 600; }
  .banner button:focus-visible { outline-color: currentColor; outline-offset: 2px; }
  [popover] { margin: 0; padding: 8px; inset: auto; color: inherit; font: inherit; border: 1px solid var(--line);
    border-radius: 8px; background: var(--st-secondary-background-color, #151b28); box-shadow: 0 8px 24px rgba(0, 0, 0, .35); }
  [popover] .box { width: 100%; text-align: left; } .choices { min-width: 220px; max-height: 50vh; overflow-y: auto; padding: 4px; }
  .choices li { list-style: none; padding: 4px 8px; border-radius: 5px; cursor: pointer; overflow-wrap: anywhere; }
  .choices li[aria-selected="true"] { background: var(--accent); color: var(--on-accent); } ul { margin: 0; padding: 0; }
  .moments { width: 264px; } .moments form, .moments .quick { display: flex; gap: 6px; margin-bottom: 6px; }
  .moments input { flex: 1; min-width: 0; } .moments .quick .box { width: auto; flex: 1; text-align: center; padding: 0 2px; }
  .moments p { margin: 0 0 6px; } form .box, .moments form .box { width: auto; }
  .help dl { display: grid; grid-template-columns: auto 1fr; gap: 4px 14px; margin: 4px; } .help dd { margin: 0; }
  kbd { font: inherit; font-size: 11px; border: 1px solid currentColor; border-radius: 4px; padding: 0 5px; }
  [hidden] { display: none !important; }
  @media (max-width: 640px) {
    .mark { display: none; } .bar, .tools { gap: 4px 6px; } .tools { margin-left: 0; width: 100%; padding-right: 0; }
    nav { width: calc(100% - 34px); } nav a { padding: 4px 7px; } .symbol { flex: 1; min-width: 110px; width: auto; }
    .group button { padding: 0 6px; } .banner .acts { margin-left: 0; } }`;

const KEYS = [
  ["/", "search a symbol"],
  ["space", "pause and resume"],
  ["← →", "the snapshot before, the one after"],
  ["L", "back to live"],
  ["?", "this list"],
  ["End", "in the chart: follow the newest bar again"],
  ["+ −", "in the chart: zoom"],
];
const AGO = [
  ["1 min", 60],
  ["5 min", 300],
  ["1 h", 3600],
];
const PAIRS = "tapehouse.colours"; // where the browser keeps the choice: `plain` or `safe`

/** What a key would type into, move or press, wherever in a component it has the focus. */
const OWN_KEYS = [
  "input, textarea, select, [contenteditable=true], [role=slider], [role=grid], [role=listbox]",
  "[role=tablist], [role=radiogroup], [role=combobox], [data-testid=stDataFrame], [data-testid=stDialog]",
].join(", ");
const PRESSED_BY_SPACE = "button, a, summary, [role=button], [role=log]";

class Header {
  constructor(host) {
    this.nav = element("nav", { "aria-label": "Pages" });
    this.widths = element("div", { class: "group", role: "group", "aria-label": "Interval" });
    this.tools = element("div", { class: "tools" }, [...this.search(), this.widths, ...this.moments(), ...this.rest()]);
    this.banner = this.warning();
    this.root = element("header", { class: "root" }, [
      element("style", { text: STYLE }),
      element("div", { class: "bar" }, [element("span", { class: "mark", text: "Tapehouse" }), this.nav, this.tools]),
      this.banner,
      this.help(),
    ]);
    host.append(this.root);
    this.colour(localStorage.getItem(PAIRS) === "safe");
    this.onKey = (event) => this.key(event);
    document.addEventListener("keydown", this.onKey);
    // Streamlit keeps the theme by the path that was loaded, and tells nobody when it changes.
    this.themes = new MutationObserver(() => this.themed());
    const app = document.querySelector(".stApp");
    if (app) this.themes.observe(app, { attributes: true, attributeFilter: ["class"] });
  }

  // --- building ---------------------------------------------------------------------------------

  search() {
    const attributes = { class: "symbol", type: "text", placeholder: "Symbol   /", spellcheck: "false", autocomplete: "off" };
    const roles = { role: "combobox", "aria-label": "Symbol", "aria-expanded": "false", "aria-controls": "choices" };
    this.input = element("input", { ...attributes, ...roles, "aria-autocomplete": "list" });
    this.list = element("ul", { id: "choices", role: "listbox", "aria-label": "Symbols" });
    this.choices = element("div", { class: "choices", popover: "manual" }, [this.list]);
    this.input.addEventListener("focus", () => {
      this.input.select();
      this.offer("");
    });
    this.input.addEventListener("input", () => this.offer(this.input.value));
    this.input.addEventListener("blur", () => this.leave());
    this.input.addEventListener("keydown", (event) => this.choose(event));
    return [this.input, this.choices];
  }

  moments() {
    this.when = element("button", { class: "when", type: "button", "aria-haspopup": "dialog" });
    this.asked = element("input", { type: "text", "aria-label": "Moment", placeholder: "2026-11-20 14:30:00", spellcheck: "false" });
    const form = element("form", {}, [this.asked, element("button", { class: "box", type: "submit", text: "Go" })]);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.panel.hidePopover();
      this.change({ as_of: this.asked.value });
    });
    const quick = AGO.map(([text, seconds]) =>
      button({ class: "box", text: `−${text}` }, () => {
        this.panel.hidePopover();
        this.change({ as_of: new Date(this.now() - seconds * 1000).toISOString() });
      }),
    );
    const all = button({ class: "box", text: "All kept moments →" }, () => this.open("travel"));
    this.panel = element("div", { class: "moments", popover: "auto", role: "dialog", "aria-label": "Moment" }, [
      element("p", { class: "dim", text: "A time in UTC, a tag, or a snapshot id" }),
      form,
      element("div", { class: "quick" }, quick),
      all,
    ]);
    this.when.addEventListener("click", () => this.pop(this.panel, this.when));
    const step = (by, text, title) => button({ text, title, "aria-label": title }, () => this.send({ step: by }));
    const before = step(-1, "◀", "The snapshot before (←)");
    const after = step(1, "▶", "The snapshot after (→)");
    const group = { class: "group", role: "group", "aria-label": "Moment" };
    return [element("div", group, [before, this.when, after]), this.panel];
  }

  rest() {
    this.pause = button({ class: "box pause", title: "space" }, () => this.toggle());
    this.rate = element("select", { "aria-label": "Seconds between updates" });
    this.rate.addEventListener("change", () => this.change({ rate: this.rate.value }));
    const label = "Colours that are told apart by everyone";
    const title = "Blue and orange instead of green and red";
    this.pair = button({ class: "box icon", text: "◐", "aria-label": label, title }, () =>
      this.colour(this.pair.getAttribute("aria-pressed") !== "true"),
    );
    this.ask = button({ class: "box icon", text: "?", "aria-label": "Keys" }, () => this.pop(this.keys, this.ask));
    return [this.pause, this.rate, this.pair, this.ask];
  }

  warning() {
    this.told = element("span");
    this.facts = element("span");
    const acts = element("span", { class: "acts" }, [
      button({ text: "◀ Step" }, () => this.send({ step: -1 })),
      button({ text: "Step ▶" }, () => this.send({ step: 1 })),
      button({ text: "Back to live (L)" }, () => this.live()),
    ]);
    this.asof = element("strong");
    return element("div", { class: "banner", role: "status", hidden: "" }, [this.asof, this.facts, this.told, acts]);
  }

  help() {
    const rows = KEYS.flatMap(([key, what]) => [element("dt", {}, [element("kbd", { text: key })]), element("dd", { text: what })]);
    this.keys = element("div", { class: "help", popover: "auto", role: "dialog", "aria-label": "Keys" }, [element("dl", {}, rows)]);
    return this.keys;
  }

  // --- what Python told -------------------------------------------------------------------------

  update(streamlit) {
    this.streamlit = streamlit;
    const { data } = streamlit;
    this.data = data;
    this.root.classList.toggle("past", Boolean(data.past));
    document.documentElement.dataset.moment = data.past ? "past" : "live";
    // Made once, and changed in place: what has the focus keeps it.
    if (!this.links) this.build(data);
    data.pages.forEach(({ name, path }, place) => {
      const link = this.links[place];
      link.href = `${path}${location.search}`;
      if (name === data.page) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    });
    this.input.hidden = this.widths.hidden = !data.needs_symbol;
    if (this.input.getRootNode().activeElement !== this.input) this.input.value = data.symbol;
    data.intervals.forEach((text, place) =>
      this.widths.children[place].setAttribute("aria-pressed", String(text === data.interval)),
    );
    this.when.textContent = data.past ? short(data.past) : "● Live";
    this.when.title = data.past ? "A past moment. Choose another" : "Following the newest snapshot. Choose a past moment";
    this.pause.hidden = this.rate.hidden = Boolean(data.past);
    this.pause.setAttribute("aria-pressed", String(data.paused));
    this.pause.textContent = data.paused ? "▶ Paused" : "❚❚ Pause";
    this.rate.value = data.rate;
    this.banner.hidden = !data.past;
    if (data.past) this.warn(data.past);
  }

  build(data) {
    this.links = data.pages.map((page) => this.link(page));
    this.nav.replaceChildren(...this.links);
    const width = (text) => button({ text }, () => this.change({ interval: text, range: "" }));
    this.widths.replaceChildren(...data.intervals.map(width));
    this.rate.replaceChildren(...data.rates.map(([value, text]) => element("option", { value, text })));
  }

  link({ name, title, path }) {
    const made = element("a", { href: path, text: title });
    made.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      if (name !== this.data.page) this.open(name);
    });
    return made;
  }

  warn(past) {
    const known = past.at !== null;
    this.asof.textContent = `AS OF ${known ? `${day(past.at)} UTC` : past.asked}`;
    const tags = past.tags ? `, tag ${past.tags}` : "";
    this.facts.textContent = known ? `${exchange(past.at)} · snapshot ${past.snapshot_id}${tags}` : "";
    this.told.textContent = known ? "Every page shows the lake as it was then." : "This moment cannot be shown.";
  }

  // --- what the user wants ----------------------------------------------------------------------

  send(act) {
    this.streamlit.setTriggerValue("act", act);
  }

  change(query) {
    this.send({ query });
  }

  open(page) {
    if (this.panel.matches(":popover-open")) this.panel.hidePopover();
    this.send({ page });
  }

  live() {
    if (this.data.past) this.change({ as_of: "" });
  }

  toggle() {
    if (!this.data.past) this.change({ paused: this.data.paused ? "" : "1" });
  }

  now() {
    return this.data.past?.at ?? Date.now();
  }

  colour(safe) {
    document.documentElement.dataset.colours = safe ? "safe" : "plain";
    this.pair.setAttribute("aria-pressed", String(safe));
    localStorage.setItem(PAIRS, safe ? "safe" : "plain");
    window.dispatchEvent(new Event("tapehouse:colours"));
  }

  themed() {
    const key = (path) => `stActiveTheme-${path}-v2`;
    const [{ name }] = performance.getEntriesByType("navigation");
    const chosen = localStorage.getItem(key(new URL(name).pathname));
    for (const { path } of this.data?.pages ?? []) {
      if (chosen === null) localStorage.removeItem(key(path));
      else localStorage.setItem(key(path), chosen);
    }
    window.dispatchEvent(new Event("tapehouse:colours"));
  }

  // --- symbol search ----------------------------------------------------------------------------

  offer(text) {
    const wanted = text.trim().toUpperCase();
    const found = this.data.symbols.filter((symbol) => symbol.toUpperCase().includes(wanted));
    this.list.replaceChildren(
      ...found.map((symbol, place) => {
        const made = element("li", { role: "option", id: `choice-${place}`, text: symbol });
        // Before the field loses the focus, which closes the list.
        made.addEventListener("pointerdown", (event) => {
          event.preventDefault();
          this.pick(symbol);
        });
        return made;
      }),
    );
    this.mark(text ? 0 : this.data.symbols.indexOf(this.data.symbol));
    if (found.length) this.pop(this.choices, this.input);
    else this.shut();
  }

  mark(place) {
    const items = [...this.list.children];
    this.marked = items.length ? Math.max(0, Math.min(place, items.length - 1)) : -1;
    items.forEach((item, i) => item.setAttribute("aria-selected", String(i === this.marked)));
    if (this.marked < 0) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", items[this.marked].id);
    items[this.marked]?.scrollIntoView({ block: "nearest" });
  }

  choose(event) {
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in moves) this.mark(this.marked + moves[event.key]);
    else if (event.key === "Enter") {
      const typed = this.input.value.trim();
      const item = this.list.children[this.marked];
      if (item ?? typed) this.pick(item ? item.textContent : typed);
    } else if (event.key === "Escape") this.input.blur();
    else return;
    event.preventDefault();
  }

  pick(symbol) {
    this.picked = symbol;
    this.input.value = symbol;
    this.input.blur();
    if (symbol !== this.data.symbol) this.change({ symbol });
  }

  leave() {
    this.shut();
    this.input.value = this.picked ?? this.data.symbol;
    this.picked = null;
  }

  shut() {
    if (this.choices.matches(":popover-open")) this.choices.hidePopover();
    this.input.setAttribute("aria-expanded", "false");
  }

  /** Open a panel below what it belongs to, inside the window. */
  pop(panel, anchor) {
    if (panel.matches(":popover-open")) {
      if (panel !== this.choices) panel.hidePopover();
      return;
    }
    panel.showPopover();
    const { left, bottom } = anchor.getBoundingClientRect();
    panel.style.top = `${bottom + 4}px`;
    panel.style.left = `${Math.max(4, Math.min(left, innerWidth - panel.offsetWidth - 4))}px`;
    if (panel === this.choices) this.input.setAttribute("aria-expanded", "true");
    if (panel === this.panel) this.asked.focus();
  }

  // --- keys -------------------------------------------------------------------------------------

  key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const path = event.composedPath().filter((one) => one instanceof Element);
    if (path.some((one) => one.matches(OWN_KEYS))) return;
    const acts = {
      "/": () => (this.input.hidden ? this.open("market") : this.input.focus()),
      "?": () => this.pop(this.keys, this.ask),
      l: () => this.live(),
      L: () => this.live(),
      ArrowLeft: () => this.send({ step: -1 }),
      ArrowRight: () => this.send({ step: 1 }),
      " ": () => this.toggle(),
    };
    const act = acts[event.key];
    if (!act || (event.key === " " && path[0].matches(PRESSED_BY_SPACE))) return;
    event.preventDefault();
    act();
  }

  destroy() {
    document.removeEventListener("keydown", this.onKey);
    this.themes.disconnect();
    delete document.documentElement.dataset.moment;
  }
}

function button(attributes, act) {
  const made = element("button", { type: "button", ...attributes });
  made.addEventListener("click", act);
  return made;
}

const short = (past) => (past.at === null ? "As of …" : `As of ${day(past.at).slice(5, 19)}`);

export default mounted(Header);
