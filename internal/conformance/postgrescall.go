package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
)

// windows changes tumble(t, time, size) and hop(t, time, slide, size) of a
// FROM: into Flink's table functions, or, when plain, into columns that are
// computed of each row.
func windows(ts []token, plain bool) []token {
	for i := 0; i < len(ts); i++ {
		name := at(ts, i)
		if name != "tumble" && name != "hop" || at(ts, i+1) != "(" || ts[i].kept {
			continue
		}
		end := closing(ts, i+1)
		if end < 0 {
			continue
		}
		args := items(ts[i+2 : end])
		if len(args) < 3 {
			continue
		}
		texts := make([]string, len(args))
		for k, a := range args {
			texts[k] = statementOf(quotedNames(a))
		}
		var with string
		if plain {
			with = plainWindow(name, texts)
		} else {
			with = fmt.Sprintf("TABLE(%s(TABLE %s, DESCRIPTOR(%s), %s))", strings.ToUpper(name), texts[0], texts[1], strings.Join(texts[2:], ", "))
		}
		ts = replaced(ts, i, end+1, keptText(with))
		if next := at(ts, i+1); plain && (!isWord(next) || endsSource[next]) {
			ts = replaced(ts, i+1, i+1, keptText("AS "+name))
		}
	}
	return ts
}

// plainWindow computes window_start and window_end of each row.
func plainWindow(name string, args []string) string {
	table, ts, size := args[0], args[1], args[len(args)-1]
	slide, offset := args[2], ""
	switch {
	case name == "tumble" && len(args) == 4:
		size, offset = args[2], args[3]
	case name == "hop" && len(args) == 5:
		size, offset = args[3], args[4]
	}
	from := "w.`" + strings.Trim(ts, "`") + "`"
	if offset != "" {
		from = "(" + from + " - " + offset + ")"
	}
	epoch := "TIMESTAMP '1970-01-01 00:00:00'"
	millis := func(interval string) string {
		return fmt.Sprintf("(TIMESTAMPDIFF(SECOND, %s, %s + %s) * 1000)", epoch, epoch, interval)
	}
	at := fmt.Sprintf("TIMESTAMPDIFF(SECOND, %s, CAST(%s AS TIMESTAMP(3)))", epoch, from)
	step := millis(slide) + " / 1000"
	floor := fmt.Sprintf("(%s - MOD(MOD(%s, %s) + %s, %s))", at, at, step, step, step)
	if offset != "" {
		floor = fmt.Sprintf("(%s + TIMESTAMPDIFF(SECOND, %s, %s + %s))", floor, epoch, epoch, offset)
	}
	if name == "tumble" {
		start := fmt.Sprintf("TIMESTAMPADD(SECOND, %s, %s)", floor, epoch)
		return fmt.Sprintf("(SELECT w.*, %s AS window_start, %s + %s AS window_end FROM %s AS w)", start, start, size, table)
	}
	start := fmt.Sprintf("TIMESTAMPADD(SECOND, %s - h.k * %s, %s)", floor, step, epoch)
	return fmt.Sprintf("(SELECT w.*, %s AS window_start, %s + %s AS window_end FROM %s AS w CROSS JOIN (VALUES %s) AS h(k) WHERE h.k * %s < %s / 1000)",
		start, start, size, table, "(0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11)", step, millis(size))
}

// average makes AVG a fraction, as it is in PostgreSQL also of integers.
func average(ts []token) []token {
	for i := 0; i < len(ts); i++ {
		if at(ts, i) != "avg" || at(ts, i+1) != "(" {
			continue
		}
		end := closing(ts, i+1)
		from := i + 2
		if at(ts, from) == "distinct" {
			from++
		}
		if end < from {
			continue
		}
		ts = replaced(ts, end, end, keptText("AS DECIMAL(28, 10)"), token{text: ")"})
		ts = replaced(ts, from, from, keptText("CAST("))
	}
	return ts
}

// flinkCalls are functions that Flink has under another name.
var flinkCalls = map[string]string{"string_agg": "LISTAGG", "to_char": "DATE_FORMAT", "array_to_string": "array_join", "length": "CHAR_LENGTH", "every": "bool_and"}

