package kafka_test

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
)

func TestSinkOptions(t *testing.T) {
	schema := job.Schema{Schema: arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, nil)}
	for _, c := range []struct{ key, value, want string }{
		{"topic", "a;b", "one topic"},
		{"format", "json-registry", "option 'json-registry.url' is missing"},
		{"debezium-json.schema-include", "true", "without their schema"},
		{"key.format", "json", "without 'key.fields'"},
		{"key.fields", "a", "without 'key.format'"},
		{"value.fields-include", "SOME", "want ALL or EXCEPT_KEY"},
		{"sink.buffer-flush.max-rows", "3", "unknown option"},
		{"sink.delivery-guarantee", "once", "want at-least-once, exactly-once or none"},
		{"sink.delivery-guarantee", "exactly-once", "'sink.transactional-id-prefix'"},
		{"sink.partitioner", "random", "want default, fixed or round-robin"},
		{"properties.transaction.timeout.ms", "long", "want milliseconds"},
		{"properties.compression.type", "rar", "want none, gzip"},
		{"json.encode.ignore-null-fields", "perhaps", "want true or false"},
	} {
		o := map[string]string{"connector": "kafka", "topic": "t", "properties.bootstrap.servers": "a:9092", "format": "json"}
		o[c.key] = c.value
		if format, _, ok := strings.Cut(c.key, ".schema-include"); ok {
			o["format"] = format
		}
		_, err := connector("kafka").Sink(t.Context(), job.Table{Options: o, Schema: schema})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s = %s: %v, want %q", c.key, c.value, err, c.want)
		}
	}
}
