package conformance

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/wadi-engine/wadi/sql/datatype"
)

// errValue is a value of the corpora that its column cannot take.
var errValue = errors.New("not a value of the column's type")

// tag is the key and content of {"$LocalDate": "…"}, or "".
func tag(v any) (string, any) {
	if m, ok := v.(map[string]any); ok {
		for k, x := range m {
			if strings.HasPrefix(k, "$") {
				return k, x
			}
		}
	}
	return "", v
}

// plain is the text of a scalar of the corpora, whatever its tag.
func plain(v any) string {
	_, v = tag(v)
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return fmt.Sprint(v)
}

// feed appends a value of the corpora to a column of type t.
func feed(b array.Builder, t datatype.Type, v any) error {
	if v == nil {
		b.AppendNull()
		return nil
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		x, ok := v.(bool)
		if !ok {
			return fmt.Errorf("%w: %v", errValue, v)
		}
		b.Append(x)
	case *array.StringViewBuilder:
		b.Append(plain(v))
	case *array.BinaryViewBuilder:
		raw, err := bytesOf(v)
		if err != nil {
			return err
		}
		b.Append(raw)
	case *array.Decimal128Builder:
		return feedDecimal(b, t, v)
	case *array.ListBuilder, *array.MapBuilder, *array.StructBuilder:
		return feedNested(b, t, v)
	default:
		return feedTime(b, t, v)
	}
	return nil
}

func bytesOf(v any) ([]byte, error) {
	key, x := tag(v)
	text, ok := x.(string)
	if !ok {
		return nil, fmt.Errorf("%w: %v", errValue, v)
	}
	if key == "$base64" {
		return base64.StdEncoding.DecodeString(text)
	}
	return []byte(text), nil
}

func feedDecimal(b *array.Decimal128Builder, t datatype.Type, v any) error {
	r, ok := new(big.Rat).SetString(plain(v))
	if !ok {
		return fmt.Errorf("%w: %v", errValue, v)
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Scale)), nil)
	r.Mul(r, new(big.Rat).SetInt(scale))
	n := new(big.Int).Mul(r.Num(), big.NewInt(2)) // rounded half up
	n.Add(n, new(big.Int).Mul(r.Denom(), big.NewInt(int64(r.Sign()))))
	n.Quo(n, new(big.Int).Mul(r.Denom(), big.NewInt(2)))
	b.Append(decimal128.FromBigInt(n))
	return nil
}

