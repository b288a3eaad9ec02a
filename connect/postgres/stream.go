package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// How long to wait for more of the log while rows wait to be given, and while none
// do; and for the slot, while the connection of a task that died still has it.
const (
	pause = 5 * time.Millisecond
	quiet = time.Second
	freed = 30 * time.Second
)

// stream gives the changes of the log.
func (r *run) stream(ctx context.Context) error {
	conn, err := r.start(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for {
		wait := quiet
		if r.gathered.Rows() > 0 {
			wait = pause
		}
		brief, cancel := context.WithTimeout(ctx, wait)
		m, err := conn.ReceiveMessage(brief)
		cancel()
		switch {
		case err == nil:
			err = r.message(ctx, conn, m)
		case pgconn.Timeout(err) && ctx.Err() == nil:
			err = r.flush(ctx, false)
		}
		if err == nil && r.told != r.safe() {
			err = r.confirm(ctx, conn)
		}
		if err != nil {
			return err
		}
	}
}

// start begins to read the log.
func (r *run) start(ctx context.Context) (*pgconn.PgConn, error) {
	ctx, cancel := context.WithTimeout(ctx, freed)
	defer cancel()
	for {
		conn, err := r.connect(ctx, true)
		if err != nil {
			return nil, err
		}
		err = pglogrepl.StartReplication(ctx, conn, r.slot, r.at.LSN, pglogrepl.StartReplicationOptions{
			Mode: pglogrepl.LogicalReplication, PluginArgs: []string{"proto_version '1'", "publication_names " + literal(quote(r.publication))},
		})
		if err == nil {
			return conn, nil
		}
		_ = conn.Close(context.WithoutCancel(ctx)) // the other error counts
		var server *pgconn.PgError
		switch {
		case !errors.As(err, &server):
			return nil, fmt.Errorf("read the log by slot %s: %w", r.slot, err)
		case server.Code == "42704":
			return nil, fmt.Errorf("%w: slot %s is gone, and with it what the job has not read: start the job anew", job.ErrInvalid, r.slot)
		case server.Code != "55006":
			return nil, fmt.Errorf("read the log by slot %s: %w", r.slot, err)
		}
		later, done := context.WithTimeout(ctx, 100*time.Millisecond)
		<-later.Done()
		done()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w: slot %s is in use by somebody else: no two jobs may read by one slot", job.ErrUnavailable, r.slot)
		}
	}
}

// message takes what the server sends.
func (r *run) message(ctx context.Context, conn *pgconn.PgConn, m pgproto3.BackendMessage) error {
	switch m := m.(type) {
	case *pgproto3.ErrorResponse:
		return fmt.Errorf("read the log by slot %s: %w", r.slot, pgconn.ErrorResponseToPgError(m))
	case *pgproto3.CopyData:
		switch m.Data[0] {
		case pglogrepl.PrimaryKeepaliveMessageByteID:
			return r.keepalive(ctx, conn, m.Data[1:])
		case pglogrepl.XLogDataByteID:
			x, err := pglogrepl.ParseXLogData(m.Data[1:])
			if err != nil {
				return err
			}
			change, err := pglogrepl.Parse(x.WALData)
			if err != nil {
				return fmt.Errorf("read the log by slot %s: %w", r.slot, err)
			}
			return r.change(ctx, change)
		}
	case *pgproto3.CopyDone:
		return fmt.Errorf("%w: the server ends the log of slot %s", job.ErrUnavailable, r.slot)
	}
	return nil
}

// keepalive says how far the log has been sent: changes of other tables pass too.
func (r *run) keepalive(ctx context.Context, conn *pgconn.PgConn, data []byte) error {
	k, err := pglogrepl.ParsePrimaryKeepaliveMessage(data)
	if err != nil {
		return err
	}
	if !r.open && r.at.Rows == 0 && k.ServerWALEnd > r.at.LSN {
		r.at.LSN = k.ServerWALEnd
		if err := r.flush(ctx, true); err != nil {
			return err
		}
	}
	if k.ReplyRequested {
		return r.confirm(ctx, conn)
	}
	return nil
}

// safe is the position in the log that no restart goes back behind.
func (r *run) safe() pglogrepl.LSN { return pglogrepl.LSN(r.durable.Get(r.place())) }

// confirm tells the server from where on the log must be kept.
func (r *run) confirm(ctx context.Context, conn *pgconn.PgConn) error {
	lsn := r.safe()
	r.told = lsn
	return pglogrepl.SendStandbyStatusUpdate(ctx, conn, pglogrepl.StandbyStatusUpdate{
		WALWritePosition: max(r.at.LSN, lsn), WALFlushPosition: lsn, WALApplyPosition: lsn,
	})
}

