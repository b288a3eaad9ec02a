package golden

import (
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/stream"
)

// file is the cases of one text file.
type file struct {
	path   string
	blocks []*block
}

type blockKind uint8

const (
	commentBlock blockKind = iota
	tableBlock
	statementBlock
	queryBlock
	errorBlock
)

// block is one table, statement or case, or the comments between them.
type block struct {
	kind  blockKind
	line  int      // of its head, from 1
	head  string   // the first line
	text  string   // columns and rows, SQL, or comments, as written
	rows  []string // what is expected, or of a table its rows
	flags flags
	table *table
	ddl   string
}

// flags are how a query is to be run.
type flags struct {
	ordered                  bool
	streamingOnly, batchOnly bool
	oneTask                  bool // not at a higher parallelism
}

const separator = "----"

func readFile(path string) (*file, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &file{path: path}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	for i := 0; i < len(lines); {
		if strings.TrimSpace(lines[i]) == "" {
			i++
			continue
		}
		end := i
		for end < len(lines) && strings.TrimSpace(lines[end]) != "" {
			end++
		}
		b := &block{line: i + 1, head: lines[i]}
		if err := b.parse(lines[i:end]); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, b.line, err)
		}
		f.blocks = append(f.blocks, b)
		i = end
	}
	return f, nil
}

func (b *block) parse(lines []string) error {
	if strings.HasPrefix(b.head, "#") && !slices.Contains(lines, separator) {
		b.text = strings.Join(lines, "\n")
		return nil
	}
	for strings.HasPrefix(lines[0], "#") { // comments on the case stay with it
		b.text += lines[0] + "\n"
		lines = lines[1:]
	}
	word, rest, _ := strings.Cut(lines[0], " ")
	at := slices.Index(lines, separator)
	if at < 0 {
		return fmt.Errorf("the block has no line %s", separator)
	}
	if word == "table" {
		b.kind = tableBlock
		b.text = strings.Join(lines[:at], "\n")
		return b.parseTable(lines[:at])
	}
	comments := b.text
	b.head, b.text, b.rows = comments+lines[0], strings.Join(lines[1:at], "\n"), lines[at+1:]
	switch word {
	case "statement":
		b.kind = statementBlock
	case "error":
		b.kind = errorBlock
	case "query":
		b.kind = queryBlock
	default:
		return fmt.Errorf("unknown block %q: want table, statement, query or error", word)
	}
	return b.flags.parse(rest)
}

func (f *flags) parse(text string) error {
	text, why, reason := strings.Cut(text, ":")
	for _, word := range strings.Fields(text) {
		switch word {
		case "ordered":
			f.ordered = true
		case "streaming-only":
			f.streamingOnly = true
		case "batch-only":
			f.batchOnly = true
		case "one-task":
			f.oneTask = true
		default:
			return fmt.Errorf("unknown flag %q: want ordered, streaming-only, batch-only or one-task", word)
		}
	}
	if (f.streamingOnly || f.batchOnly || f.oneTask) && (!reason || strings.TrimSpace(why) == "") {
		return fmt.Errorf("say why not every mode is possible, behind a colon")
	}
	return nil
}

// allow reports whether the query can be run in mode m.
func (f *flags) allow(m mode) bool {
	switch {
	case m.batch && f.streamingOnly, !m.batch && f.batchOnly:
		return false
	}
	return !f.oneTask || len(m.parallelism) == 0
}

// parseTable reads the columns, up to the parenthesis that closes them, and the
// rows on the lines behind.
func (b *block) parseTable(lines []string) error {
	text := strings.Join(lines, "\n")
	_, text, _ = strings.Cut(text, " ")
	name, _, _ := strings.Cut(text, " ")
	end := closing(text)
	if end < 0 {
		return fmt.Errorf("table %s: the columns are not closed", name)
	}
	b.table = &table{name: name}
	b.ddl = fmt.Sprintf("CREATE TEMPORARY TABLE %s WITH ('connector' = 'golden', 'table' = '%s')", text[:end+1], name)
	for line := range strings.Lines(strings.TrimPrefix(text[end+1:], "\n")) {
		if err := b.table.add(strings.TrimRight(line, "\n")); err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
	}
	return nil
}

// closing is where the first parenthesis of text is closed, or -1.
func closing(text string) int {
	depth := 0
	for i, c := range text {
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

var kinds = map[string]stream.RowKind{
	"+I ": stream.Insert, "-U ": stream.UpdateBefore, "+U ": stream.UpdateAfter, "-D ": stream.Delete,
}

// add appends the row of one line.
func (t *table) add(line string) error {
	kind := stream.Insert
	if len(line) > 3 {
		if k, ok := kinds[line[:3]]; ok {
			kind, line = k, line[3:]
		}
	}
	r := csv.NewReader(strings.NewReader(line))
	r.TrimLeadingSpace = true
	cells, err := r.Read()
	if err != nil {
		return fmt.Errorf("row [%s]: %w", line, err)
	}
	t.cells = append(t.cells, cells)
	t.kinds = append(t.kinds, kind)
	t.changes = t.changes || kind != stream.Insert
	return nil
}

// write writes the file with what its cases expect now.
func (f *file) write() error {
	var s strings.Builder
	for i, b := range f.blocks {
		if i > 0 {
			s.WriteString("\n")
		}
		switch b.kind {
		case commentBlock:
			s.WriteString(b.text + "\n")
		case tableBlock:
			s.WriteString(b.text + "\n" + separator + "\n")
		case statementBlock, queryBlock, errorBlock:
			s.WriteString(b.head + "\n" + b.text + "\n" + separator + "\n")
			for _, r := range b.rows {
				s.WriteString(r + "\n")
			}
		}
	}
	return os.WriteFile(f.path, []byte(s.String()), 0o644)
}
