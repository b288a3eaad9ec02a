package conformance

import (
	"maps"
	"slices"
	"strings"
)

// compare compares a sink with one of the lists that the case expects.
func (c *streamCase) compare(s *session, sink string) error {
	got := s.world.changes(sink)
	var firstErr error
	for _, name := range slices.Sorted(maps.Keys(c.Expected)) {
		want := make([]string, len(c.Expected[name]))
		for i, v := range c.Expected[name] {
			want[i] = scalaText(v)
		}
		err := c.compareList(s, sink, got, want)
		if err == nil {
			return nil
		}
		if firstErr == nil {
			firstErr = err
		}
	}
	return firstErr
}

func (c *streamCase) compareList(s *session, sink string, got []change, want []string) error {
	raw := len(c.Sink) > 0 && c.Sink[0] == "getRawResultsAsStrings"
	if raw && (sameTexts(kindTexts(got), want, false) == nil || sameTexts(kindTuples(got), want, false) == nil) {
		return nil
	}
	rows, err := final(got, s.keyOf(sink), javaTexts)
	if err != nil {
		return err
	}
	texts := make([]string, len(rows))
	for i, r := range rows {
		texts[i] = strings.Join(javaEach(r), ",")
		switch {
		case len(want) > 0 && strings.HasPrefix(want[0], "+I["):
			texts[i] = "+I[" + javaTexts(r) + "]"
		case len(want) > 0 && strings.HasPrefix(want[0], "+I("):
			texts[i] = "+I(" + texts[i] + ")"
		}
	}
	if sameTexts(texts, want, false) == nil {
		return nil
	}
	for i, r := range rows {
		texts[i] = strings.Join(javaEach(flat(r)), ",")
	}
	return sameTexts(texts, want, false)
}

// kindTuples are changes as the sinks of the planner's tests print them: +I(1,a).
func kindTuples(changes []change) []string {
	out := make([]string, len(changes))
	for i, c := range changes {
		out[i] = c.kind.String() + "(" + strings.Join(javaEach(c.row), ",") + ")"
	}
	return out
}

// flat is a row with the fields of nested rows in their place, as some sinks of
// the tests print them.
func flat(row []any) []any {
	var out []any
	for _, v := range row {
		if nested, ok := v.(rowCell); ok {
			out = append(out, flat(nested)...)
			continue
		}
		out = append(out, v)
	}
	return out
}

// scalaText is an expected row, whose values may stand in a list.
func scalaText(v any) string {
	if list, ok := v.([]any); ok {
		parts := make([]string, len(list))
		for i, x := range list {
			parts[i] = plain(x)
		}
		return strings.Join(parts, ",")
	}
	return plain(v)
}

func javaEach(row []any) []string {
	out := make([]string, len(row))
	for i, v := range row {
		out[i] = javaText(v)
	}
	return out
}

// keyOf are the positions of the primary key of a table.
func (s *session) keyOf(name string) []int { return s.world.keys[name] }
