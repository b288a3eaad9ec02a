package opstest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector/agg"
)

// Column finds a column of in by its name.
func Column(in *arrow.Schema, name string) (int, error) {
	at := in.FieldIndices(strings.TrimSpace(name))
	if len(at) != 1 {
		return 0, fmt.Errorf("no column %q", name)
	}
	return at[0], nil
}

// Columns finds the columns of a list of names, "a, b".
func Columns(in *arrow.Schema, names string) ([]int, error) {
	var out []int
	for _, name := range splitOutside(names, ',') {
		c, err := Column(in, name)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// Aggs reads a list of aggregate functions over columns of in:
// "count(*), sum(distinct v) filter f".
func Aggs(in *arrow.Schema, text string) ([]agg.Spec, error) {
	var specs []agg.Spec
	for _, item := range splitOutside(text, ',') {
		call, filter, filtered := strings.Cut(item, " filter ")
		name, args, ok := strings.Cut(strings.TrimSuffix(call, ")"), "(")
		if !ok {
			return nil, fmt.Errorf("function %q: want name(columns)", item)
		}
		s := agg.Spec{Func: name, Filter: -1}
		args, s.Distinct = strings.CutPrefix(args, "distinct ")
		var err error
		if args != "*" {
			if s.Args, err = Columns(in, args); err != nil {
				return nil, err
			}
		}
		if filtered {
			if s.Filter, err = Column(in, filter); err != nil {
				return nil, err
			}
		}
		specs = append(specs, s)
	}
	return specs, nil
}

// Settings reads a body of lines "word rest": the rest by word. Words other
// than known are an error.
func Settings(body string, known ...string) (map[string]string, error) {
	out := map[string]string{}
	for line := range strings.Lines(body) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !slices.Contains(known, word) {
			return nil, fmt.Errorf("no setting %q; there are %q", word, known)
		}
		out[word] = rest
	}
	return out, nil
}

// Words cuts a list at its commas.
func Words(text string) []string { return splitOutside(text, ',') }
