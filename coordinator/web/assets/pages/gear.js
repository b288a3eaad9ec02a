// In which gear a job is, why, and how to change it.
import { bump, html, useState } from "../lib.js";
import { post } from "../api.js";
import { dateTime, duration } from "../format.js";
import { Ask, Card, Loaded, Note, Table } from "../parts.js";

const kinds = {
  pipelined: "Tasks live as long as the job, beside each other: rows are fresh at once, and the machines are paid for while nothing comes.",
  staged: "Tasks live for an epoch, each stage in a process of its own.",
  functions: "Tasks live for an epoch, each in an invocation of a function: nothing runs, and nothing is paid for, while nothing comes.",
  auto: "The job chooses by how fresh its rows are to be, by what waits at its sources, and by what each gear costs.",
};

const may = (features) => features?.["web-submit"] !== false || features?.["web-cancel"] !== false;

function Choice({ job, gear, features }) {
  const [asked, ask] = useState(null);
  if (job["end-time"] > 0 || !may(features)) return null;
  const change = async () => {
    await post(`/api/jobs/${job.jid}/gear`, { gear: asked });
    bump();
  };
  return html`<div class="deeds">${gear.gears.filter((g) => g !== gear.chosen).map((g) => html`<button type="button" onClick=${() => ask(g)}>Change to ${g}…</button>`)}
    ${asked && html`<${Ask} title=${`Change to ${asked}?`} yes="Change it" close=${() => ask(null)} act=${change}><p><b>${job.name}</b></p>
      <p>${kinds[asked]}</p><p>The job goes on from its next checkpoint. Nothing is lost or counted twice.</p></${Ask}>`}</div>`;
}

const outcome = (s) => (s.done ? `took ${duration(s.took)}, from checkpoint ${s.checkpoint}` : "not there yet");

export function Gear({ job, gear, features }) {
  return html`<${Loaded} of=${gear}>${(g) => html`<${Card} name="Gear" tools=${html`<${Choice} job=${job} gear=${g} features=${features} />`}>
      <p><b>${g.gear}</b>${g.chosen !== g.gear && html` <span class="muted">asked for is ${g.chosen}</span>`}</p><p>${kinds[g.gear]}</p>
      ${g.shifts[0]?.back && html`<${Note} kind="warn">${g.shifts[0].reason}</${Note}>`}
    </${Card}>
    <${Card} name="Decisions"><${Table} name="Decisions about the gear" rows=${g.shifts} id=${(s) => s.timestamp} empty="The gear has not been changed." columns=${[
      { name: "When", value: (s) => s.timestamp, cell: (s) => dateTime(s.timestamp) },
      { name: "From", value: (s) => s.from, cell: (s) => s.from },
      { name: "To", value: (s) => s.to, cell: (s) => s.to },
      { name: "Outcome", cell: outcome },
      { name: "Why", wide: true, cell: (s) => s.reason },
    ]} /></${Card}>`}</${Loaded}>`;
}
