package kafka_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi/internal/sqltest"
	"github.com/wadi-engine/wadi/internal/testserver"
)

// TestKafkaFormats: rows that go through a topic in a format come back as they were.
func TestKafkaFormats(t *testing.T) {
	const (
		columns = "id INT NOT NULL, name STRING, price DECIMAL(10, 2), at_ts TIMESTAMP(3), tags ARRAY<STRING>, who ROW<a BIGINT, b STRING>"
		rows    = "(1, 'a, \"b\"', 12.34, TIMESTAMP '2024-02-29 01:02:03.004', ARRAY['x', 'y'], ROW(CAST(7 AS BIGINT), 'in')), " +
			"(2, 'n', CAST(NULL AS DECIMAL(10, 2)), CAST(NULL AS TIMESTAMP(3)), ARRAY['z'], CAST(NULL AS ROW<a BIGINT, b STRING>))"
	)
	registry := testserver.SchemaRegistry(t)
	descriptor := filepath.Join(t.TempDir(), "m.proto")
	if err := os.WriteFile(descriptor, []byte(`syntax = "proto3"; import "google/protobuf/timestamp.proto";
		message M { W who = 1; int32 id = 3; optional string name = 4; optional string price = 5; google.protobuf.Timestamp at_ts = 6; repeated string tags = 7; }
		message W { int64 a = 1; string b = 2; }`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"json", "csv", "avro", "avro-confluent", "json-registry", "protobuf", "protobuf-confluent"} {
		t.Run(format, func(t *testing.T) {
			columns, rows := columns, rows
			if strings.HasPrefix(format, "protobuf") { // it has no decimals
				columns = strings.Replace(columns, "DECIMAL(10, 2)", "STRING", 1)
				rows = strings.NewReplacer("12.34", "'12.34'", "DECIMAL(10, 2)", "STRING").Replace(rows)
			}
			address, _ := broker(t)
			env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
			options := []string{"'connector' = 'kafka'", "'format' = '" + format + "'", wholeTopic, "'scan.bounded.mode' = 'latest-offset'"}
			switch format {
			case "avro-confluent", "json-registry", "protobuf-confluent":
				options = append(options, "'"+format+".url' = '"+registry.URL()+"'")
			case "protobuf":
				options = append(options, "'protobuf.descriptor-file' = '"+descriptor+"'", "'protobuf.message-name' = 'M'")
			}
			sqltest.Run(t, env, topicTable(address, columns, options...)+
				"INSERT INTO t VALUES "+rows+";")
			got := sqltest.Texts(t, env, `SELECT CAST(id AS STRING) || ' ' || name || ' ' || COALESCE(CAST(price AS STRING) || ' ' || CAST(at_ts AS STRING), 'nothing') || ' ' ||
				tags[1] || ' ' || COALESCE(who.b || CAST(who.a AS STRING), 'nobody') FROM t`)
			slices.Sort(got)
			if want := []string{`1 a, "b" 12.34 2024-02-29 01:02:03.004 x in7`, "2 n nothing z nobody"}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
			if got := sqltest.Texts(t, env, "SELECT CAST(SUM(who.a) AS STRING) FROM t"); got[0] != "7" {
				t.Errorf("a field of a row: %q", got)
			}
		})
	}
}

// TestKafkaFormatsChanges: a query whose results change goes through a topic as changes
// with a schema, and comes out as the same result.
func TestKafkaFormatsChanges(t *testing.T) {
	registry := testserver.SchemaRegistry(t)
	address, _ := broker(t)
	env := sqltest.Env(t, nil)
	sqltest.Run(t, env, topicTable(address, "name STRING, n BIGINT", "'connector' = 'kafka'", "'format' = 'debezium-avro-confluent'",
		"'debezium-avro-confluent.url' = '"+registry.URL()+"'", wholeTopic, "'scan.bounded.mode' = 'latest-offset'")+`
		INSERT INTO t SELECT name, COUNT(*) FROM (VALUES ('a'), ('b'), ('a'), ('a')) AS words (name) GROUP BY name;`)
	if got := sqltest.Texts(t, env, "SELECT name || ' ' || CAST(n AS STRING) FROM t ORDER BY name"); !slices.Equal(got, []string{"a 3", "b 1"}) {
		t.Errorf("%q", got)
	}
}

// TestKafkaFormatsBad: what a format cannot read is a dead letter, whole.
func TestKafkaFormatsBad(t *testing.T) {
	registry := testserver.SchemaRegistry(t)
	for _, c := range []struct {
		format, message, reason string
	}{
		{"csv", "1,2,3", "3 fields, want 1"},
		{"avro", "\x02", "field id: the message ends too early"},
		{"avro-confluent", "x", "the message does not begin with a zero and the id of a schema, as those of a schema registry do"},
		{"avro-confluent", "\x00\x00\x00\x00\x07x", "the schema registry does not know it"},
		{"debezium-avro-confluent", "\x00\x00\x00\x00\x07x", "the schema registry does not know it"},
		{"protobuf-confluent", "\x00\x00\x00\x00\x07x", "the schema registry does not know it"},
		{"protobuf", "\x08", "not a message of Protobuf"},
		{"json-registry", "{}", "the message does not begin with a zero and the id of a schema, as those of a schema registry do"},
	} {
		address, client := broker(t)
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "out", Value: []byte(c.message)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		env := sqltest.Env(t, nil)
		options := []string{"'connector' = 'kafka'", "'format' = '" + c.format + "'", wholeTopic, "'scan.bounded.mode' = 'latest-offset'", "'error.policy' = 'dead-letter'", "'error.table' = 'dead'"}
		switch c.format {
		case "csv", "avro":
		case "protobuf":
			if err := os.WriteFile(dir+"/m.proto", []byte(`syntax = "proto3"; message M { int32 id = 1; }`), 0o600); err != nil {
				t.Fatal(err)
			}
			options = append(options, "'protobuf.descriptor-file' = '"+dir+"/m.proto'", "'protobuf.message-name' = 'M'")
		default:
			options = append(options, "'"+c.format+".url' = '"+registry.URL()+"'")
		}
		sqltest.Run(t, env, topicTable(address, "id INT", options...)+fmt.Sprintf(`
			CREATE TABLE dead (reason STRING, bytes BYTES) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%[1]s/dead');
			CREATE TABLE good (id INT, n BIGINT) WITH ('connector' = 'filesystem', 'format' = 'debezium-json', 'path' = '%[1]s/good');
			INSERT INTO good SELECT id, COUNT(*) FROM t GROUP BY id;`, dir))
		got := sqltest.Texts(t, env, "SELECT reason || ' ' || CAST(bytes AS STRING) FROM dead")
		if len(got) != 1 || !strings.HasSuffix(got[0], c.reason+" "+c.message) {
			t.Errorf("%s: %q, want %q of %q", c.format, got, c.reason, c.message)
		}
	}
}
