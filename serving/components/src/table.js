// What a chart draws, as a table for those who cannot see it or want to copy it.
import { element } from "./common.js";

export const TABLE_STYLE = `
  .sheet { position: absolute; inset: 0; overflow: auto; scrollbar-width: thin; background: var(--ground); }
  .sheet table { width: 100%; border-collapse: collapse; font-size: 12px; }
  .sheet caption { text-align: left; color: var(--dim); padding: 2px 6px 4px; }
  .sheet th { font-weight: 400; text-align: right; white-space: nowrap; }
  .sheet thead th { position: sticky; top: 0; background: var(--ground); color: var(--dim); }
  .sheet td { text-align: right; } .sheet th:first-child { text-align: left; }
  .sheet td, .sheet th { padding: 1px 6px; border-bottom: 1px solid var(--st-border-color, var(--line)); }
  .chip { padding: 0 8px; border: 1px solid var(--line); border-radius: 10px; font-size: 11px; line-height: 18px; }
  .chip:hover { background: var(--hover); }
  .chip[aria-pressed="true"] { background: var(--st-secondary-background-color, #151b28); border-color: var(--dim); }`;

/** Rows of texts; the first of each names its row. */
export const tableOf = (caption, titles, rows) =>
  element("table", {}, [
    element("caption", { text: caption }),
    element("thead", {}, [element("tr", {}, titles.map((text) => element("th", { text, scope: "col" })))]),
    element(
      "tbody",
      {},
      rows.map(([name, ...texts]) =>
        element("tr", {}, [
          element("th", { text: name, scope: "row" }),
          ...texts.map((text) => element("td", { text })),
        ]),
      ),
    ),
  ]);

/** A button that is on or off, `act` being told which. */
export function toggle(text, title, pressed, act) {
  const made = element("button", { class: "chip", type: "button", text, title, "aria-pressed": String(pressed) });
  made.addEventListener("click", () => {
    const now = made.getAttribute("aria-pressed") !== "true";
    made.setAttribute("aria-pressed", String(now));
    act(now);
  });
  return made;
}
