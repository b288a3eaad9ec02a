package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/zeebo/xxh3"

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
	// Formats adds encoders, such as "parquet", to csv and json.
	Formats map[string]NewEncoder
}

func (e Env) now() time.Time {
	if e.Now == nil {
		return time.Now() //nolint:forbidigo // the clock of those who give none
	}
	return e.Now()
}

// Options are the keys that the sink of a filesystem table reads.
var Options = append([]ops.Option{
	{Key: "path", Help: "Directory or URL below which files are written."},
	{Key: "format", Help: "csv, json, debezium-json or parquet."},
	{Key: "sink.rolling-policy.file-size", Default: "128MB", Help: "Size at which a file is closed and another begun."},
	{Key: "sink.rolling-policy.rollover-interval", Default: "30 min", Help: "Age at which a file is closed; every checkpoint closes files too."},
	{Key: "sink.rolling-policy.check-interval", Default: "1 min", Help: "Accepted; files are checked at every batch."},
	{Key: "sink.partition-commit.policy.kind", Help: "success-file: write a marker into each directory when files have become visible there."},
	{Key: "sink.partition-commit.success-file.name", Default: "_SUCCESS", Help: "Name of that marker."},
	{Key: "sink.partition-commit.trigger", Default: "process-time", Help: "Only process-time: partitions are marked when their files are committed."},
	{Key: "sink.partition-commit.delay", Default: "0 s", Help: "Only 0 s."},
	{Key: "partition.default-name", Default: "__DEFAULT_PARTITION__", Help: "Directory of rows whose partition column is NULL or empty."},
	{Key: "csv.field-delimiter", Default: ",", Help: "What stands between columns."},
	{Key: "csv.quote-character", Default: `"`, Help: "What stands around values that hold delimiters."},
	{Key: "csv.disable-quote-character", Default: "false", Help: "Never quote."},
	{Key: "csv.escape-character", Help: "What stands before a quote within quotes; by default the quote itself."},
	{Key: "csv.null-literal", Help: "What NULL is written as; by default nothing."},
	{Key: "csv.array-element-delimiter", Default: ";", Help: "What stands between the elements of lists and rows."},
	{Key: "csv.header", Default: "false", Help: "Begin each file with the names of the columns."},
	{Key: "json.timestamp-format.standard", Default: "SQL", Help: "SQL or ISO-8601."},
	{Key: "json.encode.ignore-null-fields", Default: "false", Help: "Leave columns out that are NULL."},
	{Key: "debezium-json.timestamp-format.standard", Default: "SQL", Help: "SQL or ISO-8601."},
	{Key: "debezium-json.encode.ignore-null-fields", Default: "false", Help: "Leave columns out that are NULL."},
}, objstore.Keys...)

// Sink writes a table's rows to files below a directory.
type Sink struct {
	env       Env
	options   settings
	table     job.Ident
	schema    *arrow.Schema // of the batches, and behind it kindColumn if kinds
	kinds     bool          // the format says how each row changes the table
	by        []string      // partition columns
	format    NewEncoder
	extension string
	fileSize  int64
	fileAge   time.Duration
	success   string // name of the marker, or ""
	root      *objstore.Bucket
	overwrite *job.Overwrite
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
	root := s.options.text("path", "")
	if root == "" {
		return fmt.Errorf("%w: option \"path\" is missing: the directory to write to", errInvalid)
	}
	var err error
	s.extension = s.options.text("format", "")
	if s.kinds = Changelog(s.options); s.kinds {
		s.schema = kindSchema(s.schema)
	}
	if s.format, err = s.env.format(s.extension); err != nil {
		return err
	}
	if s.fileSize, err = units.ParseSize(s.options.text("sink.rolling-policy.file-size", "128MB")); err != nil {
		return fmt.Errorf("option \"sink.rolling-policy.file-size\": %w", err)
	}
	if s.fileAge, err = units.ParseDuration(s.options.text("sink.rolling-policy.rollover-interval", "30 min")); err != nil {
		return fmt.Errorf("option \"sink.rolling-policy.rollover-interval\": %w", err)
	}
	if err := s.commitPolicy(); err != nil {
		return err
	}
	if s.root, err = s.env.Stores.Open(ctx, root, objstore.Properties(s.options)); err != nil {
		return err
	}
	d, err := newDivider(s.schema, s.by, s.options.text("partition.default-name", "__DEFAULT_PARTITION__"))
	if err != nil {
		return err
	}
	_, err = s.format(discard{}, d.rest, s.options, nil) // does it take these columns?
	return err
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func (s *Sink) commitPolicy() error {
	for kind := range strings.SplitSeq(s.options.text("sink.partition-commit.policy.kind", ""), ",") {
		switch strings.TrimSpace(kind) {
		case "":
		case "success-file":
			s.success = s.options.text("sink.partition-commit.success-file.name", "_SUCCESS")
		default:
			return fmt.Errorf("%w: option \"sink.partition-commit.policy.kind\" is %q; only success-file is known", errInvalid, kind)
		}
	}
	if trigger := s.options.text("sink.partition-commit.trigger", "process-time"); trigger != "process-time" {
		return fmt.Errorf("%w: option \"sink.partition-commit.trigger\" is %q; only process-time is known yet", errInvalid, trigger)
	}
	if d, err := units.ParseDuration(s.options.text("sink.partition-commit.delay", "0 s")); err != nil || d != 0 {
		return fmt.Errorf("%w: option \"sink.partition-commit.delay\" is %q; only 0 s is known yet", errInvalid, s.options["sink.partition-commit.delay"])
	}
	return nil
}

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
	return &Committer{sink: s, log: "_wadi/" + identity(id.Job, id.Sink) + "/"}, nil
}

