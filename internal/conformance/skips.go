package conformance

import (
	_ "embed"
	"path"
	"strings"
)

// skipList names the cases that cannot be run here, by hand: one per line,
//
//	set  case  reason
//
// where case may hold the wildcards of path.Match. Cases that name a Java class
// in their data need no line; they are skipped for it by their set.
//
//go:embed skips.txt
var skipList string

// skip is one line of the list.
type skip struct{ set, name, why string }

func skips() []skip {
	var out []skip
	for l := range strings.Lines(skipList) {
		f := strings.Fields(l)
		if len(f) < 3 || strings.HasPrefix(f[0], "#") {
			continue
		}
		out = append(out, skip{set: f[0], name: f[1], why: strings.Join(f[2:], " ")})
	}
	return out
}

// skipped is why a case is not run, or "".
func skipped(set string, c *Case) string {
	if c.Skip != "" {
		return c.Skip
	}
	for _, s := range skips() {
		if matches(s.name, c.Name) && s.set == set {
			return s.why
		}
	}
	return ""
}

// matches is path.Match in which a * may also stand for slashes at the end.
func matches(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok && !strings.ContainsAny(prefix, "*?[") {
		return strings.HasPrefix(name, prefix)
	}
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}
