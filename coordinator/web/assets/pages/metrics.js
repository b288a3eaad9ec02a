// Charts of what was seen since the page was opened.
import { html, useEffect, useMemo, useRef, useState, usePoll, refresh, store } from "../lib.js";
import { get } from "../api.js";
import { count, duration, lag, ops, percent, rate } from "../format.js";
import { Card, Empty } from "../parts.js";
import { Chart } from "../chart.js";

const names = (job) => {
  const seen = {};
  return job.vertices.map((v) => {
    const name = v.name.includes(" -> ") ? ops(v.name) : ops(v.name).replace(/\(.*$/, "");
    seen[name] = (seen[name] ?? 0) + 1;
    return { id: v.id, name: seen[name] > 1 ? `${name} (${seen[name]})` : name };
  });
};

// Picked is a chart of one metric that somebody has picked.
function Picked({ job, vertex, metric, mode, drop }) {
  const [points, set] = useState([]), last = useRef(null);
  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    const tick = async () => {
      clearTimeout(timer);
      try {
        const [m] = await get(`/jobs/${job.jid}/vertices/${vertex}/subtasks/metrics?get=${encodeURIComponent(metric)}`, stop.signal);
        const at = Date.now();
        if (m) {
          let v = mode === "rate" ? m.sum : m[mode];
          if (mode === "rate") {
            const before = last.current;
            last.current = { at, v };
            v = before && v >= before.v ? ((v - before.v) * 1000) / (at - before.at) : null;
          }
          set((all) => [...all, { at, v }].slice(-900));
        }
      } catch { /* the next look may succeed */ }
      if (!stop.signal.aborted) timer = setTimeout(tick, refresh());
    };
    tick();
    return () => { stop.abort(); clearTimeout(timer); };
  }, [job.jid, vertex, metric, mode]);
  return html`<div class="picked"><${Chart} name=${`${metric} (${mode === "rate" ? "per second" : mode})`} times=${points.map((p) => p.at)} unit=${count} series=${[{ name: mode, values: points.map((p) => p.v) }]} />
    <button type="button" class="plain" onClick=${drop} aria-label=${`Remove the chart of ${metric}`}>Remove</button></div>`;
}

function Pick({ job, add }) {
  const all = useMemo(() => names(job), [job.vertices.length]);
  const [vertex, setVertex] = useState(all[0]?.id), [metric, setMetric] = useState(""), [mode, setMode] = useState("sum");
  const list = usePoll(vertex ? `/jobs/${job.jid}/vertices/${vertex}/subtasks/metrics` : null, { once: true });
  const choices = (list.data ?? []).map((m) => m.id);
  const chosen = choices.includes(metric) ? metric : choices[0];
  return html`<form class="pick" onSubmit=${(e) => { e.preventDefault(); if (chosen) add({ vertex, metric: chosen, mode }); }}>
    <label>Vertex <select value=${vertex} onChange=${(e) => setVertex(e.target.value)}>${all.map((v) => html`<option value=${v.id} selected=${v.id === vertex}>${v.name}</option>`)}</select></label>
    <label>Metric <select value=${chosen} onChange=${(e) => setMetric(e.target.value)}>${choices.map((m) => html`<option value=${m} selected=${m === chosen}>${m}</option>`)}</select></label>
    <label>Over its tasks <select value=${mode} onChange=${(e) => setMode(e.target.value)}>${["sum", "avg", "min", "max", "rate"].map((m) => html`<option value=${m} selected=${m === mode}>${m}</option>`)}</select></label>
    <button type="submit">Add a chart</button></form>`;
}

export function Metrics({ job, seen }) {
  const key = `wadi.charts.${job.jid}`;
  const [picked, setPicked] = useState(store.get(key, []));
  const keep = (all) => { setPicked(all); store.set(key, all); };
  const { samples } = seen, times = samples.map((s) => s.at);
  const each = (value) => names(job).map(({ id, name }) => ({ name, values: samples.map((s) => (s.v[id] ? value(s.v[id], s) : null) ?? null) }));
  const measured = (list) => list.filter((s) => s.values.some((v) => v != null));
  const charts = [
    ["Rows in, per second", each((v) => v.inRate), rate], ["Rows out, per second", each((v) => v.outRate), rate],
    ["Busy", each((v) => v.busy), percent, 1], ["Back-pressured", each((v) => v.blocked), percent, 1],
    ["Watermark behind the clock", each((v, s) => lag(v.watermark, s.at)), duration],
  ];
  return html`<p class="muted">Since this page was opened; the server keeps no past.</p>
    ${samples.length < 2 ? html`<${Empty}>One more look is needed to draw something…</${Empty}>` : html`<div class="charts">${charts.map(([name, series, unit, most]) => {
      const some = measured(series);
      return some.length > 0 && html`<${Chart} key=${name} name=${name} times=${times} unit=${unit} most=${most} series=${some} />`;
    })}</div>`}
    <${Card} name="Any metric"><${Pick} job=${job} add=${(p) => keep([...picked, p])} />
      <div class="charts">${picked.map((p, i) => html`<${Picked} key=${JSON.stringify(p)} job=${job} ...${p} drop=${() => keep(picked.filter((_, k) => k !== i))} />`)}</div></${Card}>`;
}
