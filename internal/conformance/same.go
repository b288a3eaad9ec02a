package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// sameCell reports whether a cell is the value that a corpus expects, written
// as JSON. Numbers are compared as numbers, approximate ones to seven digits.
func sameCell(got, want any) bool {
	if got == nil || want == nil { // some tests write NULL as text
		return got == nil && (want == nil || want == "null")
	}
	switch got := got.(type) {
	case bool:
		return want == got
	case float32:
		return sameFloat(float64(got), plain(want), 32)
	case float64:
		return sameFloat(got, plain(want), 64)
	case int64, decimalCell:
		return sameNumber(javaText(got), plain(want))
	case string:
		return got == plain(want)
	case bytesCell:
		raw, err := bytesOf(want)
		return err == nil && bytes.Equal(raw, got)
	case dateCell:
		at, err := timeOf(want)
		return err == nil && at.Format("2006-01-02") == string(got)
	case timeCell:
		at, err := timeOf(want)
		return err == nil && at.Sub(at.Truncate(24*time.Hour)).Milliseconds() == time.Duration(got).Milliseconds()
	case timestampCell:
		at, err := timeOf(want)
		return err == nil && at.Equal(time.Time(got))
	case instantCell:
		at, err := timeOf(want)
		return err == nil && at.Equal(time.Time(got))
	case monthsCell:
		n, err := monthsOf(plain(want))
		return err == nil && n == int64(got)
	case millisCell:
		n, err := millisOf(plain(want))
		return err == nil && n == int64(got)
	}
	return sameNested(got, want)
}

func sameNested(got, want any) bool {
	_, want = tag(want)
	list, ok := want.([]any)
	if !ok {
		text, isText := want.(string)
		return isText && text == javaText(got)
	}
	switch got := got.(type) {
	case listCell:
		return slices.EqualFunc(got, list, sameCell)
	case rowCell:
		return slices.EqualFunc(got, list, sameCell)
	case mapCell:
		left := slices.Clone(list)
		for _, kv := range got {
			i := slices.IndexFunc(left, func(w any) bool {
				pair, ok := w.([]any)
				return ok && len(pair) == 2 && sameCell(kv[0], pair[0]) && sameCell(kv[1], pair[1])
			})
			if i < 0 {
				return false
			}
			left = slices.Delete(left, i, i+1)
		}
		return len(left) == 0
	}
	return false
}

func sameNumber(got, want string) bool {
	x, ok1 := new(big.Rat).SetString(got)
	y, ok2 := new(big.Rat).SetString(want)
	return ok1 && ok2 && x.Cmp(y) == 0
}

func sameFloat(got float64, want string, bits int) bool {
	if javaFloat(got, bits) == want {
		return true
	}
	w, ok := new(big.Float).SetString(want)
	if !ok {
		return false
	}
	f, _ := w.Float64()
	d := max(got-f, f-got)
	return d <= 1e-7*max(f, -f) || d == 0
}

// sameRows compares a result with the expected rows, in order or as multisets.
func sameRows(got [][]any, want [][]any, ordered bool) error {
	same := func(g, w []any) bool {
		if len(w) == 1 && len(g) > 1 { // a row as one text
			text, ok := w[0].(string)
			return ok && text == javaTexts(g)
		}
		return slices.EqualFunc(g, w, sameCell)
	}
	if ordered {
		if slices.EqualFunc(got, want, same) {
			return nil
		}
		return differ(rowTexts(got), jsonTexts(want))
	}
	left := slices.Clone(want)
	wrong := len(got) != len(want)
	for _, g := range got {
		i := slices.IndexFunc(left, func(w []any) bool { return same(g, w) })
		if i < 0 {
			wrong = true
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	if !wrong {
		return nil
	}
	return differ(rowTexts(got), jsonTexts(want))
}

// sameTexts compares rows as texts.
func sameTexts(got, want []string, ordered bool) error {
	g, w := slices.Clone(got), slices.Clone(want)
	if !ordered {
		slices.Sort(g)
		slices.Sort(w)
	}
	if slices.Equal(g, w) {
		return nil
	}
	return differ(got, want)
}

// differ is the error of rows that are not those that were expected.
func differ(got, want []string) error {
	g, w := slices.Clone(got), slices.Clone(want)
	slices.Sort(g)
	slices.Sort(w)
	return fmt.Errorf("%d rows, want %d\ngot\n  %s\nwant\n  %s", len(g), len(w), strings.Join(g, "\n  "), strings.Join(w, "\n  "))
}

func rowTexts(rows [][]any) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = javaTexts(r)
	}
	return out
}

func jsonTexts(rows [][]any) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		text, err := json.Marshal(r)
		if err != nil {
			text = fmt.Append(nil, r)
		}
		out[i] = string(text)
	}
	return out
}
