package kafka

import (
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

// Connector offers topics as 'connector' = 'kafka'.
func Connector() *ops.Connector {
	return &ops.Connector{
		Name: "kafka", Options: append(options[:len(options):len(options)], format.Options()...),
		Resolve: resolve, Source: open, Projects: true, Metadata: metadataKeys(),
		Sink: openSink, Changes: func(t job.Table) bool {
			return t.Options["format"] == changelog || t.Options["value.format"] == changelog
		},
	}
}

var options = []ops.Option{
	{Key: "topic", Help: "The topic, or several separated by semicolons."},
	{Key: "topic-pattern", Help: "A regular expression for the topics, in place of topic."},
	{Key: "properties.bootstrap.servers", Help: "host:port of a broker, or several separated by commas."},
	{Key: "properties.#", Help: "A property of a Kafka client, as Kafka calls it: group.id, security.protocol, sasl.jaas.config, …"},
	{Key: "format", Help: "How a record's value is written: json, raw, debezium-json, canal-json, maxwell-json or ogg-json."},
	{Key: "value.format", Help: "The same as format."},
	{Key: "scan.startup.mode", Default: "group-offsets", Help: "Where to begin: group-offsets, earliest-offset, latest-offset, timestamp or specific-offsets."},
	{Key: "scan.startup.specific-offsets", Help: "partition:0,offset:42;partition:1,offset:300."},
	{Key: "scan.startup.timestamp-millis", Help: "Milliseconds since 1970: the first record that is not older."},
	{Key: "scan.bounded.mode", Default: "unbounded", Help: "Where to end: unbounded, latest-offset, group-offsets, timestamp or specific-offsets."},
	{Key: "scan.bounded.specific-offsets", Help: "As scan.startup.specific-offsets; the offset itself is not read."},
	{Key: "scan.bounded.timestamp-millis", Help: "Milliseconds since 1970: records that are not older are not read."},
	{Key: "scan.topic-partition-discovery.interval", Default: "5 min", Help: "How often to look for new partitions; 0 means never."},
	{Key: "sink.partitioner", Default: "default", Help: "To which partition rows go: default (spread, some at a time), fixed (one for each task) or round-robin."},
	{Key: "sink.delivery-guarantee", Default: "at-least-once", Help: "at-least-once, exactly-once (transactions) or none."},
	{Key: "sink.transactional-id-prefix", Help: "What the transactional ids of the job begin with; no other job may use it."},
	{Key: "error.policy", Default: "fail", Help: "What to do with a record that cannot be read: fail, skip, or dead-letter."},
	{Key: "error.table", Help: "The table that receives the dead letters."},
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
	// values are the columns that are in a record's value, with their paths, and
	// meta those that tell about the record. Of each column of the scan, places
	// says which it is.
	values *arrow.Schema
	paths  [][]string
	meta   []metadata
	places []place
}

// place is where a column of a scan comes from.
type place struct {
	meta bool
	i    int // in meta or values
}

func (s *source) plan(scan ops.Scan) error {
	schema, paths, err := scan.Flat()
	if err != nil {
		return err
	}
	s.schema = schema
	var fields []arrow.Field
	for i, f := range schema.Fields() {
		key, ok := f.Metadata.GetValue(ops.MetadataColumn)
		if !ok {
			s.places = append(s.places, place{i: len(fields)})
			fields, s.paths = append(fields, f), append(s.paths, paths[i])
			continue
		}
		m := known[key]
		if m.name == "" || !arrow.TypeEqual(f.Type, m.of) {
			return fmt.Errorf("%w: column %s: the metadata '%s' of a record is %s", job.ErrInvalid, f.Name, key, m.of)
		}
		s.places = append(s.places, place{meta: true, i: len(s.meta)})
		s.meta = append(s.meta, m)
	}
	s.values = arrow.NewSchema(fields, nil)
	_, err = s.format.New(s.values, s.paths, s.options)
	return err
}

func (s *source) Schema() *arrow.Schema { return s.schema }
func (s *source) Bounded() bool         { return s.end.mode != unbounded }

// Updating implements ops.Updating.
func (s *source) Updating() bool { return s.format.Changes }

// connect makes a client, and one that asks about topics.
func (c *config) connect(more ...kgo.Opt) (*kgo.Client, *kadm.Client, error) {
	opts, err := c.properties.client()
	if err != nil {
		return nil, nil, err
	}
	cl, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: connect to Kafka: %w", job.ErrInvalid, err)
	}
	return cl, kadm.NewClient(cl), nil
}

// unknown refuses options that mean nothing.
func unknown(o map[string]string, f format.Format) error {
	keys := slices.Concat(ops.Keys(options), ops.Keys(f.Options))
	for _, key := range slices.Sorted(maps.Keys(o)) {
		if key != "connector" && !strings.HasPrefix(key, prefix) && !slices.Contains(keys, key) {
			return fmt.Errorf("%w: unknown option '%s' of connector kafka with format %s%s", job.ErrInvalid, key, f.Name, nearest.Hint(key, keys, "'"))
		}
	}
	return nil
}