// otherCalls changes functions that Flink has in other words.
func otherCalls(ts []token) []token {
	for i := 0; i < len(ts); i++ {
		if at(ts, i+1) != "(" || at(ts, i-1) == "." {
			continue
		}
		if to := flinkCalls[at(ts, i)]; to != "" {
			ts = replaced(ts, i, i+1, token{space: ts[i].space, text: to})
		}
		end := closing(ts, i+1)
		if end < 0 {
			continue
		}
		args := items(ts[i+2 : end])
		switch at(ts, i) {
		case "percentile_cont":
			ts = percentile(ts, i, end)
		case "bool_and", "bool_or":
			f := map[string]string{"bool_and": "MIN", "bool_or": "MAX"}[at(ts, i)]
			text := statementOf(ts[i+2 : end])
			ts = replaced(ts, i, end+1, keptText(fmt.Sprintf("(%s(CASE WHEN %s THEN 1 WHEN NOT (%s) THEN 0 END) = 1)", f, text, text)))
		case "array_join":
			ts = replaced(ts, i+2, end, append(append([]token{keptText("CAST(")}, args[0]...), append([]token{keptText("AS ARRAY<STRING>)")}, ts[i+2+len(args[0]):end]...)...)...)
		case "date_trunc":
			if unit := strings.Trim(statementOf(args[0]), "'"); len(args) == 2 && units[unit] {
				ts = replaced(ts, i, end+1, append(append([]token{keptText("FLOOR(")}, args[1]...), keptText("TO "+strings.ToUpper(unit)+")"))...)
			}
		case "date_part":
			if unit := strings.Trim(statementOf(args[0]), "'"); len(args) == 2 && units[unit] {
				ts = replaced(ts, i, end+1, append(append([]token{keptText("EXTRACT(" + strings.ToUpper(unit) + " FROM")}, args[1]...), token{text: ")"})...)
			}
		}
	}
	return ts
}

// percentile makes PERCENTILE(x, p) of percentile_cont(p) WITHIN GROUP (ORDER BY x).
func percentile(ts []token, i, end int) []token {
	if at(ts, end+1) != "within" || at(ts, end+3) != "(" || at(ts, end+4) != "order" {
		return ts
	}
	to := closing(ts, end+3)
	x, p := ts[end+6:to], statementOf(ts[i+2:end])
	if n := len(x); n > 1 && strings.HasPrefix(x[n-1].text, "NULLS") { // no percentile counts them
		x = x[:n-1]
	}
	if n := len(x); n > 1 && x[n-1].text == "desc" {
		x, p = x[:n-1], "1 - "+p
	}
	return replaced(ts, i, to+1, keptText("PERCENTILE("+statementOf(x)+", "+p+")"))
}

// distinctOn makes the first row of each group of SELECT DISTINCT ON (keys) … ORDER BY ….
func distinctOn(ts []token) []token {
	if at(ts, 0) != "select" || at(ts, 1) != "distinct" || at(ts, 2) != "on" || at(ts, 3) != "(" {
		return ts
	}
	end := closing(ts, 3)
	from := topLevel(ts, end+1, "from")
	if from < 0 {
		return ts
	}
	order := topLevel(ts, from, "order")
	body, sorted := ts[from:], statementOf(ts[4:end])
	if order > 0 {
		body, sorted = ts[from:order], statementOf(ts[order+2:])
	}
	return tokens(fmt.Sprintf("SELECT %s FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY %s ORDER BY %s) AS rn_ %s) WHERE rn_ = 1",
		statementOf(ts[end+1:from]), statementOf(ts[4:end]), sorted, statementOf(body)))
}

