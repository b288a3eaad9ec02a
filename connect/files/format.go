package files

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
)

var errInvalid = job.ErrInvalid

// Encoder writes the rows of one file.
type Encoder interface {
	// Write does not keep rec.
	Write(rec arrow.RecordBatch) error
	// Close ends the file; it does not close the writer below.
	Close() error
}

// NewEncoder begins a file. options are the table's.
type NewEncoder func(w io.Writer, schema *arrow.Schema, options map[string]string, mem memory.Allocator) (Encoder, error)

// Merge writes the rows of files, which an encoder of the same table has
// written, into one file.
type Merge func(ctx context.Context, w io.Writer, files []*objstore.Object, schema *arrow.Schema, options map[string]string, mem memory.Allocator) error

// Format is a way to write files.
type Format struct {
	New   NewEncoder
	Merge Merge
	// Packs says that the format compresses by itself; files of others may be
	// compressed as a whole.
	Packs bool
}

// formats are those of this package; Env.Formats adds to them.
var formats = map[string]Format{
	"csv": {Merge: mergeCSV, New: func(w io.Writer, s *arrow.Schema, o map[string]string, _ memory.Allocator) (Encoder, error) {
		return newCSV(w, s, o)
	}},
	"json": {Merge: mergeLines, New: func(w io.Writer, s *arrow.Schema, o map[string]string, _ memory.Allocator) (Encoder, error) {
		return newJSON(w, s, o)
	}},
	"avro": {Merge: mergeAvro, Packs: true, New: func(w io.Writer, s *arrow.Schema, o map[string]string, _ memory.Allocator) (Encoder, error) {
		return newAvro(w, s, o)
	}},
	"raw": {Merge: mergeLines, New: func(w io.Writer, s *arrow.Schema, _ map[string]string, _ memory.Allocator) (Encoder, error) {
		return newRaw(w, s)
	}},
	"debezium-json": changeFormat("debezium-json"),
	"canal-json":    changeFormat("canal-json"),
	"maxwell-json":  changeFormat("maxwell-json"),
	"ogg-json":      changeFormat("ogg-json"),
}

func (e Env) format(name string) (Format, error) {
	if f, ok := e.Formats[name]; ok {
		return f, nil
	}
	if f, ok := formats[name]; ok {
		return f, nil
	}
	known := slices.Sorted(maps.Keys(formats))
	known = append(known, slices.Sorted(maps.Keys(e.Formats))...)
	if name == "" {
		return Format{}, fmt.Errorf("%w: option \"format\" is missing; there are %q", errInvalid, known)
	}
	return Format{}, fmt.Errorf("%w: no format %q to write files in; there are %q", errInvalid, name, known)
}

// settings is a WITH clause.
type settings map[string]string

func (o settings) text(key, fallback string) string {
	if v, ok := o[key]; ok {
		return v
	}
	return fallback
}

func (o settings) flag(key string, fallback bool) (bool, error) {
	v, ok := o[key]
	if !ok {
		return fallback, nil
	}
	b, err := strconv.ParseBool(v)
	if err != nil {
		return false, fmt.Errorf("%w: option %q is %q; want true or false", errInvalid, key, v)
	}
	return b, nil
}

// duration reads a duration that is not negative.
func (o settings) duration(key, fallback string) (time.Duration, error) {
	d, err := units.ParseDuration(o.text(key, fallback))
	if err != nil {
		return 0, fmt.Errorf("option %q: %w", key, err)
	}
	return d, nil
}
