package kafka

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/zeebo/xxh3"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// The rows of an epoch are one transaction of each task, with an id of its own:
//
//	<prefix>-<sink>-<task>-<random>-<n>
//
// in which sink is a hash of the job and the sink's UID.
//
// Prepare leaves it open, with all records at the brokers, and says in the
// checkpoint who can end it: the producer's id and epoch. When the checkpoint is
// claimed, the coordinator ends it, as often as it is asked to; brokers say yes to
// who commits what is committed. What a dead task has left open is aborted before
// tasks begin again: after what the checkpoint holds was committed, everything else
// that is open is of tasks that are gone. What a job leaves open that does not begin
// again is aborted by the brokers when transaction.timeout.ms has passed; until then,
// those who read what is committed wait behind it.

// committable is a transaction that is ready to be committed.
type committable struct {
	Version  int          `json:"version"`
	ID       string       `json:"id"`
	Producer int64        `json:"producer"`
	Fence    int16        `json:"fence"` // the producer's epoch
	Epoch    stream.Epoch `json:"epoch"`
}

// ids gives each transaction a new id.
type ids struct {
	stem string
	n    int
}

// stemOf is what the ids of the transactions of a sink begin with.
func stemOf(prefix, job, sink string) string {
	return fmt.Sprintf("%s-%012x-", prefix, xxh3.HashString(job+"/"+sink)>>16)
}

func newIDs(stem string, task int) (*ids, error) {
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	return &ids{stem: fmt.Sprintf("%s%d-%s", stem, task, hex.EncodeToString(random[:]))}, nil
}

func (i *ids) next() string {
	i.n++
	return fmt.Sprintf("%s-%d", i.stem, i.n)
}

// begin opens a transaction.
func (w *writer) begin() error {
	w.id = w.ids.next()
	client, err := w.open(kgo.TransactionalID(w.id), kgo.TransactionTimeout(w.timeout))
	if err != nil {
		return err
	}
	if err := client.BeginTransaction(); err != nil {
		client.Close()
		return fmt.Errorf("begin transaction %s: %w", w.id, err)
	}
	w.client = client
	return nil
}

// end lets go of the transaction without ending it.
func (w *writer) end(ctx context.Context, e stream.Epoch) (ops.Committable, error) {
	id, fence, err := w.client.ProducerID(ctx)
	if err != nil {
		return nil, fmt.Errorf("transaction %s: %w", w.id, err)
	}
	w.client.Close()
	w.client = nil
	return json.Marshal(committable{Version: 1, ID: w.id, Producer: id, Fence: fence, Epoch: e})
}

// committer ends transactions.
type committer struct {
	client *kgo.Client
	topic  string
	stem   string // of the ids
}

var _ ops.Recovering = (*committer)(nil)

// Recover implements ops.Recovering.
func (c *committer) Recover(ctx context.Context, r ops.Recovery) error {
	if _, err := c.Commit(ctx, r.Pending, true); err != nil {
		return err
	}
	return c.abortOthers(ctx)
}

// Published implements ops.Committer: brokers do not tell which epochs they have,
// and do no harm when they are told to commit them again.
func (c *committer) Published(context.Context) (stream.Epoch, error) { return 0, nil }

// Commit implements ops.Committer.
func (c *committer) Commit(ctx context.Context, pending []ops.Pending, _ bool) (done stream.Epoch, err error) {
	for _, p := range pending {
		for _, b := range p.Committables {
			if err := c.commit(ctx, b); err != nil {
				return done, err
			}
		}
		done = p.Epoch
	}
	return done, nil
}

func (c *committer) commit(ctx context.Context, b ops.Committable) error {
	var t committable
	if err := json.Unmarshal(b, &t); err != nil || t.Version != 1 {
		return fmt.Errorf("%w: a transaction that this version cannot read: %s", job.ErrInvalid, b)
	}
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = t.ID, t.Producer, t.Fence, true
	resp, err := req.RequestWith(ctx, c.client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.InvalidProducerEpoch), errors.Is(err, kerr.ProducerFenced), errors.Is(err, kerr.InvalidProducerIDMapping),
		errors.Is(err, kerr.InvalidTxnState), errors.Is(err, kerr.TransactionalIDNotFound):
		return fmt.Errorf("%w: the rows of epoch %d for topic %s cannot be committed: the brokers have given up transaction %s (%w): "+
			"it was open for longer than 'properties.transaction.timeout.ms'", job.ErrInvalid, t.Epoch, c.topic, t.ID, err)
	}
	return fmt.Errorf("%w: commit transaction %s of epoch %d: %w", job.ErrUnavailable, t.ID, t.Epoch, err)
}

// Close implements ops.Committer.
func (c *committer) Close() error {
	c.client.Close()
	return nil
}
