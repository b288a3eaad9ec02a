// Package rowfile reads files of rows: CSV, JSON Lines, Avro and Arrow IPC, and changes of
// rows as Debezium, Canal, Maxwell and Oracle GoldenGate write them, on any store, plain or compressed, once or as files arrive.
//
// A split is a file. Its position is a byte offset and a row number; a
// compressed file is read again from its beginning and rows are skipped. A row
// that cannot be read is an error, or is skipped and counted, or goes to the
// dead letters, as the option 'error.policy' says.
package rowfile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Connectors returns the connectors "csv", "json", "avro" and "arrow", by name: what
// read_csv, read_json and read_arrow stand for, and the formats of a
// filesystem table that are read here.
func Connectors(stores *objstore.Stores) map[string]*ops.Connector {
	all := make(map[string]*ops.Connector)
	for name, f := range formats {
		o := &opener{stores: stores, format: f, name: name}
		all[name] = &ops.Connector{
			Name: name, Options: append(options[:len(options):len(options)], f.options...),
			Resolve: o.resolve, Source: o.source, Projects: true,
		}
	}
	return all
}

const optRegex = "source.path.regex-pattern"

var options = append([]ops.Option{
	{Key: "path", Help: "A file, a directory, a glob, or a URL of one of them."},
	{Key: "source.monitor-interval", Help: "How often to look for new files; without it the table ends."},
	{Key: "error.policy", Default: "fail", Help: "What to do with a row that cannot be read: fail, skip, or dead-letter."},
	{Key: "error.table", Help: "The table that receives the dead letters."},
	{Key: optRegex, Help: "A regular expression that the whole path of a file matches; others are left out."},
	{Key: "format", Help: "The format, of a filesystem table."},
}, objstore.Keys...)

// format is one way to write rows into a file.
type format struct {
	options []ops.Option
	// infer gives the columns of a file from its beginning.
	// It may set options that its answer depends on.
	infer func(in input, o settings) (*arrow.Schema, error)
	// takes reports a column that files of the format do not have; nil: none.
	takes func(f arrow.Field) error
	// changes says that rows are changes of a table, and that the decoders are
	// changing.
	changes bool
	// open begins to decode in, which stands at position at.
	open func(in input, at position, o settings) (decoder, error)
}

var formats = map[string]format{
	"csv":   {options: csvOptions, infer: inferCSV, open: openCSV, takes: plainCell},
	"json":  {options: jsonOptions, infer: inferJSON, open: openJSON},
	"arrow": {infer: inferArrow, open: openArrow},
	"avro":  {infer: inferAvro, open: openAvro},
	"raw":   {infer: inferRaw, open: openRaw},

	"debezium-json": changeFormat("debezium-json"),
	"canal-json":    changeFormat("canal-json"),
	"maxwell-json":  changeFormat("maxwell-json"),
	"ogg-json":      changeFormat("ogg-json"),
}

// decoder reads the rows of one file.
type decoder interface {
	// next returns up to n rows with the columns of settings.schema, the rows
	// that could not be read, and the position behind them. At the end of the
	// file it returns io.EOF and nothing else.
	next(alloc memory.Allocator, n int) (arrow.RecordBatch, []badRow, position, error)
	close() error
}

// changing is a decoder whose rows are changes.
type changing interface {
	decoder
	// kinds are the changes of the rows that next gave last.
	kinds() []stream.RowKind
}

// badRow is a row that could not be read.
type badRow struct {
	row    int64 // from 1
	reason string
	bytes  []byte
}

// settings is the options of a table, checked.
type settings struct {
	options map[string]string
	table   *arrow.Schema // as declared or found; nil while they are being found
	schema  *arrow.Schema // of the scan: flat columns
	paths   [][]string    // of the scan
	policy  policy
	monitor time.Duration
}

type policy uint8

const (
	fail policy = iota
	skip
	deadLetter
)

