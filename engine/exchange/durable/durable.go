// Package durable is the exchange between tasks that do not run at the same
// time: a sender writes what it sends in one epoch to storage, seals it, and is
// gone; the receiver starts later and reads it.
//
// What a task sends to all of its receivers lies side by side in few objects, in
// the job's directory:
//
//	channels/<epoch>/<vertex>-<index>-<attempt>/<k>
//
// Where the pieces of each channel lie in them is told by the task's result, and
// nowhere else: whatever an attempt has written whose result does not count,
// because another was faster or the epoch is another's, is not read by anyone.
// What is little travels in the result itself.
package durable

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/stream"
)

// Root is where all channels of a job lie.
const Root = "channels/"

// EpochOf is the epoch of the channel to which an object belongs.
func EpochOf(object string) (stream.Epoch, bool) {
	digits, _, _ := strings.Cut(strings.TrimPrefix(object, Root), "/")
	e, err := strconv.ParseUint(digits, 10, 64)
	return stream.Epoch(e), err == nil
}

// Name is whose output it is.
type Name struct {
	Epoch   stream.Epoch
	Task    checkpoint.TaskID
	Attempt string // no two attempts at a task have the same
}

func (n Name) object(k int) string {
	return fmt.Sprintf("%s%d/%d-%d-%s/%d", Root, n.Epoch, n.Task.Vertex, n.Task.Index, n.Attempt, k)
}

// Sent is everything that a task has sent in an epoch, in order.
type Sent struct {
	Task    checkpoint.TaskID `json:"task"`
	Objects []Object          `json:"objects,omitempty"`
}

// Object holds pieces of several channels, in storage or in Data.
type Object struct {
	Name   string  `json:"name,omitempty"`
	Data   []byte  `json:"data,omitempty"`
	Pieces []Piece `json:"pieces"`
}

// Piece is a segment of one channel: Size bytes of its object from At on.
type Piece struct {
	Edge     string `json:"edge"` // of the graph: from, port, to, input
	Receiver int    `json:"receiver"`
	At       int64  `json:"at"`
	Size     int64  `json:"size"`
}

// Select is the part of s that the receivers of some channels read.
func (s Sent) Select(channel func(edge string, receiver int) bool) Sent {
	out := Sent{Task: s.Task}
	for _, o := range s.Objects {
		part := Object{Name: o.Name}
		for _, p := range o.Pieces {
			if !channel(p.Edge, p.Receiver) {
				continue
			}
			if o.Name == "" {
				part.Data = append(part.Data, o.Data[p.At:p.At+p.Size]...)
				p.At = int64(len(part.Data)) - p.Size
			}
			part.Pieces = append(part.Pieces, p)
		}
		if len(part.Pieces) > 0 {
			out.Objects = append(out.Objects, part)
		}
	}
	return out
}
