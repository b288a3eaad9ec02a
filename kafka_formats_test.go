package wadi_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

// TestKafkaFormats: rows that go through a topic in a format come back as they were.
func TestKafkaFormats(t *testing.T) {
	const (
		columns = "id INT NOT NULL, name STRING, price DECIMAL(10, 2), at_ts TIMESTAMP(3), tags ARRAY<STRING>, who ROW<a BIGINT, b STRING>"
		rows    = "(1, 'a, \"b\"', 12.34, TIMESTAMP '2024-02-29 01:02:03.004', ARRAY['x', 'y'], ROW(CAST(7 AS BIGINT), 'in')), " +
			"(2, 'n', CAST(NULL AS DECIMAL(10, 2)), CAST(NULL AS TIMESTAMP(3)), ARRAY['z'], CAST(NULL AS ROW<a BIGINT, b STRING>))"
	)
	registry := srfake.New()
	defer registry.Close()
	for _, format := range []string{"json", "csv", "avro", "avro-confluent"} {
		t.Run(format, func(t *testing.T) {
			address, _ := broker(t)
			env := localEnv(t, map[string]string{"execution.runtime-mode": "batch"})
			options := []string{"'connector' = 'kafka'", "'format' = '" + format + "'", wholeTopic, "'scan.bounded.mode' = 'latest-offset'"}
			if format == "avro-confluent" {
				options = append(options, "'avro-confluent.url' = '"+registry.URL()+"'")
			}
			run(t, env, topicTable(address, columns, options...)+
				"INSERT INTO t VALUES "+rows+";")
			got := texts(t, env, `SELECT CAST(id AS STRING) || ' ' || name || ' ' || COALESCE(CAST(price AS STRING) || ' ' || CAST(at_ts AS STRING), 'nothing') || ' ' ||
				tags[1] || ' ' || COALESCE(who.b || CAST(who.a AS STRING), 'nobody') FROM t`)
			slices.Sort(got)
			if want := []string{`1 a, "b" 12.34 2024-02-29 01:02:03.004 x in7`, "2 n nothing z nobody"}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
			if got := texts(t, env, "SELECT CAST(SUM(who.a) AS STRING) FROM t"); got[0] != "7" {
				t.Errorf("a field of a row: %q", got)
			}
		})
	}
}

// TestKafkaFormatsBad: what a format cannot read is a dead letter, whole.
func TestKafkaFormatsBad(t *testing.T) {
	registry := srfake.New()
	defer registry.Close()
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
		env := localEnv(t, nil)
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
		run(t, env, topicTable(address, "id INT", options...)+fmt.Sprintf(`
			CREATE TABLE dead (reason STRING, bytes BYTES) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%[1]s/dead');
			CREATE TABLE good (id INT, n BIGINT) WITH ('connector' = 'filesystem', 'format' = 'debezium-json', 'path' = '%[1]s/good');
			INSERT INTO good SELECT id, COUNT(*) FROM t GROUP BY id;`, dir))
		got := texts(t, env, "SELECT reason || ' ' || CAST(bytes AS STRING) FROM dead")
		if len(got) != 1 || !strings.HasSuffix(got[0], c.reason+" "+c.message) {
			t.Errorf("%s: %q, want %q of %q", c.format, got, c.reason, c.message)
		}
	}
}
