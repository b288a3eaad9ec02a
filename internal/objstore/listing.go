package objstore

import (
	"context"
	"slices"
	"strings"
)

// Lister is a Driver that lists one level of names without what is below.
type Lister interface {
	// Dirs returns the names that end with a slash once prefix is cut off and
	// the rest is cut behind its first slash, ascending, without that slash.
	Dirs(ctx context.Context, prefix string) ([]string, error)
}

// Dirs returns the names of the directories directly in dir, ascending: the
// first parts of the names of all objects below it that have more than one. An
// empty dir is the root.
func (b *Bucket) Dirs(ctx context.Context, dir string) ([]string, error) {
	if dir != "" {
		dir += "/"
	}
	return retry(ctx, b, OpList, "list", dir, func(ctx context.Context) ([]string, error) {
		names, ok, err := b.driver.dirs(ctx, dir)
		if ok {
			return names, err
		}
		err = b.driver.Walk(ctx, dir, func(i Info) bool {
			name, _, below := strings.Cut(strings.TrimPrefix(i.Name, dir), "/")
			if below && (len(names) == 0 || names[len(names)-1] != name) {
				names = append(names, name)
			}
			return true
		})
		slices.Sort(names)
		return slices.Compact(names), err
	})
}
