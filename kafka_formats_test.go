package wadi_test

import (
	"slices"
	"testing"
)

// TestKafkaFormats: rows that go through a topic in a format come back as they were.
func TestKafkaFormats(t *testing.T) {
	const (
		columns = "id INT NOT NULL, name STRING, price DECIMAL(10, 2), at_ts TIMESTAMP(3), tags ARRAY<STRING>, who ROW<a BIGINT, b STRING>"
		rows    = "(1, 'a, \"b\"', 12.34, TIMESTAMP '2024-02-29 01:02:03.004', ARRAY['x', 'y'], ROW(CAST(7 AS BIGINT), 'in')), " +
			"(2, 'n', CAST(NULL AS DECIMAL(10, 2)), CAST(NULL AS TIMESTAMP(3)), ARRAY['z'], CAST(NULL AS ROW<a BIGINT, b STRING>))"
	)
	for _, format := range []string{"json", "csv", "avro"} {
		t.Run(format, func(t *testing.T) {
			address, _ := broker(t)
			env := localEnv(t, map[string]string{"execution.runtime-mode": "batch"})
			run(t, env, topicTable(address, columns, "'connector' = 'kafka'", "'format' = '"+format+"'", wholeTopic, "'scan.bounded.mode' = 'latest-offset'")+
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
