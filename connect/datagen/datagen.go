// Package datagen is a source of made rows, with the options of Flink's
// connector of that name.
//
// Each column is a random value or a sequence. A row is a pure function of the
// table's options and of the row's number, so a reader can go on at any row,
// and any number of readers give the same rows.
package datagen

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// Connector offers the source as 'connector' = 'datagen'.
func Connector() *ops.Connector {
	return &ops.Connector{Name: "datagen", Options: options, Resolve: resolve, Source: open, Projects: true}
}

var options = []ops.Option{
	{Key: "rows-per-second", Default: "10000", Help: "How many rows come per second, of all readers together; 0 means without limit."},
	{Key: "number-of-rows", Default: "", Help: "How many rows to make; without it, and without a sequence, rows come without end."},
	{Key: "splits", Default: "0", Help: "How many splits the rows are dealt to; 0 means one per reader."},
	{Key: "seed", Default: "0", Help: "Another seed gives other random values."},
	{Key: "base-time", Default: "1436918400000", Help: "The latest time that a random time takes, in milliseconds since 1970, UTC."},
	{Key: "fields.#.kind", Default: "random", Help: "random or sequence."},
	{Key: "fields.#.min", Default: "", Help: "The least random number; by default that of the type."},
	{Key: "fields.#.max", Default: "", Help: "The greatest random number; by default that of the type."},
	{Key: "fields.#.max-past", Default: "0", Help: "How far a random time lies before base-time at the most, as in '1 h'."},
	{Key: "fields.#.length", Default: "", Help: "The length of a random text (100), or how many elements a collection has (3)."},
	{Key: "fields.#.var-len", Default: "false", Help: "Whether lengths vary, from 1 to length."},
	{Key: "fields.#.start", Default: "", Help: "The first value of a sequence."},
	{Key: "fields.#.end", Default: "", Help: "The last value of a sequence; the source ends with its shortest sequence."},
	{Key: "fields.#.null-rate", Default: "0", Help: "The share of NULLs, from 0 to 1."},
}

// parser reads the options and keeps the first error. It remembers which keys
// mean something to the table: what is left over is a mistake.
type parser struct {
	table job.Table
	used  map[string]bool
	err   error
}

func (p *parser) get(key, fallback string) string {
	p.used[key] = true
	if v, ok := p.table.Options[key]; ok {
		return strings.TrimSpace(v)
	}
	return fallback
}

func (p *parser) fail(key, want string) {
	if p.err == nil {
		p.err = fmt.Errorf("option '%s' = '%s': want %s", key, p.table.Options[key], want)
	}
}

func (p *parser) int(key string, fallback, low, high int64) int64 {
	n, err := strconv.ParseInt(p.get(key, strconv.FormatInt(fallback, 10)), 10, 64)
	if err != nil || n < low || n > high {
		p.fail(key, fmt.Sprintf("a whole number from %d to %d", low, high))
	}
	return n
}

func (p *parser) float(key string, fallback, low, high float64) float64 {
	f, err := strconv.ParseFloat(p.get(key, fmt.Sprint(fallback)), 64)
	if err != nil || !(f >= low && f <= high) {
		p.fail(key, fmt.Sprintf("a number from %g to %g", low, high))
	}
	return f
}

// millis reads a duration such as '1 h', '3 d' or '500', which is milliseconds.
func (p *parser) millis(key string) int64 {
	text := strings.ReplaceAll(p.get(key, "0"), " ", "")
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		return n
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseInt(days, 10, 32); err == nil && n >= 0 {
			return n * 24 * time.Hour.Milliseconds()
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		p.fail(key, "a duration, such as '1 h'")
	}
	return d.Milliseconds()
}

// unknown finds an option that means nothing to this table.
func (p *parser) unknown() {
	for _, key := range slices.Sorted(maps.Keys(p.table.Options)) {
		if p.used[key] || key == "connector" || p.err != nil {
			continue
		}
		p.err = fmt.Errorf("unknown option '%s'%s", key, nearest.Hint(key, slices.Sorted(maps.Keys(p.used)), "'"))
	}
}

// config is a table, checked.
type config struct {
	rows   int64 // math.MaxInt64 without end
	rate   int64 // per second; 0 is without limit
	splits int
	fields []*field
}

func parse(t job.Table) (config, error) {
	p := &parser{table: t, used: make(map[string]bool)}
	c := config{
		rate: p.int("rows-per-second", 10000, 0, 1e9), splits: int(p.int("splits", 0, 0, 1<<12)),
		rows: p.int("number-of-rows", math.MaxInt64, 0, math.MaxInt64),
	}
	seed := uint64(p.int("seed", 0, math.MinInt64, math.MaxInt64))
	base := p.int("base-time", 1436918400000, math.MinInt64/1_000_000, math.MaxInt64/1_000_000)
	if t.Schema.Schema == nil || t.Schema.NumFields() == 0 {
		return c, fmt.Errorf("%w: datagen table %s has no columns: declare them", job.ErrInvalid, t.Ident)
	}
	for _, f := range t.Schema.Fields() {
		made := p.field(f, "fields."+f.Name, seed, base)
		c.fields = append(c.fields, made)
		if made.sequence {
			c.rows = min(c.rows, made.span)
		}
	}
	p.unknown()
	if p.err != nil {
		return c, fmt.Errorf("%w: datagen table %s: %w", job.ErrInvalid, t.Ident, p.err)
	}
	return c, nil
}

func resolve(_ context.Context, t job.Table) (job.Table, error) {
	_, err := parse(t)
	return t, err
}

func open(_ context.Context, scan ops.Scan) (ops.Source, error) {
	c, err := parse(scan.Table)
	if err != nil {
		return nil, err
	}
	s := &source{config: c}
	if scan.Columns == nil {
		s.columns, s.schema = c.fields, scan.Table.Schema.Schema
		return s, nil
	}
	var fields []arrow.Field
	for _, path := range scan.Columns {
		f := find(c.fields, path)
		if f == nil {
			return nil, fmt.Errorf("%w: datagen table %s: no column %q", job.ErrInvalid, scan.Table.Ident, strings.Join(path, "."))
		}
		s.columns = append(s.columns, f)
		fields = append(fields, arrow.Field{Name: strings.Join(path, "."), Type: f.of, Nullable: true})
	}
	s.schema = arrow.NewSchema(fields, nil)
	return s, nil
}

// find follows a path of names. A field of a ROW is NULL where the row is, so
// it is given the row's NULLs besides its own.
func find(fields []*field, path []string) *field {
	var outer []*field
	for i, name := range path {
		var at *field
		for _, f := range fields {
			if f.name == name {
				at = f
			}
		}
		switch {
		case at == nil:
			return nil
		case i == len(path)-1:
			leaf := *at
			leaf.outer = outer
			return &leaf
		}
		outer, fields = append(outer, at), at.children
	}
	return nil
}