func feedNested(b array.Builder, t datatype.Type, v any) error {
	key, x := tag(v)
	list, ok := x.([]any)
	if !ok {
		return fmt.Errorf("%w: %v", errValue, v)
	}
	switch b := b.(type) {
	case *array.ListBuilder:
		b.Append(true)
		for _, e := range list {
			if err := feed(b.ValueBuilder(), *t.Elem, e); err != nil {
				return err
			}
		}
	case *array.MapBuilder:
		b.Append(true)
		kt, vt := entryTypes(t)
		for _, e := range list {
			kv, ok := e.([]any)
			if !ok || len(kv) != 2 {
				return fmt.Errorf("%w: %s %v", errValue, key, v)
			}
			if kv[0] == nil {
				return fmt.Errorf("%w: a key of a map is NULL: %v", errValue, v)
			}
			if err := errors.Join(feed(b.KeyBuilder(), kt, kv[0]), feed(b.ItemBuilder(), vt, kv[1])); err != nil {
				return err
			}
		}
	case *array.StructBuilder:
		if len(list) != len(t.Fields) {
			return fmt.Errorf("%w: %v", errValue, v)
		}
		b.Append(true)
		for i, f := range t.Fields {
			if err := feed(b.FieldBuilder(i), f.Type, list[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func feedTime(b array.Builder, t datatype.Type, v any) error {
	switch b := b.(type) {
	case *array.TimestampBuilder:
		at, err := timeOf(v)
		if err != nil {
			return err
		}
		n, err := arrow.TimestampFromTime(at, t.Arrow().(*arrow.TimestampType).Unit)
		if err != nil {
			return err
		}
		b.Append(n)
	case *array.Date32Builder:
		at, err := timeOf(v)
		if err != nil {
			return err
		}
		b.Append(arrow.Date32FromTime(at))
	case *array.Time32Builder:
		at, err := timeOf(v)
		if err != nil {
			return err
		}
		b.Append(arrow.Time32(at.Sub(at.Truncate(24 * time.Hour)).Milliseconds()))
	case *array.MonthIntervalBuilder:
		n, err := monthsOf(plain(v))
		if err != nil {
			return err
		}
		b.Append(arrow.MonthInterval(n))
	case *array.DurationBuilder:
		n, err := millisOf(plain(v))
		if err != nil {
			return err
		}
		b.Append(arrow.Duration(n))
	default:
		if err := b.AppendValueFromString(plain(v)); err != nil {
			return fmt.Errorf("%w: %v: %w", errValue, v, err)
		}
	}
	return nil
}

// timeOf reads dates, times, timestamps and instants in the corpora's forms.
func timeOf(v any) (time.Time, error) {
	key, x := tag(v)
	if n, ok := x.(json.Number); ok {
		i, err := strconv.ParseInt(n.String(), 10, 64)
		if err != nil {
			return time.Time{}, fmt.Errorf("%w: %v", errValue, v)
		}
		if key == "$Instant.ofEpochSecond" || key == "$timestamp" {
			return time.Unix(i, 0).UTC(), nil
		}
		return time.UnixMilli(i).UTC(), nil
	}
	if list, ok := x.([]any); ok {
		return timeOfParts(key, list)
	}
	text := strings.TrimSuffix(strings.Replace(plain(v), " ", "T", 1), "Z")
	for _, layout := range []string{"2006-01-02T15:04:05-07:00", "2006-01-02T15:04:05-07"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02", "15:04:05", "15:04"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %v is no time", errValue, v)
}

// timeOfParts reads LocalDateTime.of(year, month, …) and its kin.
func timeOfParts(key string, list []any) (time.Time, error) {
	n := make([]int, 7)
	for i, x := range list {
		at, err := strconv.Atoi(plain(x))
		if err != nil || i >= len(n) {
			return time.Time{}, fmt.Errorf("%w: %v", errValue, list)
		}
		n[i] = at
	}
	switch key {
	case "$LocalTime.of":
		return time.Date(0, 1, 1, n[0], n[1], n[2], n[3], time.UTC), nil
	case "$Instant.ofEpochSecond":
		return time.Unix(int64(n[0]), int64(n[1])).UTC(), nil
	}
	return time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], n[6], time.UTC), nil
}

// monthsOf reads Java's Period, or a number of months.
func monthsOf(text string) (int64, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	return isoAmount(text, map[byte]float64{'Y': 12, 'M': 1, 'D': 0})
}

// millisOf reads Java's Duration, or a number of milliseconds.
func millisOf(text string) (int64, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	return isoAmount(text, map[byte]float64{'D': 86_400_000, 'H': 3_600_000, 'M': 60_000, 'S': 1000})
}

// isoAmount adds up the numbers of P10Y4M or PT2H3.5S in the given units.
func isoAmount(text string, units map[byte]float64) (int64, error) {
	rest := strings.ReplaceAll(strings.TrimPrefix(text, "P"), "T", "")
	var sum float64
	for rest != "" {
		i := strings.IndexFunc(rest, func(r rune) bool { return r >= 'A' && r <= 'Z' })
		if i < 0 {
			return 0, fmt.Errorf("%w: %s", errValue, text)
		}
		n, err := strconv.ParseFloat(rest[:i], 64)
		if err != nil {
			return 0, fmt.Errorf("%w: %s", errValue, text)
		}
		sum += n * units[rest[i]]
		rest = rest[i+1:]
	}
	return int64(sum), nil
}
