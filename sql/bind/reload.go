package bind

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql/logical"
)

// Options of tables in which rows are looked up. They are the planner's: connectors
// do not see them.
const (
	lookupCache    = "lookup.cache"
	reloadStrategy = "lookup.full-cache.reload-strategy"
	reloadInterval = "lookup.full-cache.periodic-reload.interval"
	reloadMode     = "lookup.full-cache.periodic-reload.schedule-mode"
	partial        = "lookup.partial-cache."
	expireAfter    = partial + "expire-after-write"
	maxRetries     = "lookup.max-retries"
	timedReload    = "lookup.full-cache.timed-reload."
)

// cacheOptions are those options; the ones of a cache of single rows change nothing
// where the whole table is loaded.
var cacheOptions = []string{
	lookupCache, reloadStrategy, reloadInterval, reloadMode, expireAfter, timedReload + "iso-time", timedReload + "interval-in-days",
	partial + "max-rows", partial + "expire-after-access", partial + "caching-missing-key", partial + "cache-missing-key", maxRetries,
}

// cacheOption reports options of the planner about looking rows up.
func cacheOption(key string) bool {
	return key == lookupCache || strings.HasPrefix(key, "lookup.full-cache.") || strings.HasPrefix(key, partial) || key == maxRetries
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

// lookups notes on a scan how rows are looked up in its table: after how long it is
// read again, and how it may be asked by key instead.
func lookups(s *logical.Scan, options map[string]string) (err error) {
	if s.Again, err = again(s.Table.Ident, options); err != nil {
		return err
	}
	s.Lookup, err = asked(options)
	if err != nil {
		return fmt.Errorf("%w: table %s: %w", job.ErrInvalid, s.Table.Ident, err)
	}
	return nil
}

// asked is how a table may be asked for rows by key; nil where it is to be read whole.
func asked(options map[string]string) (*logical.Lookup, error) {
	cache := strings.ToUpper(options[lookupCache])
	if cache == "FULL" {
		return nil, nil
	}
	l := &logical.Lookup{Retries: 3}
	if text := options[maxRetries]; text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("'%s' must be a number from 0, not '%s'", maxRetries, text)
		}
		l.Retries = n
	}
	c := &ops.LookupCache{Missing: true}
	if text := options[partial+"max-rows"]; text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("'%smax-rows' must be a number from 1, not '%s'", partial, text)
		}
		c.MaxKeys = n
	}
	for key, to := range map[string]*int64{expireAfter: &c.AfterWriteMillis, partial + "expire-after-access": &c.AfterAccessMillis} {
		if text := options[key]; text != "" {
			d, err := units.ParseDuration(text)
			if err != nil || d.Milliseconds() <= 0 {
				return nil, fmt.Errorf("'%s' must be a duration such as '10 min', not '%s'", key, text)
			}
			*to = d.Milliseconds()
		}
	}
	for _, key := range []string{partial + "cache-missing-key", partial + "caching-missing-key"} {
		if text := options[key]; text != "" {
			keep, err := strconv.ParseBool(strings.ToLower(text))
			if err != nil {
				return nil, fmt.Errorf("'%s' must be true or false, not '%s'", key, text)
			}
			c.Missing = keep
		}
	}
	if cache == "PARTIAL" {
		l.Cache = c
	}
	return l, nil
}
