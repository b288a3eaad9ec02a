package checkpoint

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// The layout of a checkpoint directory. Numbers are decimal, from 1, without
// leading zeros. Names are relative to the directory of the job but for names/,
// which lies beside the jobs.
//
//	names/<pipeline.name>/<k>     the k-th job of this name
//	<job id>/generations/<g>      who took generation g
//	<job id>/terms/<t>            who took term t
//	<job id>/chk-<n>/_metadata    the claim of epoch n
//	<job id>/terminal/<g>         how generation g ended
//	<job id>/shared/<run>         run files
//	<job id>/channels/<n>/…       what passes between the stages of epoch n, and its plan
const (
	claims      = "chk-"
	metadata    = "/_metadata"
	generations = "generations/"
	terms       = "terms/"
	terminals   = "terminal/"
	// Shared is the folder of run files.
	Shared = "shared/"
	names  = "names/"
)

// ClaimFile is the file whose creation claims epoch e.
func ClaimFile(e stream.Epoch) string { return fmt.Sprintf("%s%d%s", claims, e, metadata) }

// ClaimDir is the folder of the claim of epoch e, which users know as the
// checkpoint's path.
func ClaimDir(e stream.Epoch) string { return fmt.Sprintf("%s%d", claims, e) }

// GenerationFile is the file whose creation takes generation g.
func GenerationFile(g Generation) string { return fmt.Sprintf("%s%d", generations, g) }

// TermFile is the file whose creation takes term t.
func TermFile(t Term) string { return fmt.Sprintf("%s%d", terms, t) }

// TerminalFile is the terminal record of generation g.
func TerminalFile(g Generation) string { return fmt.Sprintf("%s%d", terminals, g) }

// JobDir is the directory of a job below the checkpoint directory.
func JobDir(id job.ID) string { return string(id) }

// epochOf reads the number of a claim from its file name.
func epochOf(name string) (stream.Epoch, bool) {
	digits, ok := strings.CutSuffix(name, metadata)
	if !ok {
		return 0, false
	}
	n, ok := numbered(digits, claims)
	return stream.Epoch(n), ok
}

// numbered reads n from prefix<n>; a name that is spelled otherwise is not ours.
func numbered(name, prefix string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil && n > 0 && strconv.FormatUint(n, 10) == digits
}

// nameDir is the folder of a pipeline.name: bytes other than letters, digits,
// '_' and '-' are %XX, and what is longer than a file name may be is cut and
// closed with its checksum.
func nameDir(name string) string {
	const limit = 180
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	s := b.String()
	if len(s) > limit {
		s = s[:limit] + "~" + Sum([]byte(name))
	}
	return names + s + "/"
}

// RunFile names a run by who wrote it and by its bytes: equal names are equal
// files, so a repeated or late write of one does no harm.
func RunFile(g Generation, t TaskID, e stream.Epoch, sum string) string {
	return path.Join(Shared, fmt.Sprintf("%d-%d-%d-%d-%s.parquet", g, e, t.Vertex, t.Index, sum))
}

// InFlightFile names a file of what was on its way to a task, as RunFile does.
func InFlightFile(g Generation, t TaskID, e stream.Epoch, sum string) string {
	return path.Join(Shared, fmt.Sprintf("%d-%d-%d-%d-%s.inflight", g, e, t.Vertex, t.Index, sum))
}

// generationOf reads the generation from the name of a run file.
func generationOf(run string) (Generation, bool) {
	digits, _, ok := strings.Cut(strings.TrimPrefix(run, Shared), "-")
	if !ok {
		return 0, false
	}
	g, err := strconv.ParseUint(digits, 10, 64)
	return Generation(g), err == nil
}
