package s3_test

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/objstoretest"
	"github.com/wadi-engine/wadi/internal/objstore/s3"
	"github.com/wadi-engine/wadi/internal/testserver"
	"github.com/wadi-engine/wadi/job"
)

func TestContract(t *testing.T) {
	url, props := testserver.S3(t)
	stores := objstore.New(objstore.Options{Openers: map[string]objstore.Opener{"s3": s3.Open}, Backoff: time.Millisecond})
	b, err := stores.Open(t.Context(), url+"/some/root", props)
	if err != nil {
		t.Fatal(err)
	}
	objstoretest.Run(t, b)
	props["s3.secret-key"] = "wrong"
	if b, err = stores.Open(t.Context(), url, props); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(t.Context(), "x"); !errors.Is(err, job.ErrInvalid) || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Get with a wrong key: %v", err)
	}
}
