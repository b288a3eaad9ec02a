package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
)

// snapshot gives the rows of the table behind those that were read already.
func (r *run) snapshot(ctx context.Context) error {
	if last := r.at.Reading; last != nil && last.Upper != nil {
		r.at.Marks = append(r.at.Marks, *last) // of a snapshot that is gone
	}
	r.at.Reading = nil
	keeper, err := r.connect(ctx, true) // who keeps the snapshot
	if err != nil {
		return err
	}
	defer keeper.Close(context.WithoutCancel(ctx))
	made, err := pglogrepl.CreateReplicationSlot(ctx, keeper, fmt.Sprintf("%.40s_%d", r.slot, keeper.PID()), "pgoutput",
		pglogrepl.CreateReplicationSlotOptions{Temporary: true, SnapshotAction: "EXPORT_SNAPSHOT"})
	if err != nil {
		return fmt.Errorf("export a snapshot: %w", err)
	}
	lsn, err := pglogrepl.ParseLSN(made.ConsistentPoint)
	if err != nil {
		return err
	}
	conn, err := r.connect(ctx, false)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	begin := "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT " + literal(made.SnapshotName)
	if _, err := conn.Exec(ctx, begin).ReadAll(); err != nil {
		return fmt.Errorf("read a snapshot: %w", err)
	}
	query := r.query()
	r.at.Reading = &mark{LSN: lsn}
	if err := r.rows(ctx, conn, query); err != nil {
		return err
	}
	r.at.Marks, r.at.Reading = append(r.at.Marks, mark{LSN: lsn}), nil
	r.at.Streaming, r.at.LSN = true, r.at.Marks[0].LSN
	return r.flush(ctx, true)
}

// query asks for the columns of the scan and the key of the rows that are left.
func (r *run) query() string {
	order := names(r.key, keyColumn.order)
	columns := names(r.columns, func(c column) string {
		if c.metadata {
			return literal(r.known(c.name, "1970-01-01 00:00:00"))
		}
		return quote(c.name)
	})
	text := "SELECT " + order
	if len(r.columns) > 0 {
		text += ", " + columns
	}
	text += " FROM " + r.qualified()
	if n := len(r.at.Marks); n > 0 {
		values := make([]string, len(r.key))
		for i, k := range r.key {
			values[i] = k.literal(r.at.Marks[n-1].Upper[i])
		}
		text += " WHERE (" + order + ") > (" + strings.Join(values, ", ") + ")"
	}
	return text + " ORDER BY " + order
}

// known is what metadata says of a change.
func (c *config) known(key, time string) string {
	switch key {
	case "op_ts":
		return time
	case "schema_name":
		return c.schemaName
	case "database_name":
		return c.databaseName
	}
	return c.tableName
}

func (r *run) rows(ctx context.Context, conn *pgconn.PgConn, query string) error {
	rows := conn.ExecParams(ctx, query, nil, nil, nil, nil)
	upper := make([][]byte, len(r.key))
	for rows.NextRow() {
		values := rows.Values()
		if err := r.gathered.Append(values[len(r.key):]); err != nil {
			_, _ = rows.Close() // the row's error counts
			return err
		}
		for i := range upper {
			upper[i] = append(upper[i][:0], values[i]...)
		}
		r.at.Reading.Upper = upper
		if r.gathered.Rows() >= r.fetch || r.gathered.Bytes() >= pageBytes {
			if err := r.flush(ctx, false); err != nil {
				_, _ = rows.Close() // nobody wants more
				return err
			}
		}
	}
	_, err := rows.Close()
	return err
}
