package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// check compares every sink with all that it must hold.
func (p *program) check(w *world) error {
	var errs []error
	for _, s := range p.Setup {
		if s.Step == "sink" {
			want := slices.Concat(s.Expected, strs(s.ExpectedRows), s.ExpectedAfter, strs(s.ExpectedRowsAfter))
			if err := s.compare(w.changes(s.Name), want, p.steered()); err != nil {
				errs = append(errs, fmt.Errorf("sink %s: %w", s.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// checkBefore compares the sinks that are compared by changelog, when the first
// phase has ended.
func (p *program) checkBefore(w *world) error {
	var errs []error
	for _, s := range p.Setup {
		if s.Step == "sink" && s.TestChangelog && !p.steered() {
			if err := s.compare(w.changes(s.Name), slices.Concat(s.Expected, strs(s.ExpectedRows)), false); err != nil {
				errs = append(errs, fmt.Errorf("sink %s: %w", s.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

func strs(rows []jsonRow) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.Str
	}
	return out
}

// steered reports options that change when changes are given, and never the
// table that they make: mini-batches, and plans that split distinct aggregates.
func (p *program) steered() bool {
	for _, s := range p.Setup {
		if s.Step == "config" && s.Value == "true" && steering[s.Key] {
			return true
		}
	}
	return false
}

var steering = map[string]bool{"table.exec.mini-batch.enabled": true, "table.optimizer.distinct-agg.split.enabled": true}

// deletesByKey masks what a sink that deletes by key does not read of a -D.
func (s *step) deletesByKey(rows []string) []string {
	key := s.primaryKey()
	if s.Options["sink.supports-delete-by-key"] != "true" || key == nil {
		return rows
	}
	out := slices.Clone(rows)
	for i, r := range out {
		if strings.HasPrefix(r, "-D[") {
			out[i] = "-D[" + strings.Join(fieldsAt(r, key), ", ") + "]"
		}
	}
	return out
}

// fieldsAt are fields of a printed row.
func fieldsAt(row string, at []int) []string {
	fields := strings.Split(strings.TrimSuffix(row[min(3, len(row)):], "]"), ", ")
	var out []string
	for _, i := range at {
		if i < len(fields) {
			out = append(out, fields[i])
		}
	}
	return out
}

// compare compares what a sink got: its changes, or, when they need not be
// those of Flink, the table that they make.
func (s *step) compare(got []change, want []string, steered bool) error {
	if s.TestChangelog {
		if err := sameTexts(s.deletesByKey(kindTexts(got)), s.deletesByKey(want), false); err == nil || !steered {
			return err
		}
	}
	if m := slices.Concat(s.Materialized, strs(s.MaterializedRows)); len(m) > 0 {
		want = m
	}
	key := s.DeduplicatedByFields
	if key == nil {
		key = s.primaryKey()
	}
	rows, err := final(got, key, javaTexts)
	if err != nil {
		return err
	}
	texts := make([]string, len(rows))
	for i, r := range rows {
		texts[i] = "+I[" + javaTexts(r) + "]"
	}
	return sameTexts(texts, tableOf(want, key), false)
}

// tableOf are the rows, as +I, that printed changes make: those of equal key
// replace each other.
func tableOf(changes []string, key []int) []string {
	var order []string
	rows := map[string][]string{}
	for _, c := range changes {
		text := c[min(3, len(c)):]
		id := text
		if key != nil {
			id = strings.Join(fieldsAt(c, key), "\x00")
		}
		if _, ok := rows[id]; !ok {
			order = append(order, id)
		}
		switch retracts := strings.HasPrefix(c, "-"); {
		case retracts && key != nil:
			rows[id] = []string{}
		case retracts:
			rows[id] = rows[id][min(1, len(rows[id])):]
		case key != nil:
			rows[id] = []string{text}
		default:
			rows[id] = append(rows[id], text)
		}
	}
	var out []string
	for _, id := range order {
		for _, text := range rows[id] {
			out = append(out, "+I["+text)
		}
	}
	return out
}

// primaryKey are the positions of the key's columns, or nil.
func (s *step) primaryKey() []int {
	var names, key []string
	for _, c := range s.Schema {
		upper := strings.ToUpper(c)
		if at := strings.Index(upper, "PRIMARY KEY ("); at >= 0 && strings.Contains(upper, "NOT ENFORCED") {
			list, _, _ := strings.Cut(c[at+len("PRIMARY KEY ("):], ")")
			for _, k := range strings.Split(list, ",") {
				key = append(key, strings.Trim(strings.TrimSpace(k), "`"))
			}
			continue
		}
		name, _, _ := strings.Cut(c, " ")
		names = append(names, strings.Trim(name, "`"))
		if strings.Contains(upper, " PRIMARY KEY NOT ENFORCED") {
			key = append(key, strings.Trim(name, "`"))
		}
	}
	var out []int
	for _, k := range key {
		out = append(out, slices.Index(names, k))
	}
	return out
}

// kindTexts are changes as Flink prints them: +I[1, a].
func kindTexts(changes []change) []string {
	out := make([]string, len(changes))
	for i, c := range changes {
		out[i] = c.kind.String() + "[" + javaTexts(c.row) + "]"
	}
	return out
}
