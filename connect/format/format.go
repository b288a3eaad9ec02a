// Package format is what the readers of messages and lines share: a decoder turns
// messages into rows, column by column. Each format is a package of its own.
package format

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/format/changes"
	"github.com/wadi-engine/wadi/connect/format/json"
	"github.com/wadi-engine/wadi/connect/format/raw"
	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Decoder appends messages to columns. It belongs to one goroutine.
type Decoder interface {
	// Append adds the rows of a message and keeps nothing of its memory. After
	// an error the columns are as before.
	Append(message []byte) error
	// Rows is how many rows were added since the last Record.
	Rows() int
	// Truncate takes back all but the first rows.
	Truncate(rows int)
	// Bytes is how much memory the rows take, about.
	Bytes() int
	// Record returns the rows and begins anew. Its memory is of alloc.
	Record(alloc memory.Allocator) arrow.RecordBatch
}

// Padding is a Decoder that can add a row without a message: those of formats
// that are not Changes.
type Padding interface {
	Decoder
	// AppendNull adds a row of NULLs.
	AppendNull()
}

// Changing is a Decoder whose rows are changes of a table.
type Changing interface {
	Decoder
	// Kinds are the changes of the rows so far; the caller may keep them.
	Kinds() []stream.RowKind
}

// Format is one way to write a row into a message.
type Format struct {
	Name    string
	Options []ops.Option
	// Changes says that rows are changes of a table, and that decoders are
	// Changing; those of other formats are Padding.
	Changes bool
	// Subject says that schemas are registered under the option subject, which
	// follows from the topic if it is not said.
	Subject bool
	// NewDecoder makes a decoder.
	NewDecoder func(r Rows) (Decoder, error)
	// NewEncoder makes an encoder.
	NewEncoder func(w Writing) (Encoder, error)
}

// Rows are those that a decoder makes of messages.
type Rows struct {
	// Message has the columns of a message, in their order.
	Message *arrow.Schema
	// Schema has the columns that are wanted, and Paths where they are found.
	Schema  *arrow.Schema
	Paths   [][]string
	Options map[string]string
}

var all = func() map[string]Format {
	m := map[string]Format{"json": jsonFormat, "raw": rawFormat, "csv": csvFormat, "avro": avroFormat, "protobuf": protobufFormat, protobufConfluent: protobufRegistered}
	for _, name := range changes.Names() {
		m[name] = Format{
			Name: name, Changes: true, Options: changes.Options(name),
			NewDecoder: func(r Rows) (Decoder, error) { return changes.New(name, r.Schema, r.Paths, r.Options) },
			NewEncoder: func(w Writing) (Encoder, error) { return changes.NewEncoder(name, w.Schema, w.Options) },
		}
	}
	maps.Copy(m, registered())
	return m
}()

var jsonFormat = Format{
	Name: "json",
	Options: []ops.Option{
		{Key: "json.fail-on-missing-field", Default: "false", Help: "Whether a message without a field of the table is bad."},
		{Key: "json.ignore-parse-errors", Default: "false", Help: "The same as 'error.policy' = 'skip'."},
		{Key: "json.timestamp-format.standard", Default: "SQL", Help: "How times are written, SQL or ISO-8601; both are read."},
		{Key: "json.encode.ignore-null-fields", Default: "false", Help: "Leave columns out that are NULL, when rows are written."},
	},
	NewDecoder: func(r Rows) (Decoder, error) {
		strict, err := Flag(r.Options, "json.fail-on-missing-field")
		if err != nil {
			return nil, err
		}
		return json.New(r.Schema, r.Paths, json.Options{Strict: strict})
	},
	NewEncoder: newJSON,
}

var rawFormat = Format{
	Name: "raw",
	NewDecoder: func(r Rows) (Decoder, error) {
		if r.Message.NumFields() != 1 {
			return nil, fmt.Errorf("%w: the format raw has one column, not %d", job.ErrInvalid, r.Message.NumFields())
		}
		return raw.New(r.Schema)
	},
	NewEncoder: newRaw,
}

// Of finds a format by its name.
func Of(name string) (Format, error) {
	if f, ok := all[name]; ok {
		return f, nil
	}
	known := slices.Sorted(maps.Keys(all))
	return Format{}, fmt.Errorf("%w: no format '%s' for messages%s; there are %s", job.ErrInvalid, name, nearest.Hint(name, known, "'"), strings.Join(known, ", "))
}

// Options are those of all formats.
func Options() []ops.Option {
	var o []ops.Option
	for _, name := range slices.Sorted(maps.Keys(all)) {
		o = append(o, all[name].Options...)
	}
	return o
}

// Flag reads an option that is true or false; false when it is not there.
func Flag(options map[string]string, key string) (bool, error) {
	text := options[key]
	if text == "" {
		return false, nil
	}
	b, err := strconv.ParseBool(strings.ToLower(text))
	if err != nil {
		return false, fmt.Errorf("%w: option '%s' = '%s': want true or false", job.ErrInvalid, key, text)
	}
	return b, nil
}
