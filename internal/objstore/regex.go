package objstore

import (
	"context"
	"fmt"
	"regexp"

	"github.com/wadi-engine/wadi/job"
)

// Find is Glob for the objects whose whole path, or whole URL, matches a regular
// expression; "" matches all.
func (s *Stores) Find(ctx context.Context, pattern, regex string, props map[string]string) ([]Found, error) {
	var re *regexp.Regexp
	if regex != "" {
		var err error
		if re, err = regexp.Compile(`\A(?:` + regex + `)\z`); err != nil {
			return nil, fmt.Errorf("%w: regular expression %q: %w", job.ErrInvalid, regex, err)
		}
	}
	found, err := s.Glob(ctx, pattern, props)
	if err != nil || re == nil {
		return found, err
	}
	var out []Found
	for _, f := range found {
		u, err := Parse(f.URL)
		if err != nil {
			return nil, err
		}
		if re.MatchString(u.Path) || re.MatchString(f.URL) {
			out = append(out, f)
		}
	}
	return out, nil
}
