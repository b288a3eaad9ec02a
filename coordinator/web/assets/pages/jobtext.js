// Pages of a job that are mostly text.
import { html, usePoll } from "../lib.js";
import { brief, dateTime } from "../format.js";
import { Card, Facts, Loaded, Note } from "../parts.js";

const blame = { USER: "somebody has to change something", SYSTEM: "it may pass by itself" };

export function Exceptions({ job }) {
  const all = usePoll(`/jobs/${job.jid}/exceptions`);
  return html`<${Loaded} of=${all}>${({ exceptionHistory: { entries, truncated } }) => html`
    ${entries.length === 0 && html`<${Note} kind="good">Nothing has failed.</${Note}>`}
    ${entries.map((e, i) => html`<${Card} key=${e.timestamp + e.stacktrace} kind="fold"><details open=${i === 0}>
      <summary><b>${dateTime(e.timestamp)}</b> <span class="muted">${e.exceptionName}${blame[e.failureLabels?.type] ? `: ${blame[e.failureLabels.type]}` : ""}</span></summary>
      ${e.taskName && html`<p>${brief(e.taskName).replaceAll(" -> ", " → ")} <span class="muted">at ${e.endpoint}</span></p>`}
      <pre class="wraps" tabindex="0" role="region" aria-label="What has failed">${e.stacktrace}</pre></details></${Card}>`)}
    ${truncated && html`<p class="muted">There were more; the newest are kept.</p>`}`}</${Loaded}>`;
}

export function Configuration({ job }) {
  const config = usePoll(`/jobs/${job.jid}/config`, { once: true });
  return html`<${Loaded} of=${config}>${({ "execution-config": c }) => html`
    <${Card} name="Execution"><${Facts} name="Execution" all=${[["Parallelism", c["job-parallelism"]], ["Tasks that fail", c["restart-strategy"]], ["Key groups", job.maxParallelism]]} /></${Card}>
    <${Card} name="Set for this job"><${Facts} name="Set for this job" all=${Object.entries(c["user-config"]).sort()} /></${Card}>`}</${Loaded}>`;
}
