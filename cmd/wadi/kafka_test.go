package main

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// openTransaction is the address of a broker in which transaction p-1 is open.
func openTransaction(t *testing.T) (address string) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	address = cluster.ListenAddrs()[0]
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.TransactionalID("p-1"), kgo.DefaultProduceTopic("t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(t.Context(), kgo.StringRecord("x")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return address
}

// TestAbortTransactions: open transactions of a prefix are shown, and ended.
func TestAbortTransactions(t *testing.T) {
	address := openTransaction(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "--transactional-id-prefix is missing"},
		{[]string{"--transactional-id-prefix", "q"}, "no transaction of q is open"},
		{[]string{"--transactional-id-prefix", "p", "--property", "x"}, "want key=value"},
		{[]string{"--transactional-id-prefix", "p", "--property", "fetch.min.byte=1"}, "did you mean 'fetch.min.bytes'?"},
		{[]string{"--transactional-id-prefix", "p", "--dry-run"}, "open"},
		{[]string{"--transactional-id-prefix", "p"}, "aborted"},
		{[]string{"--transactional-id-prefix", "p"}, "no transaction of p is open"},
	} {
		root := newRoot()
		var out strings.Builder
		root.SetOut(&out)
		root.SetArgs(append([]string{"kafka", "abort-transactions", "--bootstrap-servers", address}, c.args...))
		if err := root.Execute(); err != nil {
			out.WriteString(err.Error())
		}
		if !strings.Contains(out.String(), c.want) {
			t.Errorf("%v: %s, want %s", c.args, out.String(), c.want)
		}
	}
}
