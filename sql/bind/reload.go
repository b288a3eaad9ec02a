package bind

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/logical"
)

// Options of tables in which rows are looked up. They are the planner's: connectors
// do not see them.
const (
	lookupCache    = "lookup.cache"
	reloadStrategy = "lookup.full-cache.reload-strategy"
	reloadInterval = "lookup.full-cache.periodic-reload.interval"
	reloadMode     = "lookup.full-cache.periodic-reload.schedule-mode"
	expireAfter    = "lookup.partial-cache.expire-after-write"
	timedReload    = "lookup.full-cache.timed-reload."
)

// cacheOptions are those options; the ones that only bound a cache of single rows
// change nothing where the whole table is loaded.
var cacheOptions = []string{
	lookupCache, reloadStrategy, reloadInterval, reloadMode, expireAfter, timedReload + "iso-time", timedReload + "interval-in-days",
	"lookup.partial-cache.max-rows", "lookup.partial-cache.expire-after-access", "lookup.partial-cache.caching-missing-key",
	"lookup.partial-cache.cache-missing-key", "lookup.max-retries",
}

// cacheOption reports options of the planner about looking rows up.
func cacheOption(key string) bool {
	return key == lookupCache || strings.HasPrefix(key, "lookup.full-cache.") || strings.HasPrefix(key, "lookup.partial-cache.") || key == "lookup.max-retries"
}

// again is after how long a table in which rows are looked up is read again, in
// milliseconds; 0 is never.
func again(id job.Ident, options map[string]string) (int64, error) {
	bad := func(format string, args ...any) (int64, error) {
		return 0, fmt.Errorf("%w: table %s: %s", job.ErrInvalid, id, fmt.Sprintf(format, args...))
	}
	for k := range options {
		if cacheOption(k) && !slices.Contains(cacheOptions, k) {
			return bad("unknown option '%s'%s", k, nearest.Hint(k, cacheOptions, "'"))
		}
	}
	key := ""
	switch strings.ToUpper(options[lookupCache]) {
	case "", "NONE":
		return 0, nil
	case "PARTIAL":
		key = expireAfter
	case "FULL":
		key = reloadInterval
		if s := strings.ToUpper(options[reloadStrategy]); s != "" && s != "PERIODIC" {
			return bad("'%s' = '%s' is not supported yet; PERIODIC is", reloadStrategy, options[reloadStrategy])
		}
		if m := strings.ToUpper(options[reloadMode]); m != "" && m != "FIXED_DELAY" {
			return bad("'%s' = '%s' is not supported yet; FIXED_DELAY is", reloadMode, options[reloadMode])
		}
		if options[key] == "" {
			return bad("'%s' = 'FULL' needs '%s', after which the table is read again", lookupCache, key)
		}
	default:
		return bad("'%s' must be NONE, PARTIAL or FULL, not '%s'", lookupCache, options[lookupCache])
	}
	if options[key] == "" {
		return 0, nil
	}
	d, err := units.ParseDuration(options[key])
	if err != nil || d.Milliseconds() <= 0 {
		return bad("'%s' must be a duration such as '10 min', not '%s'", key, options[key])
	}
	return d.Milliseconds(), nil
}

// reloads notes on a scan after how long its table is read again.
func reloads(s *logical.Scan, options map[string]string) (err error) {
	s.Again, err = again(s.Table.Ident, options)
	return err
}
