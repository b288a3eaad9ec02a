package kafka

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi/connect/format"
	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// Connectors offer topics: 'connector' = 'kafka', 'upsert-kafka' and 'eventhubs'.
func Connectors() []*ops.Connector {
	byKey := func(t job.Table) bool { return t.Connector == upsertConnector }
	changing := func(t job.Table) bool {
		return byKey(t) || format.WritesChanges(t.Options["format"]) || format.WritesChanges(t.Options["value.format"])
	}
	var all []*ops.Connector
	for _, name := range []string{"kafka", upsertConnector, eventHubs} {
		all = append(all, &ops.Connector{
			Name: name, Options: slices.Concat(optionsOf(name), prefixed("key."), prefixed("value."), format.Options()),
			Resolve: resolve, Source: open, Projects: true, Metadata: metadataKeys(),
			Beside: ops.Suffixed("topic", "sink.transactional-id-prefix"), Again: anotherGroup,
			Sink: openSink, Changes: changing, KeyDeletes: byKey, Retracts: func(t job.Table) bool { return !byKey(t) },
			Publishes: func(t job.Table) bool { return t.Options["sink.delivery-guarantee"] == string(exactlyOnce) },
		})
	}
	return all
}

// anotherGroup commits offsets to a group of its own.
func anotherGroup(t job.Table, suffix string) (job.Table, error) {
	const group = "properties.group.id"
	if t.Options[group] == "" {
		return t, nil
	}
	return ops.Suffixed(group)(t, suffix)
}

// prefixed are the options of formats behind a prefix.
func prefixed(prefix string) []ops.Option {
	all := format.Options()
	for i := range all {
		all[i].Key = prefix + all[i].Key
	}
	return all
}

// optionsOf are those of a connector, without those of formats.
func optionsOf(connector string) []ops.Option {
	switch connector {
	case upsertConnector:
		return slices.Concat(upsertOptions, common)
	case eventHubs:
		return slices.Concat(eventHubsOptions, options, common)
	}
	return slices.Concat(options, common)
}

// common are the options of both connectors.
var common = []ops.Option{
	{Key: "topic", Help: "The topic, or several separated by semicolons."},
	{Key: "properties.bootstrap.servers", Help: "host:port of a broker, or several separated by commas."},
	{Key: "properties.#", Help: "A property of a Kafka client, as Kafka calls it: group.id, security.protocol, sasl.jaas.config, …"},
	{Key: "key.format", Help: "How a record's key is written, like format."},
	{Key: "key.fields-prefix", Help: "What the names of the key's columns begin with; the key's fields are without it."},
	{Key: "value.format", Help: "How a record's value is written."},
	{Key: "value.fields-include", Default: "ALL", Help: "ALL, or EXCEPT_KEY: whether the columns of the key are in the value, too."},
	{Key: "scan.bounded.mode", Default: "unbounded", Help: "Where to end: unbounded, latest-offset, group-offsets, timestamp or specific-offsets."},
	{Key: "scan.bounded.specific-offsets", Help: "As scan.startup.specific-offsets; the offset itself is not read."},
	{Key: "scan.bounded.timestamp-millis", Help: "Milliseconds since 1970: records that are not older are not read."},
	{Key: "scan.topic-partition-discovery.interval", Default: "5 min", Help: "How often to look for new partitions; 0 means never."},
	{Key: "scan.watermark.idle-timeout", Help: "After how long without records a partition does not hold the watermark back; otherwise table.exec.source.idle-timeout."},
	{Key: idleAtEnd, Default: "false", Help: "Whether a partition that was read to its end is idle at once, until it has records again."},
	{Key: "scan.watermark.alignment.group", Help: "Sources of a group do not run ahead of one another in event time."},
	{Key: "scan.watermark.alignment.max-drift", Help: "How far ahead of the slowest partition of the group others may be."},
	{Key: "scan.watermark.alignment.update-interval", Default: "1 s", Help: "How often that is looked at."},
	{Key: "scan.parallelism", Help: "How many tasks read."},
	{Key: "sink.parallelism", Help: "How many tasks write."},
	{Key: "sink.delivery-guarantee", Default: "at-least-once", Help: "at-least-once, exactly-once (transactions) or none."},
	{Key: "sink.transactional-id-prefix", Help: "What the transactional ids of the job begin with; no other job may use it."},
	{Key: "sink.partitioner", Default: "default", Help: "To which partition rows go: default (by their key; without keys spread, some at a time), fixed (one for each task) or round-robin."},
	{Key: "error.policy", Default: "fail", Help: "What to do with a record that cannot be read: fail, skip, or dead-letter."},
	{Key: "error.table", Help: "The table that receives the dead letters."},
}

var upsertOptions = []ops.Option{
	{Key: "sink.buffer-flush.max-rows", Default: "0", Help: "How many keys are gathered before their newest rows are written; 0 means none."},
	{Key: "sink.buffer-flush.interval", Default: "0", Help: "How long they are gathered at the most; 0 means not at all."},
}

var options = []ops.Option{
	{Key: "topic-pattern", Help: "A regular expression for the topics, in place of topic."},
	{Key: "format", Help: "How a record's value is written, the same as value.format: json, raw, debezium-json, canal-json, maxwell-json or ogg-json."},
	{Key: "key.fields", Help: "The columns in a record's key, separated by semicolons."},
	{Key: "scan.startup.mode", Default: "group-offsets", Help: "Where to begin: group-offsets, earliest-offset, latest-offset, timestamp or specific-offsets."},
	{Key: "scan.startup.specific-offsets", Help: "partition:0,offset:42;partition:1,offset:300."},
	{Key: "scan.startup.timestamp-millis", Help: "Milliseconds since 1970: the first record that is not older."},
}

