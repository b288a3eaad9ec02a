package upsert

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	ice "github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/apache/iceberg-go/table/dv"

	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
)

// positions are rows of a data file, by position.
type positions = *dv.RoaringPositionBitmap

// fileView is the files of one snapshot.
type fileView struct {
	sequence int64 // of the snapshot; 0 where there is none
	snapshot int64
	data     map[string]*liveFile
	// vectors are the deletion vectors, by the data file that they speak of;
	// deletes are the files of positions to delete, and equal those of values.
	vectors map[string]ice.DataFile
	deletes []ice.DataFile
	equal   []ice.DataFile
}

// liveFile is a data file of a snapshot.
type liveFile struct {
	path      string
	sequence  int64 // of the snapshot that added it
	spec      int32
	partition map[int]any
	rows      int64
	entry     ice.DataFile // without statistics
}

// viewer reads views. Manifests do not change: each is read once.
type viewer struct {
	files     iceio.IO
	manifests map[string]*manifest
}

type manifest struct {
	data    []*liveFile
	deletes []ice.DataFile
}

// at reads a snapshot; nil has no files.
func (v *viewer) at(s *table.Snapshot) (*fileView, error) {
	out := &fileView{data: map[string]*liveFile{}, vectors: map[string]ice.DataFile{}}
	if s == nil {
		return out, nil
	}
	out.sequence, out.snapshot = s.SequenceNumber, s.SnapshotID
	list, err := s.Manifests(v.files)
	if err != nil {
		return nil, err
	}
	read := make(map[string]*manifest, len(list))
	for _, m := range list {
		content := v.manifests[m.FilePath()]
		if content == nil {
			if content, err = v.read(m); err != nil {
				return nil, err
			}
		}
		read[m.FilePath()] = content
		for _, f := range content.data {
			out.data[f.path] = f
		}
		for _, d := range content.deletes {
			switch {
			case d.ContentType() == ice.EntryContentEqDeletes:
				out.equal = append(out.equal, d)
			case table.IsDeletionVector(d) && d.ReferencedDataFile() != nil:
				out.vectors[*d.ReferencedDataFile()] = d
			default:
				out.deletes = append(out.deletes, d)
			}
		}
	}
	v.manifests = read
	return out, nil
}

func (v *viewer) read(m ice.ManifestFile) (*manifest, error) {
	out := &manifest{}
	for e, err := range m.Entries(v.files, true) {
		if err != nil {
			return nil, fmt.Errorf("manifest %s: %w", m.FilePath(), err)
		}
		df := e.DataFile()
		if df.ContentType() != ice.EntryContentData {
			out.deletes = append(out.deletes, df)
			continue
		}
		df = ice.ManifestEntryWithoutColumnStats(e).DataFile()
		f := &liveFile{path: df.FilePath(), sequence: e.SequenceNum(), spec: df.SpecID(), partition: df.Partition(), rows: df.Count(), entry: df}
		if s := e.FileSequenceNum(); s != nil {
			f.sequence = *s
		}
		out.data = append(out.data, f)
	}
	return out, nil
}

// since are the files that were added behind a sequence number, oldest first,
// without those whose names have the tag.
func (v *fileView) since(sequence int64, tag string) []*liveFile {
	var out []*liveFile
	for _, f := range v.data {
		if f.sequence > sequence && (tag == "" || !strings.Contains(path.Base(f.path), tag)) {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b *liveFile) int {
		if a.sequence != b.sequence {
			return int(min(1, max(-1, a.sequence-b.sequence)))
		}
		return strings.Compare(a.path, b.path)
	})
	return out
}

// dead reads which rows of these files are deleted by position.
func (v *fileView) dead(files *read.Reader, of map[string]bool) (map[string]positions, error) {
	out := map[string]positions{}
	vectors := map[string][]ice.DataFile{} // by the Puffin file that holds them
	for _, p := range slices.Sorted(maps.Keys(of)) {
		if d := v.vectors[p]; d != nil {
			vectors[d.FilePath()] = append(vectors[d.FilePath()], d)
		}
	}
	for _, of := range vectors {
		read, err := files.Vectors(of)
		if err != nil {
			return nil, err
		}
		for i, d := range of {
			out[*d.ReferencedDataFile()] = read[i]
		}
	}
	for _, d := range v.deletes {
		if ref := d.ReferencedDataFile(); ref != nil && !of[*ref] {
			continue
		}
		f, err := read.PositionsOf(d)
		if err != nil {
			return nil, err
		}
		err = files.EachDeleted(f, func(path []byte, at []int64) {
			if !of[string(path)] {
				return
			}
			bits := out[string(path)]
			if bits == nil {
				bits = dv.NewRoaringPositionBitmap()
				out[string(path)] = bits
			}
			for _, p := range at {
				if p >= 0 {
					bits.Set(uint64(p))
				}
			}
		})
		if err != nil {
			return nil, fmt.Errorf("delete file %s: %w", d.FilePath(), err)
		}
	}
	return out, nil
}
