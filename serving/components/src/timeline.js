// The kept snapshots as a strip, oldest left: one column a commit, holes where some have expired.
import { day, element, mounted, TONES, unpack } from "./common.js";

const COLUMN = 9; // pixels
const HOLE = 15;
const TALLEST = 62;

const STYLE = `${TONES}
  .root { position: relative; }
  .scroll { overflow-x: auto; scrollbar-width: thin; border: 1px solid var(--line); border-radius: 6px; }
  .strip { position: relative; height: 128px; min-width: 100%; }
  .one { position: absolute; bottom: 26px; width: ${COLUMN}px; height: 92px; }
  .one i { position: absolute; left: 1px; right: 1px; bottom: 0; background: var(--dim); opacity: .75; }
  .one.compaction i { background: none; border: 1px solid var(--dim); bottom: 2px; height: 5px; left: 1px; right: 1px; transform: rotate(45deg); }
  .one.correction i { background: var(--down); }
  .one:hover { background: var(--hover); } .one:hover i { opacity: 1; }
  .one[aria-current="true"] { background: var(--hover); box-shadow: inset 1px 0 var(--accent), inset -1px 0 var(--accent); }
  .one[aria-current="true"] i { background: var(--accent); opacity: 1; }
  .flag { position: absolute; top: -2px; left: 0; color: var(--accent); font-size: 11px; line-height: 12px; }
  .hole { position: absolute; bottom: 26px; height: 92px; width: ${HOLE - 3}px;
    background: repeating-linear-gradient(135deg, transparent 0 3px, var(--line) 3px 5px); }
  .tick { position: absolute; bottom: 3px; font-size: 11px; color: var(--dim); white-space: nowrap; border-left: 1px solid var(--line); padding-left: 3px; }
  .says { display: flex; flex-wrap: wrap; gap: 2px 14px; min-height: 18px; font-size: 12px; padding: 3px 2px; }
  .key { margin-left: auto; } .none { padding: 24px; text-align: center; }`;

class Timeline {
  constructor(host) {
    this.strip = element("div", { class: "strip" });
    this.scroll = element("div", { class: "scroll", role: "group", tabindex: "0", "aria-label": "Kept snapshots, oldest first" }, [this.strip]);
    this.says = element("span");
    const key = "▮ rows added  ◇ compaction, no data change  ⚑ tag  ▨ expired: thinned out by age";
    this.root = element("div", { class: "root" }, [
      element("style", { text: STYLE }),
      this.scroll,
      element("div", { class: "says" }, [this.says, element("span", { class: "dim key", text: key })]),
    ]);
    host.append(this.root);
    this.strip.addEventListener("click", (event) => this.pick(event));
    this.strip.addEventListener("pointerover", (event) => this.tell(event.target.closest(".one")?.dataset.place));
    this.strip.addEventListener("pointerleave", () => this.tell());
  }

  update(streamlit) {
    this.streamlit = streamlit;
    this.data = unpack(streamlit.data);
    const { header, columns } = this.data;
    const scale = TALLEST / Math.log1p(Math.max(1, ...columns.rows));
    const made = [];
    let x = 4;
    let free = 0;
    for (let i = 0; i < header.rows; i++) {
      if (columns.hole[i]) {
        made.push(element("span", { class: "hole", style: `left:${x}px`, title: "Expired: thinned out by age" }));
        x += HOLE;
      }
      made.push(this.one(i, x, Math.max(2, Math.log1p(Math.max(0, columns.rows[i])) * scale)));
      if (x >= free) {
        const label = element("span", { class: "tick", style: `left:${x}px`, text: this.label(i) });
        made.push(label);
        free = x + 118;
      }
      x += COLUMN;
    }
    this.strip.replaceChildren(...made);
    this.strip.style.width = `${x + 110}px`;
    this.tell();
    this.reveal();
  }

  one(i, x, height) {
    const { header, columns } = this.data;
    const kind = header.kinds[columns.kind[i]];
    const chosen = i === header.chosen;
    const made = element("button", {
      class: `one ${kind.split(/[ ,]/)[0]}`,
      type: "button",
      style: `left:${x}px`,
      tabindex: chosen ? "0" : "-1",
      "aria-current": String(chosen),
      "aria-label": this.words(i),
      "data-place": i,
    });
    made.append(element("i", { style: `height:${height}px` }));
    if (header.tags[i]) made.append(element("span", { class: "flag", text: "⚑" }));
    return made;
  }

  words(i) {
    const { header, columns } = this.data;
    const rows = columns.rows[i].toLocaleString("en-US");
    const tags = header.tags[i] ? `, tag ${header.tags[i]}` : "";
    return `${day(columns.time[i])} UTC, ${header.kinds[columns.kind[i]]}, ${rows} rows added, ${columns.total[i].toLocaleString("en-US")} in all${tags}`;
  }

  label(i) {
    return day(this.data.columns.time[i]).slice(5);
  }

  tell(place) {
    const { header } = this.data;
    const i = place === undefined ? header.chosen : Number(place);
    this.says.textContent = i >= 0 ? this.words(i) : header.rows ? "" : "No snapshot is kept yet.";
  }

  reveal() {
    const { chosen } = this.data.header;
    if (this.shown === chosen && this.count === this.data.header.rows) return;
    this.shown = chosen;
    this.count = this.data.header.rows;
    const current = this.strip.querySelector("[aria-current=true]");
    if (!current) return;
    const middle = current.offsetLeft - this.scroll.clientWidth / 2;
    this.scroll.scrollLeft = Math.max(0, middle);
  }

  pick(event) {
    const { place } = event.target.closest(".one")?.dataset ?? {};
    if (place !== undefined) this.streamlit.setTriggerValue("moment", this.data.header.ids[Number(place)]);
  }
}

export default mounted(Timeline);
