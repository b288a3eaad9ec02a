// What a job has used since this coordinator runs it, and what that costs.
import { html, usePoll } from "../lib.js";
import { bytes, count, dollars, whole } from "../format.js";
import { Card, Facts, Loaded, Stat, Stats, Table } from "../parts.js";

const used = (u) => [
  ["Rows read", count(u.rows ?? 0)], ["Epochs", whole(u.epochs ?? 0)], ["Invocations of functions", whole(u.invocations ?? 0)],
  ["Their GB-seconds", count(u.gbSeconds ?? 0)], ["Requests that write or list", whole(u.puts ?? 0)], ["Requests that read", whole(u.gets ?? 0)],
  ["Written to storage", bytes(u.bytesWritten ?? 0)], ["Read from storage", bytes(u.bytesRead ?? 0)],
  ["Seconds of workers' slots", count(u.coreSeconds ?? 0)], ["Seconds of a coordinator", count(u.coordinatorSeconds ?? 0)],
];

export function Cost({ job }) {
  const cost = usePoll(`/api/jobs/${job.jid}/cost`);
  return html`<${Loaded} of=${cost}>${(c) => html`
    <${Stats}>
      <${Stat} name="In all">${dollars(c.usd)}</${Stat}>
      <${Stat} name="A million rows">${dollars(c.usdPerMillionRows)}</${Stat}>
      <${Stat} name="Prices">${c.prices.name}, ${c.prices.region}, ${c.prices.date}</${Stat}>
    </${Stats}>
    <${Card} name="What costs"><${Table} name="What costs" rows=${c.items} id=${(i) => i.what} empty="Nothing yet." columns=${[
      { name: "Item", wide: true, value: (i) => i.what, cell: (i) => i.what },
      { name: "Cost", number: true, value: (i) => i.usd, cell: (i) => dollars(i.usd) },
    ]} /></${Card}>
    <${Card} name="What was used"><${Facts} name="What was used" all=${used(c.usage)} />
      <p class="muted">Since this coordinator runs the job. List prices: ${c.prices.source}.</p></${Card}>
    <${Card} name="The newest epochs"><${Table} name="The newest epochs" rows=${c.epochs.toReversed()} id=${(e) => e.epoch} empty="No epoch has ended yet." columns=${[
      { name: "Epoch", number: true, value: (e) => e.epoch, cell: (e) => e.epoch },
      { name: "Cost", number: true, value: (e) => e.usd, cell: (e) => dollars(e.usd) },
      { name: "Rows", number: true, value: (e) => e.usage.rows, cell: (e) => count(e.usage.rows ?? 0) },
      { name: "Invocations", number: true, value: (e) => e.usage.invocations, cell: (e) => whole(e.usage.invocations ?? 0) },
      { name: "GB-seconds", number: true, value: (e) => e.usage.gbSeconds, cell: (e) => count(e.usage.gbSeconds ?? 0) },
      { name: "Writes", number: true, value: (e) => e.usage.puts, cell: (e) => whole(e.usage.puts ?? 0) },
      { name: "Reads", number: true, value: (e) => e.usage.gets, cell: (e) => whole(e.usage.gets ?? 0) },
    ]} /></${Card}>`}</${Loaded}>`;
}
