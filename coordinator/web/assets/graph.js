// The graph of a job, in layers from its sources to its sinks.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./lib.js";
import { count, duration, lag, ops, percent, rate, watermark } from "./format.js";
import { Share, tone } from "./parts.js";

// layout puts each node one layer behind the farthest of its inputs, and orders
// the nodes of a layer so that edges cross seldom: each goes to the middle of
// those before it, then of those behind it, a few times.
//
//	a ─► b ─┐             layers  [a d] [b] [c]
//	d ──────┴► c          an edge over several layers has a place in each of them
export function layout(nodes) {
  const byID = new Map(nodes.map((n) => [n.id, n]));
  const depth = new Map(), open = new Set();
  const deep = (id) => {
    if (depth.has(id)) return depth.get(id);
    if (open.has(id)) return -1; // a loop: this edge leads back
    open.add(id);
    let d = 0;
    for (const { id: from } of byID.get(id).inputs ?? []) if (byID.has(from)) d = Math.max(d, deep(from) + 1);
    open.delete(id);
    depth.set(id, d);
    return d;
  };
  nodes.forEach((n) => deep(n.id));

  const layers = [];
  const place = (key, layer) => { (layers[layer] ??= []).push(key); };
  nodes.forEach((n) => place(n.id, depth.get(n.id)));
  const edges = [], before = new Map(), behind = new Map();
  const link = (a, b) => {
    behind.set(a, [...(behind.get(a) ?? []), b]);
    before.set(b, [...(before.get(b) ?? []), a]);
  };
  for (const n of nodes) {
    for (const input of n.inputs ?? []) {
      if (!byID.has(input.id)) continue;
      const path = [input.id];
      for (let l = depth.get(input.id) + 1; l < depth.get(n.id); l++) {
        const key = `${input.id}>${n.id}>${input.num}>${l}`;
        place(key, l);
        path.push(key);
      }
      path.push(n.id);
      if (depth.get(input.id) < depth.get(n.id)) for (let i = 1; i < path.length; i++) link(path[i - 1], path[i]);
      edges.push({ from: input.id, to: n.id, num: input.num, strategy: input.ship_strategy, path });
    }
  }
  const rank = new Map();
  const number = (l) => l.forEach((key, i) => rank.set(key, i));
  layers.forEach(number);
  const settle = (l, of) => {
    const middle = (key) => {
      const to = of.get(key) ?? [];
      return to.length ? to.reduce((s, k) => s + rank.get(k), 0) / to.length : rank.get(key);
    };
    const at = new Map(l.map((key) => [key, middle(key)]));
    l.sort((a, b) => at.get(a) - at.get(b));
    number(l);
  };
  for (let round = 0; round < 6; round++) {
    for (let i = 1; i < layers.length; i++) settle(layers[i], before);
    for (let i = layers.length - 2; i >= 0; i--) settle(layers[i], behind);
  }
  return { layers, edges, depth };
}

const size = { width: 236, height: 118, thin: 26, gapAlong: 104, gapAcross: 26 };

// positions gives each node, and each place of a long edge, its middle.
function positions({ layers }, real, wide) {
  const along = wide ? size.width : size.height, across = wide ? size.height : size.width;
  const gap = wide ? size.gapAlong : 62;
  const breadth = (key) => (real.has(key) ? across : size.thin);
  const total = (l) => l.reduce((s, key) => s + breadth(key) + size.gapAcross, -size.gapAcross);
  const most = Math.max(...layers.map(total));
  const at = new Map();
  layers.forEach((l, i) => {
    let y = (most - total(l)) / 2;
    for (const key of l) {
      const a = i * (along + gap) + along / 2, b = y + breadth(key) / 2;
      at.set(key, wide ? { x: a, y: b } : { x: b, y: a });
      y += breadth(key) + size.gapAcross;
    }
  });
  const length = layers.length * (along + gap) - gap;
  return { at, width: wide ? length : most, height: wide ? most : length };
}

function route(points, wide) {
  let d = `M${points[0].x} ${points[0].y}`;
  for (let i = 1; i < points.length; i++) {
    const a = points[i - 1], b = points[i];
    const m = wide ? (a.x + b.x) / 2 : (a.y + b.y) / 2;
    d += wide ? ` C${m} ${a.y} ${m} ${b.y} ${b.x} ${b.y}` : ` C${a.x} ${m} ${b.x} ${m} ${b.x} ${b.y}`;
  }
  return d;
}

// heat is what a vertex does most of its time.
function heat(v) {
  if (v?.busy == null) return "unknown";
  if (v.blocked >= 0.5) return "blocked";
  if (v.busy >= 0.8) return "hot";
  if (v.busy >= 0.4) return "busy";
  return "idle";
}

