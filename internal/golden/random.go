package golden

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes random tables and queries over them, in a dialect that
// DuckDB reads too. Tables are small and full of NULLs and duplicates; id alone
// is unique, so that orders are total. Times grow with the rows: no row is late.
type generator struct {
	*rand.Rand
	names int // of aliases
}

// columns of every table, and what a value of each is drawn from.
var columns = []struct {
	name, of string
	values   []string
}{
	{"id", "INT", nil},
	{"k", "INT", []string{"1", "2", "3", "NULL", "2"}},
	{"v", "BIGINT", []string{"-5", "0", "7", "NULL", "100", "7"}},
	{"s", "STRING", []string{"a", "b", "NULL", "''", "ab"}},
	{"d", "DECIMAL(8, 2)", []string{"1.50", "-0.25", "NULL", "10.00"}},
}

// tables are two tables as blocks of a golden file.
func (g *generator) tables() string {
	var b strings.Builder
	for _, name := range []string{"t", "u"} {
		fmt.Fprintf(&b, "table %s (", name)
		for _, c := range columns {
			fmt.Fprintf(&b, "%s %s, ", c.name, c.of)
		}
		b.WriteString("ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)\n")
		at := 0
		for id := range 1 + g.IntN(12) {
			fmt.Fprintf(&b, "%d", id+1)
			for _, c := range columns[1:] {
				fmt.Fprintf(&b, ", %s", g.one(c.values...))
			}
			at += g.IntN(4000)
			fmt.Fprintf(&b, ", 2024-01-01 00:00:%02d.%03d\n", at/1000, at%1000)
		}
		b.WriteString(separator + "\n\n")
	}
	return b.String()
}

func (g *generator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g *generator) alias() string {
	g.names++
	return fmt.Sprintf("x%d", g.names)
}

// relation is something in FROM: its text, and the columns it has by type.
type relation struct {
	text               string
	ints, texts, exact []string // INT and BIGINT, STRING, DECIMAL
	id                 string   // a unique column, or ""
}

func (s *relation) all() []string {
	out := append(append(append([]string{}, s.ints...), s.texts...), s.exact...)
	return out
}

func (g *generator) table() *relation {
	a := g.alias()
	return &relation{
		text: g.one("t", "u") + " AS " + a, id: a + ".id",
		ints: []string{a + ".id", a + ".k", a + ".v"}, texts: []string{a + ".s"}, exact: []string{a + ".d"},
	}
}

// from is a table, a join or a subquery.
func (g *generator) from(depth int) *relation {
	switch n := g.IntN(10); {
	case depth <= 0 || n < 4:
		return g.table()
	case n < 8:
		return g.join(depth)
	default:
		return g.derived(depth)
	}
}

func (g *generator) join(depth int) *relation {
	a, b := g.from(depth-1), g.table()
	on := g.one(a.ints...) + " = " + g.one(b.ints...)
	switch g.IntN(4) {
	case 0:
		on += " AND " + g.one(a.ints...) + g.one(" < ", " <> ", " >= ") + g.one(b.ints...)
	case 1:
		if len(a.texts) > 0 && len(b.texts) > 0 {
			on = g.one(a.texts...) + " = " + g.one(b.texts...)
		}
	}
	return &relation{
		text: a.text + g.one(" JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ") + b.text + " ON " + on,
		ints: append(a.ints, b.ints...), texts: append(a.texts, b.texts...), exact: append(a.exact, b.exact...),
	}
}

// derived is a query in FROM, with columns of its own names.
func (g *generator) derived(depth int) *relation {
	in, a := g.from(depth-1), g.alias()
	if g.IntN(2) == 0 {
		key := g.one(in.ints...)
		return &relation{
			text: fmt.Sprintf("(SELECT %s AS c1, COUNT(*) AS c2, MAX(%s) AS c3 FROM %s%s GROUP BY %s) AS %s", key, g.one(in.ints...), in.text, g.where(in, depth), key, a),
			ints: []string{a + ".c1", a + ".c2", a + ".c3"},
		}
	}
	return &relation{
		text: fmt.Sprintf("(SELECT DISTINCT %s AS c1, %s AS c2 FROM %s%s) AS %s", g.one(in.ints...), g.one(in.ints...), in.text, g.where(in, depth), a),
		ints: []string{a + ".c1", a + ".c2"},
	}
}

func (g *generator) where(s *relation, depth int) string {
	if g.IntN(2) == 0 {
		return ""
	}
	return " WHERE " + g.cond(s, depth)
}

