package bind

import (
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
)

// blockHints are the hints of one SELECT about the tables of its FROM. Of several
// hints that say something of one table, the first counts.
type blockHints struct {
	ttl        map[string]logical.TTL
	strategies []strategy
	lookups    map[string]string // as plans show them
}

// strategy is a hint about how tables are joined.
type strategy struct {
	name   string
	tables []string
}

// strategies are the hints about how joins are run.
var strategies = []string{"BROADCAST", "SHUFFLE_HASH", "SHUFFLE_MERGE", "NEST_LOOP", "MULTI_JOIN"}

// newBlockHints reads the hints of a SELECT, and reports those that name no table
// of its FROM.
func newBlockHints(s *ast.Select) (*blockHints, error) {
	h := &blockHints{ttl: map[string]logical.TTL{}, lookups: map[string]string{}}
	tables := refNames(s.From)
	for _, hint := range s.Hints {
		name := strings.ToUpper(hint.Name)
		switch {
		case name == "STATE_TTL":
			if err := h.stateTTL(hint, tables); err != nil {
				return nil, err
			}
		case name == "LOOKUP":
			if err := h.lookup(hint, tables); err != nil {
				return nil, err
			}
		case slices.Contains(strategies, name):
			st := strategy{name: name}
			for _, a := range hint.Args {
				if err := inFrom(hint, a.Text, tables); err != nil {
					return nil, err
				}
				st.tables = append(st.tables, a.Text)
			}
			if len(st.tables) == 0 {
				return nil, diag.At(hint.Pos, "the hint %s names the tables it is about: %s(t)", name, name)
			}
			h.strategies = append(h.strategies, st)
		}
	}
	return h, nil
}

func (h *blockHints) stateTTL(hint ast.Hint, tables []string) error {
	if len(hint.Options) == 0 {
		return diag.At(hint.Pos, "the hint STATE_TTL names tables and times: STATE_TTL('t' = '1 d')")
	}
	given := map[string]logical.TTL{}
	for _, o := range hint.Options {
		if err := inFrom(hint, o.Key, tables); err != nil {
			return err
		}
		d, err := units.ParseDuration(o.Value)
		if err != nil || d < 0 {
			return diag.At(hint.Pos, "STATE_TTL of '%s' must be a duration such as '1 d', not '%s'", o.Key, o.Value)
		}
		given[o.Key] = logical.TTL{Given: true, Millis: d.Milliseconds(), Text: o.Value}
	}
	for k, v := range given {
		if _, ok := h.ttl[k]; !ok {
			h.ttl[k] = v
		}
	}
	return nil
}

// inFrom reports a table of a hint that FROM does not have.
func inFrom(hint ast.Hint, table string, tables []string) error {
	if slices.Contains(tables, table) {
		return nil
	}
	return diag.At(hint.Pos, "the hint %s names %q, which is no table or view of the FROM of its SELECT%s",
		strings.ToUpper(hint.Name), table, nearest.Hint(table, tables, `"`))
}

// aggregate is the TTL of an aggregation over a FROM of one table.
func (h *blockHints) aggregate(from ast.TableRef) logical.TTL {
	return h.ttl[refName(from)]
}

// join is what the hints say about a join of two tables, or of one with a join.
func (h *blockHints) join(left, right ast.TableRef) logical.JoinHints {
	l, r := refName(left), refName(right)
	out := logical.JoinHints{Left: h.ttl[l], Right: h.ttl[r], Lookup: h.lookups[r]}
	var parts []string
	for _, s := range h.strategies {
		var of []string
		for _, t := range s.tables {
			if t == l || t == r {
				of = append(of, t)
			}
		}
		if len(of) > 0 {
			parts = append(parts, s.name+"("+strings.Join(of, ", ")+")")
		}
	}
	out.Strategy = strings.Join(parts, ", ")
	return out
}

// refName is how hints call an item of FROM, or "" for a join.
func refName(ref ast.TableRef) string {
	switch r := ref.(type) {
	case *ast.Table:
		if r.Alias.Name != "" {
			return r.Alias.Name
		}
		return r.Name.Last()
	case *ast.Derived:
		return r.Alias.Name
	case *ast.TableFunc:
		return r.Alias.Name
	case *ast.MatchRecognize:
		return r.Alias.Name
	case *ast.Unnest:
		return r.Alias.Name
	}
	return ""
}

// refNames are the names of all items of FROM.
func refNames(ref ast.TableRef) []string {
	if j, ok := ref.(*ast.Join); ok {
		return append(refNames(j.Left), refNames(j.Right)...)
	}
	if name := refName(ref); name != "" {
		return []string{name}
	}
	return nil
}
