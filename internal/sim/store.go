package sim

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
)

// store is the object storage: one for all processes. Each operation takes
// time; a reply may be lost, whether or not the operation took place; a write
// may arrive late, or once more.
type store struct {
	w       *world
	objects map[string][]byte
	late    []func()
	// faults is how rare a fault is (1 in n), or 0 for none.
	faults int
	// away is until when nothing answers.
	away time.Time
	// won, if not nil, is told who has created an object first.
	won func(name string, by *process)
}

var _ checkpoint.Store = (*store)(nil)

var errLost = fmt.Errorf("%w: the reply is lost", job.ErrUnavailable)

// travel is the way to the store and back.
func (s *store) travel() {
	if s.w.chance(4) {
		s.w.sleep(time.Duration(s.w.rnd.IntN(50)) * time.Millisecond)
		return
	}
	s.w.pause()
}

func (s *store) fault() bool {
	if s.faults > 0 && s.w.now.Before(s.away) {
		return true
	}
	return s.faults > 0 && s.w.chance(s.faults)
}

// operate carries out op, and again where the network does so.
func (s *store) operate(op func() error) error {
	s.travel()
	if s.fault() { // the request is lost, or late
		if s.w.chance(2) {
			s.late = append(s.late, func() { _ = op() })
		}
		s.travel()
		return errLost
	}
	err := op()
	if s.fault() {
		s.late = append(s.late, func() { _ = op() })
	}
	s.travel()
	if s.fault() {
		return errLost
	}
	return err
}

// deliver lets the late writes arrive, one now and then.
func (s *store) deliver() {
	if len(s.late) == 0 {
		return
	}
	i := s.w.rnd.IntN(len(s.late))
	op := s.late[i]
	s.late = slices.Delete(s.late, i, i+1)
	op()
}

func (s *store) Get(_ context.Context, name string) (data []byte, err error) {
	err = s.operate(func() error {
		d, ok := s.objects[name]
		if !ok {
			return fmt.Errorf("get %s: %w", name, fs.ErrNotExist)
		}
		data = bytes.Clone(d)
		return nil
	})
	return data, err
}

func (s *store) GetRange(ctx context.Context, name string, at, n int64) ([]byte, error) {
	data, err := s.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	return data[at : at+n], nil
}

func (s *store) Put(_ context.Context, name string, data []byte) error {
	data = bytes.Clone(data)
	return s.operate(func() error {
		s.objects[name] = data
		return nil
	})
}

func (s *store) PutIfAbsent(_ context.Context, name string, data []byte) (won bool, err error) {
	data = bytes.Clone(data)
	err = s.operate(func() error {
		if won = s.objects[name] == nil; won {
			s.objects[name] = data
			if s.won != nil {
				s.won(name, s.w.cur.of)
			}
		}
		return nil
	})
	return won, err
}

func (s *store) List(_ context.Context, prefix string) (names []string, err error) {
	err = s.operate(func() error {
		names = nil
		for name := range s.objects {
			if strings.HasPrefix(name, prefix) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return nil
	})
	return names, err
}

func (s *store) Delete(_ context.Context, name string) error {
	return s.operate(func() error {
		delete(s.objects, name)
		return nil
	})
}