// receipt is a committable behind its version byte: one staged file. The names
// are relative to the table's path. Without names it only says that the writer
// has come to its end, so that a table is replaced by nothing, too.
type receipt struct {
	Staged string `json:"staged"`
	Final  string `json:"final"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
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

// Committer makes staged files visible and keeps the commit log: one empty
// object per published epoch, of which the newest counts.
type Committer struct {
	sink *Sink
	log  string // prefix of the log's objects
}

var _ ops.Committer = (*Committer)(nil)

// Published implements ops.Committer.
func (c *Committer) Published(ctx context.Context) (stream.Epoch, error) {
	newest, _, err := c.readLog(ctx)
	return newest, err
}

func (c *Committer) readLog(ctx context.Context) (stream.Epoch, []string, error) {
	names, err := c.sink.root.List(ctx, c.log)
	if err != nil {
		return 0, nil, fmt.Errorf("table %s: %w", c.sink.table, err)
	}
	var newest stream.Epoch
	for _, name := range names {
		n, err := strconv.ParseUint(strings.TrimPrefix(name, c.log), 10, 64)
		if err != nil {
			return 0, nil, fmt.Errorf("table %s: %w: %s is not a number: something else writes to the commit log",
				c.sink.table, errInvalid, c.sink.root.URL(name))
		}
		newest = max(newest, stream.Epoch(n))
	}
	return newest, names, nil
}

// Commit implements ops.Committer. It publishes at once: gathering would not
// make fewer files. What replaces others is published at the end.
func (c *Committer) Commit(ctx context.Context, pending []ops.Pending, force bool) (stream.Epoch, error) {
	have, old, err := c.readLog(ctx)
	if err != nil || len(pending) == 0 || c.sink.overwrite != nil && !force {
		return have, err
	}
	last := pending[len(pending)-1].Epoch
	if last <= have {
		return have, nil
	}
	moved := false
	for _, p := range pending {
		if p.Epoch <= have {
			continue
		}
		for _, b := range p.Committables {
			moved = true
			if err := c.publish(ctx, b); err != nil {
				return 0, fmt.Errorf("commit epoch %d to table %s: %w", p.Epoch, c.sink.table, err)
			}
		}
	}
	if c.sink.overwrite != nil {
		if err := c.replace(ctx, pending); err != nil {
			return 0, fmt.Errorf("replace the files of table %s: %w", c.sink.table, err)
		}
	}
	if err := c.markDirectories(ctx, pending, have); err != nil {
		return 0, fmt.Errorf("commit epoch %d to table %s: %w", last, c.sink.table, err)
	}
	if !moved {
		return last, nil // a replay would do nothing either
	}
	if _, err := c.sink.root.PutIfAbsent(ctx, fmt.Sprintf("%s%020d", c.log, last), nil); err != nil {
		return 0, fmt.Errorf("commit epoch %d to table %s: %w", last, c.sink.table, err)
	}
	for _, name := range old {
		if err := c.sink.root.Delete(ctx, name); err != nil {
			return 0, fmt.Errorf("commit epoch %d to table %s: %w", last, c.sink.table, err)
		}
	}
	return last, nil
}

func (c *Committer) publish(ctx context.Context, b ops.Committable) error {
	r, err := decodeReceipt(b)
	if err != nil || r.Staged == "" {
		return err
	}
	err = c.sink.root.Move(ctx, r.Staged, r.Final)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: neither the staged file %s nor %s is there: "+
			"one of them was removed by somebody else, and with it %d rows: %w",
			errInvalid, c.sink.root.URL(r.Staged), c.sink.root.URL(r.Final), r.Rows, err)
	}
	return err
}

// markDirectories writes the success file where files have become visible.
func (c *Committer) markDirectories(ctx context.Context, pending []ops.Pending, have stream.Epoch) error {
	if c.sink.success == "" {
		return nil
	}
	var dirs []string
	for _, p := range pending {
		if p.Epoch <= have {
			continue
		}
		for _, b := range p.Committables {
			r, err := decodeReceipt(b)
			if err != nil {
				return err
			}
			if r.Staged != "" {
				dirs = append(dirs, path.Dir(r.Final))
			}
		}
	}
	slices.Sort(dirs)
	for _, dir := range slices.Compact(dirs) {
		if err := c.sink.root.Put(ctx, path.Join(dir, c.sink.success), nil); err != nil {
			return err
		}
	}
	return nil
}

// Close implements ops.Committer.
func (c *Committer) Close() error { return nil }
