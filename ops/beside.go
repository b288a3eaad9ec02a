package ops

import (
	"fmt"
	"maps"
	"strings"

	"github.com/wadi-engine/wadi/job"
)

// Suffixed makes a Connector.Beside, or its Again, of the options that name what a
// table is: each that is set gets the suffix. A table that has not even the first
// of them is refused.
func Suffixed(keys ...string) func(t job.Table, suffix string) (job.Table, error) {
	return func(t job.Table, suffix string) (job.Table, error) {
		if len(keys) > 0 && t.Options[keys[0]] == "" {
			return t, fmt.Errorf("%w: table %s has no option '%s' that could get the suffix", job.ErrInvalid, t.Ident, keys[0])
		}
		t.Options = maps.Clone(t.Options)
		for _, k := range keys {
			if v := strings.TrimRight(t.Options[k], "/"); v != "" {
				t.Options[k] = v + suffix
			}
		}
		return t, nil
	}
}
