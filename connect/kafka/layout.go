package kafka

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/connect/format"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// layout says where in a record the columns of a table are.
//
//	columns     k_id  k_region  name  at METADATA FROM 'timestamp'
//	key         id    region
//	value                       name          ('value.fields-include' = 'EXCEPT_KEY')
type layout struct {
	key, value side
	// upsert says that the key is the primary key: a record is what the row of
	// its key is now, and one without a value says that it is gone.
	upsert bool
}

// side is the key of a record, or its value.
type side struct {
	format  format.Format     // its Name is "" where there are no keys
	options map[string]string // of the format
	columns []int             // of the table, in the order of the message
	message *arrow.Schema     // those columns, as the message names them
	prefix  string            // which the message leaves away from their names
}

// has reports whether a column of the table is in the message.
func (s *side) has(column int) bool { return slices.Contains(s.columns, column) }

func (s *side) add(column int, f arrow.Field) {
	f.Name = strings.TrimPrefix(f.Name, s.prefix)
	s.columns = append(s.columns, column)
	s.message = arrow.NewSchema(append(s.message.Fields(), f), nil)
}

// upsertConnector is the connector whose records are by key.
const upsertConnector = "upsert-kafka"

func layoutOf(t job.Table) (l layout, err error) {
	o := t.Options
	l.upsert = t.Connector == upsertConnector
	if l.value, err = valueSide(o, l.upsert); err != nil {
		return l, err
	}
	if l.key, err = keySide(o); err != nil {
		return l, err
	}
	if l.upsert {
		if l.key.format.Name == "" {
			return l, fmt.Errorf("%w: option 'key.format' is missing: how a record's key is written, such as json", job.ErrInvalid)
		}
		if l.value.format.Changes {
			return l, fmt.Errorf("%w: option 'value.format' = '%s': the values of upsert-kafka are rows, and this format tells of changes", job.ErrInvalid, l.value.format.Name)
		}
	}
	if t.Schema.Schema == nil {
		return l, nil // the columns are missed later
	}
	return l, l.place(t)
}

// place deals the columns of the table out.
func (l *layout) place(t job.Table) error {
	names, err := l.keyFields(t)
	if err != nil {
		return err
	}
	except := t.Options["value.fields-include"] == "EXCEPT_KEY"
	switch include := t.Options["value.fields-include"]; {
	case include != "" && include != "ALL" && !except:
		return fmt.Errorf("%w: option 'value.fields-include' = '%s': want ALL or EXCEPT_KEY", job.ErrInvalid, include)
	case l.key.prefix != "" && !except:
		return fmt.Errorf("%w: 'key.fields-prefix' needs 'value.fields-include' = 'EXCEPT_KEY': otherwise the value has the fields of the key, too", job.ErrInvalid)
	}
	for _, name := range names {
		at := t.Schema.FieldIndices(name)
		if len(at) == 0 || isMetadata(t.Schema.Field(at[0])) {
			return fmt.Errorf("%w: option 'key.fields': the table has no column %q in its records", job.ErrInvalid, name)
		}
		if !strings.HasPrefix(name, l.key.prefix) {
			return fmt.Errorf("%w: column %q of the key does not begin with 'key.fields-prefix' = '%s'", job.ErrInvalid, name, l.key.prefix)
		}
		if l.key.has(at[0]) {
			return fmt.Errorf("%w: option 'key.fields' names column %q twice", job.ErrInvalid, name)
		}
		l.key.add(at[0], t.Schema.Field(at[0]))
	}
	for i, f := range t.Schema.Fields() {
		if !isMetadata(f) && (!except || !l.key.has(i)) {
			l.value.add(i, f)
		}
	}
	return nil
}

