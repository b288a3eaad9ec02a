// The coordinator: how it is configured, what it says, and what it does.
import { html, usePoll } from "../lib.js";
import { Card, Facts, Loaded, Tabs } from "../parts.js";
import { Files, Lines } from "./logs.js";
import { AllMetrics, Threads } from "./workers.js";

const tabs = [["Configuration", "configuration"], ["Log", "log"], ["Goroutines", "goroutines"], ["Metrics", "metrics"], ["Environment", "environment"]];

function Body({ at }) {
  const config = usePoll(at === "configuration" ? "/jobmanager/config" : null, { once: true });
  const env = usePoll(at === "environment" ? "/jobmanager/environment" : null, { once: true });
  switch (at) {
    case "log": return html`<${Lines} process="coordinator" name="Log of the coordinator" /><${Files} base="/jobmanager" />`;
    case "goroutines": return html`<${Card}><${Threads} from="/jobmanager/thread-dump" /></${Card}>`;
    case "metrics": return html`<${AllMetrics} base="/jobmanager/metrics" />`;
    case "environment": return html`<${Card}><${Loaded} of=${env}>${({ jvm }) => html`<${Facts} name="Environment" all=${[["Made with", jvm.version], ["Architecture", jvm.arch]]} />`}</${Loaded}></${Card}>`;
    default: return html`<${Card}><${Loaded} of=${config}>${(all) => html`<${Facts} name="Configuration" all=${all.map((s) => [s.key, s.value])} />`}</${Loaded}>
      <p class="muted">Secrets are masked.</p></${Card}>`;
  }
}

export const Coordinator = ({ at }) => html`<h1 tabindex="-1">Coordinator</h1>
  <${Tabs} name="About the coordinator" at=${at} all=${tabs.map(([name, key]) => [name, `#/coordinator/${key}`, key])} /><${Body} key=${at} at=${at} />`;
