function a(t,{text:o,...e}={},r=[]){let n=document.createElement(t);for(let[i,s]of Object.entries(e))n.setAttribute(i,s);return o!==void 0&&(n.textContent=o),n.append(...r),n}var d=new Map;function c(t,o){if(t===null||Number.isNaN(t))return"–";if(!d.has(o)){let e={minimumFractionDigits:o,maximumFractionDigits:o};d.set(o,new Intl.NumberFormat("en-US",e))}return d.get(o).format(t)}var N=new Intl.NumberFormat("en-US",{notation:"compact",maximumSignificantDigits:4}),O=new Intl.NumberFormat("en-US",{maximumSignificantDigits:6}),f=t=>t===null||Number.isNaN(t)?"–":N.format(t);var m=t=>t===null?"–":`${t>=0?"+":"−"}${Math.abs(t*100).toFixed(2)}%`,x=t=>t>0?"▲":t<0?"▼":" ",p=t=>t>0?"up":t<0?"down":"",g=(t,o=!1)=>new Date(t).toISOString().slice(11,o?23:19);var S=new Intl.DateTimeFormat("en-GB",{timeZone:"America/New_York",timeStyle:"medium"}),b=t=>`${S.format(t)} New York`,w=`
  :host, .root { color-scheme: inherit; }
  .root { font-family: var(--st-font, sans-serif); color: var(--st-text-color, #d1d4dc);
    font-variant-numeric: tabular-nums; font-size: 13px; }
  .up { color: var(--up, #2ebd9f); } .down { color: var(--down, #f7716f); }
  .dim { color: var(--dim, #8b93a5); }
  button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
  button:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--st-primary-color, #4c8dff);
    outline-offset: -2px; border-radius: 3px; }`;function v(t){let o=new WeakMap;return e=>{let r=e.parentElement,n=o.get(r);return n||o.set(r,n=new t(r,e)),n.update(e),()=>{n.destroy?.(),o.delete(r),n.root.remove()}}}var C=`${w}
  .root { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 16px; min-height: 52px; }
  .quote { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 12px; }
  .symbol { font-weight: 600; font-size: 15px; }
  .last { font-size: 24px; line-height: 32px; font-weight: 600; }
  .facts { display: flex; flex-wrap: wrap; gap: 0 4px; font-size: 12px; } .facts .value { margin-right: 8px; }
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
  @media (max-width: 640px) { .last { font-size: 22px; } }`,h=class{constructor(o){this.quote=a("div",{class:"quote"}),this.facts=a("div",{class:"facts"}),this.truth=a("div",{class:"truth",role:"status","aria-live":"off"}),this.trouble=a("div",{class:"trouble",role:"alert",hidden:""}),this.root=a("div",{class:"root"},[a("style",{text:C}),this.quote,this.facts,this.truth,this.trouble]),o.append(this.root)}update({data:o}){let{quote:e,badge:r,truth:n,trouble:i}=o,{decimals:s}=e;this.quote.hidden=!e.symbol,u(this.quote,[["symbol",e.symbol],[`last ${p(e.direction)}`,c(e.last,s)],[p(e.change),`${x(e.change)} ${m(e.change)}`]]);let k=[["O",c(e.open,s)],["H",c(e.high,s)],["L",c(e.low,s)],["Vol",f(e.volume)],["VWAP",c(e.vwap,s)],["Trades",f(e.trades)],["Trades/s",e.rate===null?"–":e.rate.toFixed(e.rate<10?1:0)]];this.facts.hidden=e.last===null,this.facts.title=e.since===null?"":`since ${g(e.since).slice(0,5)} UTC, ${b(e.since)}; trades a second over the last minute`,u(this.facts,k.flatMap(([l,y])=>[["dim",l],["value",y]])),u(this.truth,[[`badge ${r.kind}`,r.text],...n.map(l=>["dim",l])]),this.truth.firstChild.title=r.title,this.trouble.textContent!==(i??"")&&(this.trouble.textContent=i??""),this.trouble.hidden=!i}};function u(t,o){for(;t.childElementCount<o.length;)t.append(a("span"));for(;t.childElementCount>o.length;)t.lastChild.remove();o.forEach(([e,r],n)=>{let i=t.children[n];i.className!==e&&(i.className=e),i.textContent!==r&&(i.textContent=r)})}var T=v(h);export{T as default};
