// Package messages is what connectors of services share whose rows come as messages:
// the options of their formats, and what becomes of messages that cannot be read.
package messages

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/format"
	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Policy says what becomes of a message that cannot be read.
type Policy uint8

// The policies.
const (
	Fail Policy = iota
	Skip
	DeadLetter
)

var policies = map[string]Policy{"": Fail, "fail": Fail, "skip": Skip, "dead-letter": DeadLetter}

// Options are those of every connector of messages.
var Options = []ops.Option{
	{Key: "format", Help: "How a message is written, such as json."},
	{Key: "error.policy", Default: "fail", Help: "What to do with a message that cannot be read: fail, skip, or dead-letter."},
	{Key: "error.table", Help: "The table that receives the dead letters."},
	{Key: "scan.parallelism", Help: "How many tasks read."},
	{Key: "sink.parallelism", Help: "How many tasks write."},
}

// Table is the options of a table, checked.
type Table struct {
	Ident   job.Ident
	Format  format.Format
	Policy  Policy
	Options map[string]string
	schema  *arrow.Schema
}

// Parse checks the options of t. Those of the connector are own.
func Parse(t job.Table, own []ops.Option) (Table, error) {
	m := Table{Ident: t.Ident, Options: t.Options, schema: t.Schema.Schema}
	bad := func(text string, args ...any) (Table, error) {
		return m, fmt.Errorf("%w: table %s: %s", job.ErrInvalid, t.Ident, fmt.Sprintf(text, args...))
	}
	name := t.Options["format"]
	if name == "" {
		return bad("option 'format' is missing: how a message is written, such as json")
	}
	var err error
	if m.Format, err = format.Of(name); err != nil {
		return m, fmt.Errorf("table %s: %w", t.Ident, err)
	}
	known := slices.Concat(ops.Keys(own), ops.Keys(Options), ops.Keys(m.Format.Options))
	for _, key := range slices.Sorted(maps.Keys(t.Options)) {
		if key != "connector" && !slices.Contains(known, key) {
			return bad("unknown option '%s' of connector %s with format %s%s", key, t.Connector, name, nearest.Hint(key, known, "'"))
		}
	}
	var ok bool
	if m.Policy, ok = policies[t.Options["error.policy"]]; !ok {
		return bad("option 'error.policy' = '%s': want fail, skip or dead-letter", t.Options["error.policy"])
	}
	if text := t.Options[name+".ignore-parse-errors"]; text != "" {
		ignore, err := strconv.ParseBool(strings.ToLower(text))
		if err != nil {
			return bad("option '%s.ignore-parse-errors' = '%s': want true or false", name, text)
		}
		if ignore && m.Policy == Fail {
			m.Policy = Skip
		}
	}
	if t.Schema.Schema == nil || t.Schema.NumFields() == 0 {
		return bad("a table of messages declares its columns")
	}
	return m, nil
}

// Encoder writes the rows of the table.
func (t Table) Encoder() (format.Encoder, error) {
	e, err := t.Format.NewEncoder(format.Writing{Schema: t.schema, Options: t.Options})
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.Ident, err)
	}
	return e, nil
}

// Start makes an encoder that is ready for its first message.
func (t Table) Start(ctx context.Context) (format.Encoder, error) {
	e, err := t.Encoder()
	if s, ok := e.(format.Starting); ok && err == nil {
		err = s.Start(ctx)
	}
	return e, err
}

// Rows gathers the rows of messages. It belongs to one goroutine.
type Rows struct {
	table   Table
	decoder format.Decoder
	prepare format.Preparing // the decoder, or nil
	bad     ops.Counter
	letters []letter
}

// letter is a message that could not be read.
type letter struct {
	split    string
	position int64
	reason   error
	bytes    []byte
}

// NewRows gathers rows of the columns of schema, found by paths. The counter counts
// messages that cannot be read; nil does not.
func (t Table) NewRows(schema *arrow.Schema, paths [][]string, bad ops.Counter) (*Rows, error) {
	d, err := t.Format.NewDecoder(format.Rows{Message: t.schema, Schema: schema, Paths: paths, Options: t.Options})
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.Ident, err)
	}
	p, _ := d.(format.Preparing)
	return &Rows{table: t, decoder: d, prepare: p, bad: bad}, nil
}

// Append adds a message. One that cannot be read is an error by the policy Fail.
func (r *Rows) Append(ctx context.Context, message []byte, split string, position int64) error {
	if r.prepare != nil {
		if err := r.prepare.Prepare(ctx, message); err != nil {
			return fmt.Errorf("%s, message %d: %w", split, position, err)
		}
	}
	err := r.decoder.Append(message)
	if err == nil {
		return nil
	}
	r.bad.Add(1)
	switch r.table.Policy {
	case Skip:
		return nil
	case DeadLetter:
		r.letters = append(r.letters, letter{split, position, err, slices.Clone(message)})
		return nil
	case Fail:
	}
	return fmt.Errorf("%w: %s, message %d: %w: %.80q; 'error.policy' = 'skip' or 'dead-letter' goes on without such messages", job.ErrInvalid, split, position, err, message)
}

// Len is how many rows were gathered, and Bytes how much memory they take, about.
func (r *Rows) Len() int { return r.decoder.Rows() }

// Bytes is how much memory the rows take, about.
func (r *Rows) Bytes() int { return r.decoder.Bytes() }

// Mark is a place to go back to.
func (r *Rows) Mark() (rows, letters int) { return r.decoder.Rows(), len(r.letters) }

// Back takes back what came behind a mark.
func (r *Rows) Back(rows, letters int) {
	r.decoder.Truncate(rows)
	r.letters = r.letters[:letters]
}

// Take gives the rows and the dead letters; each is nil where there are none.
func (r *Rows) Take(alloc memory.Allocator) (rows, letters *stream.Batch) {
	if r.decoder.Rows() > 0 {
		var kinds []stream.RowKind
		if c, ok := r.decoder.(format.Changing); ok {
			kinds = c.Kinds()
		}
		rows = stream.NewBatch(r.decoder.Record(alloc))
		rows.Kinds = kinds
	}
	if len(r.letters) == 0 {
		return rows, nil
	}
	b := array.NewRecordBuilder(alloc, ops.DeadLetters)
	defer b.Release()
	for _, l := range r.letters {
		b.Field(0).(*array.StringViewBuilder).Append(r.table.Ident.String())
		b.Field(1).(*array.StringViewBuilder).Append(l.split)
		b.Field(2).(*array.Int64Builder).Append(l.position)
		b.Field(3).(*array.StringViewBuilder).Append(l.reason.Error())
		b.Field(4).(*array.BinaryViewBuilder).Append(l.bytes)
	}
	r.letters = r.letters[:0]
	return rows, stream.NewBatch(b.NewRecordBatch())
}
