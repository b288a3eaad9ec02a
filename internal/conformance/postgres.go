package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// token is a word, a literal or a sign of a statement, with the blanks before
// it. Kept tokens are Flink's already.
type token struct {
	space, text string
	kept        bool
}

var tokenForm = regexp.MustCompile(`^(?s)(?:'(?:[^']|'')*'|"[^"]*"|` + "`[^`]*`" + `|[A-Za-z_]\w*|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+|::|<=|>=|<>|!=|\|\||->>|->|=>|.)`)

// Points in time that Flink reads without a zone, here UTC, and with seconds.
var (
	zoned   = regexp.MustCompile(`^'(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?:Z|\+00(?::00)?)'$`)
	minutes = regexp.MustCompile(`^('\d{4}-\d\d-\d\d \d\d:\d\d)'$`)
)

// tokens reads a statement. Words without quotes are put in lower case, as
// PostgreSQL does, and names in quotes get Flink's quotes.
func tokens(sql string) []token {
	var out []token
	for {
		rest := strings.TrimLeft(sql, " \t\r\n")
		space := sql[:len(sql)-len(rest)]
		if rest == "" {
			return out
		}
		text := tokenForm.FindString(rest)
		sql = rest[len(text):]
		switch {
		case text[0] == '\'':
			text = zoned.ReplaceAllString(text, "'$1 ${2}'")
			text = minutes.ReplaceAllString(text, "$1:00'")
		case text[0] == '"':
			text = "`" + strings.Trim(text, `"`) + "`"
		case isWord(text):
			text = strings.ToLower(text)
		}
		out = append(out, token{space: space, text: text})
	}
}

func isWord(s string) bool {
	return s != "" && (s[0] == '_' || 'a' <= s[0]|0x20 && s[0]|0x20 <= 'z')
}

// statementOf writes tokens as a statement.
func statementOf(ts []token) string {
	var out strings.Builder
	for _, t := range ts {
		out.WriteString(t.space)
		out.WriteString(t.text)
	}
	return strings.TrimSpace(out.String())
}

// keptText makes one token of a text in Flink's dialect.
func keptText(text string) token { return token{space: " ", text: text, kept: true} }

// at is the text of a token, or "" beyond the ends.
func at(ts []token, i int) string {
	if i < 0 || i >= len(ts) {
		return ""
	}
	return ts[i].text
}

var brackets = map[string]string{"(": ")", "[": "]"}

// closing is the place of the bracket that closes the one at i, or -1.
func closing(ts []token, i int) int {
	depth := 0
	for k := i; k < len(ts); k++ {
		switch ts[k].text {
		case ts[i].text:
			depth++
		case brackets[ts[i].text]:
			if depth--; depth == 0 {
				return k
			}
		}
	}
	return -1
}

// opening is the place of the bracket that the one at i closes, or -1.
func opening(ts []token, i int, open string) int {
	depth := 0
	for k := i; k >= 0; k-- {
		switch ts[k].text {
		case ts[i].text:
			depth++
		case open:
			if depth--; depth == 0 {
				return k
			}
		}
	}
	return -1
}

// items splits what stands between two places at the commas outside of brackets.
func items(ts []token) [][]token {
	var out [][]token
	depth, from := 0, 0
	for i, t := range ts {
		switch t.text {
		case "(", "[":
			depth++
		case ")", "]":
			depth--
		case ",":
			if depth == 0 {
				out = append(out, ts[from:i])
				from = i + 1
			}
		}
	}
	return append(out, ts[from:])
}

// replaced is ts with some tokens in the place of those from i to j.
func replaced(ts []token, i, j int, with ...token) []token {
	return slices.Replace(slices.Clone(ts), i, j, with...)
}

// dialect changes what can be changed mechanically from PostgreSQL to Flink.
func dialect(sql string) string { return statementOf(changed(sql, false)) }

// plainDialect is dialect where the windows of a table function are columns
// that are computed, as they are in RisingWave, not windows over a time attribute.
func plainDialect(sql string) string { return statementOf(changed(sql, true)) }

func changed(sql string, plainWindows bool) []token {
	ts := tokens(sql)
	for _, pass := range []func([]token) []token{
		withoutEmit, castSigns, castWords, intervals, generatedSeries, func(ts []token) []token { return windows(ts, plainWindows) },
		nullOrders, average, otherCalls, distinctOn, unnested, quotedNames,
	} {
		ts = pass(ts)
	}
	return ts
}

