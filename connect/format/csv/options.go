// Package csv reads and writes rows as lines of CSV, as Flink's csv format does.
package csv

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wadi-engine/wadi/job"
)

// settings are the options of a table.
type settings struct {
	delimiter string
	quote     byte // 0: never
	escape    byte // 0: double the quote
	null      string
	isNull    bool   // null is given
	element   string // between the elements of a list or a row
	comments  bool
}

func settingsOf(o map[string]string) (s settings, err error) {
	if s.delimiter, err = character(o, "csv.field-delimiter", ","); err != nil {
		return s, err
	}
	s.element = ";"
	if e, ok := o["csv.array-element-delimiter"]; ok {
		s.element = e
	}
	s.null, s.isNull = o["csv.null-literal"]
	off, err := flag(o, "csv.disable-quote-character")
	if err != nil {
		return s, err
	}
	if !off {
		quote, err := character(o, "csv.quote-character", `"`)
		if err == nil && len(quote) != 1 {
			err = fmt.Errorf("%w: option 'csv.quote-character' = '%s': want one character of ASCII", job.ErrInvalid, quote)
		}
		if err != nil {
			return s, err
		}
		s.quote = quote[0]
	}
	if escape := o["csv.escape-character"]; escape != "" {
		if len(escape) != 1 {
			return s, fmt.Errorf("%w: option 'csv.escape-character' = '%s': want one character of ASCII", job.ErrInvalid, escape)
		}
		s.escape = escape[0]
	}
	s.comments, err = flag(o, "csv.allow-comments")
	return s, err
}

// character is an option of exactly one character; \t and the like are understood.
func character(o map[string]string, key, fallback string) (string, error) {
	text, ok := o[key]
	if !ok {
		text = fallback
	}
	if unescaped, ok := map[string]string{`\t`: "\t", `\\`: `\`, `\u0001`: "\x01"}[text]; ok {
		text = unescaped
	}
	if utf8.RuneCountInString(text) != 1 {
		return "", fmt.Errorf("%w: option '%s' = '%s': want one character", job.ErrInvalid, key, text)
	}
	return text, nil
}

func flag(o map[string]string, key string) (bool, error) {
	text := o[key]
	if text == "" {
		return false, nil
	}
	b, err := strconv.ParseBool(strings.ToLower(text))
	if err != nil {
		return false, fmt.Errorf("%w: option '%s' = '%s': want true or false", job.ErrInvalid, key, text)
	}
	return b, nil
}
