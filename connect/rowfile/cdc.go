package rowfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// change is one change that a line of a changelog tells.
type change struct {
	row jsontext.Value
	// over has the columns of the row that are other than in row, or is nil.
	over jsontext.Value
	kind stream.RowKind
}

// dialect is how a program writes changes as JSON:
//
//	debezium  {"before": {…}, "after": {…}, "op": "u"}
//	ogg       {"before": {…}, "after": {…}, "op_type": "U"}
//	maxwell   {"data": {…}, "old": {…}, "type": "update"}        old has what is other
//	canal     {"data": [{…}, …], "old": [{…}, …], "type": "UPDATE"}
type dialect struct {
	// fields are the members of the message that read is given, in order; those
	// that are missing or null are nil.
	fields []string
	read   func(v []jsontext.Value) ([]change, error)
}

var (
	debezium = dialect{[]string{"op", "before", "after"}, func(v []jsontext.Value) ([]change, error) {
		return beforeAfter(v, map[string]string{"c": "insert", "r": "insert", "u": "update", "d": "delete"})
	}}
	ogg = dialect{[]string{"op_type", "before", "after"}, func(v []jsontext.Value) ([]change, error) {
		return beforeAfter(v, map[string]string{"I": "insert", "U": "update", "D": "delete"})
	}}
	maxwell = dialect{[]string{"type", "data", "old"}, func(v []jsontext.Value) ([]change, error) {
		op, err := operation(v[0], map[string]string{"insert": "insert", "update": "update", "delete": "delete"})
		if err != nil {
			return nil, err
		}
		return dataOld(op, v[1], v[2])
	}}
	canal = dialect{[]string{"type", "data", "old"}, readCanal}
)

// operation is what a message's member says.
func operation(v jsontext.Value, known map[string]string) (string, error) {
	if v == nil {
		return "", errors.New("the message does not say what the change is")
	}
	text, err := scalarText(v)
	if err != nil {
		return "", err
	}
	op, ok := known[text]
	if !ok {
		return "", fmt.Errorf("unknown change %q", text)
	}
	return op, nil
}

// beforeAfter reads a message with whole rows.
func beforeAfter(v []jsontext.Value, known map[string]string) ([]change, error) {
	op, err := operation(v[0], known)
	if err != nil {
		return nil, err
	}
	before, after := v[1], v[2]
	if op != "insert" && before == nil {
		return nil, fmt.Errorf("an %s without the row before it; the database must log whole rows (in PostgreSQL, REPLICA IDENTITY FULL)", op)
	}
	if op != "delete" && after == nil {
		return nil, fmt.Errorf("an %s without the row after it", op)
	}
	switch op {
	case "insert":
		return []change{{row: after, kind: stream.Insert}}, nil
	case "delete":
		return []change{{row: before, kind: stream.Delete}}, nil
	}
	return []change{{row: before, kind: stream.UpdateBefore}, {row: after, kind: stream.UpdateAfter}}, nil
}

// dataOld reads a row, and what was other in it before an update.
func dataOld(op string, data, old jsontext.Value) ([]change, error) {
	if data == nil {
		return nil, fmt.Errorf("an %s without a row", op)
	}
	switch op {
	case "insert":
		return []change{{row: data, kind: stream.Insert}}, nil
	case "delete":
		return []change{{row: data, kind: stream.Delete}}, nil
	}
	if old == nil {
		return nil, errors.New("an update without what was before it")
	}
	return []change{{row: data, over: old, kind: stream.UpdateBefore}, {row: data, kind: stream.UpdateAfter}}, nil
}