// withoutEmit drops EMIT ON WINDOW CLOSE.
func withoutEmit(ts []token) []token {
	for i := range ts {
		if at(ts, i) == "emit" && at(ts, i+1) == "on" && at(ts, i+2) == "window" && at(ts, i+3) == "close" {
			return append(slices.Clone(ts[:i]), ts[i+4:]...)
		}
	}
	return ts
}

// castSigns makes a CAST of x::type.
func castSigns(ts []token) []token {
	for {
		i := slices.IndexFunc(ts, func(t token) bool { return t.text == "::" })
		if i < 1 {
			return ts
		}
		from := operand(ts, i-1)
		name, to := typeAt(ts, i+1)
		cast := append([]token{{space: " ", text: "CAST"}, {text: "("}}, ts[from:i]...)
		ts = replaced(ts, from, to, append(cast, keptText("AS"), keptText(name), token{text: ")"})...)
	}
}

// operand is where the expression begins that a :: after place i casts.
func operand(ts []token, i int) int {
	for {
		switch at(ts, i) {
		case ")":
			i = opening(ts, i, "(")
			if w := at(ts, i-1); isWord(w) && !notCalled[w] {
				i--
			}
		case "]":
			i = opening(ts, i, "[")
			if isWord(at(ts, i-1)) || at(ts, i-1) == "]" {
				i--
				if at(ts, i) == "]" {
					continue
				}
			}
		}
		switch {
		case at(ts, i-1) == ".":
			i -= 2
			continue
		case strings.HasPrefix(at(ts, i), "'") && slices.Contains([]string{"interval", "date", "timestamp", "time"}, at(ts, i-1)):
			i--
		}
		return max(i, 0)
	}
}

// notCalled are words before a parenthesis that call nothing.
var notCalled = map[string]bool{
	"select": true, "in": true, "and": true, "or": true, "not": true, "by": true, "when": true, "then": true, "else": true, "on": true,
	"where": true, "having": true, "values": true, "distinct": true, "from": true, "as": true, "case": true, "between": true,
}

// typeAt reads PostgreSQL's type at place i: Flink's name of it, and the place behind it.
func typeAt(ts []token, i int) (string, int) {
	name := at(ts, i)
	i++
	if name == "struct" || name == "map" {
		return nestedType(ts, name, i)
	}
	for slices.Contains([]string{"precision", "varying"}, at(ts, i)) {
		name += " " + at(ts, i)
		i++
	}
	if w := at(ts, i); (w == "with" || w == "without") && at(ts, i+1) == "time" && at(ts, i+2) == "zone" {
		name += " " + w + " time zone"
		i += 3
	}
	name = flinkType(name)
	if at(ts, i) == "(" {
		if end := closing(ts, i); end > 0 {
			if name = strings.TrimSuffix(strings.TrimSuffix(name, "(28, 10)"), "(6)"); name != "STRING" {
				name += strings.ReplaceAll(statementOf(ts[i:end+1]), " ", "")
			}
			i = end + 1
		}
	}
	for at(ts, i) == "[" && at(ts, i+1) == "]" {
		name, i = "ARRAY<"+name+">", i+2
	}
	return name, i
}

// nestedType reads struct<a int, …> and map(k, v).
func nestedType(ts []token, name string, i int) (string, int) {
	var parts []string
	end := at(ts, i)
	end = map[string]string{"<": ">", "(": ")"}[end]
	for i++; i < len(ts); i++ {
		field := ""
		if name == "struct" {
			field = "`" + strings.Trim(at(ts, i), "`") + "` "
			i++
		}
		var t string
		t, i = typeAt(ts, i)
		if parts = append(parts, field+t); at(ts, i) == end {
			break
		}
	}
	name = map[string]string{"struct": "ROW<", "map": "MAP<"}[name] + strings.Join(parts, ", ") + ">"
	for i++; at(ts, i) == "[" && at(ts, i+1) == "]"; i += 2 {
		name = "ARRAY<" + name + ">"
	}
	return name, i
}

// castWords changes the types in CAST(x AS type).
func castWords(ts []token) []token {
	for i := 0; i < len(ts); i++ {
		if at(ts, i) != "cast" || at(ts, i+1) != "(" {
			continue
		}
		end := closing(ts, i+1)
		depth := 0
		for k := i + 2; k < end; k++ {
			switch {
			case ts[k].text == "(":
				depth++
			case ts[k].text == ")":
				depth--
			case depth == 0 && ts[k].text == "as" && !ts[k].kept:
				name, to := typeAt(ts, k+1)
				ts = replaced(ts, k, to, keptText("AS"), keptText(name))
				end = k
			}
		}
	}
	return ts
}

