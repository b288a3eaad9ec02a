package files

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/zeebo/xxh3"

	"github.com/wadi-engine/wadi/connect/format/compress"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Env is what this package needs of the process.
type Env struct {
	Stores *objstore.Stores
	// Now is the clock for the age of files; nil means time.Now.
	Now func() time.Time
	// Formats adds to those of this package, as "parquet" does.
	Formats map[string]Format
}

func (e Env) now() time.Time {
	if e.Now == nil {
		return time.Now() //nolint:forbidigo // the clock of those who give none
	}
	return e.Now()
}

// Options are the keys that the sink of a filesystem table reads.
var Options = slices.Concat([]ops.Option{
	{Key: "path", Help: "Directory or URL below which files are written."},
	{Key: "format", Help: "csv, json, parquet, avro, raw, debezium-json, canal-json, maxwell-json or ogg-json."},
	{Key: optCompression, Default: "none", Help: "How files of lines are compressed: none, gzip, zstd, snappy, lz4, deflate or xz."},
	{Key: optRollSize, Default: defaultRollSize, Help: "Size at which a file is closed and another begun."},
	{Key: "sink.rolling-policy.rollover-interval", Default: "30 min", Help: "Age at which a file is closed; every checkpoint closes files too."},
	{Key: "sink.rolling-policy.check-interval", Default: "1 min", Help: "How often the ages of files are looked at."},
}, compactionOptions, policyOptions, []ops.Option{
	{Key: "partition.default-name", Default: "__DEFAULT_PARTITION__", Help: "Directory of rows whose partition column is NULL or empty."},
	{Key: "sink.parallelism", Help: "How many tasks write."},
	{Key: "scan.parallelism", Help: "How many tasks read."},
	{Key: "csv.field-delimiter", Default: ",", Help: "What stands between columns."},
	{Key: "csv.quote-character", Default: `"`, Help: "What stands around values that hold delimiters."},
	{Key: "csv.disable-quote-character", Default: "false", Help: "Never quote."},
	{Key: "csv.escape-character", Help: "What stands before a quote within quotes; by default the quote itself."},
	{Key: "csv.null-literal", Help: "What NULL is written as; by default nothing."},
	{Key: "csv.array-element-delimiter", Default: ";", Help: "What stands between the elements of lists and rows."},
	{Key: "csv.header", Default: "false", Help: "Begin each file with the names of the columns."},
	{Key: "json.timestamp-format.standard", Default: "SQL", Help: "SQL or ISO-8601."},
	{Key: "json.encode.ignore-null-fields", Default: "false", Help: "Leave columns out that are NULL."},
	{Key: optAvroCodec, Default: "snappy", Help: "How Avro files are compressed: null, deflate, snappy, xz or zstandard."},
	{Key: optAvroLegacy, Default: "true", Help: "Whether TIMESTAMP is a timestamp-millis or -micros in Avro files; otherwise it is a local-timestamp."},
}, changeOptions(), objstore.Keys)

const (
	optRollSize     = "sink.rolling-policy.file-size"
	defaultRollSize = "128MB"
)

// Sink writes a table's rows to files below a directory.
type Sink struct {
	env        Env
	options    settings
	table      job.Ident
	schema     *arrow.Schema // of the batches, and behind it kindColumn if kinds
	kinds      bool          // the format says how each row changes the table
	by         []string      // partition columns
	rest       *arrow.Schema // of the files: without the partition columns
	format     Format
	extension  string // of the names of files
	fileSize   int64
	fileAge    time.Duration
	ageCheck   time.Duration
	policy     *policy
	compaction *compaction
	root       *objstore.Bucket
	overwrite  *job.Overwrite
}

var _ ops.Sink = (*Sink)(nil)

// NewSink is the Sink function of the connector "filesystem".
func NewSink(ctx context.Context, t job.Table, env Env) (*Sink, error) {
	s := &Sink{env: env, options: t.Options, table: t.Ident, schema: t.Schema.Schema, by: t.PartitionedBy, overwrite: t.Overwrite}
	if err := s.configure(ctx); err != nil {
		return nil, fmt.Errorf("table %s: %w", t.Ident, err)
	}
	return s, nil
}

