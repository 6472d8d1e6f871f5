function e(o,{text:t,...i}={},s=[]){let n=document.createElement(o);for(let[a,l]of Object.entries(i))n.setAttribute(a,l);return t!==void 0&&(n.textContent=t),n.append(...s),n}var m=o=>o.slice(o.indexOf(":")+1)||o,u=new Map;function v(o,t){if(o===null||Number.isNaN(o))return"–";if(!u.has(t)){let i={minimumFractionDigits:t,maximumFractionDigits:t};u.set(t,new Intl.NumberFormat("en-US",i))}return u.get(t).format(o)}var C=new Intl.NumberFormat("en-US",{notation:"compact",maximumSignificantDigits:4}),F=new Intl.NumberFormat("en-US",{maximumSignificantDigits:6}),h=o=>o===null||Number.isNaN(o)?"–":C.format(o);var c=o=>o===null?"–":`${o>=0?"+":"−"}${Math.abs(o*100).toFixed(2)}%`,b=o=>o>0?"▲":o<0?"▼":" ",p=o=>o>0?"up":o<0?"down":"";var D=new Intl.DateTimeFormat("en-GB",{timeZone:"America/New_York",timeStyle:"medium"});var w=`
  :host, .root { color-scheme: inherit; }
  .root { font-family: var(--st-font, sans-serif); color: var(--st-text-color, #d1d4dc);
    font-variant-numeric: tabular-nums; font-size: 13px; }
  .up { color: var(--up, #2ebd9f); } .down { color: var(--down, #f7716f); }
  .dim { color: var(--dim, #8b93a5); }
  button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
  button:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--st-primary-color, #4c8dff);
    outline-offset: -2px; border-radius: 3px; }`;function y(o){let t=new WeakMap;return i=>{let s=i.parentElement,n=t.get(s);return n||t.set(s,n=new o(s,i)),n.update(i),()=>{n.destroy?.(),t.delete(s),n.root.remove()}}}var S=`
  .sheet { position: absolute; inset: 0; overflow: auto; scrollbar-width: thin; background: var(--ground); }
  .sheet table { width: 100%; border-collapse: collapse; font-size: 12px; }
  .sheet caption { text-align: left; color: var(--dim); padding: 2px 6px 4px; }
  .sheet th { font-weight: 400; text-align: right; white-space: nowrap; }
  .sheet thead th { position: sticky; top: 0; background: var(--ground); color: var(--dim); }
  .sheet td { text-align: right; } .sheet th:first-child { text-align: left; }
  .sheet td, .sheet th { padding: 1px 6px; border-bottom: 1px solid var(--st-border-color, var(--line)); }
  .chip { padding: 0 8px; border: 1px solid var(--line); border-radius: 10px; font-size: 11px; line-height: 18px; }
  .chip:hover { background: var(--hover); }
  .chip[aria-pressed="true"] { background: var(--st-secondary-background-color, #151b28); border-color: var(--dim); }`,k=(o,t,i)=>e("table",{},[e("caption",{text:o}),e("thead",{},[e("tr",{},t.map(s=>e("th",{text:s,scope:"col"})))]),e("tbody",{},i.map(([s,...n])=>e("tr",{},[e("th",{text:s,scope:"row"}),...n.map(a=>e("td",{text:a}))])))]);function $(o,t,i,s){let n=e("button",{class:"chip",type:"button",text:o,title:t,"aria-pressed":String(i)});return n.addEventListener("click",()=>{let a=n.getAttribute("aria-pressed")!=="true";n.setAttribute("aria-pressed",String(a)),s(a)}),n}var L=.03,M=46,A=`${w}${S}
  .root { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1.25fr); gap: 0 12px; height: var(--movers-height, 204px); font-size: 12px; }
  section { display: flex; flex-direction: column; min-width: 0; min-height: 0; }
  .bar { display: flex; gap: 6px; align-items: center; height: 26px; padding: 0 4px; }
  h2 { margin: 0 auto 0 0; padding: 0; font-size: 12px; font-weight: 600; }
  .body { position: relative; flex: 1; min-height: 0; }
  .list { position: absolute; inset: 0; overflow-y: auto; scrollbar-width: thin; }
  .list table { width: 100%; border-collapse: collapse; table-layout: fixed; }
  .list td { height: 22px; padding: 0 4px; text-align: right; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
  .list td:first-child { text-align: left; width: 27%; } .list td:nth-child(2) { width: 37%; }
  .list tr { cursor: pointer; } .list tr:hover td { background: var(--hover); }
  .list tr[aria-current] td { background: var(--st-secondary-background-color, var(--hover)); }
  .side { display: flex; height: 12px; } .side i { height: 100%; }
  .side.up i { background: var(--up); margin-left: 50%; }
  .side.down i { background: var(--down); margin-left: auto; margin-right: 50%; }
  .tiles { position: absolute; inset: 0; }
  .tile { position: absolute; overflow: hidden; text-align: center; border: 1px solid var(--ground); container-type: size;
    color: var(--st-text-color); border-radius: 3px; }
  .tile[aria-current] { outline: 2px solid var(--accent); outline-offset: -3px; }
  .tile div { display: grid; place-content: center; height: 100%; line-height: 1.25; }
  .tile strong { font-weight: 600; }
  @container (max-width: 52px) or (max-height: 34px) { .tile span { display: none; } }
  @container (max-width: 34px) or (max-height: 16px) { .tile div { display: none; } }
  .none { padding: 16px 8px; } [hidden] { display: none !important; }
  @media (max-width: 640px) { .root { grid-template-columns: minmax(0, 1fr); grid-template-rows: 1fr 1fr; } }`,g=class{constructor(t){this.windows=e("div",{class:"bar",role:"group","aria-label":"Change over"}),this.body=e("tbody"),this.tiles=e("div",{class:"tiles",role:"group","aria-label":"Heat map: area by traded value of the day, colour by change"}),this.sheet=e("div",{class:"sheet",tabindex:"0",role:"region","aria-label":"Heat map as a table",hidden:""}),this.none=e("div",{class:"none dim"});let i=$("Table","Show the heat map as a table",!1,n=>{this.sheet.hidden=!n,this.tiles.hidden=n}),s=e("div",{class:"list",tabindex:"0",role:"region","aria-label":"Movers"},[e("table",{"aria-label":"Movers"},[this.body]),this.none]);this.root=e("div",{class:"root"},[e("style",{text:A}),e("section",{},[e("div",{class:"bar"},[e("h2",{text:"Movers"}),this.windows]),e("div",{class:"body"},[s])]),e("section",{},[e("div",{class:"bar"},[e("h2",{text:"Traded value, by symbol"}),i]),e("div",{class:"body"},[this.tiles,this.sheet])])]),t.append(this.root),this.window=0}update(t){this.streamlit=t;let i=JSON.stringify(t.data);i!==this.shown&&(this.shown=i,this.data=t.data,this.none.textContent=this.data.empty,this.none.hidden=this.data.rows.length>0,this.offer(),this.render())}offer(){let{windows:t}=this.data;this.windows.childElementCount!==t.length&&this.windows.replaceChildren(...t.map((i,s)=>{let n=e("button",{class:"chip",type:"button",text:i,title:s?`over the last ${i}`:"since the day's first price"});return n.addEventListener("click",()=>{this.window=s,this.render()}),n}))}render(){let t=this.root.getRootNode().activeElement?.title;[...this.windows.children].forEach((r,d)=>r.setAttribute("aria-pressed",String(d===this.window)));let i=r=>r.changes[this.window],s=[...this.data.rows].sort((r,d)=>E(i(d))-E(i(r))),n=Math.max(1e-9,...s.map(r=>Math.abs(i(r)??0)));this.body.replaceChildren(...s.map(r=>this.mover(r,i(r),n))),this.tiles.replaceChildren(...this.data.tiles.map((r,d)=>this.tile(this.data.rows[d],r)));let a=["Symbol","Last",...this.data.windows.map(r=>`Change, ${r}`),"Traded value"],l=this.data.rows.map(r=>[r.symbol,v(r.last,r.decimals),...r.changes.map(c),h(r.value)]);this.sheet.replaceChildren(k("Symbols by traded value of the day",a,l)),t&&[...this.root.querySelectorAll("button")].find(({title:r})=>r===t)?.focus()}mover(t,i,s){let n=e("button",{type:"button",text:m(t.symbol),title:t.symbol}),a=i===null?0:50*Math.abs(i)/s,l=e("div",{class:`side ${p(i)}`},[e("i",{style:`width: ${a}%`})]),r=e("tr",t.symbol===this.data.selected?{"aria-current":"true"}:{},[e("td",{},[n]),e("td",{},[l]),e("td",{class:p(i),text:`${b(i)} ${c(i)}`})]);return r.addEventListener("click",()=>this.choose(t.symbol)),r}tile(t,[i,s,n,a]){let l=t.changes[this.window],r=Math.min(1,Math.abs(l??0)/L)*M,d=l?`var(--${p(l)}) ${r.toFixed(0)}%`:"transparent 0%",N=Object.entries({left:i,top:s,width:n,height:a}).map(([T,O])=>`${T}: ${(100*O).toFixed(3)}%`),x=`${t.symbol}: traded ${h(t.value)}, ${c(l)}`,f=e("button",{class:"tile",type:"button",title:x,"aria-label":x,style:`${N.join("; ")}; background: color-mix(in srgb, ${d}, light-dark(#e9edf4, #1a2130))`,...t.symbol===this.data.selected?{"aria-current":"true"}:{}},[e("div",{},[e("strong",{text:m(t.symbol)}),e("span",{text:`${b(l)} ${c(l)}`}),e("span",{text:h(t.value)})])]);return f.addEventListener("click",()=>this.choose(t.symbol)),f}choose(t){this.streamlit.setTriggerValue("symbol",t)}},E=o=>o===null?-1:Math.abs(o),_=y(g);export{_ as default};