// policy says what becomes of a record that cannot be read.
type policy uint8

const (
	fail policy = iota
	skip
	deadLetter
)

var policies = map[string]policy{"": fail, "fail": fail, "skip": skip, "dead-letter": deadLetter}

// resolve checks the options. The columns must be declared.
func resolve(_ context.Context, t job.Table) (job.Table, error) {
	if _, err := parse(t); err != nil {
		return t, fmt.Errorf("table %s: %w", t.Ident, err)
	}
	if t.Schema.Schema == nil || t.Schema.NumFields() == 0 {
		return t, fmt.Errorf("%w: table %s: a Kafka table declares its columns", job.ErrInvalid, t.Ident)
	}
	return t, nil
}

func open(_ context.Context, scan ops.Scan) (ops.Source, error) {
	c, err := parse(scan.Table)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", scan.Table.Ident, err)
	}
	s := &source{config: *c, table: scan.Table}
	if err = c.readable(); err == nil {
		err = s.plan(scan)
	}
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", scan.Table.Ident, err)
	}
	return s, nil
}

// source is a table of records.
type source struct {
	config
	table  job.Table
	schema *arrow.Schema // of the scan
	// fromKey and fromValue are the columns that are in a record's key and value,
	// and meta those that tell about the record. Of each column of the scan, places
	// says which it is.
	fromKey, fromValue fields
	meta               []metadata
	places             []place
}

// fields are columns of a scan, with their paths.
type fields struct {
	schema *arrow.Schema
	paths  [][]string
}

// place is where a column of a scan comes from.
type place struct {
	part part
	i    int // in it
}

// part is what of a record has a column.
type part uint8

const (
	inValue part = iota
	inKey
	inMeta
)

func (s *source) plan(scan ops.Scan) error {
	schema, paths, err := scan.Flat()
	if err != nil {
		return err
	}
	s.schema = schema
	all := scan.Table.Schema.Schema
	var columns [2][]arrow.Field
	for i, f := range schema.Fields() {
		if key, ok := f.Metadata.GetValue(ops.MetadataColumn); ok {
			m, err := metadataOf(f, key)
			if err != nil {
				return err
			}
			s.places = append(s.places, place{inMeta, len(s.meta)})
			s.meta = append(s.meta, m)
			continue
		}
		from, of := inValue, &s.fromValue
		if at := all.FieldIndices(paths[i][0])[0]; s.key.has(at) && (s.upsert || !s.value.has(at)) {
			from, of = inKey, &s.fromKey
		}
		s.places = append(s.places, place{from, len(columns[from])})
		columns[from], of.paths = append(columns[from], f), append(of.paths, paths[i])
	}
	s.fromValue.schema, s.fromKey.schema = arrow.NewSchema(columns[inValue], nil), arrow.NewSchema(columns[inKey], nil)
	_, _, err = s.decoders()
	return err
}

// decoders are those of a record's key, which is nil if no column is in it, and of
// its value.
func (s *source) decoders() (key, value format.Decoder, err error) {
	if value, err = s.value.decoder(s.fromValue.schema, s.fromValue.paths); err != nil {
		return nil, nil, err
	}
	if s.upsert || s.fromKey.paths != nil {
		key, err = s.key.decoder(s.fromKey.schema, s.fromKey.paths)
	}
	return key, value, err
}

func (s *source) Schema() *arrow.Schema { return s.schema }
func (s *source) Bounded() bool         { return s.end.mode != unbounded }

// Updating implements ops.Updating.
func (s *source) Updating() bool { return s.value.format.Changes || s.upsert }

// Upserts implements ops.Upserting.
func (s *source) Upserts() bool { return s.upsert }

// connect makes a client, and one that asks about topics. The properties of the table
// come before what is to be otherwise.
func (c *config) connect(otherwise ...kgo.Opt) (*kgo.Client, *kadm.Client, error) {
	opts, err := c.properties.client()
	if err != nil {
		return nil, nil, err
	}
	all := append([]kgo.Opt{kgo.MetadataMinAge(leadership), kgo.UnknownTopicRetries(unknownTries)}, otherwise...)
	cl, err := kgo.NewClient(append(all, opts...)...)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: connect to Kafka: %w", job.ErrInvalid, err)
	}
	return cl, kadm.NewClient(cl), nil
}

// unknown refuses options that mean nothing.
func unknown(t job.Table) error {
	keys := ops.Keys(optionsOf(t.Connector))
	name := cmp.Or(t.Options["value.format"], t.Options["format"])
	for option, plain := range map[string]string{"format": "", "value.format": "value.", "key.format": "key."} {
		if f, err := format.Of(t.Options[option]); err == nil {
			for _, key := range ops.Keys(f.Options) {
				keys = append(keys, plain+key)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(t.Options)) {
		if key != "connector" && !strings.HasPrefix(key, prefix) && !slices.Contains(keys, key) {
			return fmt.Errorf("%w: unknown option '%s' of connector %s with format %s%s", job.ErrInvalid, key, cmp.Or(t.Connector, "kafka"), name, nearest.Hint(key, keys, "'"))
		}
	}
	return nil
}
