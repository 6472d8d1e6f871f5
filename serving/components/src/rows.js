// A table of texts that Python has made: fixed columns, so that nothing shifts while figures change;
// a row may be chosen, or acted on by buttons of its own.
import { element, mounted, TONES } from "./common.js";

const STYLE = `${TONES}
  .scroll { overflow: auto; scrollbar-width: thin; border: 1px solid var(--line); border-radius: 6px; }
  .scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
  table { width: 100%; border-collapse: separate; border-spacing: 0; table-layout: fixed; font-size: 12px; }
  .label { display: flex; flex-wrap: wrap; gap: 0 10px; align-items: baseline; min-height: 22px; }
  h2 { font-size: 13px; font-weight: 600; margin: 0; padding: 0; } .note { font-size: 12px; color: var(--dim); }
  th { position: sticky; top: 0; z-index: 1; text-align: left; font-weight: 400; color: var(--dim); padding: 0 8px;
    height: 24px; background: var(--st-secondary-background-color, #151b28); border-bottom: 1px solid var(--line); }
  th, td { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
  td { height: 25px; padding: 0 8px; border-bottom: 1px solid var(--st-border-color, var(--line)); }
  tr:last-child td { border-bottom: 0; }
  .number { text-align: right; }
  .bytes { font-family: var(--st-code-font, ui-monospace, monospace); white-space: pre; }
  .choice { cursor: pointer; } .choice:hover td { background: var(--hover); }
  [aria-current="true"] td { background: var(--hover); }
  [aria-current="true"] td:first-child { box-shadow: inset 2px 0 var(--accent); }
  td button.first { display: block; width: 100%; text-align: inherit; overflow: hidden; text-overflow: ellipsis; }
  .acts { text-align: right; overflow: visible; }
  .acts button { border: 1px solid var(--line); border-radius: 5px; padding: 0 7px; margin-left: 4px; line-height: 20px; }
  .acts button:hover { background: var(--hover); }
  .good { color: var(--up); } .bad { color: var(--down); } .warn { color: var(--accent); } .faint { color: var(--dim); }
  .none { padding: 14px 10px; color: var(--dim); white-space: pre-wrap; overflow-wrap: anywhere; }
  [hidden] { display: none; }`;

class Rows {
  constructor(host) {
    this.title = element("h2");
    this.note = element("span", { class: "note" });
    this.columns = element("colgroup");
    this.head = element("tr");
    this.body = element("tbody");
    this.table = element("table", {}, [this.columns, element("thead", {}, [this.head]), this.body]);
    this.none = element("div", { class: "none" });
    this.scroll = element("div", { class: "scroll", tabindex: "0", role: "region" }, [this.table, this.none]);
    const label = element("div", { class: "label" }, [this.title, this.note]);
    this.root = element("div", { class: "root" }, [element("style", { text: STYLE }), label, this.scroll]);
    host.append(this.root);
    this.rows = new Map();
  }

  update(streamlit) {
    this.streamlit = streamlit;
    const { data } = streamlit;
    const shape = JSON.stringify([data.columns, data.acts, data.selectable]);
    if (shape !== this.shape) this.reshape(data);
    this.shape = shape;
    this.title.textContent = data.label;
    this.note.textContent = data.note;
    for (const named of [this.scroll, this.table]) named.setAttribute("aria-label", data.label);
    this.scroll.style.height = `${data.height}px`;
    this.none.textContent = data.empty;
    this.none.hidden = data.rows.length > 0;
    const keys = new Set(data.rows.map(({ key }) => key));
    for (const [key, row] of this.rows)
      if (!keys.has(key)) {
        row.made.remove();
        this.rows.delete(key);
      }
    data.rows.forEach((one, place) => {
      if (!this.rows.has(one.key)) this.rows.set(one.key, this.row(one.key, data));
      const row = this.rows.get(one.key);
      if (this.body.children[place] !== row.made) this.body.insertBefore(row.made, this.body.children[place] ?? null);
      this.fill(row, one, data);
    });
  }

  reshape({ columns, acts }) {
    const shown = acts.length ? [...columns, { name: "Acts", kind: "acts", width: 66 * acts.length }] : columns;
    const sum = shown.reduce((total, { width }) => total + width, 0);
    this.table.style.minWidth = `${sum}px`;
    this.columns.replaceChildren(...shown.map(({ width }) => element("col", { style: `width:${(100 * width) / sum}%` })));
    this.head.replaceChildren(
      ...shown.map(({ name, kind, title }) =>
        element("th", { scope: "col", class: kind, text: name, ...(title ? { title } : {}) }),
      ),
    );
    this.body.replaceChildren();
    this.rows.clear();
  }

  row(key, { columns, acts, selectable }) {
    const cells = columns.map(({ kind }) => element("td", { class: kind }));
    const texts = [...cells];
    if (selectable) {
      texts[0] = element("button", { class: "first", type: "button" });
      cells[0].append(texts[0]);
    }
    const buttons = acts.map((act) => {
      const made = element("button", { type: "button" });
      made.addEventListener("click", (event) => {
        event.stopPropagation();
        this.streamlit.setTriggerValue("act", { act, key });
      });
      return made;
    });
    const last = buttons.length ? [element("td", { class: "acts" }, buttons)] : [];
    const made = element("tr", selectable ? { class: "choice" } : {}, [...cells, ...last]);
    if (selectable) made.addEventListener("click", () => this.streamlit.setTriggerValue("chosen", key));
    return { made, cells, texts, buttons };
  }

  fill({ made, cells, texts, buttons }, one, { columns, acts, selected }) {
    if (selected === one.key) made.setAttribute("aria-current", "true");
    else made.removeAttribute("aria-current");
    one.cells.forEach((cell, place) => {
      const [text, tone] = Array.isArray(cell) ? cell : [cell, ""];
      if (texts[place].textContent !== text) {
        texts[place].textContent = text;
        cells[place].title = text;
      }
      cells[place].className = `${columns[place].kind} ${tone}`;
    });
    buttons.forEach((button, place) => {
      const text = one.acts?.[acts[place]] ?? acts[place];
      button.textContent = text;
      button.setAttribute("aria-label", `${text}: ${texts[0].textContent}`);
    });
  }
}

export default mounted(Rows);