var (
	intervalPart = regexp.MustCompile(`(?i)(-?[\d.]+)\s*(seconds?|minutes?|hours?|days?|weeks?|months?|years?|secs?|mins?|mons?|[smhd])\b`)
	intervalTime = regexp.MustCompile(`^(\d+):(\d+):(\d+(?:\.\d+)?)$`)
)

// intervals changes INTERVAL '5 minutes', INTERVAL '1 day 2 hours' and INTERVAL '00:05:00'.
func intervals(ts []token) []token {
	for i := 0; i+1 < len(ts); i++ {
		if text := at(ts, i+1); at(ts, i) == "interval" && text[0] == '\'' && !units[at(ts, i+2)] {
			if with := intervalOf(strings.Trim(text, "'")); with != "" {
				ts = replaced(ts, i, i+2, keptText(with))
			}
		}
	}
	return ts
}

var units = map[string]bool{"second": true, "minute": true, "hour": true, "day": true, "week": true, "month": true, "year": true}

func intervalOf(text string) string {
	if m := intervalTime.FindStringSubmatch(text); m != nil {
		h, _ := strconv.Atoi(m[1])
		return fmt.Sprintf("INTERVAL '%d %02d:%s:%s' DAY TO SECOND", h/24, h%24, m[2], m[3])
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return "INTERVAL '" + text + "' SECOND"
	}
	var parts []string
	for _, m := range intervalPart.FindAllStringSubmatch(text, -1) {
		unit := strings.TrimSuffix(strings.ToUpper(m[2]), "S")
		if full := map[string]string{"SEC": "SECOND", "": "SECOND", "MIN": "MINUTE", "M": "MINUTE", "H": "HOUR", "D": "DAY", "MON": "MONTH"}[unit]; full != "" {
			unit = full
		}
		precision := ""
		if len(m[1]) > 2 && unit != "SECOND" {
			precision = fmt.Sprintf("(%d)", len(m[1]))
		}
		parts = append(parts, "INTERVAL '"+m[1]+"' "+unit+precision)
	}
	if len(parts) > 1 {
		return "(" + strings.Join(parts, " + ") + ")"
	}
	return strings.Join(parts, "")
}

// generatedSeries makes rows of FROM generate_series(from, to), with numbers.
func generatedSeries(ts []token) []token {
	for i := 0; i < len(ts); i++ {
		if at(ts, i) != "generate_series" || at(ts, i+1) != "(" {
			continue
		}
		end := closing(ts, i+1)
		if end < 0 {
			continue
		}
		rows := series(items(ts[i+2 : end]))
		switch before := at(ts, i-1); {
		case rows == "":
		case before == "from" || before == "join" || before == ",":
			ts = replaced(ts, i, end+1, keptText("("+rows+")"))
			if alias := at(ts, i+1); alias == "as" {
				ts = replaced(ts, i+1, i+2)
			}
			if isWord(at(ts, i+1)) && !endsSource[at(ts, i+1)] {
				if at(ts, i+2) != "(" {
					ts = replaced(ts, i+2, i+2, keptText("("+at(ts, i+1)+")"))
				}
			} else {
				ts = replaced(ts, i+1, i+1, keptText("AS generate_series(generate_series)"))
			}
		case before == "select" && end+1 == len(ts):
			ts = replaced(ts, i-1, end+1, keptText(rows))
		}
	}
	return ts
}

// endsSource are words behind a table that are not its name.
var endsSource = map[string]bool{
	"where": true, "group": true, "order": true, "limit": true, "join": true, "left": true, "right": true, "inner": true, "full": true, "cross": true,
	"on": true, "union": true, "having": true, "except": true, "intersect": true, "emit": true, "offset": true, "for": true, "asof": true, "window": true, "natural": true,
}

// series are the numbers of generate_series as VALUES, or "".
func series(args [][]token) string {
	var n []int
	for _, a := range args {
		v, err := strconv.Atoi(strings.ReplaceAll(statementOf(a), " ", ""))
		if err != nil {
			return ""
		}
		n = append(n, v)
	}
	if len(n) == 2 {
		n = append(n, 1)
	}
	if len(n) != 3 || n[2] < 1 || n[1] < n[0] || n[1]-n[0] > 100_000 {
		return ""
	}
	var rows []string
	for v := n[0]; v <= n[1]; v += n[2] {
		rows = append(rows, fmt.Sprintf("(%d)", v))
	}
	return "VALUES " + strings.Join(rows, ", ")
}
