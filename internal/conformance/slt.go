package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// record is one record of a sqllogictest file.
type record struct {
	kind string // statement or query
	head string // what follows the kind
	sql  string
	rows []string // expected by a query
	line int
	file string
}

// fails reports a record that wants an error.
func (r *record) fails() bool { return strings.HasPrefix(r.head, "error") }

// skip is why a query cannot be asked, or "".
func (r *record) skip() string {
	if strings.Contains(r.sql, "${") {
		return "feature of RisingWave: its internal state tables, whose names the runner puts in the place of ${…}"
	}
	return ""
}

// readSLT reads a file and what it includes.
func readSLT(path string, depth int) ([]record, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if depth > 8 {
		return nil, fmt.Errorf("%s: includes go too deep", path)
	}
	var out []record
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		word, rest, _ := strings.Cut(strings.TrimSpace(lines[i]), " ")
		switch word {
		case "include":
			matches, _ := filepath.Glob(filepath.Join(filepath.Dir(path), rest))
			for _, m := range matches {
				more, err := readSLT(m, depth+1)
				if err != nil {
					return nil, err
				}
				out = append(out, more...)
			}
		case "statement", "query":
			r := record{kind: word, head: rest, line: i + 1, file: path}
			var sql []string
			for i++; i < len(lines) && strings.TrimSpace(lines[i]) != "" && strings.TrimSpace(lines[i]) != "----"; i++ {
				sql = append(sql, uncommented(lines[i]))
			}
			r.sql = strings.TrimSuffix(strings.TrimSpace(strings.Join(sql, "\n")), ";")
			if i < len(lines) && strings.TrimSpace(lines[i]) == "----" {
				for i++; i < len(lines) && strings.TrimSpace(lines[i]) != ""; i++ {
					r.rows = append(r.rows, lines[i])
				}
			}
			out = append(out, r)
		}
	}
	return out, nil
}

// uncommented is a line without the comment at its end.
func uncommented(line string) string {
	quoted := false
	for i := range len(line) {
		switch {
		case line[i] == '\'':
			quoted = !quoted
		case !quoted && strings.HasPrefix(line[i:], "--"):
			return line[:i]
		}
	}
	return line
}
