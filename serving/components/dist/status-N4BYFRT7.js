function n(e,{text:o,...t}={},a=[]){let r=document.createElement(e);for(let[c,s]of Object.entries(t))r.setAttribute(c,s);return o!==void 0&&(r.textContent=o),r.append(...a),r}var p=new Map;function i(e,o){if(e===null||Number.isNaN(e))return"–";if(!p.has(o)){let t={minimumFractionDigits:o,maximumFractionDigits:o};p.set(o,new Intl.NumberFormat("en-US",t))}return p.get(o).format(e)}var v=new Intl.NumberFormat("en-US",{notation:"compact",maximumSignificantDigits:4}),N=new Intl.NumberFormat("en-US",{maximumSignificantDigits:6}),d=e=>e===null||Number.isNaN(e)?"–":v.format(e);var m=e=>e===null?"–":`${e>=0?"+":"−"}${Math.abs(e*100).toFixed(2)}%`,x=e=>e>0?"▲":e<0?"▼":" ",f=e=>e>0?"up":e<0?"down":"";var k=new Intl.DateTimeFormat("en-GB",{timeZone:"America/New_York",timeStyle:"medium"});var h=`
  :host, .root { color-scheme: inherit; }
  .root { font-family: var(--st-font, sans-serif); color: var(--st-text-color, #d1d4dc);
    font-variant-numeric: tabular-nums; font-size: 13px; }
  .up { color: var(--up, #2ebd9f); } .down { color: var(--down, #f7716f); }
  .dim { color: var(--dim, #8b93a5); }
  button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
  button:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--st-primary-color, #4c8dff);
    outline-offset: -2px; border-radius: 3px; }`;function b(e){let o=new WeakMap;return t=>{let a=t.parentElement,r=o.get(a);return r||o.set(a,r=new e(a,t)),r.update(t),()=>{r.destroy?.(),o.delete(a),r.root.remove()}}}var S=`${h}
  .root { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 16px; min-height: 34px; }
  .quote { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 12px; }
  .symbol { font-weight: 600; font-size: 15px; }
  .last { font-size: 24px; line-height: 32px; font-weight: 600; }
  .facts { display: flex; flex-wrap: wrap; gap: 0 12px; font-size: 12px; }
  .facts b { font-weight: 400; margin-left: 4px; color: var(--st-text-color, #d1d4dc); }
  .truth { margin-left: auto; font-size: 12px; display: flex; flex-wrap: wrap; gap: 0 10px; align-items: baseline; }
  .badge { font-size: 11px; font-weight: 600; letter-spacing: .02em; padding: 1px 8px; border-radius: 9px; }
  .live { background: #12382f; color: #5fe0c0; } .quiet { background: #3a2f10; color: #f2cc60; }
  .broken { background: #4a1a1d; color: #ffb3b0; } .loading { background: #1c2a45; color: #a9c7ff; }
  .trouble { flex-basis: 100%; padding: 6px 10px; border-radius: 6px; background: #2c1417; color: #ffc9c6;
    font-size: 12px; overflow-wrap: anywhere; }
  [hidden] { display: none; }
  @media (max-width: 640px) { .truth { margin-left: 0; } .last { font-size: 22px; } }`,u=class{constructor(o){this.quote=n("div",{class:"quote"}),this.facts=n("div",{class:"facts"}),this.truth=n("div",{class:"truth",role:"status","aria-live":"off"}),this.trouble=n("div",{class:"trouble",role:"alert",hidden:""}),this.root=n("div",{class:"root"},[n("style",{text:S}),this.quote,this.facts,this.truth,this.trouble]),o.append(this.root)}update({data:o}){let{quote:t,badge:a,truth:r,trouble:c}=o,s=t.decimals,g=f(t.direction);this.quote.hidden=!t.symbol,this.quote.replaceChildren(n("span",{class:"symbol",text:t.symbol}),n("span",{class:`last ${g}`,text:i(t.last,s)}),n("span",{class:f(t.change),text:`${x(t.change)} ${m(t.change)}`}));let w=[["O",i(t.open,s)],["H",i(t.high,s)],["L",i(t.low,s)],["Vol",d(t.volume)],["VWAP",i(t.vwap,s)],["Trades",d(t.trades)]];this.facts.hidden=t.last===null,this.facts.title="of the last trade's day, UTC",this.facts.replaceChildren(...w.map(([l,y])=>n("span",{class:"dim",text:l},[n("b",{text:y})]))),this.truth.replaceChildren(n("span",{class:`badge ${a.kind}`,text:a.text,title:a.title}),...r.map(l=>n("span",{class:"dim",text:l}))),this.trouble.textContent!==(c??"")&&(this.trouble.textContent=c??""),this.trouble.hidden=!c}},z=b(u);export{z as default};