function Node({ node, vertex, sample, at, href, now, found }) {
  const behind = lag(sample?.watermark, now);
  return html`<a class="node ${heat(sample)} ${found ? "found" : ""}" href=${href} style=${{ left: `${at.x - size.width / 2}px`, top: `${at.y - size.height / 2}px`, width: `${size.width}px`, height: `${size.height}px` }}
      title=${vertex.name}>
    <span class="name">${ops(vertex.name)}</span>
    <span class="line"><span class="dot ${tone(vertex.status)}"></span>${vertex.status.toLowerCase()} · ${node.parallelism} ${node.parallelism === 1 ? "task" : "tasks"}</span>
    <span class="line">${count(sample?.in ?? vertex.metrics["read-records"])} in · ${count(sample?.out ?? vertex.metrics["write-records"])} out</span>
    <span class="line">${sample?.busy == null ? "" : `busy ${percent(sample.busy)} · back-pr. ${percent(sample.blocked)}`}${behind == null ? "" : html`<span class="unseen"> watermark ${duration(behind)} behind</span>`}</span>
    ${sample?.busy != null && html`<${Share} ...${sample} />`}</a>`;
}

export function Graph({ job, sample, found = new Set(), wide }) {
  const nodes = job.plan.nodes;
  const shape = nodes.map((n) => `${n.id}:${(n.inputs ?? []).map((i) => i.id)}`).join();
  const vertices = new Map(job.vertices.map((v) => [v.id, v]));
  const { edges, at, width, height } = useMemo(() => {
    const l = layout(nodes);
    return { ...l, ...positions(l, new Set(nodes.map((n) => n.id)), wide) };
  }, [shape, wide]);
  const frame = useRef(null);
  const [scale, setScale] = useState(1);
  useLayoutEffect(() => {
    const fit = () => setScale(Math.max(wide ? 0.55 : 0.8, Math.min(1, (frame.current.clientWidth - 2) / (width + 4))));
    fit();
    const o = new ResizeObserver(fit);
    o.observe(frame.current);
    return () => o.disconnect();
  }, [width, wide]);
  const half = wide ? size.width / 2 : size.height / 2;
  const end = (p, side) => (wide ? { x: p.x + side * half, y: p.y } : { x: p.x, y: p.y + side * half });
  return html`<div class="graph" ref=${frame} tabindex="0" role="region" aria-label="Graph of the job"><div style=${{ width: `${width * scale}px`, height: `${height * scale}px` }}>
   <div class="plane" style=${{ width: `${width}px`, height: `${height}px`, transform: `scale(${scale})` }}>
    <svg width=${width} height=${height} aria-hidden="true"><defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" /></marker></defs>
      ${edges.map((e) => {
        const points = e.path.flatMap((key, i) => (i === 0 ? [end(at.get(key), 1)] : i === e.path.length - 1 ? [end(at.get(key), -1)] : [end(at.get(key), -1), end(at.get(key), 1)]));
        const blocked = sample?.v[e.from]?.blocked >= 0.5;
        return html`<path key=${`${e.from}${e.to}${e.num}`} class="edge ${blocked ? "blocked" : ""}" d=${route(points, wide)} marker-end="url(#tip)" />`;
      })}</svg>
    ${edges.map((e) => {
      // the label stands before the receiver, where edges are apart
      const a = end(at.get(e.path.at(-2)), 1), b = end(at.get(e.to), -1);
      const from = sample?.v[e.from], to = sample?.v[e.to];
      const one = (job.plan.nodes.find((n) => n.id === e.to).inputs ?? []).length === 1;
      const behind = lag(to?.watermark, job.now);
      return html`<span class="tag" key=${`t${e.from}${e.to}${e.num}`} style=${{ left: `${(a.x + b.x) / 2}px`, top: `${(a.y + b.y) / 2}px` }}
        title=${`${e.strategy}\nwatermark ${watermark(to?.watermark)}`}><b>${rate((one ? to?.inRate : null) ?? from?.outRate)}</b><br />${e.strategy.toLowerCase()}${behind != null ? html`<br />wm −${duration(behind)}` : to?.watermark != null ? html`<br />wm ${watermark(to.watermark)}` : ""}</span>`;
    })}
    ${nodes.map((n) => html`<${Node} key=${n.id} node=${n} vertex=${vertices.get(n.id)} sample=${sample?.v[n.id]} at=${at.get(n.id)} now=${job.now} found=${found.has(n.id)} href=${`#/jobs/${job.jid}/vertices/${n.id}`} />`)}
   </div></div></div>`;
}
