// The way of a trade as a chain: what state each link is in, and how long trades take between them.
// The last stage ends on this screen, so it is measured here.
import { element, mounted, TONES } from "./common.js";

const STYLE = `${TONES}
  .verdict { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 12px; min-height: 30px; padding: 5px 12px;
    border-left: 4px solid var(--tone); background: var(--hover); border-radius: 6px; }
  .verdict strong { font-size: 16px; color: var(--tone); } .verdict span { overflow-wrap: anywhere; }
  .links, .stages { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); list-style: none; margin: 8px 0 0; padding: 0; gap: 0 14px; }
  .link { position: relative; border: 1px solid var(--line); border-top: 3px solid var(--tone); border-radius: 6px; padding: 5px 10px; height: 92px; box-sizing: border-box; }
  .link + .link::before { content: "→"; position: absolute; left: -15px; top: 30px; width: 15px; text-align: center; color: var(--dim); }
  .title { display: flex; gap: 6px; align-items: baseline; } .title b { font-weight: 600; }
  .state { color: var(--tone); margin-left: auto; white-space: nowrap; }
  .fact { font-size: 12px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; color: var(--dim); line-height: 18px; }
  .stage { padding: 4px 11px; font-size: 12px; height: 56px; box-sizing: border-box; overflow: hidden; }
  [hidden] { display: none !important; }
  .stage b { font-weight: 600; font-size: 14px; } .stage .figures { display: flex; gap: 10px; white-space: nowrap; }
  .flowing { --tone: var(--up); } .broken, .disconnected { --tone: var(--down); } .behind { --tone: var(--accent); }
  .silent, .closed, .loading, .empty, .unknown { --tone: var(--dim); }
  .root { --tone: var(--dim); }
  @media (max-width: 900px) {
    .links, .stages { grid-template-columns: minmax(0, 1fr); gap: 6px; }
    .link { height: auto; min-height: 40px; } .link + .link::before { display: none; }
    .stage { display: flex; justify-content: space-between; gap: 8px; height: auto; padding: 2px 4px; flex-wrap: wrap; } }`;

const GLYPHS = {
  flowing: "●", silent: "○", closed: "☾", disconnected: "⊘", behind: "◔", broken: "✕", loading: "…", empty: "○", unknown: "?",
}; // prettier-ignore
const KEPT = 600;

class Chain {
  constructor(host) {
    this.title = element("strong");
    this.why = element("span");
    this.verdict = element("div", { role: "status" }, [this.title, this.why]);
    this.links = element("ol", { class: "links", "aria-label": "The way of a trade" });
    this.stages = element("ul", { class: "stages", "aria-label": "How long trades take, from stage to stage" });
    this.root = element("div", { class: "root" }, [element("style", { text: STYLE }), this.verdict, this.links, this.stages]);
    host.append(this.root);
    this.samples = [];
  }

  update({ data }) {
    this.verdict.className = `verdict ${data.kind}`;
    said(this.title, `${GLYPHS[data.kind]} ${data.title}`);
    said(this.why, data.why);
    this.draw(this.links, data.links.length, (i) => link(this.links.children[i], data.links[i]));
    this.draw(this.stages, data.stages.length, (i) => stage(this.stages.children[i], this.measured(data, data.stages[i])));
    this.root.dataset.version = data.version;
    this.sample(data);
  }

  /** Exactly so many items, each filled anew; those that are there stay. */
  draw(list, count, fill) {
    while (list.children.length > count) list.lastChild.remove();
    while (list.children.length < count) list.append(element("li"));
    for (let i = 0; i < count; i++) fill(i);
  }

  /** From a snapshot's commit until it is on this screen; not the first one, which may be old. */
  sample({ committed, live }) {
    const before = this.committed;
    this.committed = live ? committed : undefined;
    if (!live) this.samples = [];
    if (!live || !before || !committed || before === committed) return;
    requestAnimationFrame(() => {
      this.samples.push((Date.now() - committed) / 1000);
      if (this.samples.length > KEPT) this.samples.shift();
    });
  }

  measured(data, told) {
    if (!told.here || !data.live || !this.samples.length) return told;
    const sorted = [...this.samples].sort((a, b) => a - b);
    const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
    return { ...told, p50: at(0.5), p99: at(0.99), n: sorted.length };
  }
}

function link(made, { name, kind, state, facts }) {
  made.className = `link ${kind}`;
  if (!made.children.length)
    made.append(element("div", { class: "title" }, [element("b"), element("span", { class: "state" })]), ...[0, 1, 2].map(() => element("div", { class: "fact" })));
  const [title, ...lines] = made.children;
  said(title.firstChild, name);
  said(title.lastChild, `${GLYPHS[kind]} ${state}`);
  lines.forEach((line, i) => {
    said(line, facts[i] ?? "");
    line.title = facts[i] ?? "";
    line.hidden = !facts[i];
  });
}

function stage(made, { name, p50, p99, n, of, note }) {
  made.className = "stage";
  if (!made.children.length)
    made.append(element("div", { class: "dim" }), element("div", { class: "figures" }, [element("b"), element("span"), element("span", { class: "dim" })]), element("div", { class: "dim note" }));
  const [label, figures, why] = made.children;
  said(label, name);
  const known = p50 !== null && p50 !== undefined;
  said(figures.children[0], known ? seconds(p50) : "");
  said(figures.children[1], known ? `p99 ${seconds(p99)}` : "");
  said(figures.children[2], known ? `n ${n.toLocaleString("en-US")} ${of}` : "");
  figures.children[0].title = known ? "p50" : "";
  figures.hidden = !known;
  said(why, known ? "" : note);
  made.title = note;
}

/** Set a text only where it is another one, so that what is selected stays selected. */
function said(made, text) {
  if (made.textContent !== text) made.textContent = text;
}

function seconds(value) {
  const size = Math.abs(value);
  if (size < 0.9995) return `${(value * 1000).toFixed(0)} ms`;
  if (size < 99.95) return `${value.toFixed(2)} s`;
  return size < 7200 ? `${(value / 60).toFixed(1)} min` : `${(value / 3600).toFixed(1)} h`;
}

export default mounted(Chain);
