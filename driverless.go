package wadi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/internal/mask"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
	"github.com/wadi-engine/wadi/ops"
)

// Deployment is a job that nobody leads: it is in storage, and triggers run its
// epochs, one after the other, as functions.
type Deployment struct {
	Job      job.ID    `json:"job"`
	Name     string    `json:"name"`
	Deployed time.Time `json:"deployed"`
	// Term is its number: a newer one of the same job fences older ones.
	Term    checkpoint.Term `json:"term"`
	Bounded bool            `json:"bounded"`
	// Config is what was set of the keys of a job, without secrets.
	Config map[string]string `json:"config,omitempty"`
	// Usage is what its epochs have used since, as far as they have ended; Deployments
	// tells it.
	Usage cost.Usage `json:"usage,omitzero"`
}

// deployed is a deployment in storage.
//
//	deployed/<job id>/<term>
type deployed struct {
	Deployment
	Owner checkpoint.Owner `json:"owner"`
	// Content is what may have secrets; Sealed is the same, sealed with the secret of
	// the cluster when there is one.
	Content *deployedContent `json:"content,omitempty"`
	Sealed  []byte           `json:"sealed,omitempty"`
}

type deployedContent struct {
	Graph *job.Graph `json:"graph"`
	// Config is what processes need that run its stages.
	Config map[string]string `json:"config"`
}

const deployedDir = "deployed/"

func (d *deployed) file() string { return fmt.Sprintf("%s%s/%d", deployedDir, d.Job, d.Term) }

// Deploy makes the job one that nobody leads. Restore says what it begins with.
// Everything is checked that can be; nothing runs before a trigger.
func (p *Pipeline) Deploy(ctx context.Context, restore Restore) (Deployment, error) {
	if p.err != nil {
		return Deployment{}, p.err
	}
	e := p.env
	if err := e.deployable(ctx, p); err != nil {
		return Deployment{}, err
	}
	dir := e.Config(keyCheckpointDir)
	store, err := e.checkpointStore(ctx, dir)
	if err != nil {
		return Deployment{}, err
	}
	from, err := e.restoreOf(ctx, restore, dir)
	if err != nil {
		return Deployment{}, err
	}
	j, err := e.driverlessJob(store, &p.plan.Graph)
	if err != nil {
		return Deployment{}, err
	}
	j.Restore = from
	owner, id, err := coordinator.Deploy(ctx, j, coordinator.NewHost(engine.WallClock{}))
	if err != nil {
		return Deployment{}, err
	}
	d := &deployed{
		Deployment: Deployment{Job: id, Name: p.plan.Graph.Name, Deployed: now(), Term: owner.Term, Bounded: p.plan.Bounded, Config: e.jobConfig()},
		Owner:      owner, Content: &deployedContent{&p.plan.Graph, e.stageConfig()},
	}
	return d.Deployment, e.install(ctx, store, d)
}

// now is what people read.
func now() time.Time { return engine.WallClock{}.Now().UTC() }

// deployable says what is missing for a job that nobody leads.
func (e *Env) deployable(ctx context.Context, p *Pipeline) error {
	if e.Config(keyCheckpointDir) == "" {
		return fmt.Errorf("%w: nothing but storage knows of a deployed job: set '%s' to where all of its functions reach it", job.ErrInvalid, keyCheckpointDir)
	}
	for _, v := range p.plan.Graph.Vertices {
		if v.Kind != job.KindSink {
			continue
		}
		config, err := ops.DecodeConfig[ops.SinkConfig](v)
		if err != nil {
			return err
		}
		switch {
		case config.Table.Overwrite != nil:
			return fmt.Errorf("%w: a deployed job publishes each epoch, and INSERT OVERWRITE replaces a table once: run it with wadi run --gear functions", job.ErrInvalid)
		case shown(config.Table):
			return fmt.Errorf("%w: nobody sees what a deployed job prints: write to a table", job.ErrInvalid)
		}
	}
	if _, err := e.triggersOf(); err != nil {
		return err
	}
	if _, err := e.fusing(); err != nil || e.Config(keyFunctions) == "" {
		return err
	}
	g, err := e.gearing("", engine.Options{})
	if err == nil {
		_, err = g.functions(ctx) // which calls nothing
	}
	return err
}

// driverlessJob is what the coordinator runs of a graph.
func (e *Env) driverlessJob(store checkpoint.Store, g *job.Graph) (coordinator.Job, error) {
	s, _, err := e.settings()
	return coordinator.Job{
		Graph: g, Store: store, Connectors: e.registry, Settings: s, NewID: newID,
		Log: e.log.With(slog.String("job_name", g.Name)), AllowNonRestored: strings.EqualFold(e.Config(keyIgnoreUnclaimed), "true"),
	}, err
}

