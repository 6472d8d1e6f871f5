// The SQL editor: a text area over its own coloured copy, with completion of tables, columns and words.
import { element, mounted, TONES } from "./common.js";

const DRAFT = "tapehouse.sql"; // where the browser keeps what was typed last
const OFFERED = 10;
const WORD = /[\w.]+$/;
const TOKENS = /(--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|('(?:[^']|'')*'?)|(\b\d[\d_.]*\b)|([A-Za-z_]\w*)/g;

const STYLE = `${TONES}
  .field { position: relative; height: 176px; border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
  .field:focus-within { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
  textarea, pre { position: absolute; inset: 0; margin: 0; padding: 8px 10px; border: 0; box-sizing: border-box;
    font: 13px/20px var(--st-code-font, monospace); white-space: pre; overflow: auto; tab-size: 2; width: 100%; height: 100%; }
  textarea { resize: none; background: none; color: transparent; caret-color: var(--st-text-color, #d7dce6); outline: none; }
  textarea::selection { background: rgba(110, 150, 255, .3); }
  pre { pointer-events: none; overflow: hidden; color: var(--st-text-color, #d7dce6); }
  .word { color: light-dark(#1f5fd0, #7aa9ff); } .text { color: light-dark(#0a7560, #2ebd9f); }
  .number { color: light-dark(#8a5300, #f2b33d); } .note { color: var(--dim); }
  .acts { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 12px; margin-top: 6px; min-height: 30px; }
  .acts button { border: 1px solid var(--line); border-radius: 6px; height: 28px; padding: 0 12px; }
  .acts button:hover:not(:disabled) { background: var(--hover); } .acts button:disabled { opacity: .45; cursor: default; }
  .acts .run { background: var(--accent); color: var(--on-accent); border-color: var(--accent); font-weight: 600; }
  .acts .run:hover:not(:disabled) { background: var(--accent); filter: brightness(1.1); }
  [popover] { margin: 0; inset: auto; padding: 3px; border: 1px solid var(--line); border-radius: 6px; color: inherit;
    background: var(--st-secondary-background-color, #151b28); box-shadow: 0 8px 24px rgba(0, 0, 0, .35); font-size: 12px; }
  ul { margin: 0; padding: 0; list-style: none; } li { padding: 2px 8px; border-radius: 4px; cursor: pointer; display: flex; gap: 18px; }
  li span { margin-left: auto; } li[aria-selected="true"] { background: var(--accent); color: var(--on-accent); }
  li[aria-selected="true"] .dim { color: inherit; }`;

