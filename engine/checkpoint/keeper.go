package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/wadi-engine/wadi/internal/mutant"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// Keeper carries the protocol's machines out over the directory of one job.
type Keeper struct {
	Store Store // its root is the directory of the job
	Job   job.ID
	// Now is the wall clock, for people who read the documents.
	Now func() stream.Timestamp
	// Pause waits before try n of an operation, n from 1, or returns the error
	// with which to give up.
	Pause func(ctx context.Context, n int, cause error) error
	Bugs  mutant.Set
}

// Load reads what there is of the job. Claims in unusable count as damaged.
func (k Keeper) Load(ctx context.Context, unusable map[stream.Epoch]error) (Facts, error) {
	var (
		f     Facts
		files []string
	)
	err := k.retry(ctx, func() (err error) { files, err = k.Store.List(ctx, ""); return err })
	if err != nil {
		return f, fmt.Errorf("list the checkpoints of job %s: %w", k.Job, err)
	}
	claimed := map[stream.Epoch]bool{}
	var last Generation
	for _, name := range files {
		if n, ok := numbered(name, generations); ok {
			f.Generation = max(f.Generation, Generation(n))
		} else if n, ok := numbered(name, terms); ok {
			f.Term = max(f.Term, Term(n))
		} else if n, ok := numbered(name, terminals); ok {
			last = max(last, Generation(n))
		} else if e, ok := epochOf(name); ok {
			claimed[e] = true
			f.Epoch = max(f.Epoch, e)
		}
	}
	if last > 0 && last >= f.Generation {
		data, err := k.get(ctx, TerminalFile(last))
		if err != nil {
			return f, fmt.Errorf("read how job %s ended: %w", k.Job, err)
		}
		if f.Terminal, err = decode[*Terminal]("terminal", TerminalFile(last), data); err != nil {
			return f, err
		}
	}
	for e := f.Epoch; claimed[e]; e-- {
		c, err := k.find(ctx, e, unusable[e])
		if err != nil {
			return f, err
		}
		f.Claims = append(f.Claims, c)
		if c.Err == nil && c.Manifest.Kind != Aborted {
			break
		}
	}
	return f, nil
}

// Newest is the highest number that is claimed, or 0.
func (k Keeper) Newest(ctx context.Context) (stream.Epoch, error) {
	var r Reply
	err := k.retry(ctx, func() (err error) { r, err = k.do(ctx, Op{List, claims}, nil); return err })
	if err != nil {
		return 0, fmt.Errorf("list the claims of job %s: %w", k.Job, err)
	}
	return r.Newest, nil
}

// Claimed is the claim of an epoch that is there.
func (k Keeper) Claimed(ctx context.Context, e stream.Epoch) (*Manifest, error) {
	c, err := k.find(ctx, e, nil)
	if err == nil {
		err = c.Err
	}
	return c.Manifest, err
}

// find reads the claim of e. Only a store that does not answer is an error.
func (k Keeper) find(ctx context.Context, e stream.Epoch, unusable error) (Found, error) {
	c := Found{Epoch: e, Err: unusable}
	if unusable != nil {
		return c, nil
	}
	data, err := k.get(ctx, ClaimFile(e))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.Err = fmt.Errorf("%w: %s is gone", ErrCorrupt, ClaimFile(e))
	case err != nil:
		return c, fmt.Errorf("read the claim of epoch %d: %w", e, err)
	default:
		c.Manifest, c.Err = DecodeManifest(ClaimFile(e), data)
	}
	return c, nil
}

// Standing reads every claim that stands, for retention, oldest first, and the
// names of all run files. A claim that cannot be read makes complete false:
// then nothing is known to be an orphan.
func (k Keeper) Standing(ctx context.Context) (claims []Kept, runs []string, complete bool, err error) {
	var files []string
	if err := k.retry(ctx, func() (err error) { files, err = k.Store.List(ctx, ""); return err }); err != nil {
		return nil, nil, false, fmt.Errorf("list the checkpoints of job %s: %w", k.Job, err)
	}
	complete = true
	for _, name := range files {
		if _, run := generationOf(name); run && len(name) > len(Shared) && name[:len(Shared)] == Shared {
			runs = append(runs, name)
		}
		e, ok := epochOf(name)
		if !ok {
			continue
		}
		c, err := k.find(ctx, e, nil)
		if err != nil {
			return nil, nil, false, err
		}
		if c.Err != nil {
			complete = false
			continue
		}
		claims = append(claims, KeptOf(c.Manifest))
	}
	slices.SortFunc(claims, func(a, b Kept) int { return int(int64(a.Epoch) - int64(b.Epoch)) })
	slices.Sort(runs)
	return claims, runs, complete, nil
}