// change takes one message of pgoutput.
func (r *run) change(ctx context.Context, m pglogrepl.Message) error {
	switch m := m.(type) {
	case *pglogrepl.BeginMessage:
		r.open, r.commit, r.skip = true, m.FinalLSN, r.at.Rows
		r.time = m.CommitTime.UTC().Format("2006-01-02 15:04:05.999999")
		r.seen = r.commit < r.at.LSN
	case *pglogrepl.CommitMessage:
		r.open = false
		if !r.seen {
			r.at.LSN, r.at.Rows = m.TransactionEndLSN, 0
			if n := len(r.at.Marks); n > 0 && r.at.LSN > r.at.Marks[n-1].LSN {
				r.at.Marks = nil
			}
		}
	case *pglogrepl.RelationMessage:
		return r.relation(m)
	case *pglogrepl.InsertMessage:
		return r.pair(ctx, m.RelationID, nil, m.Tuple, false)
	case *pglogrepl.UpdateMessage:
		return r.pair(ctx, m.RelationID, m.OldTuple, m.NewTuple, m.OldTupleType != pglogrepl.UpdateMessageTupleTypeOld)
	case *pglogrepl.DeleteMessage:
		return r.pair(ctx, m.RelationID, m.OldTuple, nil, m.OldTupleType != pglogrepl.DeleteMessageTupleTypeOld)
	case *pglogrepl.TruncateMessage:
		for _, id := range m.RelationIDs {
			if id == r.layout.id && !r.seen {
				return fmt.Errorf("%w: table %s.%s was emptied by TRUNCATE at %s, which does not say what rows there were: "+
					"start the job anew with another 'slot.name', and empty the table with DELETE", job.ErrInvalid, r.schemaName, r.tableName, r.commit)
			}
		}
	}
	return nil
}

// pair gives what a row was before a change, and what it is now; nil is a row that
// is not there. Short says that the database did not log all that the row was.
func (r *run) pair(ctx context.Context, relation uint32, before, now *pglogrepl.TupleData, short bool) error {
	if relation != r.layout.id || r.seen {
		return nil
	}
	if r.skip > 0 { // it was given before the job started again
		r.skip--
		return nil
	}
	r.at.Rows++
	if short && !r.upsert {
		return fmt.Errorf("%w: the database does not log any more what rows of %s.%s were before they change: ALTER TABLE %s REPLICA IDENTITY FULL, and start the job anew",
			job.ErrInvalid, r.schemaName, r.tableName, r.qualified())
	}
	old, err := r.tuple(before, nil)
	if err != nil {
		return err
	}
	row, err := r.tuple(now, before)
	if err != nil {
		return err
	}
	update := old != nil && row != nil || short && row != nil
	if len(r.key) > 0 {
		if old != nil && r.at.read(r.key, r.layout.key(old), r.commit) {
			old = nil
		}
		if row != nil && r.at.read(r.key, r.layout.key(row), r.commit) {
			row = nil
		}
	}
	if err := r.put(old, row, update); err != nil {
		return err
	}
	if r.gathered.Rows() >= r.fetch || r.gathered.Bytes() >= pageBytes {
		return r.flush(ctx, false)
	}
	return nil
}

// put adds the rows of a change. A row that gets another key goes, and one with that
// key comes.
func (r *run) put(old, row [][]byte, update bool) error {
	gone, came := stream.Delete, stream.Insert
	switch {
	case r.upsert:
		if old != nil && row != nil && compare(r.key, r.layout.key(old), r.layout.key(row)) == 0 {
			old = nil
		}
		if update {
			came = stream.UpdateAfter
		}
	case old != nil && row != nil && (len(r.key) == 0 || compare(r.key, r.layout.key(old), r.layout.key(row)) == 0):
		gone, came = stream.UpdateBefore, stream.UpdateAfter
	}
	if old != nil {
		if err := r.gathered.Append(r.layout.values(r, old)); err != nil {
			return err
		}
		r.kinds = append(r.kinds, gone)
	}
	if row != nil {
		if err := r.gathered.Append(r.layout.values(r, row)); err != nil {
			return err
		}
		r.kinds = append(r.kinds, came)
	}
	return nil
}

// tuple are the values of a row. A large value that did not change is not sent with
// the row as it is now, but with the one before, where that is logged.
func (r *run) tuple(t, before *pglogrepl.TupleData) ([][]byte, error) {
	if t == nil {
		return nil, nil
	}
	row := make([][]byte, len(t.Columns))
	for i, c := range t.Columns {
		if c.DataType == pglogrepl.TupleDataTypeToast && before != nil && i < len(before.Columns) {
			c = before.Columns[i]
		}
		switch c.DataType {
		case pglogrepl.TupleDataTypeText:
			row[i] = c.Data
			if r.layout.padded[i] {
				row[i] = bytes.TrimRight(c.Data, " ")
			}
			if row[i] == nil {
				row[i] = []byte{}
			}
		case pglogrepl.TupleDataTypeToast:
			if r.layout.wanted[i] {
				return nil, fmt.Errorf("%w: column %s of %s.%s has a large value that did not change, and the database does not log it: ALTER TABLE %s REPLICA IDENTITY FULL",
					job.ErrInvalid, r.layout.columns[i].name, r.schemaName, r.tableName, r.qualified())
			}
		}
	}
	return row, nil
}