class Editor {
  constructor(host) {
    const roles = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "offers" };
    const plain = { spellcheck: "false", autocapitalize: "off", autocomplete: "off" };
    this.area = element("textarea", { "aria-label": "SQL", ...roles, ...plain });
    this.copy = element("pre", { "aria-hidden": "true" });
    this.list = element("ul", { id: "offers", role: "listbox", "aria-label": "Completions" });
    this.offers = element("div", { popover: "manual" }, [this.list]);
    this.run = element("button", { class: "run", type: "button", text: "Run" });
    this.run.title = "Ctrl or Command, and Enter";
    this.cancel = element("button", { type: "button", text: "Cancel" });
    this.limits = element("span", { class: "dim" });
    this.root = element("div", { class: "root" }, [
      element("style", { text: STYLE }),
      element("div", { class: "field" }, [this.copy, this.area]),
      this.offers,
      element("div", { class: "acts" }, [this.run, this.cancel, this.limits]),
    ]);
    host.append(this.root);
    this.area.addEventListener("input", () => {
      this.paint();
      this.offer();
    });
    this.area.addEventListener("scroll", () => this.follow());
    this.area.addEventListener("keydown", (event) => this.key(event));
    this.area.addEventListener("blur", () => this.shut());
    this.run.addEventListener("click", () => this.ask());
    this.cancel.addEventListener("click", () => this.streamlit.setTriggerValue("cancel", true));
    this.area.value = localStorage.getItem(DRAFT) ?? "";
  }

  update(streamlit) {
    this.streamlit = streamlit;
    const { data } = streamlit;
    const known = this.data;
    this.data = data;
    // A text from the page (an example, an older query) comes with a number that is new.
    if (data.number && data.number !== known?.number) {
      this.area.value = data.text;
      if (known) this.area.focus();
    } else if (!known && !this.area.value) this.area.value = data.first;
    this.run.disabled = data.running;
    this.cancel.disabled = !data.running;
    this.limits.textContent = data.limits;
    this.paint();
  }

  ask() {
    this.shut();
    const sql = this.area.value.trim();
    if (sql && !this.data.running) this.streamlit.setTriggerValue("run", sql);
  }

  /** The coloured copy, with a mark where the word before the caret begins. */
  paint() {
    const text = this.area.value;
    localStorage.setItem(DRAFT, text);
    const parts = [];
    let end = 0;
    for (const match of text.matchAll(TOKENS)) {
      const [whole, note, quoted, number, word] = match;
      const kind = note ? "note" : quoted ? "text" : number ? "number" : this.isKeyword(word) ? "word" : "";
      if (!kind) continue;
      parts.push(text.slice(end, match.index), element("span", { class: kind, text: whole }));
      end = match.index + whole.length;
    }
    // A last line that is empty has no height of its own.
    this.copy.replaceChildren(...parts, `${text.slice(end)}\n`);
    this.follow();
  }

  isKeyword(word) {
    return this.data?.keywords.includes(word.toUpperCase()) ?? false;
  }

  follow() {
    this.copy.scrollTop = this.area.scrollTop;
    this.copy.scrollLeft = this.area.scrollLeft;
  }

  // --- completion -------------------------------------------------------------------------------

  /** What could stand here, best first: pairs of a text and what it is. */
  candidates(typed) {
    const { tables, keywords, functions } = this.data;
    const dot = typed.lastIndexOf(".");
    const start = typed.slice(dot + 1).toLowerCase();
    const named = tables[typed.slice(0, Math.max(0, dot)).toLowerCase()];
    const columns = Object.entries(named ? { "": named } : tables).flatMap(([table, names]) => names.map((name) => [name, table || "column"]));
    const all = named
      ? columns
      : [...Object.keys(tables).map((name) => [name, "table"]), ...columns, ...keywords.map((word) => [word, ""]), ...functions.map((name) => [`${name}(`, "function"])];
    const seen = new Set();
    return all.filter(([text]) => {
      const lower = text.toLowerCase();
      const fits = lower.startsWith(start) && lower !== start && !seen.has(lower);
      seen.add(lower);
      return fits;
    });
  }

  offer(asked = false) {
    const before = this.area.value.slice(0, this.area.selectionStart);
    const typed = before.match(WORD)?.[0] ?? "";
    if (!typed && !asked) return this.shut();
    const found = this.candidates(typed).slice(0, OFFERED);
    if (!found.length) return this.shut();
    this.typed = typed.slice(typed.lastIndexOf(".") + 1);
    this.moved = asked;
    this.list.replaceChildren(
      ...found.map(([text, what], place) => {
        const made = element("li", { role: "option", id: `offer-${place}`, "data-text": text }, [text, element("span", { class: "dim", text: what })]);
        made.addEventListener("pointerdown", (event) => {
          event.preventDefault();
          this.take(text);
        });
        return made;
      }),
    );
    this.mark(0);
    if (!this.offers.matches(":popover-open")) this.offers.showPopover();
    this.area.setAttribute("aria-expanded", "true");
    this.place(before);
  }

  /** Below the caret: the copy tells where that is. */
  place(before) {
    const range = document.createRange();
    let left = before.length;
    const walker = document.createTreeWalker(this.copy, NodeFilter.SHOW_TEXT);
    let node = walker.nextNode();
    while (node && left > node.length) {
      left -= node.length;
      node = walker.nextNode();
    }
    if (!node) return;
    range.setStart(node, left);
    range.collapse(true);
    const box = range.getBoundingClientRect();
    const field = this.area.getBoundingClientRect();
    const x = box.left || field.left + 10;
    const y = box.bottom || field.top + 28;
    this.offers.style.left = `${Math.max(4, Math.min(x, innerWidth - this.offers.offsetWidth - 4))}px`;
    this.offers.style.top = `${Math.min(y + 2, innerHeight - this.offers.offsetHeight - 4)}px`;
  }

  mark(place) {
    const items = [...this.list.children];
    this.marked = (place + items.length) % items.length;
    items.forEach((item, i) => item.setAttribute("aria-selected", String(i === this.marked)));
    this.area.setAttribute("aria-activedescendant", items[this.marked].id);
  }

  take(text) {
    const end = this.area.selectionStart;
    this.area.setRangeText(text, end - this.typed.length, end, "end");
    this.paint();
    this.shut();
  }

  shut() {
    if (this.offers.matches(":popover-open")) this.offers.hidePopover();
    this.area.setAttribute("aria-expanded", "false");
    this.area.removeAttribute("aria-activedescendant");
  }

  key(event) {
    const open = this.offers.matches(":popover-open");
    const chord = event.ctrlKey || event.metaKey;
    if (chord && event.key === "Enter") this.ask();
    else if (chord && event.key === " ") this.offer(true);
    else if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      this.moved = true;
      this.mark(this.marked + (event.key === "ArrowDown" ? 1 : -1));
      // Enter takes only what was chosen: else it would keep people from starting a line.
    } else if (open && (event.key === "Tab" || (event.key === "Enter" && this.moved)))
      this.take(this.list.children[this.marked].dataset.text);
    else if (open && event.key === "Escape") this.shut();
    else {
      if (["ArrowLeft", "ArrowRight", "Home", "End", "Enter"].includes(event.key)) this.shut();
      return;
    }
    event.preventDefault();
  }
}

export default mounted(Editor);