// cond is a condition over the columns of s, with subqueries.
func (g *generator) cond(s *relation, depth int) string {
	n := g.IntN(12)
	if depth <= 0 {
		n = g.IntN(6)
	}
	inner := g.table()
	switch n {
	case 0, 1:
		return g.one(s.ints...) + g.one(" > ", " <= ", " = ", " <> ") + g.one("0", "2", "7")
	case 2:
		return g.one(s.all()...) + g.one(" IS NULL", " IS NOT NULL")
	case 3:
		return g.one(s.ints...) + g.one(" IN ", " NOT IN ") + g.one("(1, 2)", "(0, 7, 100)")
	case 4:
		if len(s.texts) > 0 {
			return g.one(s.texts...) + g.one(" LIKE 'a%'", " = 'b'", " >= 'a'")
		}
		return g.one(s.ints...) + " BETWEEN 0 AND 3"
	case 5:
		return "(" + g.cond(s, 0) + g.one(" AND ", " OR ") + g.cond(s, 0) + ")"
	case 6, 7:
		return fmt.Sprintf("%s%s(SELECT %s FROM %s%s)", g.one(s.ints...), g.one(" IN ", " NOT IN "), g.one(inner.ints...), inner.text, g.where(inner, 0))
	case 8, 9:
		return fmt.Sprintf("%s (SELECT 1 FROM %s WHERE %s = %s)", g.one("EXISTS", "NOT EXISTS"), inner.text, g.one(inner.ints...), g.one(s.ints...))
	case 10:
		return fmt.Sprintf("%s%s(SELECT MAX(%s) FROM %s)", g.one(s.ints...), g.one(" < ", " = "), g.one(inner.ints...), inner.text)
	default:
		return fmt.Sprintf("%s >= (SELECT COUNT(*) FROM %s WHERE %s = %s)", g.one(s.ints...), inner.text, g.one(inner.ints...), g.one(s.ints...))
	}
}

// query is a whole query.
func (g *generator) query() string {
	switch n := g.IntN(10); {
	case n < 3:
		return g.rows(g.from(2))
	case n < 6:
		return g.aggregate(g.from(2))
	case n < 8:
		return g.ranked(g.table())
	default:
		op := g.one("UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL")
		a, b := g.from(1), g.from(1)
		return fmt.Sprintf("SELECT %s, %s FROM %s%s %s SELECT %s, %s FROM %s%s", g.one(a.ints...), g.one(a.ints...), a.text, g.where(a, 1),
			op, g.one(b.ints...), g.one(b.ints...), b.text, g.where(b, 1))
	}
}

func (g *generator) rows(s *relation) string {
	cols := []string{g.one(s.all()...), g.one(s.ints...) + g.one(" + 1", " * 2", ""), "COALESCE(" + g.one(s.ints...) + ", 9)"}
	return "SELECT " + strings.Join(cols[:1+g.IntN(3)], ", ") + " FROM " + s.text + g.where(s, 2)
}

func (g *generator) aggregate(s *relation) string {
	key := g.one(s.all()...)
	calls := []string{
		"COUNT(*)", "COUNT(" + g.one(s.all()...) + ")", "SUM(" + g.one(s.ints...) + ")", "MIN(" + g.one(s.all()...) + ")",
		"MAX(" + g.one(s.all()...) + ")", "COUNT(DISTINCT " + g.one(s.all()...) + ")", "COUNT(*) FILTER (WHERE " + g.cond(s, 0) + ")",
	}
	g.Shuffle(len(calls), func(i, j int) { calls[i], calls[j] = calls[j], calls[i] })
	q := "SELECT " + key + ", " + strings.Join(calls[:1+g.IntN(3)], ", ") + " FROM " + s.text + g.where(s, 2) + " GROUP BY " + key
	if g.IntN(3) == 0 {
		q += " HAVING COUNT(*) > 1"
	}
	return q
}

// ranked keeps the first rows of each key, or numbers all of them.
func (g *generator) ranked(s *relation) string {
	by := g.one("k", "s")
	order := fmt.Sprintf("PARTITION BY %s ORDER BY v %s, id", by, g.one("NULLS FIRST", "DESC NULLS LAST"))
	inner := fmt.Sprintf("SELECT id, v, ROW_NUMBER() OVER (%s) AS r FROM %s%s", order, s.text, g.where(s, 1))
	return fmt.Sprintf("SELECT id, v%s FROM (%s) AS %s WHERE r <= %d", g.one("", ", r"), inner, g.alias(), 1+g.IntN(3))
}
