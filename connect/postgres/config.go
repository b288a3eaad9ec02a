package postgres

import (
	"context"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// startup says where to begin.
type startup string

const (
	initial      startup = "initial"
	latest       startup = "latest-offset"
	committed    startup = "committed-offset"
	snapshotOnly startup = "snapshot"
)

// snapshot reports whether the rows of the table are read first.
func (s startup) snapshot() bool { return s == initial || s == snapshotOnly }

// config is the options of a table, checked.
type config struct {
	table        job.Table
	options      map[string]string
	schemaName   string
	tableName    string
	slot         string
	publication  string
	create       bool // the publication
	startup      startup
	upsert       bool
	fetch        int
	wait         time.Duration
	host, port   string
	databaseName string
}

var slotText = regexp.MustCompile(`^[a-z0-9_]{1,63}$`)

func parse(t job.Table) (*config, error) {
	c := &config{table: t, options: t.Options}
	if err := c.parse(t.Options); err != nil {
		return nil, fmt.Errorf("table %s: %w", t.Ident, err)
	}
	return c, nil
}

func (c *config) parse(o map[string]string) error {
	known := ops.Keys(options)
	for _, key := range slices.Sorted(maps.Keys(o)) {
		if key != "connector" && !slices.Contains(known, key) {
			return fmt.Errorf("%w: unknown option '%s' of connector postgres-cdc%s", job.ErrInvalid, key, nearest.Hint(key, known, "'"))
		}
	}
	for key, to := range map[string]*string{
		"hostname": &c.host, "database-name": &c.databaseName, "schema-name": &c.schemaName, "table-name": &c.tableName, "slot.name": &c.slot,
	} {
		if *to = o[key]; *to == "" {
			return fmt.Errorf("%w: option '%s' is missing", job.ErrInvalid, key)
		}
	}
	if !slotText.MatchString(c.slot) {
		return fmt.Errorf("%w: option 'slot.name' = '%s': want small letters, digits and _", job.ErrInvalid, c.slot)
	}
	if c.port = o["port"]; c.port == "" {
		c.port = "5432"
	}
	if p := o["decoding.plugin.name"]; p != "" && p != "pgoutput" {
		return fmt.Errorf("%w: option 'decoding.plugin.name' = '%s': want pgoutput, which every PostgreSQL from 10 on has", job.ErrInvalid, p)
	}
	if c.publication = o["debezium.publication.name"]; c.publication == "" {
		c.publication = c.slot
	}
	choices := []struct {
		key     string
		allowed []string
		take    func(v string)
	}{
		{"scan.startup.mode", []string{"initial", "latest-offset", "committed-offset", "snapshot"}, func(v string) { c.startup = startup(v) }},
		{"changelog-mode", []string{"all", "upsert"}, func(v string) { c.upsert = v == "upsert" }},
		{"debezium.publication.autocreate.mode", []string{"filtered", "disabled"}, func(v string) { c.create = v == "filtered" }},
	}
	for _, choice := range choices {
		v := o[choice.key]
		if v == "" {
			v = choice.allowed[0]
		}
		if !slices.Contains(choice.allowed, v) {
			return fmt.Errorf("%w: option '%s' = '%s': want %s", job.ErrInvalid, choice.key, v, strings.Join(choice.allowed, ", "))
		}
		choice.take(v)
	}
	return c.parseNumbers(o)
}

func (c *config) parseNumbers(o map[string]string) (err error) {
	c.fetch, c.wait = 8<<10, 30*time.Second
	if text := o["scan.snapshot.fetch.size"]; text != "" {
		if c.fetch, err = strconv.Atoi(text); err != nil || c.fetch < 1 {
			return fmt.Errorf("%w: option 'scan.snapshot.fetch.size' = '%s': want a number from 1", job.ErrInvalid, text)
		}
	}
	if text := o["connect.timeout"]; text != "" {
		if c.wait, err = units.ParseDuration(text); err != nil {
			return fmt.Errorf("option 'connect.timeout': %w", err)
		}
	}
	_, err = c.settings(false)
	return err
}

// settings are those of a connection; one for replication takes other commands.
func (c *config) settings(replication bool) (*pgconn.Config, error) {
	escape := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	all := map[string]string{
		"host": c.host, "port": c.port, "dbname": c.databaseName, "user": c.options["username"], "password": c.options["password"],
		"sslmode": c.options["debezium.database.sslmode"], "sslrootcert": c.options["debezium.database.sslrootcert"],
		"application_name": "wadi", "timezone": "UTC", "datestyle": "ISO",
	}
	if replication {
		all["replication"] = "database"
	}
	var text strings.Builder
	for _, k := range slices.Sorted(maps.Keys(all)) {
		if all[k] != "" {
			fmt.Fprintf(&text, "%s='%s' ", k, escape.Replace(all[k]))
		}
	}
	s, err := pgconn.ParseConfig(text.String())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return s, nil
}

func (c *config) connect(ctx context.Context, replication bool) (*pgconn.PgConn, error) {
	s, err := c.settings(replication)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", net.JoinHostPort(c.host, c.port), err)
	}
	return conn, nil
}

// place is the slot and its server, for beside.Durable.
func (c *config) place() string {
	return net.JoinHostPort(c.host, c.port) + "/" + c.databaseName + "/" + c.slot
}

// qualified is the table in a query.
func (c *config) qualified() string { return quote(c.schemaName) + "." + quote(c.tableName) }

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
