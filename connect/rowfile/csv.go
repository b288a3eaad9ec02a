package rowfile

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

var csvOptions = []ops.Option{
	{Key: "csv.field-delimiter", Default: ",", Help: "One character; \\t stands for a tab."},
	{Key: "csv.quote-character", Default: "\"", Help: "What stands around cells with delimiters in them."},
	{Key: "csv.disable-quote-character", Default: "false", Help: "Whether quotes are characters like others."},
	{Key: "csv.escape-character", Help: "What stands before a character that is to be taken as it is; without it a quote is doubled."},
	{Key: "csv.allow-comments", Default: "false", Help: "Whether lines that begin with # are left out."},
	{Key: "csv.ignore-parse-errors", Default: "false", Help: "The same as 'error.policy' = 'skip'."},
	{Key: "csv.null-literal", Help: "The text that stands for NULL."},
	{Key: "csv.header", Help: "Whether the first line names the columns; so it is when the columns are found from the file."},
}

// csvReader reads cells, with our options.
type csvReader struct {
	cellReader
	comma  string
	header bool
	null   string
	isNull bool // null was given
}

func newCSV(r io.Reader, o settings) (*csvReader, error) {
	c := &csvReader{comma: ","}
	if d := strings.ReplaceAll(o.options["csv.field-delimiter"], `\t`, "\t"); d != "" {
		if _, size := utf8.DecodeRuneInString(d); size != len(d) {
			return nil, fmt.Errorf("%w: option 'csv.field-delimiter' = '%s': want one character", job.ErrInvalid, d)
		}
		c.comma = d
	}
	quote, err := o.one("csv.quote-character", '"')
	if err != nil {
		return nil, err
	}
	escape, err := o.one("csv.escape-character", -1)
	if err != nil {
		return nil, err
	}
	off, err := o.flag("csv.disable-quote-character", false)
	if err != nil {
		return nil, err
	}
	comments, err := o.flag("csv.allow-comments", false)
	if err != nil {
		return nil, err
	}
	comment := -1
	if comments {
		comment = '#'
	}
	if off {
		quote = -1
	}
	if quote == '"' && escape < 0 {
		std := csv.NewReader(r)
		std.FieldsPerRecord, std.ReuseRecord = -1, true
		std.Comma, _ = utf8.DecodeRuneInString(c.comma)
		std.Comment = rune(max(comment, 0))
		c.cellReader = std
	} else {
		c.cellReader = &scanner{r: bufio.NewReaderSize(r, 1<<16), comma: []byte(c.comma), quote: quote, escape: escape, comment: comment}
	}
	c.null, c.isNull = o.options["csv.null-literal"], o.options["csv.null-literal"] != ""
	c.header, err = o.flag("csv.header", false)
	return c, err
}

// one is an option of one byte.
func (s settings) one(key string, otherwise int) (int, error) {
	text := s.options[key]
	if text == "" {
		return otherwise, nil
	}
	if len(text) != 1 {
		return 0, fmt.Errorf("%w: option '%s' = '%s': want one character of ASCII", job.ErrInvalid, key, text)
	}
	return int(text[0]), nil
}

// plainCell refuses a column whose values are not read from a cell.
func plainCell(f arrow.Field) error {
	if _, nested := f.Type.(arrow.NestedType); nested {
		return fmt.Errorf("%w: column %s: lists, maps and rows are not read from CSV files; declare it as STRING, or use json", job.ErrInvalid, f.Name)
	}
	return nil
}

