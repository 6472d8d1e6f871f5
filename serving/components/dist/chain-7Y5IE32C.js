function s(n,{text:e,...t}={},o=[]){let i=document.createElement(n);for(let[r,p]of Object.entries(t))i.setAttribute(r,p);return e!==void 0&&(i.textContent=e),i.append(...o),i}var y=new Intl.NumberFormat("en-US",{notation:"compact",maximumSignificantDigits:4}),S=new Intl.NumberFormat("en-US",{maximumSignificantDigits:6});var N=new Intl.DateTimeFormat("en-GB",{timeZone:"America/New_York",timeStyle:"medium"});var f=`
  :host, .root { color-scheme: inherit; }
  .root { font-family: var(--st-font, sans-serif); color: var(--st-text-color, #d1d4dc);
    font-variant-numeric: tabular-nums; font-size: 13px; }
  .up { color: var(--up, #2ebd9f); } .down { color: var(--down, #f7716f); }
  .dim { color: var(--dim, #8b93a5); }
  button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
  button:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--st-primary-color, #4c8dff);
    outline-offset: -2px; border-radius: 3px; }`;function g(n){let e=new WeakMap;return t=>{let o=t.parentElement,i=e.get(o);return i||e.set(o,i=new n(o,t)),i.update(t),()=>{i.destroy?.(),e.delete(o),i.root.remove()}}}var w=`${f}
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
    .stage { display: flex; justify-content: space-between; gap: 8px; height: auto; padding: 2px 4px; flex-wrap: wrap; } }`,u={flowing:"●",silent:"○",closed:"☾",disconnected:"⊘",behind:"◔",broken:"✕",loading:"…",empty:"○",unknown:"?"},b=600,h=class{constructor(e){this.title=s("strong"),this.why=s("span"),this.verdict=s("div",{role:"status"},[this.title,this.why]),this.links=s("ol",{class:"links","aria-label":"The way of a trade"}),this.stages=s("ul",{class:"stages","aria-label":"How long trades take, from stage to stage"}),this.root=s("div",{class:"root"},[s("style",{text:w}),this.verdict,this.links,this.stages]),e.append(this.root),this.samples=[]}update({data:e}){this.verdict.className=`verdict ${e.kind}`,a(this.title,`${u[e.kind]} ${e.title}`),a(this.why,e.why),this.draw(this.links,e.links.length,t=>v(this.links.children[t],e.links[t])),this.draw(this.stages,e.stages.length,t=>k(this.stages.children[t],this.measured(e,e.stages[t]))),this.root.dataset.version=e.version,this.sample(e)}draw(e,t,o){for(;e.children.length>t;)e.lastChild.remove();for(;e.children.length<t;)e.append(s("li"));for(let i=0;i<t;i++)o(i)}sample({committed:e,live:t}){let o=this.committed;this.committed=t?e:void 0,t||(this.samples=[]),!(!t||!o||!e||o===e)&&requestAnimationFrame(()=>{this.samples.push((Date.now()-e)/1e3),this.samples.length>b&&this.samples.shift()})}measured(e,t){if(!t.here||!e.live||!this.samples.length)return t;let o=[...this.samples].sort((r,p)=>r-p),i=r=>o[Math.min(o.length-1,Math.floor(r*o.length))];return{...t,p50:i(.5),p99:i(.99),n:o.length}}};function v(n,{name:e,kind:t,state:o,facts:i}){n.className=`link ${t}`,n.children.length||n.append(s("div",{class:"title"},[s("b"),s("span",{class:"state"})]),...[0,1,2].map(()=>s("div",{class:"fact"})));let[r,...p]=n.children;a(r.firstChild,e),a(r.lastChild,`${u[t]} ${o}`),p.forEach((d,l)=>{a(d,i[l]??""),d.title=i[l]??"",d.hidden=!i[l]})}function k(n,{name:e,p50:t,p99:o,n:i,of:r,note:p}){n.className="stage",n.children.length||n.append(s("div",{class:"dim"}),s("div",{class:"figures"},[s("b"),s("span"),s("span",{class:"dim"})]),s("div",{class:"dim note"}));let[d,l,x]=n.children;a(d,e);let c=t!=null;a(l.children[0],c?m(t):""),a(l.children[1],c?`p99 ${m(o)}`:""),a(l.children[2],c?`n ${i.toLocaleString("en-US")} ${r}`:""),l.children[0].title=c?"p50":"",l.hidden=!c,a(x,c?"":p),n.title=p}function a(n,e){n.textContent!==e&&(n.textContent=e)}function m(n){let e=Math.abs(n);return e<.9995?`${(n*1e3).toFixed(0)} ms`:e<99.95?`${n.toFixed(2)} s`:e<7200?`${(n/60).toFixed(1)} min`:`${(n/3600).toFixed(1)} h`}var O=g(h);export{O as default};
