package jdbc

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// line is a connection that is opened when it is needed, and opened again when it
// is lost.
type line struct {
	*config
	db database // nil while there is none
}

// try gives the connection to f, and again when an error of f may pass: so many times
// at the most, each of which is told to again.
func (l *line) try(ctx context.Context, retries int, again func(), f func(db database) error) error {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 100*time.Millisecond, 5*time.Second
	first := true
	_, err := backoff.Retry(ctx, func() (bool, error) {
		if !first {
			again()
		}
		first = false
		err := l.attempt(ctx, f)
		if err == nil {
			return true, nil
		}
		l.close()
		if !l.dialect.transient(err) {
			return false, backoff.Permanent(err)
		}
		return false, err
	}, backoff.WithBackOff(pause), backoff.WithMaxTries(uint(retries)+1), backoff.WithMaxElapsedTime(0))
	return err
}

func (l *line) attempt(ctx context.Context, f func(db database) error) (err error) {
	if l.db == nil {
		if l.db, err = l.connect(ctx); err != nil {
			return err
		}
	}
	return f(l.db)
}

func (l *line) close() {
	if l.db != nil {
		l.db.close()
		l.db = nil
	}
}
