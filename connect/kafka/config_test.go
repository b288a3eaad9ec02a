package kafka_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/connect/kafka"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// TestOptions: what is wrong is said with the option, and what it should be.
func TestOptions(t *testing.T) {
	good := map[string]string{
		"connector": "kafka", "topic": "t", "properties.bootstrap.servers": "a:9092, b:9092", "format": "json",
		"scan.startup.mode": "earliest-offset", "properties.security.protocol": "SASL_PLAINTEXT",
		"properties.sasl.jaas.config": `org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="p\"w";`,
	}
	schema := job.Schema{Schema: arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, nil)}
	open := func(change map[string]string) error {
		o := maps.Clone(good)
		for k, v := range change {
			if o[k] = v; v == "" {
				delete(o, k)
			}
		}
		_, err := connector("kafka").Source(t.Context(), ops.Scan{Table: job.Table{Options: o, Schema: schema}})
		return err
	}
	if err := open(nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change map[string]string
		want   string
	}{
		{map[string]string{"topic": ""}, "'topic' is missing"},
		{map[string]string{"topic-pattern": "t.*"}, "both 'topic' and 'topic-pattern'"},
		{map[string]string{"topic": "", "topic-pattern": "t["}, "option 'topic-pattern'"},
		{map[string]string{"properties.bootstrap.servers": ""}, "'properties.bootstrap.servers' is missing"},
		{map[string]string{"properties.fetch.min.byte": "1"}, "did you mean 'fetch.min.bytes'?"},
		{map[string]string{"properties.fetch.min.bytes": "many"}, "'many': want a whole number"},
		{map[string]string{"format": "jsn"}, "no format 'jsn'"},
		{map[string]string{"format": ""}, "'format' is missing"},
		{map[string]string{"json.fail": "true"}, "unknown option 'json.fail'"},
		{map[string]string{"scan.startup.mode": "earliest"}, "want one of [group-offsets earliest-offset"},
		{map[string]string{"scan.startup.mode": ""}, "'properties.group.id' is missing"},
		{map[string]string{"scan.startup.mode": "specific-offsets", "scan.startup.specific-offsets": "0:1"}, "want partition:0,offset:42"},
		{map[string]string{"scan.startup.mode": "timestamp"}, "want milliseconds since 1970"},
		{map[string]string{"properties.sasl.jaas.config": "x"}, `no username="…" password="…"`},
		{map[string]string{"properties.sasl.mechanism": "GSSAPI"}, "want PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"},
		{map[string]string{"properties.security.protocol": "TLS"}, "want PLAINTEXT, SSL"},
		{map[string]string{"properties.security.protocol": "SSL", "properties.ssl.truststore.location": "/no/such.pem"}, "no such file"},
		{map[string]string{"properties.security.protocol": "SSL", "properties.ssl.truststore.type": "JKS"}, "only PEM"},
		{map[string]string{"error.policy": "ignore"}, "want fail, skip or dead-letter"},
		{map[string]string{"scan.topic-partition-discovery.interval": "soon"}, "discovery.interval"},
	} {
		if err := open(c.change); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.change, err, c.want)
		}
	}
}

func connector(name string) *ops.Connector {
	for _, c := range kafka.Connectors() {
		if c.Name == name {
			return c
		}
	}
	panic(name)
}
