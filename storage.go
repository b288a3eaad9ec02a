package wadi

import "github.com/wadi-engine/wadi/internal/objstore"

// StorageCount is what one kind of request has done in the object stores of one
// scheme, such as reading from s3.
type StorageCount struct {
	// Scheme is that of the URLs: s3, abfss, gs, file, ….
	Scheme string
	// Operation is stat, get, put, list, delete or move. A write counts once,
	// in however many parts it goes, and so does a listing.
	Operation string
	// Requests is how many there were, Errors how many of them failed, Retries
	// how many repeated one that had failed. That an object is not there, or is
	// there already, is an answer and not an error.
	Requests, Errors, Retries int64
	// Read and Written are bytes of objects.
	Read, Written int64
}

// StorageCounts is what the jobs, tables and checkpoints of the Env have done
// in object stores since it was made, a row for each scheme and operation that
// was used, ordered by both. It costs next to nothing and may be called at any
// time. Stages that run in other processes count there.
func (e *Env) StorageCounts() []StorageCount {
	var all []StorageCount
	for _, c := range e.stores.Counts() {
		all = append(all, storageCount(c))
	}
	return all
}

func storageCount(c objstore.Count) StorageCount {
	return StorageCount{
		Scheme: c.Scheme, Operation: c.Operation.String(),
		Requests: c.Requests, Errors: c.Errors, Retries: c.Retries, Read: c.Read, Written: c.Written,
	}
}
