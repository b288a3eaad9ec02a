package coordinator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange/durable"
	"github.com/wadi-engine/wadi/engine/stage"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// Signs of life, and what is asked for meanwhile, lie beside the plan of an epoch.
// They say when to try, and never who is right.

func aliveFile(e stream.Epoch) string { return fmt.Sprintf("%s%d/alive", durable.Root, e) }

// askedDir begins the names of what is asked for behind the epoch before e.
func askedDir(e stream.Epoch) string { return fmt.Sprintf("%s%d/asked/", durable.Root, e) }

func (l *lone) patience() time.Duration { return cmp.Or(l.Patience, 30*time.Second) }

// alive says stage.ErrElsewhere while somebody is at work on the plan.
func (d *driver) alive(ctx context.Context) error {
	p, recent := d.lone.plan, d.now()-stream.Timestamp(d.lone.patience().Milliseconds())
	if d.lone.Joins {
		return nil
	}
	if p.Made > recent {
		return stage.ErrElsewhere
	}
	data, err := d.keeper.Store.Get(ctx, aliveFile(p.Epoch))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: look for signs of life of epoch %d: %w", job.ErrUnavailable, p.Epoch, err)
	}
	if at, err := strconv.ParseInt(string(data), 10, 64); err == nil && stream.Timestamp(at) > recent {
		return stage.ErrElsewhere
	}
	return nil
}

// errTired says that an epoch was tried often enough.
var errTired = fmt.Errorf("%w: those who ran the epoch have gone: it takes more memory or time than they are given", job.ErrUnavailable)

// tried counts those who take up an epoch that runs in one invocation: whoever had
// it before has gone, and nothing of what they did counts.
func (d *driver) tried(ctx context.Context) error {
	p := d.lone.plan
	if !p.Fused || d.lone.Attempts == 0 {
		return nil
	}
	for n := 2; n <= d.lone.Attempts; n++ {
		won, err := d.keeper.Store.PutIfAbsent(ctx, fmt.Sprintf("%s%d/tries/%d", durable.Root, p.Epoch, n), nil)
		if err != nil {
			return fmt.Errorf("%w: count who tries epoch %d: %w", job.ErrUnavailable, p.Epoch, err)
		}
		if won {
			return nil
		}
	}
	return errTired
}

// keepAlive gives signs of life of an epoch until the run ends.
func (d *driver) keepAlive(e stream.Epoch) {
	d.host.Go(func() {
		for d.host.Sleep(d.io, d.lone.patience()/3) == nil {
			// Without it somebody else tries, too.
			_ = d.keeper.Store.Put(d.io, aliveFile(e), []byte(strconv.FormatInt(int64(d.now()), 10)))
		}
	})
}

// Remember asks for one more epoch behind one that is open, by a name that nobody
// else has. It reports whether whoever ends that one will know; otherwise it is over
// already.
func Remember(ctx context.Context, s checkpoint.Store, id job.ID, open stream.Epoch, nonce string) (bool, error) {
	of := checkpoint.Sub(s, checkpoint.JobDir(id))
	if err := of.Put(ctx, askedDir(open+1)+nonce, []byte("{}")); err != nil {
		return false, fmt.Errorf("%w: remember a trigger: %w", job.ErrUnavailable, err)
	}
	left, err := RemainsOf(ctx, s, id)
	return slices.Contains(left.Open, open), err
}

// Remains is what runs of epochs have left.
type Remains struct {
	Open  []stream.Epoch // that have a plan: they run, or were left
	Asked []string       // who has asked for one more
}

// Forget is for those who have asked when it was seen since that there is nothing to
// do. Others may have asked meanwhile.
func (r Remains) Forget(ctx context.Context, s checkpoint.Store, id job.ID) error {
	of := checkpoint.Sub(s, checkpoint.JobDir(id))
	for _, name := range r.Asked {
		if err := of.Delete(ctx, name); err != nil {
			return fmt.Errorf("%w: forget a trigger: %w", job.ErrUnavailable, err)
		}
	}
	return nil
}

// RemainsOf looks for what is to be done of a driverless job.
func RemainsOf(ctx context.Context, s checkpoint.Store, id job.ID) (r Remains, err error) {
	files, err := checkpoint.Sub(s, checkpoint.JobDir(id)).List(ctx, durable.Root)
	if err != nil {
		return r, fmt.Errorf("%w: look for open epochs: %w", job.ErrUnavailable, err)
	}
	for _, f := range files {
		e, ok := durable.EpochOf(f)
		switch {
		case ok && f == planFile(e):
			r.Open = append(r.Open, e)
		case ok && strings.HasPrefix(f, askedDir(e)):
			r.Asked = append(r.Asked, f)
		}
	}
	return r, nil
}
