import { html, useWide } from "../lib.js";
import { count, duration, ops, percent, rate, watermark } from "../format.js";
import { Badge, Card, Note, Share, Table } from "../parts.js";
import { Graph } from "../graph.js";

const legend = [["idle", "mostly idle"], ["busy", "busy, 40% and more"], ["hot", "busy, 80% and more"], ["blocked", "back-pressured, 50% and more"], ["unknown", "not measured"]];

// JobGraph is the graph, and the same as a table.
export function JobGraph({ job, seen, stuck }) {
  const wide = useWide(), sample = seen.last;
  const findings = stuck.data?.findings ?? [];
  const of = (v) => sample?.v[v.id];
  return html`${findings.length > 0 && html`<${Note} kind="warn"><b>${findings[0].title}.</b> ${findings[0].text} <a href=${`#/jobs/${job.jid}/stuck`}>Why is it stuck?</a></${Note}>`}
    <${Card} kind="bare"><${Graph} job=${job} sample=${sample} wide=${wide} found=${new Set(findings.map((f) => f.vertex))} />
      <ul class="legend" aria-label="Colours">${legend.map(([c, text]) => html`<li><i class=${c} aria-hidden="true"></i>${text}</li>`)}</ul></${Card}>
    <${Card} name="Vertices"><${Table} name="Vertices" rows=${job.vertices} id=${(v) => v.id} columns=${[
      { name: "Vertex", value: (v) => v.name, wide: true, cell: (v) => html`<a href=${`#/jobs/${job.jid}/vertices/${v.id}`} title=${v.name}>${ops(v.name)}</a>` },
      { name: "State", value: (v) => v.status, cell: (v) => html`<${Badge} status=${v.status} />` },
      { name: "Tasks", number: true, value: (v) => v.parallelism, cell: (v) => v.parallelism },
      { name: "Rows in", number: true, value: (v) => of(v)?.in, cell: (v) => count(of(v)?.in) },
      { name: "Rows out", number: true, value: (v) => of(v)?.out, cell: (v) => count(of(v)?.out) },
      { name: "In per second", number: true, value: (v) => of(v)?.inRate, cell: (v) => rate(of(v)?.inRate) },
      { name: "Out per second", number: true, value: (v) => of(v)?.outRate, cell: (v) => rate(of(v)?.outRate) },
      { name: "Busy", number: true, value: (v) => of(v)?.busy, cell: (v) => percent(of(v)?.busy) },
      { name: "Time", cell: (v) => html`<${Share} ...${of(v) ?? {}} />` },
      { name: "Watermark", value: (v) => of(v)?.watermark, cell: (v) => watermark(of(v)?.watermark) },
      { name: "For", number: true, value: (v) => v.duration, cell: (v) => duration(v.duration) },
    ]} /></${Card}>`;
}