// TakeOver makes me the owner of the job, as described at Takeover. It returns
// the owner and the number that it claimed, or an error that is job.ErrFenced.
func (k Keeper) TakeOver(ctx context.Context, t Takeover) (Owner, stream.Epoch, error) {
	t.Bugs = k.Bugs
	t = t.Begin()
	for n := 1; t.Outcome() == Open; {
		r, err := k.do(ctx, t.Op(), func() []byte { return k.takeoverDoc(t) })
		if err == nil {
			t = t.Apply(r)
			continue
		}
		if err := k.Pause(ctx, n, err); err != nil {
			return t.Me, 0, fmt.Errorf("take over job %s: %w", k.Job, err)
		}
		n++
	}
	if t.Outcome() == Fenced {
		return t.Me, 0, fmt.Errorf("%w: another process runs job %s", job.ErrFenced, k.Job)
	}
	return t.Me, t.Number(), nil
}

func (k Keeper) takeoverDoc(t Takeover) []byte {
	switch t.phase {
	case takeTerm, readTerm:
		return encode("term", Succession{Owner: t.Me, Job: k.Job, Created: k.Now()})
	case takeGeneration, readGeneration:
		return encode("generation", Succession{Owner: t.Me, Job: k.Job, Created: k.Now()})
	case listClaims, takeNumber, takeDone:
	}
	m := Manifest{Kind: Aborted, Job: k.Job, Epoch: t.claim.Epoch, Owner: t.Me, Created: k.Now(), Reason: "a new generation begins"}
	return m.Encode()
}

// Claim claims the epoch of m. The kind that it returns is that of our document
// which holds the number now: after an ambiguous reply to an earlier try, it
// may be a complete checkpoint although m is an abort, or the reverse. An error
// that is job.ErrFenced says that the job is another's; any other error, that
// nothing is known.
func (k Keeper) Claim(ctx context.Context, m *Manifest) (Kind, error) {
	c := Claiming{Me: m.Owner, Epoch: m.Epoch, Kind: m.Kind, Bugs: k.Bugs}
	doc := m.Encode()
	for n := 1; c.Outcome() == Open; {
		r, err := k.do(ctx, c.Op(), func() []byte { return doc })
		if err == nil {
			c = c.Apply(r)
			continue
		}
		if err := k.Pause(ctx, n, err); err != nil {
			return "", fmt.Errorf("claim epoch %d: %w", m.Epoch, err)
		}
		n++
	}
	if c.Outcome() != Won {
		return "", fmt.Errorf("%w: epoch %d of job %s is claimed by another process", job.ErrFenced, m.Epoch, k.Job)
	}
	return c.Standing(), nil
}

// Record writes the terminal record of a generation; one that is there stays.
func (k Keeper) Record(ctx context.Context, t Terminal) error {
	t.Created = k.Now()
	data := encode("terminal", t)
	return k.retry(ctx, func() error {
		_, err := k.Store.PutIfAbsent(ctx, TerminalFile(t.Generation), data)
		return err
	})
}

// do carries out one operation of a machine.
func (k Keeper) do(ctx context.Context, op Op, doc func() []byte) (Reply, error) {
	switch op.Verb {
	case PutIfAbsent:
		won, err := k.Store.PutIfAbsent(ctx, op.File, doc())
		return Reply{OK: err == nil, Found: !won}, err
	case List:
		files, err := k.Store.List(ctx, op.File)
		r := Reply{OK: err == nil}
		for _, f := range files {
			if e, ok := epochOf(f); ok {
				r.Newest = max(r.Newest, e)
			}
		}
		return r, err
	case Get:
	}
	data, err := k.Store.Get(ctx, op.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Reply{OK: true}, nil
	case err != nil:
		return Reply{}, err
	}
	r := Reply{OK: true, Found: true}
	r.Owner, r.Kind = ownerIn(op.File, data)
	return r, nil
}

// ownerIn reads who wrote a claim, generation or term. A document that cannot
// be read counts as an older owner's: its number is passed over.
func ownerIn(file string, data []byte) (Owner, Kind) {
	if _, ok := epochOf(file); ok {
		m, err := DecodeManifest(file, data)
		if err != nil {
			return Owner{}, Aborted
		}
		return m.Owner, m.Kind
	}
	for _, kind := range []string{"generation", "term"} {
		if s, err := decode[Succession](kind, file, data); err == nil {
			return s.Owner, ""
		}
	}
	return Owner{}, ""
}

func (k Keeper) get(ctx context.Context, name string) (data []byte, err error) {
	var absent error
	err = k.retry(ctx, func() (err error) {
		data, err = k.Store.Get(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			absent, err = err, nil
		}
		return err
	})
	if err == nil {
		err = absent
	}
	return data, err
}

func (k Keeper) retry(ctx context.Context, f func() error) error {
	for n := 1; ; n++ {
		err := f()
		if err == nil {
			return nil
		}
		if err := k.Pause(ctx, n, err); err != nil {
			return err
		}
	}
}
