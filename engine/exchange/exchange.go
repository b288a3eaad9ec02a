// Package exchange moves elements between tasks: in memory, over the network,
// or through object storage when the receiver does not run yet.
//
// A channel carries elements of one edge from one task to another, in order.
// A gate is where all channels into a task end. A route decides, per batch,
// which channels of an edge receive which rows.
package exchange

import (
	"context"
	"errors"

	"github.com/wadi-engine/wadi/stream"
)

// Channel is the sending end of one edge between two tasks. Send takes over
// the caller's reference to a batch, and blocks while the receiver has no
// credit left.
type Channel interface {
	Send(ctx context.Context, e stream.Element) error
}

// ErrSealed says that a gate has nothing more in this epoch, and that the
// epochs behind it belong to the task's next incarnation.
var ErrSealed = errors.New("the epoch is sealed")

// Gate is the receiving end of all channels into one task. One goroutine calls it.
type Gate interface {
	// Next returns an element and the channel it came on; io.EOF after
	// EndOfInput has come on every channel.
	Next(ctx context.Context) (e stream.Element, channel int, err error)
	// Block and Unblock stop and resume one channel while a barrier aligns.
	Block(channel int)
	Unblock(channel int)
}