func parse(name string, f format, t job.Table) (settings, error) {
	s := settings{options: t.Options, table: t.Schema.Schema}
	bad := func(format string, args ...any) (settings, error) {
		return s, fmt.Errorf("%w: table %s: %s", job.ErrInvalid, t.Ident, fmt.Sprintf(format, args...))
	}
	if t.Options["path"] == "" {
		return bad("option 'path' is missing: it names a file, a directory or a glob")
	}
	switch p := t.Options["error.policy"]; p {
	case "", "fail":
	case "skip":
		s.policy = skip
	case "dead-letter":
		s.policy = deadLetter
	default:
		return bad("option 'error.policy' = '%s': want fail, skip or dead-letter", p)
	}
	if m := t.Options["source.monitor-interval"]; m != "" {
		d, err := time.ParseDuration(strings.ReplaceAll(m, " ", ""))
		if err != nil || d <= 0 {
			return bad("option 'source.monitor-interval' = '%s': want a duration such as '10 s'", m)
		}
		s.monitor = d
	}
	if ignore, err := s.flag(name+".ignore-parse-errors", false); err != nil {
		return s, err
	} else if ignore && s.policy == fail {
		s.policy = skip
	}
	known := slices.Concat(ops.Keys(options), ops.Keys(f.options))
	for _, key := range slices.Sorted(maps.Keys(t.Options)) {
		if key != "connector" && !slices.Contains(known, key) && len(objstore.Properties(map[string]string{key: ""})) == 0 {
			return bad("unknown option '%s' of format %s%s", key, name, nearest.Hint(key, known, "'"))
		}
	}
	return s, nil
}

func (s settings) flag(key string, otherwise bool) (bool, error) {
	text := s.options[key]
	if text == "" {
		return otherwise, nil
	}
	b, err := strconv.ParseBool(strings.ToLower(text))
	if err != nil {
		return false, fmt.Errorf("%w: option '%s' = '%s': want true or false", job.ErrInvalid, key, text)
	}
	return b, nil
}

// opener opens tables of one format.
type opener struct {
	stores *objstore.Stores
	format format
	name   string
}

// resolve checks the options of t and, when it has no columns, finds those of
// its first file.
func (o *opener) resolve(ctx context.Context, t job.Table) (job.Table, error) {
	s, err := parse(o.name, o.format, t)
	if err != nil {
		return t, err
	}
	if t.Schema.Schema != nil && t.Schema.NumFields() > 0 {
		return t, nil
	}
	props := objstore.Properties(t.Options)
	found, err := o.stores.Find(ctx, t.Options["path"], t.Options[optRegex], props)
	if err != nil {
		return t, fmt.Errorf("list files of table %s: %w", t.Ident, err)
	}
	if len(found) == 0 {
		return t, fmt.Errorf("%w: table %s: no file matches %s, so its columns are unknown: declare them, or mend the path",
			job.ErrInvalid, t.Ident, objstore.Redact(t.Options["path"]))
	}
	t.Options = maps.Clone(t.Options)
	s.options = t.Options
	in, err := openInput(ctx, o.stores, fileOf(found[0]), props)
	if err != nil {
		return t, err
	}
	defer in.close()
	schema, err := o.format.infer(in, s)
	if err != nil {
		return t, fmt.Errorf("find the columns of %s: %w", objstore.Redact(found[0].URL), err)
	}
	t.Schema.Schema = schema
	return t, nil
}

func (o *opener) source(_ context.Context, scan ops.Scan) (ops.Source, error) {
	s, err := parse(o.name, o.format, scan.Table)
	if err != nil {
		return nil, err
	}
	if s.schema, s.paths, err = scan.Flat(); err != nil {
		return nil, err
	}
	if o.format.takes != nil {
		for _, f := range s.schema.Fields() {
			if err := o.format.takes(f); err != nil {
				return nil, fmt.Errorf("table %s: %w", scan.Table.Ident, err)
			}
		}
	}
	return &source{opener: o, settings: s, table: scan.Table}, nil
}
