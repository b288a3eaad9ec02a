package conformance

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// inferTypes guesses SQL types from values: of each column the widest.
func inferTypes(rows []change) []string {
	if len(rows) == 0 {
		return nil
	}
	out := make([]string, len(rows[0].row))
	for i := range out {
		for _, r := range rows {
			if i < len(r.row) && r.row[i] != nil {
				out[i] = wider(out[i], inferType(r.row[i]))
			}
		}
		if out[i] == "" {
			out[i] = "STRING"
		}
	}
	return out
}

// wider is the type that holds the values of both.
func wider(a, b string) string {
	order := []string{"", "INT", "BIGINT", "DOUBLE"}
	if x, y := slices.Index(order, a), slices.Index(order, b); x >= 0 && y >= 0 {
		return order[max(x, y)]
	}
	return b
}

func inferType(v any) string {
	key, x := tag(v)
	switch {
	case key == "$decimal":
		return "DECIMAL(38, 18)"
	case key == "$date" || strings.HasPrefix(key, "$LocalDate.") || key == "$LocalDate":
		return "DATE"
	case key == "$time" || strings.HasPrefix(key, "$LocalTime"):
		return "TIME"
	case strings.HasPrefix(key, "$Instant"):
		return "TIMESTAMP_LTZ(9)"
	case key == "$timestamp" || strings.HasPrefix(key, "$LocalDateTime") || strings.HasPrefix(key, "$epoch_millis"):
		return "TIMESTAMP(3)"
	case key == "$utf8bytes" || key == "$base64":
		return "BYTES"
	}
	switch x := x.(type) {
	case bool:
		return "BOOLEAN"
	case json.Number:
		if strings.ContainsAny(x.String(), ".eE") {
			return "DOUBLE"
		}
		if n, err := strconv.ParseInt(x.String(), 10, 64); err == nil && n == int64(int32(n)) {
			return "INT"
		}
		return "BIGINT"
	case []any:
		return inferNested(key, x)
	}
	return "STRING"
}

func inferNested(key string, list []any) string {
	if key == "$row" || key == "$tuple" {
		fields := make([]string, len(list))
		for i, v := range list {
			name := "f" + strconv.Itoa(i)
			if key == "$tuple" {
				name = "_" + strconv.Itoa(i+1)
			}
			fields[i] = name + " " + inferType(v)
		}
		return "ROW<" + strings.Join(fields, ", ") + ">"
	}
	elem := ""
	for _, v := range list {
		if v != nil {
			elem = wider(elem, inferType(v))
		}
	}
	if elem == "" {
		elem = "STRING"
	}
	return "ARRAY<" + elem + ">"
}

// rowTypes are the SQL types of a RowTypeInfo as Scala writes it, or of a name
// for one; nil when it is neither.
func rowTypes(text string, named map[string]string) []string {
	if x, ok := named[text]; ok {
		text = x
	}
	text = strings.TrimSpace(text)
	if in, ok := call(text, "new RowTypeInfo"); ok {
		text = in
	}
	var out []string
	for _, part := range split(text) {
		t := scalaSQLType(part, named)
		if t == "" {
			return nil
		}
		out = append(out, t)
	}
	return out
}

// call is what stands between the parentheses of name(…).
func call(text, name string) (string, bool) {
	rest, ok := strings.CutPrefix(text, name+"(")
	if !ok || !strings.HasSuffix(rest, ")") {
		return "", false
	}
	return strings.TrimSpace(strings.TrimSuffix(rest, ")")), true
}

// split splits a list at the commas outside parentheses and brackets.
func split(text string) []string {
	var out []string
	depth, from := 0, 0
	for i, c := range text {
		switch c {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, strings.TrimSpace(text[from:i]))
				from = i + 1
			}
		}
	}
	return append(out, strings.TrimSpace(text[from:]))
}

var scalaNames = map[string]string{
	"INT": "INT", "LONG": "BIGINT", "STRING": "STRING", "DOUBLE": "DOUBLE", "FLOAT": "FLOAT", "BOOLEAN": "BOOLEAN", "BYTE": "TINYINT",
	"SHORT": "SMALLINT", "BIG_DEC": "DECIMAL(38, 18)", "LOCAL_DATE": "DATE", "LOCAL_TIME": "TIME", "LOCAL_DATE_TIME": "TIMESTAMP(3)",
	"INSTANT": "TIMESTAMP_LTZ(3)", "BYTE_PRIMITIVE_ARRAY": "BYTES",
}

func scalaSQLType(text string, named map[string]string) string {
	name := strings.TrimSuffix(strings.TrimSuffix(text, "()"), "_TYPE_INFO")
	name = name[strings.LastIndex(name, ".")+1:]
	if t, ok := scalaNames[name]; ok && !strings.Contains(text, "(") || ok && strings.HasSuffix(text, "()") {
		return t
	}
	if x, ok := named[text]; ok {
		return rowOf(split(x), "_", 1, named)
	}
	for _, form := range []struct{ call, kind string }{
		{"new RowTypeInfo", "row"},
		{"Types.ROW", "row"},
		{"Types.MAP", "map"},
		{"Types.OBJECT_ARRAY", "array"},
		{"Types.PRIMITIVE_ARRAY", "array"},
		{"ObjectArrayTypeInfo.getInfoFor", "array"},
	} {
		in, ok := call(text, form.call)
		if !ok {
			continue
		}
		args := split(in)
		switch form.kind {
		case "row":
			return rowOf(args, "f", 0, named)
		case "map":
			k, v := scalaSQLType(args[0], named), scalaSQLType(args[1], named)
			if k != "" && v != "" {
				return "MAP<" + k + ", " + v + ">"
			}
		case "array":
			if t := scalaSQLType(args[len(args)-1], named); t != "" {
				return "ARRAY<" + t + ">"
			}
		}
	}
	return ""
}

func rowOf(args []string, prefix string, first int, named map[string]string) string {
	fields := make([]string, len(args))
	for i, a := range args {
		t := scalaSQLType(a, named)
		if t == "" {
			return ""
		}
		fields[i] = prefix + strconv.Itoa(i+first) + " " + t
	}
	return "ROW<" + strings.Join(fields, ", ") + ">"
}
