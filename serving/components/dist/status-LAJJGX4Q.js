function a(e,{text:o,...t}={},n=[]){let r=document.createElement(e);for(let[i,s]of Object.entries(t))r.setAttribute(i,s);return o!==void 0&&(r.textContent=o),r.append(...n),r}var d=new Map;function c(e,o){if(e===null||Number.isNaN(e))return"–";if(!d.has(o)){let t={minimumFractionDigits:o,maximumFractionDigits:o};d.set(o,new Intl.NumberFormat("en-US",t))}return d.get(o).format(e)}var C=new Intl.NumberFormat("en-US",{notation:"compact",maximumSignificantDigits:4}),T=new Intl.NumberFormat("en-US",{maximumSignificantDigits:6}),p=e=>e===null||Number.isNaN(e)?"–":C.format(e);var x=e=>e===null?"–":`${e>=0?"+":"−"}${Math.abs(e*100).toFixed(2)}%`,g=e=>e>0?"▲":e<0?"▼":" ",f=e=>e>0?"up":e<0?"down":"",b=(e,o=!1)=>new Date(e).toISOString().slice(11,o?23:19);var S=new Intl.DateTimeFormat("en-GB",{timeZone:"America/New_York",timeStyle:"medium"}),w=e=>`${S.format(e)} New York`,v=`
  :host, .root { color-scheme: inherit; }
  .root { font-family: var(--st-font, sans-serif); color: var(--st-text-color, #d1d4dc);
    font-variant-numeric: tabular-nums; font-size: 13px; }
  .up { color: var(--up, #2ebd9f); } .down { color: var(--down, #f7716f); }
  .dim { color: var(--dim, #8b93a5); }
  button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
  button:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--st-primary-color, #4c8dff);
    outline-offset: -2px; border-radius: 3px; }`;function k(e){let o=new WeakMap;return t=>{let n=t.parentElement,r=o.get(n);return r||o.set(n,r=new e(n,t)),r.update(t),()=>{r.destroy?.(),o.delete(n),r.root.remove()}}}var N=`${v}
  .root { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 16px; min-height: 52px; }
  .quote { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 12px; }
  .symbol { font-weight: 600; font-size: 15px; }
  .last { font-size: 24px; line-height: 32px; font-weight: 600; }
  .facts { display: flex; flex-wrap: wrap; gap: 0 12px; font-size: 12px; white-space: nowrap; }
  .facts b { font-weight: 400; margin-left: 4px; color: var(--st-text-color); }
  .truth { flex-basis: 100%; font-size: 12px; display: flex; flex-wrap: wrap; gap: 0 10px; align-items: baseline; min-height: 20px; }
  .truth :nth-child(3) { min-width: 5.2em; }
  .badge { font-size: 11px; font-weight: 600; letter-spacing: .02em; padding: 1px 8px; border-radius: 9px; white-space: nowrap; }
  .live { background: light-dark(#d5f2ea, #12382f); color: light-dark(#06503f, #5fe0c0); }
  .quiet { background: light-dark(#fbeecb, #3a2f10); color: light-dark(#6b4700, #f2cc60); }
  .closed, .loading { background: light-dark(#dfe8fb, #1c2a45); color: light-dark(#1b438f, #a9c7ff); }
  .broken { background: light-dark(#fbdcda, #4a1a1d); color: light-dark(#8d1a17, #ffb3b0); }
  .past { background: var(--accent); color: var(--on-accent); }
  .trouble { flex-basis: 100%; padding: 6px 10px; border-radius: 6px; background: light-dark(#fbe4e2, #2c1417); color: light-dark(#8d1a17, #ffc9c6);
    font-size: 12px; overflow-wrap: anywhere; }
  [hidden] { display: none; }
  @media (max-width: 640px) { .last { font-size: 22px; } }`,O=["O","H","L","Vol","VWAP","Trades","Trades/s"],u=class{constructor(o){this.quote=a("div",{class:"quote"}),this.values=new Map(O.map(n=>[n,a("b")]));let t=[...this.values].map(([n,r])=>a("span",{class:"dim",text:n},[r]));this.facts=a("div",{class:"facts"},t),this.truth=a("div",{class:"truth",role:"status","aria-live":"off"}),this.trouble=a("div",{class:"trouble",role:"alert",hidden:""}),this.root=a("div",{class:"root"},[a("style",{text:N}),this.quote,this.facts,this.truth,this.trouble]),o.append(this.root)}update({data:o}){let{quote:t,badge:n,truth:r,trouble:i}=o,{decimals:s}=t;this.quote.hidden=!t.symbol,y(this.quote,[["symbol",t.symbol],[`last ${f(t.direction)}`,c(t.last,s)],[f(t.change),`${g(t.change)} ${x(t.change)}`]]);let h={O:c(t.open,s),H:c(t.high,s),L:c(t.low,s),Vol:p(t.volume),VWAP:c(t.vwap,s),Trades:p(t.trades),"Trades/s":t.rate===null?"–":t.rate.toFixed(t.rate<10?1:0)};for(let[l,m]of this.values)m.textContent!==h[l]&&(m.textContent=h[l]);this.facts.hidden=t.last===null,this.facts.title=t.since===null?"":`since ${b(t.since).slice(0,5)} UTC, ${w(t.since)}; trades a second over the last minute`,y(this.truth,[[`badge ${n.kind}`,n.text],...r.map(l=>["dim",l])]),this.truth.firstChild.title=n.title,this.trouble.textContent!==(i??"")&&(this.trouble.textContent=i??""),this.trouble.hidden=!i}};function y(e,o){for(;e.childElementCount<o.length;)e.append(a("span"));for(;e.childElementCount>o.length;)e.lastChild.remove();o.forEach(([t,n],r)=>{let i=e.children[r];i.className!==t&&(i.className=t),i.textContent!==n&&(i.textContent=n)})}var F=k(u);export{F as default};
