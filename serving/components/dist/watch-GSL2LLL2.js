function a(o,{text:e,...r}={},n=[]){let t=document.createElement(o);for(let[s,i]of Object.entries(r))t.setAttribute(s,i);return e!==void 0&&(t.textContent=e),t.append(...n),t}var l=new Map;function m(o,e){if(o===null||Number.isNaN(o))return"–";if(!l.has(e)){let r={minimumFractionDigits:e,maximumFractionDigits:e};l.set(e,new Intl.NumberFormat("en-US",r))}return l.get(e).format(o)}var k=new Intl.NumberFormat("en-US",{notation:"compact",maximumSignificantDigits:4}),N=new Intl.NumberFormat("en-US",{maximumSignificantDigits:6});var f=o=>o===null?"–":`${o>=0?"+":"−"}${Math.abs(o*100).toFixed(2)}%`,u=o=>o>0?"▲":o<0?"▼":" ",g=o=>o>0?"up":o<0?"down":"";var C=new Intl.DateTimeFormat("en-GB",{timeZone:"America/New_York",timeStyle:"medium"});var x=`
  :host, .root { color-scheme: inherit; }
  .root { font-family: var(--st-font, sans-serif); color: var(--st-text-color, #d1d4dc);
    font-variant-numeric: tabular-nums; font-size: 13px; }
  .up { color: var(--up, #2ebd9f); } .down { color: var(--down, #f7716f); }
  .dim { color: var(--dim, #8b93a5); }
  button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
  button:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--st-primary-color, #4c8dff);
    outline-offset: -2px; border-radius: 3px; }`;function b(o){let e=new WeakMap;return r=>{let n=r.parentElement,t=e.get(n);return t||e.set(n,t=new o(n,r)),t.update(r),()=>{t.destroy?.(),e.delete(n),t.root.remove()}}}var y=`${x}
  .root { font-size: 12px; max-height: 42vh; overflow-y: auto; scrollbar-width: thin; }
  @media (max-width: 640px) { .root { max-height: none; } }
  table { width: 100%; border-collapse: collapse; table-layout: fixed; }
  th { font-size: 11px; font-weight: 400; color: var(--dim, #8b93a5); text-align: right; padding: 0 6px 3px; }
  th:first-child, td:first-child { text-align: left; width: 28%; }
  th:nth-child(3), td:nth-child(3) { width: 24%; } th:nth-child(4), td:nth-child(4) { width: 20%; }
  td { padding: 0 6px; height: 27px; text-align: right; white-space: nowrap; overflow: hidden;
    text-overflow: ellipsis; border-top: 1px solid var(--st-border-color, #1c2230); }
  tr.choice { cursor: pointer; } tr.choice:hover td { background: var(--hover, rgba(130, 150, 190, .08)); }
  tr[aria-current="true"] td { background: var(--st-secondary-background-color, #141925); }
  tr[aria-current="true"] td:first-child { box-shadow: inset 2px 0 var(--st-primary-color, #4c8dff); }
  .symbol { display: block; overflow: hidden; text-overflow: ellipsis; text-align: left; width: 100%; }
  .stale { color: var(--dim, #8b93a5); }
  svg { display: block; width: 100%; height: 20px; }
  path { fill: none; stroke: var(--dim, #8b93a5); stroke-width: 1.25; vector-effect: non-scaling-stroke; }
  .flash { animation: flash .6s steps(3); }
  @keyframes flash { from { background: rgba(110, 150, 255, .28); } }
  @media (prefers-reduced-motion: reduce) { .flash { animation: none; } }
  .none { padding: 16px 8px; }`,w="http://www.w3.org/2000/svg",d=class{constructor(e){let r={Symbol:"",Last:"",Day:"since the UTC day's first price","1 h":"one-minute closes"};this.body=a("tbody"),this.none=a("div",{class:"none dim"}),this.root=a("div",{class:"root"},[a("style",{text:y}),a("table",{"aria-label":"Watch list"},[a("thead",{},[a("tr",{},Object.entries(r).map(([n,t])=>a("th",{text:n,title:t,scope:"col"})))]),this.body]),this.none]),e.append(this.root),this.rows=new Map}update(e){this.streamlit=e;let{rows:r,selected:n,empty:t}=e.data;this.none.hidden=r.length>0,this.none.textContent=t;for(let[s,i]of this.rows)r.some(c=>c.symbol===s)||(i.made.remove(),this.rows.delete(s));r.forEach((s,i)=>{this.rows.has(s.symbol)||this.rows.set(s.symbol,this.row(s.symbol));let c=this.rows.get(s.symbol);this.body.children[i]!==c.made&&this.body.insertBefore(c.made,this.body.children[i]??null),this.fill(c,s,s.symbol===n)})}row(e){let r=a("button",{class:"symbol",type:"button",text:v(e),title:e}),n=document.createElementNS(w,"path"),t=document.createElementNS(w,"svg");t.setAttribute("viewBox","0 0 100 20"),t.setAttribute("preserveAspectRatio","none"),t.setAttribute("aria-hidden","true"),t.append(n);let s=[a("td",{},[r]),a("td"),a("td"),a("td",{},[t])],i=a("tr",{class:"choice"},s);return i.addEventListener("click",()=>this.streamlit.setTriggerValue("symbol",e)),{made:i,cells:s,line:n}}fill({made:e,cells:r,line:n},t,s){e.setAttribute("aria-current",String(s));let[,i,c,h]=r,p=m(t.last,t.decimals);i.textContent&&i.textContent!==p&&!t.stale&&(i.classList.remove("flash"),i.offsetWidth,i.classList.add("flash")),i.textContent=p,i.classList.toggle("stale",!!t.stale),i.title=t.stale?`last trade ${t.stale} ago`:"",c.textContent=t.stale&&t.change===null?t.stale:`${u(t.change)} ${f(t.change)}`,c.className=t.stale?"stale":g(t.change),h.title=t.stale?`last trade ${t.stale} ago`:"closes of the last hour",n.setAttribute("d",t.stale?"":S(t.spark)),n.style.stroke=t.spark.at(-1)>=t.spark[0]?"var(--up, #26a69a)":"var(--down, #ef5350)",this.age(h,t.stale)}age(e,r){let n=e.querySelector("svg");n.style.display=r?"none":"";let t=e.querySelector("span");t||e.append(t=a("span",{class:"stale"})),t.textContent=r??""}},v=o=>o.slice(o.indexOf(":")+1)||o;function S(o){if(o.length<2)return"";let e=Math.min(...o),r=Math.max(...o)-e||1,n=100/(o.length-1);return o.map((t,s)=>`${s?"L":"M"}${(s*n).toFixed(1)} ${(18.5-(t-e)/r*17).toFixed(1)}`).join("")}var A=b(d);export{A as default};
