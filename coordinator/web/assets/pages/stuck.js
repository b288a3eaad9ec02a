import { html } from "../lib.js";
import { brief, dateTime } from "../format.js";
import { Card, Loaded, Note } from "../parts.js";

const kinds = {
  failure: "Failure", checkpoint: "Checkpoint", watermark: "Watermark", backpressure: "Back-pressure", commit: "Commit", start: "Start", input: "Input",
};

// Stuck names what the job waits for. The server decides; this shows it.
export function Stuck({ job, stuck }) {
  if (job["end-time"] > 0) return html`<${Note}>The job has ended. <a href=${`#/jobs/${job.jid}/exceptions`}>Has something failed?</a></${Note}>`;
  return html`<${Loaded} of=${stuck}>${({ findings, now }) => findings.length === 0
    ? html`<${Note} kind="good">Nothing holds this job: checkpoints end, watermarks move, no task waits for room, and nothing waits to be published.</${Note}>`
    : findings.map((f) => html`<${Card} key=${f.kind + f.title} kind=${`finding ${f.severity}`}>
      <h2><span class="kind">${kinds[f.kind] ?? f.kind}</span> ${f.title}</h2>
      <p>${f.text}</p>
      ${f.tasks?.length > 0 && html`<ul class="tasks">${f.tasks.map((t) => html`<li><code>${brief(t).replaceAll(" -> ", " → ")}</code></li>`)}</ul>`}
      ${f.advice && html`<p><b>What to do:</b> ${f.advice}</p>`}
      <p class="muted">${f.since > 0 ? `Since ${dateTime(f.since)}. ` : ""}${f.vertex && html`<a href=${`#/jobs/${job.jid}/vertices/${f.vertex}`}>Look at the vertex</a>`}</p>
    </${Card}>`)}</${Loaded}>
    <p class="muted">The same is said by <code>curl ${location.origin}/api/jobs/${job.jid}/stuck</code>.</p>`;
}
