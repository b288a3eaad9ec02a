package jdbc

import (
	"context"
	"fmt"
	"strings"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// guarantee says what of a job's failure is seen in the table.
type guarantee string

const (
	atLeastOnce guarantee = "at-least-once" // rows of an epoch that has no checkpoint
	exactlyOnce guarantee = "exactly-once"  // nothing
)

// staging is where rows wait for their checkpoint, in the database of the table: two
// tables for all sinks.
//
//	wadi_staged  pieces of rows, by (job, sink, writer, piece)
//	wadi_epochs  of each (job, sink), the highest epoch that is in its table, and the
//	             generation that writes
//
// The committer makes them where they are missing.
type staging struct {
	*config
	staged, epochs string // names, quoted
}

func (c *config) staging() staging {
	return staging{c, c.quoted(c.prefix, "_staged"), c.quoted(c.prefix, "_epochs")}
}

// ddl are the statements that make the tables.
func (s staging) ddl() []string {
	w := s.dialect.words
	return []string{
		fmt.Sprintf("CREATE TABLE %s (job %[2]s NOT NULL, sink %[2]s NOT NULL, writer %[2]s NOT NULL, piece bigint NOT NULL, payload %[3]s NOT NULL, PRIMARY KEY (job, sink, writer, piece))%[4]s",
			s.staged, w.text, w.bytes, w.end),
		fmt.Sprintf("CREATE TABLE %s (job %[2]s NOT NULL, sink %[2]s NOT NULL, epoch bigint NOT NULL, generation bigint NOT NULL, PRIMARY KEY (job, sink))%[3]s",
			s.epochs, w.text, w.end),
	}
}

// there reports whether both tables are.
func (s staging) there(ctx context.Context, db database) error {
	for _, name := range []string{s.staged, s.epochs} {
		if err := db.query(ctx, "SELECT job FROM "+name+" WHERE 1 = 0", func([][]byte) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

// ensure makes the tables that are missing. Others may do so at the same time.
func (s staging) ensure(ctx context.Context, db database) error {
	missing := s.there(ctx, db)
	if missing == nil || s.dialect.transient(missing) {
		return missing
	}
	var made error
	for _, statement := range s.ddl() {
		if err := db.exec(ctx, strings.Replace(statement, "CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1), nil); err != nil {
			made = err
		}
	}
	if s.there(ctx, db) == nil {
		return nil
	}
	if made == nil {
		made = missing
	}
	return fmt.Errorf("%w: 'sink.delivery-guarantee' = 'exactly-once' keeps rows in tables of the same database until their checkpoint is complete, and they can be neither read nor created here: %w; "+
		"have somebody who may create them run: %s; and grant SELECT, INSERT, UPDATE and DELETE on them", job.ErrInvalid, made, strings.Join(s.ddl(), "; "))
}

// atomic refuses a table that cannot take part of a transaction back: after a crash it
// would have rows twice.
func (s staging) atomic(ctx context.Context, db database) error {
	if s.dialect.atomic == nil {
		return nil
	}
	return db.query(ctx, s.dialect.atomic(s.name), func(values [][]byte) error {
		if string(values[0]) == "NO" {
			return fmt.Errorf("%w: 'sink.delivery-guarantee' = 'exactly-once' needs transactions, and the engine of the table has none: ALTER TABLE %s ENGINE = InnoDB", job.ErrInvalid, s.tableName())
		}
		return nil
	})
}

// of is the condition for what belongs to a sink.
func (s staging) of(id ops.SinkID) string {
	return "job = " + s.dialect.text(id.Job) + " AND sink = " + s.dialect.text(id.Sink)
}

// register makes a row for a sink in the record of epochs.
func (s staging) register(ctx context.Context, db database, id ops.SinkID) error {
	return db.exec(ctx, "INSERT INTO "+s.epochs+" (job, sink, epoch, generation) VALUES ("+s.dialect.text(id.Job)+", "+s.dialect.text(id.Sink)+", 0, 0)"+
		s.dialect.upsert([]string{"job", "sink"}, nil), nil)
}

// record is what stands in the record of epochs.
type record struct {
	epoch      stream.Epoch
	generation uint64
}

// recorded reads the record of a sink. With lock set, others wait until the
// transaction ends.
func (s staging) recorded(ctx context.Context, db database, id ops.SinkID, lock bool) (r record, err error) {
	statement := "SELECT epoch, generation FROM " + s.epochs + " WHERE " + s.of(id)
	if lock {
		statement += " FOR UPDATE"
	}
	found := false
	err = db.query(ctx, statement, func(values [][]byte) error {
		found = true
		_, err := fmt.Sscan(string(values[0])+" "+string(values[1]), &r.epoch, &r.generation)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: somebody has removed the row of job %s from %s: it says what is in table %s", job.ErrInvalid, id.Job, s.epochs, s.table.Ident)
	}
	return r, err
}
