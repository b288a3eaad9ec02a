package config

import (
	_ "embed"
	"fmt"
	"strings"
)

// unread lists the keys of Flink that have no meaning here, by reason.
//
//go:embed unread.txt
var unread string

// table is every key.
var table = func() []Key {
	var all []Key
	for _, s := range honoured {
		for _, k := range s.keys {
			k.Section = s.title
			all = append(all, k)
		}
	}
	for _, k := range pending {
		k.Fate = Unread
		all = append(all, k)
	}
	all = append(all, readUnread(unread)...)
	for name := range strings.FieldsSeq(relative) {
		all = append(all, Key{Name: name, Fate: Refused, Reason: "it is an option of one model, function, table or reporter, and stands there"})
	}
	return all
}()

// relative are names in Flink's lists of keys that are no keys of the
// configuration.
const relative = `address api-key async bind-address bind-port context-overflow-action dimension endpoint error-handling-strategy
	max-concurrent-operations max-context-size max-tokens model n output-mode partition.fields.#.date-formatter port presence-penalty response-format
	retry-fallback-strategy retry-num seed stop system-prompt temperature timeout top-p`

// readUnread reads lines of a key, its type, and behind <- its older names, below
// lines of == and the reason of those keys.
func readUnread(text string) []Key {
	var all []Key
	reason := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if r, ok := strings.CutPrefix(line, "== "); ok {
			reason = r
			continue
		}
		what, older, _ := strings.Cut(line, " <- ")
		name, kind, _ := strings.Cut(what, " ")
		k := Key{Name: name, Type: typeOf(kind), Fate: Unread, Reason: reason, Older: strings.Fields(older), Words: only[name]}
		all = append(all, k)
	}
	return all
}

// only are the values of keys that nobody reads, of those that may not be
// something else: to go on as if it had not been said would be wrong.
var only = map[string][]string{
	"table.sql-dialect":                     {"default"},
	"security.ssl.internal.keystore-type":   {"PEM"},
	"security.ssl.internal.truststore-type": {"PEM"},
	"security.ssl.rest.keystore-type":       {"PEM"},
	"security.ssl.rest.truststore-type":     {"PEM"},
}

func typeOf(name string) Type {
	for t := String; t <= Map; t++ {
		if t.String() == name {
			return t
		}
	}
	panic(fmt.Sprintf("config: no type %q", name))
}

// families are the beginnings of names that people complete.
var families = []Family{
	{Prefix: "metrics.reporter.", Text: "The keys of one reporter: factory.class, port and what else it takes."},
	{Prefix: "traces.reporter.", Text: "The keys of one reporter of spans: factory.class, exporter.endpoint and what else it takes."},
	{Prefix: "s3.", Text: "How checkpoints, and whatever says nothing else, reach S3; see filesystem.md. The environment of AWS otherwise."},
	{Prefix: "fs.s3a.", Text: "The same in Hadoop's names."},
	{Prefix: "azure.", Text: "How they reach Azure; see adls.md."},
	{Prefix: "adls.", Text: "The same in Iceberg's names."},
	{Prefix: "fs.azure.", Text: "The same in Hadoop's names."},
	{Prefix: "gs.", Text: "How they reach Google Cloud Storage."},
	{Prefix: "gcs.", Text: "The same in Iceberg's names."},
	{Prefix: "fs.gs.", Text: "The same in Hadoop's names."},
	{Prefix: "fs.", Fate: Unread, Reason: "only fs.s3a.*, fs.azure.* and fs.gs.* are of stores that are there"},
	{Prefix: "events.reporter.", Fate: Unread, Reason: "events are told by the REST API, as they happen"},
	{Prefix: "external-resource.", Fate: Unread, Reason: "tasks need no other resources than slots"},
	{Prefix: "security.delegation.token.provider.", Fate: Unread, Reason: "nothing here speaks Hadoop or Kerberos"},
	{Prefix: "flink.", Fate: Unread, Reason: "nothing here speaks Hadoop or YARN"},
	{Prefix: "containerized.", Fate: Unread, Reason: "the environment of a process is that of whoever starts it"},
	{Prefix: "env.", Fate: Unread, Reason: "there is no JVM, and the environment of a process is that of whoever starts it"},
	{Prefix: "kubernetes.", Fate: Unread, Reason: "whoever deploys it describes the pods: it starts none by itself"},
}