// inferCSV takes the names of the columns from the first line, and for each the
// narrowest type that fits the rows behind it.
func inferCSV(in input, o settings) (*arrow.Schema, error) {
	if o.options["csv.header"] == "" {
		o.options["csv.header"] = "true"
	}
	c, err := newCSV(in.plain, o)
	if err != nil {
		return nil, err
	}
	var names []string
	var guesses []guess
	for range sampleRows {
		cells, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
		}
		if names == nil {
			guesses = make([]guess, len(cells))
			for i, cell := range cells {
				if !c.header {
					cell = fmt.Sprintf("f%d", i)
				}
				names = append(names, strings.TrimPrefix(strings.Clone(cell), "\ufeff"))
			}
			if c.header {
				continue
			}
		}
		for i := range min(len(cells), len(guesses)) {
			if cells[i] != "" && (!c.isNull || cells[i] != c.null) {
				guesses[i].see(cells[i])
			}
		}
	}
	if names == nil {
		return nil, fmt.Errorf("%w: the file is empty", job.ErrInvalid)
	}
	fields := make([]arrow.Field, len(names))
	for i, n := range names {
		fields[i] = arrow.Field{Name: n, Type: guesses[i].dataType(), Nullable: true}
	}
	return arrow.NewSchema(fields, nil), nil
}

// csvDecoder gathers the cells as text and casts whole columns.
type csvDecoder struct {
	*csvReader
	text   *textColumns
	at     position
	origin int64 // offset at which the csv.Reader began
	column []int // of the file, by column of the scan; -1 is not there
	width  int   // columns of the table
}

func openCSV(in input, at position, o settings) (decoder, error) {
	r, err := in.from(at.Offset)
	if err != nil {
		return nil, err
	}
	c, err := newCSV(r, o)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, o.table.NumFields())
	for _, f := range o.table.Fields() {
		names = append(names, f.Name)
	}
	if c.header {
		if names, err = csvHeader(in, o, c, at); err != nil {
			return nil, err
		}
	}
	d := &csvDecoder{csvReader: c, at: at, origin: at.Offset, width: len(names)}
	for _, p := range o.paths {
		k := -1
		for i, n := range names {
			if n == p[0] {
				k = i
			}
		}
		d.column = append(d.column, k)
	}
	d.text, err = newTextColumns(o.schema)
	return d, err
}

// csvHeader reads the first line of the file: with the reader that will go on
// behind it, or, in the middle of a file, with another.
func csvHeader(in input, o settings, c *csvReader, at position) ([]string, error) {
	if at.Offset > 0 {
		if in.compressed { // the stream cannot go back; the table's order must do
			names := make([]string, 0, o.table.NumFields())
			for _, f := range o.table.Fields() {
				names = append(names, f.Name)
			}
			return names, nil
		}
		first, err := in.from(0)
		if err != nil {
			return nil, err
		}
		if c, err = newCSV(first, o); err != nil {
			return nil, err
		}
	}
	cells, err := c.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: header: %w", job.ErrInvalid, err)
	}
	names := make([]string, len(cells))
	for i, cell := range cells {
		names[i] = strings.TrimPrefix(strings.Clone(cell), "\ufeff")
	}
	return names, nil
}

func (d *csvDecoder) next(alloc memory.Allocator, n int) (arrow.RecordBatch, []badRow, position, error) {
	d.text.begin(alloc)
	defer d.text.end()
	var bad []badRow
	for d.text.rows < n {
		cells, err := d.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		d.at.Row++
		d.at.Offset = d.origin + d.InputOffset()
		if err != nil {
			if _, ok := errors.AsType[*csv.ParseError](err); !ok {
				return nil, nil, d.at, err
			}
			bad = append(bad, badRow{d.at.Row, err.Error(), []byte(strings.Join(cells, d.comma))})
			continue
		}
		if len(cells) != d.width {
			bad = append(bad, badRow{d.at.Row, fmt.Sprintf("%d fields, want %d", len(cells), d.width), []byte(strings.Join(cells, d.comma))})
			continue
		}
		d.text.row(d.at.Row)
		for i, k := range d.column {
			if k < 0 || d.isNull && cells[k] == d.null || cells[k] == "" && !d.text.isString(i) {
				d.text.columns[i].AppendNull()
			} else {
				d.text.columns[i].Append(cells[k])
			}
		}
	}
	if d.text.rows == 0 && len(bad) == 0 {
		return nil, nil, d.at, io.EOF
	}
	rec, worse, err := d.text.record(alloc)
	bad = append(bad, worse...)
	slices.SortFunc(bad, func(a, b badRow) int { return cmp.Compare(a.row, b.row) })
	return rec, bad, d.at, err
}

func (d *csvDecoder) close() error { return nil }
