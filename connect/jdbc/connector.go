package jdbc

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/connect/sqlrows"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// Connector offers tables of databases as 'connector' = 'jdbc'.
func Connector() *ops.Connector {
	return &ops.Connector{
		Name: "jdbc", Options: options, Resolve: resolve, Source: open, Projects: true, Filters: true,
		Lookup:     openLookup,
		Sink:       openSink,
		Changes:    func(t job.Table) bool { return len(t.PrimaryKey) > 0 },
		KeyDeletes: func(job.Table) bool { return true },
		Publishes:  func(t job.Table) bool { return t.Options["sink.delivery-guarantee"] == string(exactlyOnce) },
		Truncate:   truncate,
		Beside:     ops.Suffixed("table-name"),
	}
}

var options = []ops.Option{
	{Key: "url", Help: "jdbc:postgresql://host:port/database or jdbc:mysql://host:port/database."},
	{Key: "table-name", Help: "The table of the database, with its schema where that is not the default."},
	{Key: "driver", Help: "The class of a Java driver; it is not needed."},
	{Key: "username", Help: "Who logs in."},
	{Key: "password", Secret: true, Help: "The password."},
	{Key: "connection.max-retry-timeout", Default: "60 s", Help: "How long to try to connect."},
	{Key: "scan.partition.column", Help: "A column of whole numbers by whose ranges the table is read in parallel."},
	{Key: "scan.partition.num", Help: "How many ranges."},
	{Key: "scan.partition.lower-bound", Help: "The smallest value of the first range; rows below are not read."},
	{Key: "scan.partition.upper-bound", Help: "The largest value of the last range; rows above are not read."},
	{Key: "scan.fetch-size", Default: "0", Help: "How many rows travel together; 0 means 8192."},
	{Key: "scan.auto-commit", Default: "true", Help: "Whether a query runs outside a transaction; one query sees one state either way."},
	{Key: "scan.parallelism", Help: "How many tasks read."},
	{Key: "sink.buffer-flush.max-rows", Default: "100", Help: "How many rows are gathered before they are sent; 0 means all of an epoch. With exactly-once, 10000 unless it is set."},
	{Key: "sink.buffer-flush.interval", Default: "1 s", Help: "How long rows wait before they are sent; 0 means until there are enough."},
	{Key: "sink.max-retries", Default: "3", Help: "How often to try again when rows could not be sent."},
	{Key: "sink.delivery-guarantee", Default: "at-least-once", Help: "at-least-once or exactly-once (rows wait in a table of the database for their checkpoint)."},
	{Key: "sink.staging-prefix", Default: "wadi", Help: "What the names of the two tables begin with in which exactly-once keeps rows, with a schema: audit.wadi makes audit.wadi_staged and audit.wadi_epochs."},
	{Key: "sink.parallelism", Help: "How many tasks write."},
}

// resolve checks the options of t. A table without columns gets those of the
// database.
func resolve(ctx context.Context, t job.Table) (job.Table, error) {
	c, err := parse(t)
	if err != nil {
		return t, err
	}
	if t.Schema.Schema != nil && t.Schema.NumFields() > 0 {
		for _, f := range t.Schema.Fields() {
			if err := sqlrows.Readable(f); err != nil {
				return t, fmt.Errorf("table %s: %w", t.Ident, err)
			}
		}
		return t, nil
	}
	db, err := c.connect(ctx)
	if err != nil {
		return t, err
	}
	defer db.close()
	fields, err := db.describe(ctx, "SELECT * FROM "+c.tableName()+" WHERE 1 = 0")
	if err != nil {
		return t, fmt.Errorf("columns of table %s: %w", t.Ident, err)
	}
	t.Schema.Schema = arrow.NewSchema(fields, nil)
	return t, nil
}

// truncate empties the table.
func truncate(ctx context.Context, t job.Table) error {
	c, err := parse(t)
	if err != nil {
		return err
	}
	db, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer db.close()
	if err := db.exec(ctx, "TRUNCATE TABLE "+c.tableName(), nil); err != nil {
		return fmt.Errorf("empty table %s: %w", t.Ident, err)
	}
	return nil
}