// install writes a deployment, and removes those that it replaces.
func (e *Env) install(ctx context.Context, store checkpoint.Store, d *deployed) error {
	docs, err := newDocuments(e.Config(keySecret))
	if err != nil {
		return err
	}
	if docs.seal == nil {
		if docs.exposes(d.Content.Graph) {
			e.log.Warn("the job in storage shows secrets of its tables: set 'wadi.cluster.secret' here and for the functions, or give secrets as ${env:NAME}")
		}
		maps.DeleteFunc(d.Content.Config, func(key, text string) bool { return mask.Value(key, text) != text })
	}
	doc := *d
	if docs.seal != nil {
		content, err := json.Marshal(d.Content)
		if err != nil {
			return fmt.Errorf("encode the job: %w", err)
		}
		if doc.Sealed, err = docs.close(content, string(d.Job)); err != nil {
			return fmt.Errorf("seal the job: %w", err)
		}
		doc.Content = nil
	}
	data, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("encode the job: %w", err)
	}
	if _, err := store.PutIfAbsent(ctx, d.file(), data); err != nil { // its number is ours alone
		return fmt.Errorf("%w: store the job: %w", job.ErrUnavailable, err)
	}
	return e.replaced(ctx, store, d)
}

// replaced removes the deployments that d stands for now: earlier ones of the job, and
// those of other jobs of its name.
func (e *Env) replaced(ctx context.Context, store checkpoint.Store, d *deployed) error {
	others, err := listDeployed(ctx, store)
	if err != nil {
		return err
	}
	old := map[job.ID]bool{d.Job: true}
	for _, o := range others {
		if o.Name == d.Name {
			old[o.Job] = true
		}
	}
	for id := range old {
		files, err := store.List(ctx, deployedDir+string(id)+"/")
		for _, f := range files {
			term, bad := strconv.ParseUint(path.Base(f), 10, 64)
			if err == nil && bad == nil && (id != d.Job || checkpoint.Term(term) < d.Term) {
				err = store.Delete(ctx, f)
			}
		}
		if err != nil {
			return fmt.Errorf("%w: remove an earlier deployment: %w", job.ErrUnavailable, err)
		}
	}
	return nil
}

// listDeployed reads the newest deployment of each job, without its content.
func listDeployed(ctx context.Context, store checkpoint.Store) ([]*deployed, error) {
	files, err := store.List(ctx, deployedDir)
	if err != nil {
		return nil, fmt.Errorf("%w: list the deployed jobs: %w", job.ErrUnavailable, err)
	}
	newest := map[string]uint64{}
	for _, f := range files {
		if term, err := strconv.ParseUint(path.Base(f), 10, 64); err == nil {
			newest[path.Dir(f)] = max(newest[path.Dir(f)], term)
		}
	}
	var all []*deployed
	for _, dir := range slices.Sorted(maps.Keys(newest)) {
		d, err := readDeployed(ctx, store, fmt.Sprintf("%s/%d", dir, newest[dir]))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// readDeployed reads a deployment.
func readDeployed(ctx context.Context, store checkpoint.Store, file string) (*deployed, error) {
	data, err := store.Get(ctx, file)
	d := &deployed{}
	if err == nil {
		err = json.Unmarshal(data, d)
	}
	if err != nil {
		return nil, fmt.Errorf("read the deployment %s: %w", file, err)
	}
	return d, nil
}

// unseal makes the content readable.
func (d *deployed) unseal(secret string) error {
	if d.Sealed == nil {
		return nil
	}
	docs, err := newDocuments(secret)
	if err != nil {
		return err
	}
	content, err := docs.open(d.Sealed, string(d.Job))
	if err != nil {
		return fmt.Errorf("the deployed job %s: %w", d.Name, err)
	}
	if err := json.Unmarshal(content, &d.Content); err != nil {
		return fmt.Errorf("%w: read the deployed job %s: %w", job.ErrInvalid, d.Name, err)
	}
	return nil
}

// deployments opens the checkpoint directory and reads what is deployed there.
func (e *Env) deployments(ctx context.Context, dir string) (checkpoint.Store, []*deployed, error) {
	if dir == "" {
		return nil, nil, fmt.Errorf("%w: where are the deployed jobs? Set '%s'", job.ErrInvalid, keyCheckpointDir)
	}
	store, err := e.checkpointStore(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	all, err := listDeployed(ctx, store)
	return store, all, err
}

// Deployments lists the jobs that are deployed in the checkpoint directory.
func (e *Env) Deployments(ctx context.Context) ([]Deployment, error) {
	store, all, err := e.deployments(ctx, e.Config(keyCheckpointDir))
	list := make([]Deployment, len(all))
	for i, d := range all {
		list[i] = d.Deployment
		before, err := readEarlier(ctx, checkpoint.Sub(store, checkpoint.JobDir(d.Job)))
		if err != nil {
			return nil, err
		}
		list[i].Usage = before.Usage
	}
	return list, err
}

// Undeploy lets triggers run a job no more. Its checkpoints stay, from which it may be
// deployed again; what an epoch that is open has done until then does not count.
func (e *Env) Undeploy(ctx context.Context, name string) error {
	store, all, err := e.deployments(ctx, e.Config(keyCheckpointDir))
	if err != nil {
		return err
	}
	found := false
	for _, d := range all {
		if d.Name == name {
			found = true
			if err := store.Delete(ctx, d.file()); err != nil {
				return fmt.Errorf("remove the deployed job %s: %w", name, err)
			}
		}
	}
	if !found {
		return notDeployed(name, e.Config(keyCheckpointDir), all)
	}
	return nil
}

func notDeployed(name, dir string, all []*deployed) error {
	var names []string
	for _, d := range all {
		names = append(names, d.Name)
	}
	return fmt.Errorf("%w: no job %q is deployed in %s; there are %q", job.ErrInvalid, name, dir, names)
}
