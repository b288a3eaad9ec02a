package wadi

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
)

const (
	keyLocalBackup     = "execution.checkpointing.local-backup.enabled"
	keyLocalBackupDirs = "execution.checkpointing.local-backup.dirs"
	keyFromLocal       = "execution.state-recovery.from-local"
)

// readsCopies reports whether tasks read what their worker keeps of their state.
func (e *Env) readsCopies() bool {
	return strings.EqualFold(e.Config(keyLocalBackup), "true") && strings.EqualFold(e.Config(keyFromLocal), "true")
}

// withCopies lets the tasks of a job keep their state on local disk, too, if that is
// configured, until o.Close.
func (e *Env) withCopies(o engine.Options) (engine.Options, error) {
	if o.Store == nil || !strings.EqualFold(e.Config(keyLocalBackup), "true") {
		return o, nil
	}
	parent := ""
	for _, key := range []string{keyLocalBackupDirs, keyTmpDirs} {
		if dirs := directories(e.Config(key)); parent == "" && len(dirs) > 0 {
			parent = dirs[0]
		}
	}
	if parent != "" {
		if err := os.MkdirAll(parent, 0o700); err != nil {
			return o, fmt.Errorf("%w: '%s': %w", job.ErrInvalid, keyLocalBackupDirs, err)
		}
	}
	dir, err := os.MkdirTemp(parent, "wadi-local-*")
	if err != nil {
		return o, fmt.Errorf("%w: '%s': %w", job.ErrInvalid, keyLocalBackupDirs, err)
	}
	copies := &checkpoint.Copies{Store: o.Store, Dir: dir, Local: e.readsCopies(), Log: o.Log}
	before := o.Close
	o.Store, o.Close = copies, func() error {
		var err error
		if before != nil {
			err = before()
		}
		return errors.Join(err, copies.Close())
	}
	return o, nil
}