// topLevel is the first place from i on of a word outside of brackets, or -1.
func topLevel(ts []token, i int, word string) int {
	depth := 0
	for ; i < len(ts); i++ {
		switch ts[i].text {
		case "(", "[":
			depth++
		case ")", "]":
			if depth--; depth < 0 {
				return -1
			}
		case word:
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

// unnested moves an unnest(list) of selected expressions to the FROM.
func unnested(ts []token) []token {
	for i := len(ts) - 1; i >= 0; i-- {
		if at(ts, i) == "select" {
			ts = unnestedAt(ts, i)
		}
	}
	return ts
}

// unnestedAt does so for the SELECT at a place.
func unnestedAt(ts []token, start int) []token {
	i := topLevel(ts, start+1, "unnest")
	from := topLevel(ts, start+1, "from")
	if i < 0 || from >= 0 && i > from || at(ts, i+1) != "(" {
		return ts
	}
	end := closing(ts, i+1)
	list := statementOf(quotedNames(ts[i+2 : end]))
	if from < 0 {
		to := ending(ts, start+1)
		ts = replaced(ts, to, to, keptText("FROM UNNEST("+list+") AS unnest_(unnest_)"))
	} else {
		to := ending(ts, from)
		for _, w := range []string{"where", "group", "order", "limit", "having", "union"} {
			if at := topLevel(ts, from, w); at > 0 {
				to = min(to, at)
			}
		}
		ts = replaced(ts, to, to, keptText("CROSS JOIN UNNEST("+list+") AS unnest_(unnest_)"))
	}
	with := []token{keptText("unnest_.unnest_")}
	if next := at(ts, end+1); next == "from" || next == "," || next == "" {
		with = append(with, keptText("AS `unnest`"))
	}
	return replaced(ts, i, end+1, with...)
}

// ending is where the parenthesis closes that place i stands in, or the end.
func ending(ts []token, i int) int {
	depth := 0
	for ; i < len(ts); i++ {
		switch ts[i].text {
		case "(", "[":
			depth++
		case ")", "]":
			if depth--; depth < 0 {
				return i
			}
		}
	}
	return i
}

// plainNames are words that Flink reserves and PostgreSQL does not.
var plainNames = map[string]bool{
	"at": true, "begin": true, "binary": true, "call": true, "contains": true, "dec": true, "define": true, "describe": true, "empty": true, "equals": true,
	"explain": true, "extend": true, "language": true, "large": true, "measures": true, "member": true, "merge": true, "minus": true, "module": true,
	"multiset": true, "one": true, "pattern": true, "permute": true, "precedes": true, "range": true, "real": true, "reset": true, "running": true,
	"skip": true, "specific": true, "statement": true, "static": true, "stream": true, "subset": true, "succeeds": true, "system": true,
	"upsert": true, "unknown": true, "value": true, "varchar": true, "bigint": true, "smallint": true, "int": true, "float": true, "double": true, "boolean": true,
	"unnest": true,
}

// frames follow the word of a frame.
var frames = map[string]bool{"between": true, "unbounded": true, "interval": true, "current": true}

// quotedNames quotes names that Flink reserves and PostgreSQL does not.
func quotedNames(ts []token) []token {
	out := slices.Clone(ts)
	for i, t := range ts {
		next := at(ts, i+1)
		switch {
		case t.kept || !plainNames[t.text] || ast.IsName(strings.ToUpper(t.text)):
		case t.text == "at" && next == "time", t.text == "unknown" && (at(ts, i-1) == "is" || at(ts, i-1) == "not"):
		case t.text == "range" && (frames[next] || next != "" && (next[0] == '\'' || '0' <= next[0] && next[0] <= '9')):
		case next == "(" && t.text == "unnest":
		case next == "(" && at(ts, i-1) != "from" && at(ts, i-1) != "join" && at(ts, i-1) != "as":
		case strings.HasPrefix(next, "'"):
		default:
			out[i].text = "`" + t.text + "`"
		}
	}
	return out
}

// sameLiterals puts the numbers of VALUES in quotes where another row has a text
// in their column: the texts are read in the table's types.
func sameLiterals(sql string) string {
	ts := tokens(sql)
	if at(ts, 0) != "values" {
		return sql
	}
	rows := items(ts[1:])
	text := map[int]bool{}
	cells := make([][][]token, len(rows))
	for i, r := range rows {
		if at(r, 0) != "(" || closing(r, 0) != len(r)-1 {
			return sql
		}
		cells[i] = items(r[1 : len(r)-1])
		for k, c := range cells[i] {
			text[k] = text[k] || len(c) == 1 && strings.HasPrefix(c[0].text, "'")
		}
	}
	var out []string
	for _, r := range cells {
		var row []string
		for k, c := range r {
			cell := statementOf(c)
			if number := strings.ReplaceAll(cell, " ", ""); text[k] && isNumber.MatchString(number) {
				cell = "'" + number + "'"
			}
			row = append(row, cell)
		}
		out = append(out, "("+strings.Join(row, ", ")+")")
	}
	return "VALUES " + strings.Join(out, ", ")
}

var isNumber = regexp.MustCompile(`^[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$`)
