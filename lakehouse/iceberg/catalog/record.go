package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/zeebo/xxh3"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// The record of a commit in the summary of its snapshot. Flink's keys stand
// beside ours for tools that look for them.
const (
	sumJob   = "wadi.job-id"
	sumSink  = "wadi.sink-id"
	sumEpoch = "wadi.epoch"

	sumFlinkJob      = "flink.job-id"
	sumFlinkOperator = "flink.operator-id"
	sumFlinkEpoch    = "flink.max-committed-checkpoint-id"

	// MirrorPrefix begins the table properties that repeat the newest epoch of
	// each (job, sink): "<epoch> <milliseconds> <branch>". Snapshots expire, these
	// stay, until their branch is dropped.
	MirrorPrefix = "wadi.committed."
	// maxMirrors is how many of them a table keeps; the oldest go.
	maxMirrors = 64
)

// SinkHash stands for a sink of a job in properties and names of files. Job and
// sink are hashed: uids are long, and properties are in every metadata file.
func SinkHash(id ops.SinkID) string {
	return fmt.Sprintf("%016x", xxh3.HashString(id.Job+"\x00"+id.Sink))
}

// Published finds the newest epoch of a sink in the table: the mirror, or the
// newest snapshot of the sink where its snapshots go.
func (a Aim) Published(t *table.Table, id ops.SinkID) (stream.Epoch, error) {
	mirror := MirrorPrefix + SinkHash(id)
	var newest stream.Epoch
	if text := t.Properties()[mirror]; text != "" {
		epoch, _, _ := strings.Cut(text, " ")
		n, err := strconv.ParseUint(epoch, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%w: property %s is %q", job.ErrInvalid, mirror, text)
		}
		newest = stream.Epoch(n)
	}
	found, err := a.recorded(t, id)
	return max(newest, found), err
}

// recorded finds the newest epoch of a sink among the snapshots that are where
// its snapshots go: the ancestors of the branch's head, or, of a sink that
// stages, all snapshots, whether they have been published or not.
func (a Aim) recorded(t *table.Table, id ops.SinkID) (stream.Epoch, error) {
	snapshots := map[int64]*table.Snapshot{}
	all := t.Metadata().Snapshots()
	var newest stream.Epoch
	for i := range all {
		snapshots[all[i].SnapshotID] = &all[i]
		if a.WapID == "" {
			continue
		}
		e, _, err := recordOf(&all[i], id)
		if err != nil {
			return 0, err
		}
		newest = max(newest, e)
	}
	for s := a.Head(t); s != nil; {
		if e, is, err := recordOf(s, id); is || err != nil {
			return max(newest, e), err
		}
		if s.ParentSnapshotID == nil {
			break
		}
		s = snapshots[*s.ParentSnapshotID]
	}
	return newest, nil
}

// recordOf reads the epoch of a snapshot that the sink has made.
func recordOf(s *table.Snapshot, id ops.SinkID) (stream.Epoch, bool, error) {
	if s.Summary == nil || s.Summary.Properties[sumJob] != id.Job || s.Summary.Properties[sumSink] != id.Sink {
		return 0, false, nil
	}
	n, err := strconv.ParseUint(s.Summary.Properties[sumEpoch], 10, 64)
	if err != nil {
		return 0, false, fmt.Errorf("%w: snapshot %d: %s is %q", job.ErrInvalid, s.SnapshotID, sumEpoch, s.Summary.Properties[sumEpoch])
	}
	return stream.Epoch(n), true, nil
}

// Record stages in tx, a transaction on t, that the table has the epochs of a
// sink up to this one, and returns the summary of the snapshots that have them.
func (a Aim) Record(tx *table.Transaction, t *table.Table, id ops.SinkID, epoch stream.Epoch, now time.Time) (ice.Properties, error) {
	number := strconv.FormatUint(uint64(epoch), 10)
	mirror := MirrorPrefix + SinkHash(id)
	if err := tx.SetProperties(ice.Properties{mirror: fmt.Sprintf("%s %d %s", number, now.UnixMilli(), a.Branch)}); err != nil {
		return nil, err
	}
	if silent := silentMirrors(t.Properties(), mirror); len(silent) > 0 {
		if err := tx.RemoveProperties(silent); err != nil {
			return nil, err
		}
	}
	summary := ice.Properties{
		sumJob: id.Job, sumSink: id.Sink, sumEpoch: number,
		sumFlinkJob: id.Job, sumFlinkOperator: id.Sink, sumFlinkEpoch: number,
	}
	maps.Copy(summary, a.summary)
	if a.WapID != "" {
		summary[SumWapID] = a.WapID
	}
	return summary, nil
}

// silentMirrors are the mirrors beside own of the sinks that have been silent
// for longest, when there are too many.
func silentMirrors(all ice.Properties, own string) []string {
	var others []string
	for k := range all {
		if strings.HasPrefix(k, MirrorPrefix) && k != own {
			others = append(others, k)
		}
	}
	slices.SortFunc(others, func(a, b string) int { return cmp.Compare(mirrorTime(all[a]), mirrorTime(all[b])) })
	return others[:max(0, len(others)-maxMirrors+1)]
}

func mirrorTime(text string) int64 {
	_, rest, _ := strings.Cut(text, " ")
	millis, _, _ := strings.Cut(rest, " ")
	n, _ := strconv.ParseInt(millis, 10, 64)
	return n
}
