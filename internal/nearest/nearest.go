// Package nearest guesses which known name a person meant.
package nearest

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// Name is the known name with the smallest edit distance to got, whatever the
// case of either; the first of several. It is "" when none is close: within a
// third of got's length, or two letters of a short one.
func Name(got string, known []string) string {
	best, at := "", max(2, len(got)/3)+1
	for _, k := range known {
		if d := levenshtein.ComputeDistance(strings.ToLower(got), strings.ToLower(k)); d < at {
			best, at = k, d
		}
	}
	return best
}

// Hint is what an error says at its end: "; did you mean 'price'?", with the
// name between quotes as given, or "" when no name is close.
func Hint(got string, known []string, quote string) string {
	name := Name(got, known)
	if name == "" {
		return ""
	}
	return "; did you mean " + quote + name + quote + "?"
}
