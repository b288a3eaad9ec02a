package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const costScript = `
CREATE TABLE bids (auction BIGINT, price BIGINT, spot ROW<place STRING>, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
  WITH ('connector'='kafka', 'topic'='bids', 'properties.bootstrap.servers'='127.0.0.1:1', 'format'='json', 'scan.startup.mode'='earliest-offset');
CREATE TABLE tops (s TIMESTAMP(3), auction BIGINT, n BIGINT) WITH ('connector'='filesystem', 'format'='csv', 'path'='file:///nowhere/at/all');
CALL none.such_procedure();
DROP TABLE no_such_table;
INSERT INTO tops SELECT window_start, auction, COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, auction;
`

// costOf runs wadi cost and returns what it prints.
func costOf(t *testing.T, more ...string) string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "job.sql")
	if err := os.WriteFile(script, []byte(costScript), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	root := newRoot()
	root.SetOut(&out)
	root.SetArgs(append([]string{"cost", script}, more...))
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestCost: a forecast for each gear of a job whose tables are out of reach, which
// it does not need.
func TestCost(t *testing.T) {
	var r costReport
	if err := json.Unmarshal([]byte(costOf(t, "--events-per-second", "1000", "--freshness", "10 min", "--measure", "200ms", "--json")), &r); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.SpeedFrom, "measured now with rows of datagen") || r.Speed <= 0 || r.Speed > 2.2e6 || r.Stages != 1 || len(r.Gears) != 3 {
		t.Errorf("%+v", r)
	}
	by := map[string]forecastEntry{}
	for _, g := range r.Gears {
		by[g.Gear] = g
		if !g.Holds || g.USDPerHour <= 0 || g.USDPerMonth <= 700*g.USDPerHour {
			t.Errorf("%+v", g)
		}
	}
	if by["functions"].USDPerHour > by["pipelined"].USDPerHour/5 || by["functions"].Usage.Invocations == 0 {
		t.Errorf("%+v", r.Gears)
	}
	text := costOf(t, "--events-per-second", "1e6", "--rows-per-core-second", "1e6", "-D", "cost.prices=azure", "-D", "cost.price.core-hour=7")
	for _, want := range []string{"workers, 100 %", "as it was said", "azure, East US", "The cheapest that is as fresh: functions", "some are set", "functions"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
