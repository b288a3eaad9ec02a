package jdbc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wadi-engine/wadi/job"
)

// A writer that dies may leave a COMMIT behind that PostgreSQL is still carrying out
// while the writer that follows deletes the same row again:
//
//	dead   BEGIN  INSERT a  COMMIT …………………………… committed: a is there
//	next                            DELETE a         finds nothing: a was not committed
//
// So each transaction holds a lock of the table that others share, and a writer begins
// with the exclusive one: it gets that when the transactions before it are over. InnoDB
// needs none of this: its DELETE waits for rows that are not committed.

// fenceClass is the upper half of the number of a lock; the lower one is the table's
// object id.
const fenceClass = 0x77616469

// fencePostgres waits until transactions of other writers of the table are over, and
// gives the statement by which those that follow it wait. It is "" where a database
// that speaks as PostgreSQL does has no such locks.
func fencePostgres(ctx context.Context, db database, table string, wait time.Duration) (begin string, err error) {
	key := ""
	err = db.together(ctx, patientPostgres(wait), func() error {
		find := fmt.Sprintf("SELECT (%d::bigint << 32) | %s::regclass::oid::bigint", fenceClass, postgresText(table))
		err := db.query(ctx, find, func(values [][]byte) error {
			key = string(values[0])
			return nil
		})
		if err != nil {
			return err
		}
		return db.query(ctx, "SELECT pg_advisory_xact_lock("+key+")", func([][]byte) error { return nil })
	})
	var server *pgconn.PgError
	switch {
	case err == nil:
		return "SELECT pg_advisory_xact_lock_shared(" + key + ")", nil
	case errors.As(err, &server) && server.Code == lockTimeout:
		return "", fmt.Errorf("%w: another transaction writes to table %s for longer than %s (pg_locks has the lock of classid %d): %w", job.ErrUnavailable, table, wait, fenceClass, err)
	case errors.As(err, &server) && slices.Contains([]string{"0A000", "42883"}, server.Code):
		return "", nil
	}
	return "", err
}