func (s *Sink) configure(ctx context.Context) error {
	if s.schema == nil || s.schema.NumFields() == 0 {
		return fmt.Errorf("%w: a table that is written to needs columns", errInvalid)
	}
	if err := unwritten(s.schema); err != nil {
		return err
	}
	root := s.options.text("path", "")
	if root == "" {
		return fmt.Errorf("%w: option \"path\" is missing: the directory to write to", errInvalid)
	}
	var err error
	if s.kinds = Changelog(s.options); s.kinds {
		s.schema = kindSchema(s.schema)
	}
	if err := s.rolling(); err != nil {
		return err
	}
	if err := s.output(); err != nil {
		return err
	}
	if s.policy, err = newPolicy(s.options, s.by); err != nil {
		return err
	}
	if s.root, err = s.env.Stores.Open(ctx, root, objstore.Properties(s.options)); err != nil {
		return err
	}
	d, err := newDivider(s.schema, s.by, s.options.text("partition.default-name", "__DEFAULT_PARTITION__"))
	if err != nil {
		return err
	}
	s.rest = d.rest
	_, err = s.format.New(discard{}, d.rest, s.options, nil) // does it take these columns?
	return err
}

// output reads what files are like.
func (s *Sink) output() (err error) {
	name := s.options.text("format", "")
	if s.format, err = s.env.format(name); err != nil {
		return err
	}
	way := s.options.text(optCompression, "none")
	suffix, err := compress.Suffix(way)
	if err != nil {
		return fmt.Errorf("option %q: %w", optCompression, err)
	}
	if suffix != "" && s.format.Packs {
		return fmt.Errorf("%w: option %q is %q: files of the format %s are compressed inside, as '%s' says", errInvalid, optCompression, way, name, packing[name])
	}
	s.extension = name + suffix
	s.compaction, err = newCompaction(s.options, s.fileSize)
	return err
}

// packing are the options that say how a format compresses.
var packing = map[string]string{"parquet": "parquet.compression", "avro": "avro.codec"}

// rolling reads when files are closed between checkpoints.
func (s *Sink) rolling() (err error) {
	if s.fileSize, err = units.ParseSize(s.options.text(optRollSize, defaultRollSize)); err != nil {
		return fmt.Errorf("option \"sink.rolling-policy.file-size\": %w", err)
	}
	if s.fileAge, err = s.options.duration("sink.rolling-policy.rollover-interval", "30 min"); err != nil {
		return err
	}
	s.ageCheck, err = s.options.duration("sink.rolling-policy.check-interval", "1 min")
	return err
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// identity is how files of one sink of one job are told from all others: the
// first 8 digits of the job's id, and a hash of the whole of both.
func identity(job, sink string) string {
	return fmt.Sprintf("%.8s-%08x", job, uint32(xxh3.HashString(job+"\x00"+sink)))
}

// Writer implements ops.Sink.
func (s *Sink) Writer(_ context.Context, rt ops.Runtime) (ops.SinkWriter, error) {
	d, err := newDivider(s.schema, s.by, s.options.text("partition.default-name", "__DEFAULT_PARTITION__"))
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", s.table, err)
	}
	return newWriter(s, rt, d), nil
}

// Committer implements ops.Sink.
func (s *Sink) Committer(_ context.Context, id ops.SinkID) (ops.Committer, error) {
	name := identity(id.Job, id.Sink)
	return &Committer{sink: s, id: name, log: "_wadi/" + name + "/"}, nil
}

// receipt is a committable behind its version byte: one staged file, whose
// names are relative to the table's path, or what a task says of itself.
type receipt struct {
	Staged string `json:"staged,omitempty"`
	Final  string `json:"final,omitempty"`
	Rows   int64  `json:"rows,omitempty"`
	Bytes  int64  `json:"bytes,omitempty"`
	Begun  int64  `json:"begun,omitempty"` // milliseconds since 1970
	Task   *told  `json:"task,omitempty"`
}

// told is what a task says at the end of each epoch, if partitions may wait to
// be marked, and behind its last row.
type told struct {
	Index     int              `json:"index"`
	Of        int              `json:"of"`
	Watermark stream.Timestamp `json:"watermark"`
}

const receiptVersion = 1

func (r receipt) encode() (ops.Committable, error) {
	doc, err := json.Marshal(r)
	return append(ops.Committable{receiptVersion}, doc...), err
}

func decodeReceipt(c ops.Committable) (r receipt, err error) {
	if len(c) == 0 || c[0] != receiptVersion {
		return r, fmt.Errorf("%w: a committable is not of version %d: it was written by another version of the engine", errInvalid, receiptVersion)
	}
	if err := json.Unmarshal(c[1:], &r); err != nil {
		return r, fmt.Errorf("%w: a committable: %w", errInvalid, err)
	}
	return r, nil
}
