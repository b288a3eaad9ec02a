package changes

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/wadi-engine/wadi/connect/format/json"
	"github.com/wadi-engine/wadi/stream"
)

// change is one change that a message of a changelog tells.
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
			return nil, fmt.Errorf("%s is no array of rows", v[i+1])
		}
		if err := json.EachElement(v[i+1], func(x jsontext.Value) error {
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
