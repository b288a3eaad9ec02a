package bind

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
)

// lookupOptions are the options of the hint LOOKUP, with what each must be.
var lookupOptions = map[string]string{
	"table": "the name of a table", "async": "'true' or 'false'", "output-mode": "'ordered' or 'allow_unordered'",
	"capacity": "a number from 1", "timeout": "a duration such as '3 min'", "shuffle": "'true' or 'false'",
	"retry-predicate": "'lookup_miss'", "retry-strategy": "'fixed_delay'", "fixed-delay": "a duration such as '10 s'", "max-attempts": "a number from 1",
}

// retryOptions are given together, or not at all.
var retryOptions = []string{"retry-predicate", "retry-strategy", "fixed-delay", "max-attempts"}

// lookup reads LOOKUP('table' = 't', …). A table in which rows are looked up is
// loaded before the first row, so nothing waits for it, and a row that is not found
// is not there: the options are checked, and shown in plans.
func (h *blockHints) lookup(hint ast.Hint, tables []string) error {
	given := map[string]string{}
	for _, o := range hint.Options {
		want, ok := lookupOptions[o.Key]
		if !ok {
			known := make([]string, 0, len(lookupOptions))
			for k := range lookupOptions {
				known = append(known, k)
			}
			slices.Sort(known)
			return diag.At(hint.Pos, "the hint LOOKUP has no option '%s'%s", o.Key, nearest.Hint(o.Key, known, "'"))
		}
		if !lookupValue(o.Key, o.Value) {
			return diag.At(hint.Pos, "'%s' of the hint LOOKUP must be %s, not '%s'", o.Key, want, o.Value)
		}
		given[o.Key] = o.Value
	}
	table, ok := given["table"]
	if !ok {
		return diag.At(hint.Pos, "the hint LOOKUP needs the table that it is about: LOOKUP('table' = 't', …)")
	}
	if err := inFrom(hint, table, tables); err != nil {
		return err
	}
	missing := slices.DeleteFunc(slices.Clone(retryOptions), func(k string) bool { return given[k] != "" })
	if n := len(missing); n > 0 && n < len(retryOptions) {
		return diag.At(hint.Pos, "the options of a retry in the hint LOOKUP are given together; missing: '%s'", strings.Join(missing, "', '"))
	}
	if _, ok := h.lookups[table]; !ok {
		h.lookups[table] = lookupText(given)
	}
	return nil
}

// lookupValue reports whether an option has a value that it may have.
func lookupValue(key, value string) bool {
	switch key {
	case "async", "shuffle":
		_, err := strconv.ParseBool(strings.ToLower(value))
		return err == nil
	case "output-mode":
		return strings.EqualFold(value, "ordered") || strings.EqualFold(value, "allow_unordered")
	case "capacity", "max-attempts":
		n, err := strconv.Atoi(value)
		return err == nil && n > 0
	case "timeout", "fixed-delay":
		d, err := units.ParseDuration(value)
		return err == nil && d > 0
	case "retry-predicate":
		return strings.EqualFold(value, "lookup_miss")
	case "retry-strategy":
		return strings.EqualFold(value, "fixed_delay")
	}
	return value != ""
}

// lookupText is the hint as plans show it, as in Flink.
func lookupText(o map[string]string) string {
	text := ""
	if strings.EqualFold(o["async"], "true") {
		mode, capacity, timeout := "ORDERED", "100", 3*time.Minute
		if v := o["output-mode"]; v != "" {
			mode = strings.ToUpper(v)
		}
		if v := o["capacity"]; v != "" {
			capacity = v
		}
		if d, err := units.ParseDuration(o["timeout"]); err == nil {
			timeout = d
		}
		text = fmt.Sprintf(", async=[%s, %dms, %s]", mode, timeout.Milliseconds(), capacity)
	}
	if o["retry-predicate"] != "" {
		delay, err := units.ParseDuration(o["fixed-delay"])
		if err == nil {
			text += fmt.Sprintf(", retry=[lookup_miss, FIXED_DELAY, %dms, %s]", delay.Milliseconds(), o["max-attempts"])
		}
	}
	return text
}
