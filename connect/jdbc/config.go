package jdbc

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// config is the options of a table, checked.
type config struct {
	table    job.Table
	dialect  *dialect
	address  address
	name     []string // of the table: schema and table, or the table alone
	wait     time.Duration
	fetch    int
	ranges   ranges
	maxRows  int // 0: all of an epoch
	interval time.Duration
	retries  int

	guarantee guarantee
	prefix    []string // of the names of the tables of rows that are staged
}

// address is where a database is, and who comes.
type address struct {
	hosts          string // as in the URL
	database       string
	user, password string
	params         map[string]string
}

func parse(t job.Table) (*config, error) {
	c := &config{table: t, fetch: 8 << 10}
	if err := c.parse(t.Options); err != nil {
		return nil, fmt.Errorf("table %s: %w", t.Ident, err)
	}
	return c, nil
}

func (c *config) parse(o map[string]string) error {
	known := ops.Keys(options)
	for _, key := range slices.Sorted(maps.Keys(o)) {
		if key != "connector" && !slices.Contains(known, key) {
			return fmt.Errorf("%w: unknown option '%s' of connector jdbc%s", job.ErrInvalid, key, nearest.Hint(key, known, "'"))
		}
	}
	if err := c.parseURL(o["url"]); err != nil {
		return err
	}
	if c.address.user, c.address.password = cmp.Or(o["username"], c.address.params["user"]), cmp.Or(o["password"], c.address.params["password"]); c.address.password != "" && c.address.user == "" {
		return fmt.Errorf("%w: there is a 'password' and no 'username'", job.ErrInvalid)
	}
	delete(c.address.params, "user")
	delete(c.address.params, "password")
	if c.name = splitName(o["table-name"]); c.name == nil {
		return fmt.Errorf("%w: option 'table-name' = '%s': want the name of a table, such as orders or public.orders", job.ErrInvalid, o["table-name"])
	}
	enough := 100
	switch c.guarantee = guarantee(cmp.Or(o["sink.delivery-guarantee"], string(atLeastOnce))); c.guarantee {
	case atLeastOnce:
	case exactlyOnce:
		enough = 10_000
	default:
		return fmt.Errorf("%w: option 'sink.delivery-guarantee' = '%s': want at-least-once or exactly-once", job.ErrInvalid, c.guarantee)
	}
	if c.prefix = splitName(cmp.Or(o["sink.staging-prefix"], "wadi")); c.prefix == nil {
		return fmt.Errorf("%w: option 'sink.staging-prefix' = '%s': want the beginning of a name, such as wadi or audit.wadi", job.ErrInvalid, o["sink.staging-prefix"])
	}
	numbers := []struct {
		key  string
		to   *int
		none int
	}{{"scan.fetch-size", &c.fetch, 0}, {"sink.buffer-flush.max-rows", &c.maxRows, enough}, {"sink.max-retries", &c.retries, 3}}
	for _, n := range numbers {
		if err := number(o, n.key, n.none, n.to); err != nil {
			return err
		}
	}
	if c.fetch == 0 {
		c.fetch = 8 << 10
	}
	if _, err := strconv.ParseBool(cmp.Or(o["scan.auto-commit"], "true")); err != nil {
		return fmt.Errorf("%w: option 'scan.auto-commit' = '%s': want true or false", job.ErrInvalid, o["scan.auto-commit"])
	}
	var err error
	if c.interval, err = units.ParseDuration(cmp.Or(o["sink.buffer-flush.interval"], "1 s")); err != nil {
		return fmt.Errorf("option 'sink.buffer-flush.interval': %w", err)
	}
	if c.wait, err = units.ParseDuration(cmp.Or(o["connection.max-retry-timeout"], "60 s")); err != nil {
		return fmt.Errorf("option 'connection.max-retry-timeout': %w", err)
	}
	return c.parseRanges(o)
}

// number reads an option that is a whole number from 0.
func number(o map[string]string, key string, none int, to *int) error {
	*to = none
	text := o[key]
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return fmt.Errorf("%w: option '%s' = '%s': want a number from 0", job.ErrInvalid, key, text)
	}
	*to = n
	return nil
}

// splitName takes the name of a table apart. Parts that have dots stand in quotes.
func splitName(text string) []string {
	var parts []string
	for text != "" {
		part, rest := text, ""
		if q := text[0]; q == '"' || q == '`' {
			end := strings.IndexByte(text[1:], q)
			if end < 0 || len(text) > end+2 && text[end+2] != '.' {
				return nil
			}
			part, rest = text[1:end+1], text[end+2:]
		} else if dot := strings.IndexByte(text, '.'); dot >= 0 {
			part, rest = text[:dot], text[dot:]
		}
		if part == "" || rest == "." {
			return nil
		}
		parts, text = append(parts, part), strings.TrimPrefix(rest, ".")
	}
	if len(parts) > 3 {
		return nil
	}
	return parts
}

// tableName is the table in a query.
func (c *config) tableName() string { return c.quoted(c.name, "") }

// quoted is a name in a query, with a suffix to its last part.
func (c *config) quoted(name []string, suffix string) string {
	all := make([]string, len(name))
	for i, n := range name {
		if i == len(name)-1 {
			n += suffix
		}
		all[i] = c.dialect.quote(n)
	}
	return strings.Join(all, ".")
}

// connect opens a connection.
func (c *config) connect(ctx context.Context) (database, error) {
	ctx, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	db, err := c.dialect.connect(ctx, c.address)
	if err != nil {
		return nil, fmt.Errorf("connect to the database of table %s: %w", c.table.Ident, err)
	}
	return db, nil
}
