package coordinator

import (
	"context"
	"fmt"
	"path"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
)

// Request asks a running job for a checkpoint or a savepoint.
type Request struct {
	Want Want
	// Target is the directory in which the savepoint gets a folder.
	Target string
	// Folder is its name, of a savepoint; "" is SavepointDir's.
	Folder string
	// Answer is called once, unless the job ends before it has seen the request.
	// It must not wait.
	Answer func(Answer)
}

// asked is posted when a request has come.
type asked struct{ Request }

// ask makes a request an event.
func (d *driver) ask(r Request) Event {
	d.lastRequest++
	if d.gear.Brief() && r.Want == WantDrain {
		r.Answer(Answer{Err: fmt.Errorf("%w: a job in the %s gear cannot be drained: change to pipelined first, stop it, or wait for the end of its input", job.ErrInvalid, d.gear)})
		return Tick{}
	}
	if d.answers == nil {
		d.answers, d.folders = make(map[uint64]func(Answer)), make(map[uint64]string)
	}
	if r.Folder != "" {
		d.folders[d.lastRequest] = r.Folder
	}
	d.answers[d.lastRequest] = r.Answer
	return SavepointRequested{ID: d.lastRequest, Want: r.Want, Target: r.Target}
}

// answer carries out Answer.
func (d *driver) answer(a Answer) {
	f := d.answers[a.ID]
	delete(d.answers, a.ID)
	delete(d.folders, a.ID)
	f(a)
}

// SavepointDir names the folder of a new savepoint, as Flink does; random are 12
// hex digits.
func SavepointDir(id job.ID, random string) string {
	return fmt.Sprintf("savepoint-%s-%s", id[:min(6, len(id))], random)
}

// export carries out Export: a savepoint is a folder that holds a manifest and
// the runs that it lists, by paths relative to the folder. It is one once its
// manifest is there, which is written last.
func (d *driver) export(ctx context.Context, a Export, dir string) Exported {
	done := Exported{ID: a.ID}
	if dir == "" {
		dir = SavepointDir(d.id, d.NewID()[:12])
	}
	to, url, err := d.Savepoints(ctx, a.Target, dir)
	if err != nil {
		done.Err = fmt.Errorf("open %s: %w", a.Target, err)
		return done
	}
	m := *a.Manifest
	m.Kind, m.Parent, m.Pending, m.Created = checkpoint.Owned, 0, nil, d.now()
	if done.Err = copyFiles(ctx, d.keeper.Store, "", to, &m); done.Err != nil {
		return done
	}
	done.Path, done.Err = url, to.Put(ctx, checkpoint.ManifestFile, m.Encode())
	return done
}

// copyFiles copies the files that m references, from below a folder.
func copyFiles(ctx context.Context, from checkpoint.Store, folder string, to checkpoint.Store, m *checkpoint.Manifest) error {
	for _, f := range m.Files() {
		data, err := from.Get(ctx, path.Join(folder, f.Name))
		if err != nil {
			return fmt.Errorf("copy %s: %w", f.Name, err)
		}
		if checkpoint.Sum(data) != f.Sum {
			return fmt.Errorf("%w: %s: the checksum does not match", checkpoint.ErrCorrupt, f.Name)
		}
		if err := to.Put(ctx, f.Name, data); err != nil {
			return fmt.Errorf("copy %s: %w", f.Name, err)
		}
	}
	return nil
}
