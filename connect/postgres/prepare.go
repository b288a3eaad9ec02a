package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wadi-engine/wadi/internal/deal"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

var _ ops.Acknowledging = (*enumerator)(nil)

// enumerator prepares the database and has one split.
type enumerator struct {
	*deal.List
	source *source
}

// Enumerator implements ops.Source.
func (s *source) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	l, err := deal.NewList(func(ctx context.Context) ([]ops.Split, error) {
		at, err := s.prepare(ctx)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", s.table.Ident, err)
		}
		p, err := json.Marshal(at)
		return []ops.Split{{ID: s.slot, Position: p}}, err
	}, state)
	return &enumerator{l, s}, err
}

// Durable implements ops.Acknowledging: the reader tells the slot that the log before
// the position is not needed any more.
func (e *enumerator) Durable(_ context.Context, _ []byte, splits []ops.Split) error {
	for _, s := range splits {
		var at position
		if err := json.Unmarshal(s.Position, &at); err != nil {
			return fmt.Errorf("position in %s: %w", s.ID, err)
		}
		if at.Streaming {
			e.source.durable.Set(e.source.place(), uint64(at.LSN))
		}
	}
	return nil
}

// prepare says where to begin, when everything is as it must be.
func (s *source) prepare(ctx context.Context) (at position, err error) {
	conn, err := s.connect(ctx, false)
	if err != nil {
		return at, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := s.check(ctx, conn); err != nil {
		return at, err
	}
	if s.startup == snapshotOnly {
		return at, nil
	}
	if err := s.publish(ctx, conn); err != nil {
		return at, err
	}
	if err := s.ensureSlot(ctx, conn); err != nil || s.startup == initial {
		return at, err
	}
	at.Streaming = true
	query := "SELECT pg_current_wal_lsn()"
	if s.startup == committed {
		query = "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = " + literal(s.slot)
	}
	rows, err := ask(ctx, conn, query)
	if err == nil {
		at.LSN, err = pglogrepl.ParseLSN(rows[0][0])
	}
	return at, err
}

// ask gives the rows of a query, as text.
func ask(ctx context.Context, conn *pgconn.PgConn, query string) ([][]string, error) {
	results, err := conn.Exec(ctx, query).ReadAll()
	if err != nil || len(results) == 0 {
		return nil, err
	}
	var all [][]string
	for _, r := range results[len(results)-1].Rows {
		row := make([]string, len(r))
		for i, v := range r {
			row[i] = string(v)
		}
		all = append(all, row)
	}
	return all, nil
}

// check says how the table must be for the declared one to be read from it.
func (s *source) check(ctx context.Context, conn *pgconn.PgConn) error {
	if rows, err := ask(ctx, conn, "SHOW wal_level"); err != nil {
		return err
	} else if rows[0][0] != "logical" && s.startup != snapshotOnly {
		return fmt.Errorf("%w: the server logs changes with wal_level = %s: set wal_level = logical and start it again", job.ErrInvalid, rows[0][0])
	}
	found, err := ask(ctx, conn, "SELECT c.relreplident, c.oid, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = "+
		literal(s.schemaName)+" AND c.relname = "+literal(s.tableName))
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("%w: there is no table %s.%s in database %s: mend 'schema-name' and 'table-name'", job.ErrInvalid, s.schemaName, s.tableName, s.databaseName)
	}
	if kind := found[0][2]; kind != "r" {
		return fmt.Errorf("%w: %s.%s is no plain table, whose changes are logged as its own", job.ErrInvalid, s.schemaName, s.tableName)
	}
	columns, err := ask(ctx, conn, "SELECT attname FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attrelid = "+found[0][1])
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, c := range columns {
		there[c[0]] = true
	}
	for _, f := range s.table.Schema.Fields() {
		if f.Metadata.FindKey(ops.MetadataColumn) < 0 && !there[f.Name] {
			return fmt.Errorf("%w: table %s.%s of the database has no column %s; it has %s", job.ErrInvalid, s.schemaName, s.tableName, f.Name,
				names(columns, func(c []string) string { return c[0] }))
		}
	}
	return s.checkIdentity(ctx, conn, found[0][0], found[0][1])
}

// checkIdentity says what the database must log of rows that change.
func (s *source) checkIdentity(ctx context.Context, conn *pgconn.PgConn, identity, oid string) error {
	if s.startup == snapshotOnly || identity == "f" {
		return nil
	}
	if !s.upsert {
		return fmt.Errorf("%w: the database does not log what rows of %s.%s were before they change: ALTER TABLE %s REPLICA IDENTITY FULL; "+
			"or read it with 'changelog-mode' = 'upsert', for which its primary key is enough", job.ErrInvalid, s.schemaName, s.tableName, s.qualified())
	}
	index := "indisprimary"
	if identity == "i" {
		index = "indisreplident"
	}
	logged, err := ask(ctx, conn, "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = "+oid+" AND i."+index)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, c := range logged {
		there[c[0]] = identity != "n"
	}
	for _, k := range s.key {
		if !there[k.name] {
			return fmt.Errorf("%w: the database does not log column %s of the declared primary key when rows of %s.%s change: "+
				"ALTER TABLE %s REPLICA IDENTITY FULL, or declare the key that the database has", job.ErrInvalid, k.name, s.schemaName, s.tableName, s.qualified())
		}
	}
	return nil
}

// publish creates the publication where it is not there.
func (s *source) publish(ctx context.Context, conn *pgconn.PgConn) error {
	there, err := ask(ctx, conn, "SELECT 1 FROM pg_publication WHERE pubname = "+literal(s.publication))
	if err != nil {
		return err
	}
	if len(there) == 0 {
		create := "CREATE PUBLICATION " + quote(s.publication) + " FOR TABLE " + s.qualified()
		if !s.create {
			return fmt.Errorf("%w: there is no publication %s: %s", job.ErrInvalid, s.publication, create)
		}
		if _, err := ask(ctx, conn, create); err != nil {
			return fmt.Errorf("create the publication %s: %w", s.publication, err)
		}
	}
	has, err := ask(ctx, conn, "SELECT 1 FROM pg_publication_tables WHERE pubname = "+literal(s.publication)+" AND schemaname = "+literal(s.schemaName)+" AND tablename = "+literal(s.tableName))
	if err == nil && len(has) == 0 {
		err = fmt.Errorf("%w: publication %s does not have the table: ALTER PUBLICATION %s ADD TABLE %s", job.ErrInvalid, s.publication, quote(s.publication), s.qualified())
	}
	return err
}

// ensureSlot creates the slot where it is not there.
func (s *source) ensureSlot(ctx context.Context, conn *pgconn.PgConn) error {
	slots, err := ask(ctx, conn, "SELECT plugin, database FROM pg_replication_slots WHERE slot_name = "+literal(s.slot))
	if err != nil {
		return err
	}
	if len(slots) == 0 {
		if _, err := ask(ctx, conn, "SELECT pg_create_logical_replication_slot("+literal(s.slot)+", 'pgoutput')"); err != nil {
			return fmt.Errorf("create the slot %s: %w", s.slot, err)
		}
		return nil
	}
	if slots[0][0] != "pgoutput" || slots[0][1] != s.databaseName {
		return fmt.Errorf("%w: slot %s is one of database %s with plugin %s: choose another 'slot.name'", job.ErrInvalid, s.slot, slots[0][1], strings.TrimSpace(slots[0][0]))
	}
	return nil
}