// readCanal reads a message with several rows. What changes tables says nothing
// about rows.
func readCanal(v []jsontext.Value) ([]change, error) {
	op, err := operation(v[0], map[string]string{"INSERT": "insert", "UPDATE": "update", "DELETE": "delete", "CREATE": ""})
	if op == "" || err != nil {
		return nil, err
	}
	var rows, olds []jsontext.Value
	for i, list := range []*[]jsontext.Value{&rows, &olds} {
		if v[i+1] == nil {
			continue
		}
		if v[i+1].Kind() != '[' {
			return nil, fmt.Errorf("%s is no array of rows", excerpt(v[i+1]))
		}
		if err := eachElement(v[i+1], func(x jsontext.Value) error {
			*list = append(*list, x.Clone())
			return nil
		}); err != nil {
			return nil, err
		}
	}
	var all []change
	for i, row := range rows {
		var old jsontext.Value
		if i < len(olds) && olds[i].Kind() != 'n' {
			old = olds[i]
		}
		some, err := dataOld(op, row, old)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// changeFormat is the format of a dialect, called name.
func changeFormat(name string, d dialect) format {
	o := []ops.Option{
		{Key: name + ".ignore-parse-errors", Default: "false", Help: "The same as 'error.policy' = 'skip'."},
		{Key: name + ".timestamp-format.standard", Default: "SQL", Help: "SQL or ISO-8601; both are read."},
	}
	switch name {
	case "debezium-json":
		o = append(o, ops.Option{Key: name + ".schema-include", Default: "false", Help: "Whether messages hold their schema, and the change under payload."})
	case "canal-json":
		o = append(o,
			ops.Option{Key: name + ".database.include", Help: "A regular expression for the databases whose changes are read."},
			ops.Option{Key: name + ".table.include", Help: "A regular expression for the tables whose changes are read."})
	}
	return format{
		options: o, changes: true,
		infer: func(in input, s settings) (*arrow.Schema, error) {
			m, err := newMessages(name, d, s)
			if err != nil {
				return nil, err
			}
			return m.infer(in)
		},
		open: func(in input, at position, s settings) (decoder, error) {
			m, err := newMessages(name, d, s)
			if err != nil {
				return nil, err
			}
			r, err := in.from(at.Offset)
			if err != nil {
				return nil, err
			}
			rows, err := newJSONDecoder(r, at, s, false)
			return &changeDecoder{jsonDecoder: rows, messages: m}, err
		},
	}
}

// messages reads the lines of a changelog.
type messages struct {
	dialect
	wrapped  bool // in payload
	includes map[string]*regexp.Regexp
}

func newMessages(name string, d dialect, s settings) (*messages, error) {
	m := &messages{dialect: d, includes: map[string]*regexp.Regexp{}}
	var err error
	if m.wrapped, err = s.flag(name+".schema-include", false); err != nil {
		return nil, err
	}
	for _, member := range []string{"database", "table"} {
		key := name + "." + member + ".include"
		if text := s.options[key]; text != "" {
			if m.includes[member], err = regexp.Compile("^(?:" + text + ")$"); err != nil {
				return nil, fmt.Errorf("%w: option '%s' = '%s': %w", job.ErrInvalid, key, text, err)
			}
		}
	}
	return m, nil
}

// changes are those of one line; none for a line that tells of none.
func (m *messages) changes(line []byte) ([]change, error) {
	v := jsontext.Value(line)
	if !v.IsValid() {
		return nil, errors.New("not JSON")
	}
	if m.wrapped {
		if v = walk(v, []string{"payload"}); v == nil {
			return nil, errors.New("no payload; a message without its schema is read with 'debezium-json.schema-include' = 'false'")
		}
	}
	if v.Kind() == 'n' { // a tombstone
		return nil, nil
	}
	if v.Kind() != '{' {
		return nil, errors.New("not a JSON object")
	}
	values := make([]jsontext.Value, len(m.fields))
	included := true
	err := eachField(v, func(name string, x jsontext.Value) error {
		if re := m.includes[name]; re != nil {
			text, err := scalarText(x)
			if err != nil {
				return err
			}
			included = included && re.MatchString(text)
		}
		for i, f := range m.fields {
			if name == f && x.Kind() != 'n' {
				values[i] = bytes.Clone(x)
			}
		}
		return nil
	})
	if err != nil || !included {
		return nil, err
	}
	return m.read(values)
}

// infer takes the columns of the first rows.
func (m *messages) infer(in input) (*arrow.Schema, error) {
	lines := newLines(in.plain)
	root := &shape{}
	for row := range sampleRows {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		changes, err := m.changes(line)
		for i := 0; i < len(changes) && err == nil; i++ {
			err = root.see(changes[i].row)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: row %d: %w", job.ErrInvalid, row+1, err)
		}
	}
	st, ok := root.dataType().(*arrow.StructType)
	if !ok {
		return nil, fmt.Errorf("%w: the file holds no changes of rows", job.ErrInvalid)
	}
	return arrow.NewSchema(st.Fields(), nil), nil
}

// changeDecoder reads one message per line. Of a message that has a bad row, no row
// is kept.
type changeDecoder struct {
	*jsonDecoder
	messages *messages
	last     []stream.RowKind
}

// kinds are the changes of the rows that next gave last.
func (d *changeDecoder) kinds() []stream.RowKind { return d.last }

func (d *changeDecoder) next(alloc memory.Allocator, n int) (arrow.RecordBatch, []badRow, position, error) {
	var bad []badRow
	d.last = nil
	lines := 0
	for ; lines < n && len(d.last) < n && d.rows.Bytes() < maxBatch; lines++ {
		line, err := d.lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, d.at, err
		}
		d.at.Row++
		d.at.Offset += int64(d.lines.size)
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := d.append(line); err != nil {
			bad = append(bad, badRow{d.at.Row, err.Error(), bytes.Clone(line)})
		}
	}
	if lines == 0 {
		return nil, nil, d.at, io.EOF
	}
	if len(d.last) == 0 {
		return nil, bad, d.at, nil
	}
	return d.rows.Record(alloc), bad, d.at, nil
}

// append adds the changes of a line.
func (d *changeDecoder) append(line []byte) error {
	changes, err := d.messages.changes(line)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if err := d.rows.AppendOver(c.row, c.over); err != nil {
			d.rows.Truncate(len(d.last))
			return err
		}
	}
	for _, c := range changes {
		d.last = append(d.last, c.kind)
	}
	return nil
}

// walk follows a path into a value; nil when it ends.
func walk(v jsontext.Value, path []string) jsontext.Value {
	for _, p := range path {
		if v.Kind() != '{' {
			return nil
		}
		var next jsontext.Value
		if err := eachField(v, func(name string, x jsontext.Value) error {
			if name == p {
				next = bytes.Clone(x)
			}
			return nil
		}); err != nil {
			return nil
		}
		v = next
	}
	return v
}
