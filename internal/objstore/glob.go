package objstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/wadi-engine/wadi/job"
)

// Found is an object that Glob found.
type Found struct {
	URL string
	Info
}

// Glob finds the objects that a URL or path names, in ascending order of URLs:
//
//	/data/a.parquet       that object
//	/data                 every object below it, but those with a name, or below
//	                      a directory with a name, that starts with '.' or '_'
//	/data/*/b?[0-9].csv   * and ? and [...] match within one name,
//	/data/**/{a,b}.csv    ** matches any directories, {a,b} either word
//
// An object whose name holds these characters is found by its plain name
// first. No match is an empty result.
func (s *Stores) Glob(ctx context.Context, pattern string, props map[string]string) ([]Found, error) {
	clean := strings.TrimRight(pattern, "/")
	if u, err := Parse(pattern); err != nil {
		return nil, err
	} else if u.Path != "/" {
		b, name, err := s.Split(ctx, clean, props)
		if err != nil {
			return nil, err
		}
		info, err := b.Stat(ctx, name)
		if err == nil && clean == pattern {
			return []Found{{b.URL(name), info}}, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	meta := strings.IndexAny(pattern, "*?[{")
	if scheme := strings.Index(pattern, "://"); scheme >= 0 && meta >= 0 && meta < scheme+3 {
		return nil, fmt.Errorf("%w: pattern %q: wildcards in the scheme", job.ErrInvalid, Redact(pattern))
	}
	if meta < 0 {
		return s.below(ctx, pattern, "", visible, props)
	}
	cut := strings.LastIndexByte(pattern[:meta], '/')
	re, err := compileGlob(pattern[cut+1:])
	if err != nil {
		return nil, fmt.Errorf("%w: pattern %q: %w", job.ErrInvalid, Redact(pattern), err)
	}
	root := pattern[:cut+1]
	if cut < 0 {
		root = "."
	}
	return s.below(ctx, root, pattern[cut+1:meta], re.MatchString, props)
}

func (s *Stores) below(ctx context.Context, root, prefix string, match func(string) bool, props map[string]string) ([]Found, error) {
	b, err := s.Open(ctx, root, props)
	if err != nil {
		return nil, err
	}
	infos, err := b.Walk(ctx, prefix)
	if err != nil {
		return nil, err
	}
	var found []Found
	for _, info := range infos {
		if match(info.Name) {
			found = append(found, Found{b.URL(info.Name), info})
		}
	}
	return found, nil
}

func visible(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") || strings.HasPrefix(part, "_") {
			return false
		}
	}
	return true
}

// compileGlob turns a pattern into an anchored regular expression.
func compileGlob(pattern string) (*regexp.Regexp, error) {
	var re strings.Builder
	re.WriteString(`\A`)
	depth := 0
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case strings.HasPrefix(pattern[i:], "**/"):
			re.WriteString(`(?:[^/]+/)*`)
			i += 2
		case strings.HasPrefix(pattern[i:], "**"):
			re.WriteString(`.*`)
			i++
		case c == '*':
			re.WriteString(`[^/]*`)
		case c == '?':
			re.WriteString(`[^/]`)
		case c == '[':
			end := strings.IndexByte(pattern[i+1:], ']')
			if end < 1 {
				return nil, errors.New("'[' without ']'")
			}
			class := pattern[i+1 : i+1+end]
			if class[0] == '!' {
				class = "^" + class[1:]
			}
			re.WriteString("[" + strings.ReplaceAll(class, `\`, `\\`) + "]")
			i += 1 + end
		case c == '{':
			depth++
			re.WriteString(`(?:`)
		case c == '}' && depth > 0:
			depth--
			re.WriteByte(')')
		case c == ',' && depth > 0:
			re.WriteByte('|')
		case c == '\\' && i+1 < len(pattern):
			i++
			re.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		default:
			re.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		}
	}
	if depth > 0 {
		return nil, errors.New("'{' without '}'")
	}
	re.WriteString(`\z`)
	return regexp.Compile(re.String())
}

// Written reports whether a directory holds objects that readers pass over: a
// table was written there, of which no rows are left.
func (s *Stores) Written(ctx context.Context, dir string, props map[string]string) (bool, error) {
	if strings.ContainsAny(dir, "*?[{") {
		return false, nil
	}
	found, err := s.below(ctx, dir, "", func(string) bool { return true }, props)
	return len(found) > 0, err
}
