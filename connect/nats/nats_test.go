package nats_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/sqltest"
	"github.com/wadi-engine/wadi/internal/testserver"
)

// natsStream starts a server with the streams IN (of in.*) and OUT (of out).
func natsStream(t *testing.T) (url string, js jetstream.JetStream) {
	t.Helper()
	testserver.InProcess(t, "NATS server")
	s, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server is not ready")
	}
	conn, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if js, err = jetstream.New(conn); err != nil {
		t.Fatal(err)
	}
	for name, subject := range map[string]string{"IN": "in.*", "OUT": "out"} {
		if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{subject}}); err != nil {
			t.Fatal(err)
		}
	}
	return s.ClientURL(), js
}

func publish(t *testing.T, js jetstream.JetStream, subject, data string) {
	t.Helper()
	if _, err := js.Publish(t.Context(), subject, []byte(data)); err != nil {
		t.Fatal(err)
	}
}

// TestNATS: a stream is read from where the options say up to its end, messages that
// cannot be read are dead letters, and rows are written.
func TestNATS(t *testing.T) {
	url, js := natsStream(t)
	for i := range 10 {
		publish(t, js, fmt.Sprintf("in.%d", i%2), fmt.Sprintf(`{"id":%d}`, i))
	}
	publish(t, js, "in.0", `{"id":"x"}`)
	dir := filepath.ToSlash(t.TempDir())
	table := func(name, options string) string {
		return "CREATE TABLE " + name + " (id INT) WITH ('connector' = 'nats', 'servers' = '" + url + "', 'format' = 'json', " + options + ");"
	}
	dead := "CREATE TABLE dead (source STRING, split STRING, `position` BIGINT, bytes BYTES) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '" + dir + "/dead');"
	const read = "'stream' = 'IN', 'scan.bounded.mode' = 'latest'"
	for options, want := range map[string]string{
		read + ", 'error.policy' = 'skip'":                                                                                       "0,1,2,3,4,5,6,7,8,9",
		read + ", 'error.policy' = 'dead-letter', 'error.table' = 'dead', 'subject' = 'in.0'":                                    "0,2,4,6,8",
		read + ", 'error.policy' = 'skip', 'scan.startup.mode' = 'sequence', 'scan.startup.sequence' = '9'":                      "8,9",
		read + ", 'error.policy' = 'skip', 'scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '1'":             "0,1,2,3,4,5,6,7,8,9",
		read + ", 'error.policy' = 'skip', 'scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '9999999999999'": "",
		read + ", 'scan.startup.mode' = 'latest'":                                                                                "",
		read + ", 'subject' = 'in.9'": "",
	} {
		env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
		sqltest.Run(t, env, dead+table("numbers", options))
		if got := strings.Join(sqltest.Texts(t, env, "SELECT CAST(id AS STRING) FROM numbers"), ","); got != want {
			t.Errorf("%s: %s, want %s", options, got, want)
		}
	}
	env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
	sqltest.Run(t, env, dead+table("numbers", read+", 'error.policy' = 'dead-letter', 'error.table' = 'dead'")+table("target", "'subject' = 'out'")+
		"INSERT INTO target SELECT id * 10 FROM numbers;"+table("written", "'stream' = 'OUT', 'scan.bounded.mode' = 'latest'"))
	if got := sqltest.Texts(t, env, "SELECT CAST(id AS STRING) FROM written"); len(got) != 10 || got[9] != "90" {
		t.Errorf("written: %q", got)
	}
	if got, want := sqltest.Texts(t, env, "SELECT DISTINCT split || ' ' || CAST(`position` AS STRING) || ' ' || CAST(bytes AS STRING) FROM dead"), []string{`IN 11 {"id":"x"}`}; !slices.Equal(got, want) {
		t.Errorf("dead letters %q, want %q", got, want)
	}
	_, err := env.SQL("SELECT * FROM numbers /*+ OPTIONS('error.policy' = 'fail') */").Collect(t.Context())
	if err == nil || !strings.Contains(err.Error(), "IN, message 11") {
		t.Errorf("error %v", err)
	}
	_, err = env.SQL("SELECT * FROM numbers /*+ OPTIONS('stream' = 'NOWHERE') */").Collect(t.Context())
	if err == nil || !strings.Contains(err.Error(), "there is no stream NOWHERE") {
		t.Errorf("error %v", err)
	}
}

// TestNATSRegistry: messages whose schema is in a registry are written and read.
func TestNATSRegistry(t *testing.T) {
	url, _ := natsStream(t)
	registry := testserver.SchemaRegistry(t)
	for i, format := range []string{"avro-confluent", "json-registry", "protobuf-confluent"} {
		env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
		table := func(name, options string) string {
			return fmt.Sprintf("CREATE TABLE %[1]s (id INT) WITH ('connector' = 'nats', 'servers' = '%[2]s', 'format' = '%[3]s', '%[3]s.url' = '%[4]s', '%[3]s.subject' = '%[3]s', %[5]s);",
				name, url, format, registry.URL(), options)
		}
		sqltest.Run(t, env, table("target", "'subject' = 'out'")+"INSERT INTO target VALUES (7);"+
			table("written", fmt.Sprintf("'stream' = 'OUT', 'scan.bounded.mode' = 'latest', 'scan.startup.mode' = 'sequence', 'scan.startup.sequence' = '%d'", i+1)))
		if got := sqltest.Texts(t, env, "SELECT CAST(id AS STRING) FROM written"); !slices.Equal(got, []string{"7"}) {
			t.Errorf("%s: %q", format, got)
		}
	}
}

// TestNATSRestore: every message is read exactly once by jobs that are canceled at
// any moment.
func TestNATSRestore(t *testing.T) {
	url, js := natsStream(t)
	dir := filepath.ToSlash(t.TempDir())
	config := map[string]string{
		"execution.runtime-mode": "streaming", "execution.checkpointing.interval": "30 ms", "execution.checkpointing.dir": "file://" + dir + "/checkpoints",
	}
	const taken = "CREATE TABLE taken (id INT) WITH ('connector' = 'filesystem', 'path' = '%s/taken', 'format' = 'json');"
	script := "SET 'pipeline.name' = 'copy'; CREATE TABLE numbers (id INT) WITH ('connector' = 'nats', 'servers' = '" + url + "', 'format' = 'json', 'stream' = 'IN');" +
		fmt.Sprintf(taken, dir) + "INSERT INTO taken SELECT * FROM numbers;"
	id, want := 0, []string(nil)
	for round := range 5 {
		started, err := sqltest.Pipeline(t, sqltest.Env(t, config), script).Start(t.Context(), wadi.RestoreLatest)
		if err != nil {
			t.Fatal(err)
		}
		for range 50 {
			id++
			publish(t, js, "in.x", fmt.Sprintf(`{"id":%d}`, id))
			want = append(want, fmt.Sprint(id))
		}
		if round < 4 {
			started.Cancel(context.Canceled)
			_, _ = started.Wait() // it was canceled
			continue
		}
		await.Text(t, fmt.Sprint(id), func() string {
			env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
			sqltest.Run(t, env, fmt.Sprintf(taken, dir))
			rows, err := env.SQL("SELECT id FROM taken").Collect(t.Context())
			if err != nil { // there is no file yet
				return err.Error()
			}
			n := int64(0)
			for _, r := range rows {
				n += r.NumRows()
				r.Release()
			}
			return fmt.Sprint(n)
		})
		if _, err := started.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
	sqltest.Run(t, env, fmt.Sprintf(taken, dir))
	if got := sqltest.Texts(t, env, "SELECT CAST(id AS STRING) FROM taken"); !slices.Equal(got, want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
}
