package kafka

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"strings"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// eventHubs is the connector of Azure Event Hubs, which speaks Kafka's protocol: a
// connection string says where the namespace is and who asks.
const eventHubs = "eventhubs"

var eventHubsOptions = []ops.Option{
	{Key: "connection-string", Secret: true, Help: "Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…;EntityPath=…"},
}

// hub is a table of Event Hubs as one of Kafka. Options that the table gives itself stand.
func hub(t job.Table) (job.Table, error) {
	text := t.Options["connection-string"]
	if text == "" {
		return t, fmt.Errorf("%w: option 'connection-string' is missing: Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…;EntityPath=…", job.ErrInvalid)
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(text, ";") {
		if k, v, ok := strings.Cut(strings.TrimSpace(part), "="); ok {
			parts[strings.ToLower(k)] = v
		}
	}
	endpoint, err := url.Parse(parts["endpoint"])
	if err != nil || endpoint.Scheme != "sb" || endpoint.Hostname() == "" {
		return t, fmt.Errorf("%w: option 'connection-string' holds no Endpoint=sb://<namespace>.servicebus.windows.net/", job.ErrInvalid)
	}
	for _, key := range []string{"SharedAccessKeyName", "SharedAccessKey"} {
		if parts[strings.ToLower(key)] == "" {
			return t, fmt.Errorf("%w: option 'connection-string' holds no %s=…", job.ErrInvalid, key)
		}
	}
	protocol, port := "SASL_SSL", "9093"
	if strings.EqualFold(parts["usedevelopmentemulator"], "true") {
		protocol, port = "SASL_PLAINTEXT", "9092"
	}
	if p := endpoint.Port(); p != "" {
		port = p
	}
	const short = "180000" // connections that are idle for longer are cut off
	o := map[string]string{
		"properties.bootstrap.servers": net.JoinHostPort(endpoint.Hostname(), port), "properties.security.protocol": protocol, "properties.sasl.mechanism": "PLAIN",
		"properties.sasl.jaas.config":        `org.apache.kafka.common.security.plain.PlainLoginModule required username="$ConnectionString" password="` + strings.ReplaceAll(text, `"`, `\"`) + `";`,
		"properties.metadata.max.age.ms":     short,
		"properties.connections.max.idle.ms": short,
	}
	if path := parts["entitypath"]; path != "" && t.Options["topic-pattern"] == "" {
		o["topic"] = path
	}
	maps.Copy(o, t.Options)
	delete(o, "connection-string")
	if o["topic"] == "" && o["topic-pattern"] == "" {
		return t, fmt.Errorf("%w: which event hub is not said: EntityPath=… in 'connection-string', or 'topic'", job.ErrInvalid)
	}
	t.Options = o
	return t, nil
}
