package gcs_test

import (
	"testing"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/gcs"
	"github.com/wadi-engine/wadi/internal/objstore/objstoretest"
	"github.com/wadi-engine/wadi/internal/testserver"
)

func TestContract(t *testing.T) {
	url, props := testserver.GCS(t)
	stores := objstore.New(objstore.Options{Openers: map[string]objstore.Opener{"gs": gcs.Open}})
	b, err := stores.Open(t.Context(), url+"/some/root", props)
	if err != nil {
		t.Fatal(err)
	}
	objstoretest.Run(t, b)
}
