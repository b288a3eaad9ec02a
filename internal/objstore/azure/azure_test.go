package azure_test

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/azure"
	"github.com/wadi-engine/wadi/internal/objstore/objstoretest"
	"github.com/wadi-engine/wadi/internal/testserver"
	"github.com/wadi-engine/wadi/job"
)

func TestContract(t *testing.T) {
	props := testserver.Azure(t)
	cred, err := azblob.NewSharedKeyCredential(props["azure.account"], props["azure.key"])
	if err != nil {
		t.Fatal(err)
	}
	client, err := container.NewClientWithSharedKeyCredential(props["azure.endpoint"]+"/lake", cred, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Create(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	openers := map[string]objstore.Opener{}
	for _, scheme := range azure.Schemes {
		openers[scheme] = azure.Open
	}
	stores := objstore.New(objstore.Options{Openers: openers, Backoff: time.Millisecond})
	for _, url := range []string{"azblob://lake/one", "abfss://lake@devstoreaccount1.dfs.core.windows.net/two"} {
		b, err := stores.Open(t.Context(), url, props)
		if err != nil {
			t.Fatal(err)
		}
		objstoretest.Run(t, b)
	}
	props["azure.key"] = "d3Jvbmc="
	b, err := stores.Open(t.Context(), "azblob://lake/one", props)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(t.Context(), "x"); !errors.Is(err, job.ErrInvalid) || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Get with a wrong key: %v", err)
	}
}
