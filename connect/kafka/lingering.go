package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wadi-engine/wadi/job"
)

// Transaction is one that is open: those who read what is committed wait behind it.
type Transaction struct {
	ID       string
	Producer int64
	Began    time.Time
	Timeout  time.Duration // after it began, brokers abort it
	Topics   []string
}

// Transactions asks about transactions, and ends them.
type Transactions struct {
	client *kgo.Client
	admin  *kadm.Client
}

// OpenTransactions connects to brokers with the properties of a Kafka client, of which
// bootstrap.servers is needed.
func OpenTransactions(props map[string]string) (*Transactions, error) {
	c := config{properties: props}
	client, admin, err := c.connect()
	return &Transactions{client, admin}, err
}

// Close ends the connections.
func (t *Transactions) Close() { t.client.Close() }

// Lingering lists the open transactions whose ids begin with a prefix, oldest first.
func (t *Transactions) Lingering(ctx context.Context, prefix string) ([]Transaction, error) {
	const ongoing = "Ongoing"
	listed, err := t.admin.ListTransactions(ctx, nil, []string{ongoing})
	if err != nil {
		return nil, fmt.Errorf("list transactions: %w", err)
	}
	var ids []string
	for id, l := range listed {
		if strings.HasPrefix(id, prefix) && l.State == ongoing {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	slices.Sort(ids)
	described, err := t.admin.DescribeTransactions(ctx, ids...)
	if err != nil {
		return nil, fmt.Errorf("describe transactions: %w", err)
	}
	var all []Transaction
	for _, d := range described.Sorted() {
		if d.Err != nil || d.State != ongoing {
			continue // it has ended since
		}
		all = append(all, Transaction{
			ID: d.TxnID, Producer: d.ProducerID, Began: time.UnixMilli(d.StartTimestamp), Timeout: time.Duration(d.TimeoutMillis) * time.Millisecond,
			Topics: slices.Sorted(slices.Values(d.Topics.Topics())),
		})
	}
	slices.SortStableFunc(all, func(a, b Transaction) int { return a.Began.Compare(b.Began) })
	return all, nil
}

// aborting is how long brokers may take to end a transaction.
const aborting = time.Minute

// Abort ends a transaction without its records, and fences whoever has it open.
func (t *Transactions) Abort(ctx context.Context, id string) error {
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID, req.TransactionTimeoutMillis, req.ProducerID, req.ProducerEpoch = &id, int32(time.Minute.Milliseconds()), -1, -1
		resp, err := req.RequestWith(ctx, t.client)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		if err != nil && !errors.Is(err, kerr.ConcurrentTransactions) && !kerr.IsRetriable(err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithMaxElapsedTime(aborting))
	if err != nil {
		return fmt.Errorf("abort transaction %s: %w", id, err)
	}
	return nil
}

// abortOthers ends what tasks of the sink have left open that are not there any more.
// Brokers that do not tell of transactions end them by themselves.
func (c *committer) abortOthers(ctx context.Context) error {
	t := &Transactions{c.client, kadm.NewClient(c.client)}
	all, err := t.Lingering(ctx, c.stem)
	if err != nil {
		var denied *kadm.AuthError
		if errors.Is(err, kerr.UnsupportedVersion) || errors.As(err, &denied) {
			return nil
		}
		return fmt.Errorf("%w: %w", job.ErrUnavailable, err)
	}
	for _, l := range all {
		if err := t.Abort(ctx, l.ID); err != nil {
			return fmt.Errorf("%w: %w", job.ErrUnavailable, err)
		}
	}
	return nil
}
