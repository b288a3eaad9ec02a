package kafka_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestEventHubs: a connection string is all that a table of Event Hubs needs, and its key
// is shown nowhere.
func TestEventHubs(t *testing.T) {
	const key = "SharedAccessKeyName=k;SharedAccessKey=se+cret/=;EntityPath=hub;UseDevelopmentEmulator=true"
	listening, err := kfake.NewCluster(kfake.NumBrokers(1)) // for an address that is free
	if err != nil {
		t.Fatal(err)
	}
	address := listening.ListenAddrs()[0]
	listening.Close()
	text := "Endpoint=sb://" + address + "/;" + key
	port := strings.Split(address, ":")[1]
	cluster, err := kfake.NewCluster(kfake.Ports(atoi(t, port)), kfake.EnableSASL(), kfake.Superuser("PLAIN", "$ConnectionString", text), kfake.SeedTopics(1, "hub", "other"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
	table := func(name, text string, more ...string) string {
		all := append([]string{"'connector' = 'eventhubs'", "'connection-string' = '" + text + "'", "'format' = 'json'", wholeTopic, "'scan.bounded.mode' = 'latest-offset'"}, more...)
		return "CREATE TABLE " + name + " (id INT) WITH (" + strings.Join(all, ", ") + ");"
	}
	sqltest.Run(t, env, table("t", text)+table("o", text, "'topic' = 'other'")+"INSERT INTO t VALUES (1), (2); INSERT INTO o VALUES (3);")
	got := sqltest.Texts(t, env, "SELECT CAST(id AS STRING) FROM t UNION ALL SELECT CAST(id AS STRING) FROM o")
	if slices.Sort(got); !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Error(got)
	}
	var shown string
	if err := env.Execute(t.Context(), "SHOW CREATE TABLE t", func(o wadi.Outcome) error {
		shown = fmt.Sprint(o.Record)
		return nil
	}); err != nil || strings.Contains(shown, "se+cret") || !strings.Contains(shown, "connection-string") {
		t.Errorf("SHOW CREATE TABLE says %s, %v", shown, err)
	}
	for _, c := range []struct{ text, want string }{
		{"", "'connection-string' is missing"},
		{"Endpoint=https://ns/;" + key, "holds no Endpoint=sb://"},
		{"Endpoint=sb://ns/;SharedAccessKeyName=k", "holds no SharedAccessKey=…"},
		{"Endpoint=sb://ns/;SharedAccessKeyName=k;SharedAccessKey=se+cret", "which event hub is not said"},
	} {
		bad := sqltest.Env(t, nil)
		sqltest.Run(t, bad, table("t", c.text))
		_, err := bad.SQL("SELECT id FROM t").Collect(t.Context())
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "se+cret") {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

func atoi(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
