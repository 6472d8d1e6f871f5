function n(h,{text:r,...t}={},i=[]){let o=document.createElement(h);for(let[e,s]of Object.entries(t))o.setAttribute(e,s);return r!==void 0&&(o.textContent=r),o.append(...i),o}var g=new Intl.NumberFormat("en-US",{notation:"compact",maximumSignificantDigits:4}),w=new Intl.NumberFormat("en-US",{maximumSignificantDigits:6});var v=new Intl.DateTimeFormat("en-GB",{timeZone:"America/New_York",timeStyle:"medium"});var m=`
  :host, .root { color-scheme: inherit; }
  .root { font-family: var(--st-font, sans-serif); color: var(--st-text-color, #d1d4dc);
    font-variant-numeric: tabular-nums; font-size: 13px; }
  .up { color: var(--up, #2ebd9f); } .down { color: var(--down, #f7716f); }
  .dim { color: var(--dim, #8b93a5); }
  button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
  button:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--st-primary-color, #4c8dff);
    outline-offset: -2px; border-radius: 3px; }`;function b(h){let r=new WeakMap;return t=>{let i=t.parentElement,o=r.get(i);return o||r.set(i,o=new h(i,t)),o.update(t),()=>{o.destroy?.(),r.delete(i),o.root.remove()}}}var x=`${m}
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
  [hidden] { display: none; }`,f=class{constructor(r){this.title=n("h2"),this.note=n("span",{class:"note"}),this.columns=n("colgroup"),this.head=n("tr"),this.body=n("tbody"),this.table=n("table",{},[this.columns,n("thead",{},[this.head]),this.body]),this.none=n("div",{class:"none"}),this.scroll=n("div",{class:"scroll",tabindex:"0",role:"region"},[this.table,this.none]);let t=n("div",{class:"label"},[this.title,this.note]);this.root=n("div",{class:"root"},[n("style",{text:x}),t,this.scroll]),r.append(this.root),this.rows=new Map}update(r){this.streamlit=r;let{data:t}=r,i=JSON.stringify([t.columns,t.acts,t.selectable]);i!==this.shape&&this.reshape(t),this.shape=i,this.title.textContent=t.label,this.note.textContent=t.note;for(let e of[this.scroll,this.table])e.setAttribute("aria-label",t.label);this.scroll.style.height=`${t.height}px`,this.none.textContent=t.empty,this.none.hidden=t.rows.length>0;let o=new Set(t.rows.map(({key:e})=>e));for(let[e,s]of this.rows)o.has(e)||(s.made.remove(),this.rows.delete(e));t.rows.forEach((e,s)=>{this.rows.has(e.key)||this.rows.set(e.key,this.row(e.key,t));let a=this.rows.get(e.key);this.body.children[s]!==a.made&&this.body.insertBefore(a.made,this.body.children[s]??null),this.fill(a,e,t)})}reshape({columns:r,acts:t}){let i=t.length?[...r,{name:"Acts",kind:"acts",width:66*t.length}]:r,o=i.reduce((e,{width:s})=>e+s,0);this.table.style.minWidth=`${o}px`,this.columns.replaceChildren(...i.map(({width:e})=>n("col",{style:`width:${100*e/o}%`}))),this.head.replaceChildren(...i.map(({name:e,kind:s,title:a})=>n("th",{scope:"col",class:s,text:e,...a?{title:a}:{}}))),this.body.replaceChildren(),this.rows.clear()}row(r,{columns:t,acts:i,selectable:o}){let e=t.map(({kind:c})=>n("td",{class:c})),s=[...e];o&&(s[0]=n("button",{class:"first",type:"button"}),e[0].append(s[0]));let a=i.map(c=>{let d=n("button",{type:"button"});return d.addEventListener("click",u=>{u.stopPropagation(),this.streamlit.setTriggerValue("act",{act:c,key:r})}),d}),p=a.length?[n("td",{class:"acts"},a)]:[],l=n("tr",o?{class:"choice"}:{},[...e,...p]);return o&&l.addEventListener("click",()=>this.streamlit.setTriggerValue("chosen",r)),{made:l,cells:e,texts:s,buttons:a}}fill({made:r,cells:t,texts:i,buttons:o},e,{columns:s,acts:a,selected:p}){p===e.key?r.setAttribute("aria-current","true"):r.removeAttribute("aria-current"),e.cells.forEach((l,c)=>{let[d,u]=Array.isArray(l)?l:[l,""];i[c].textContent!==d&&(i[c].textContent=d,t[c].title=d),t[c].className=`${s[c].kind} ${u}`}),o.forEach((l,c)=>{let d=e.acts?.[a[c]]??a[c];l.textContent=d,l.setAttribute("aria-label",`${d}: ${i[0].textContent}`)})}},S=b(f);export{S as default};