// keyFields are the columns of the key.
func (l *layout) keyFields(t job.Table) ([]string, error) {
	fields := t.Options["key.fields"]
	if l.upsert {
		switch {
		case fields != "":
			return nil, fmt.Errorf("%w: option 'key.fields': the key of upsert-kafka is the table's PRIMARY KEY", job.ErrInvalid)
		case len(t.PrimaryKey) == 0:
			return nil, fmt.Errorf("%w: upsert-kafka needs PRIMARY KEY (…) NOT ENFORCED: it is the key of the records", job.ErrInvalid)
		}
		return t.PrimaryKey, nil
	}
	switch {
	case l.key.format.Name == "":
		for _, key := range []string{"key.fields", "key.fields-prefix"} {
			if t.Options[key] != "" {
				return nil, fmt.Errorf("%w: option '%s' is given without 'key.format': how a record's key is written, such as json", job.ErrInvalid, key)
			}
		}
		return nil, nil
	case fields == "":
		return nil, fmt.Errorf("%w: 'key.format' is given without 'key.fields': which columns are in a record's key, separated by semicolons", job.ErrInvalid)
	}
	var names []string
	for name := range strings.SplitSeq(fields, ";") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}

func isMetadata(f arrow.Field) bool { return f.Metadata.FindKey(ops.MetadataColumn) >= 0 }

func valueSide(o map[string]string, upsert bool) (side, error) {
	name, plain := o["format"], ""
	if v := o["value.format"]; v != "" {
		if name != "" {
			return side{}, fmt.Errorf("%w: 'format' and 'value.format' are the same option: keep one", job.ErrInvalid)
		}
		name, plain = v, "value."
	}
	switch {
	case upsert && plain == "" && name != "":
		return side{}, fmt.Errorf("%w: option 'format': upsert-kafka has 'key.format' and 'value.format'", job.ErrInvalid)
	case name == "" && upsert:
		return side{}, fmt.Errorf("%w: option 'value.format' is missing: how a record's value is written, such as json", job.ErrInvalid)
	case name == "":
		return side{}, fmt.Errorf("%w: option 'format' is missing: how a record's value is written, such as json", job.ErrInvalid)
	}
	return newSide(o, name, plain)
}

func keySide(o map[string]string) (side, error) {
	name := o["key.format"]
	if name == "" {
		return side{message: arrow.NewSchema(nil, nil)}, nil
	}
	s, err := newSide(o, name, "key.")
	if s.prefix = o["key.fields-prefix"]; err == nil && s.format.Changes {
		return s, fmt.Errorf("%w: option 'key.format' = '%s': a key does not tell of changes", job.ErrInvalid, name)
	}
	return s, err
}

func newSide(o map[string]string, name, plain string) (side, error) {
	s := side{options: map[string]string{}, message: arrow.NewSchema(nil, nil)}
	var err error
	if s.format, err = format.Of(name); err != nil {
		return s, err
	}
	for k, v := range o {
		if k, ok := strings.CutPrefix(k, plain); ok {
			s.options[k] = v
		}
	}
	subject := name + ".subject"
	if topic := o["topic"]; s.format.Subject && s.options[subject] == "" && topic != "" && !strings.Contains(topic, ";") {
		what := "-value"
		if plain == "key." {
			what = "-key"
		}
		s.options[subject] = topic + what
	}
	return s, nil
}

// decoder reads columns from the message: those of schema, whose paths in the table
// are given.
func (s *side) decoder(schema *arrow.Schema, paths [][]string) (format.Decoder, error) {
	within := make([][]string, len(paths))
	for i, p := range paths {
		within[i] = append([]string{strings.TrimPrefix(p[0], s.prefix)}, p[1:]...)
	}
	return s.format.NewDecoder(format.Rows{Message: s.message, Schema: schema, Paths: within, Options: s.options})
}

// encoder writes the columns of the message.
func (s *side) encoder() (format.Encoder, error) {
	return s.format.NewEncoder(format.Writing{Schema: s.message, Options: s.options})
}

// pick takes the columns of the message out of those of the table.
func (s *side) pick(dst, columns []arrow.Array) []arrow.Array {
	for _, i := range s.columns {
		dst = append(dst, columns[i])
	}
	return dst
}
