package s3_test

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

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

// TestAbort: an upload of many parts that is given up leaves none of them, and what a
// process that was killed has left is swept up.
func TestAbort(t *testing.T) {
	url, props := testserver.S3(t)
	stores := objstore.New(objstore.Options{Openers: map[string]objstore.Opener{"s3": s3.Open}})
	b, err := stores.Open(t.Context(), url, props)
	if err != nil {
		t.Fatal(err)
	}
	client := awss3.New(awss3.Options{
		BaseEndpoint: aws.String(props["s3.endpoint"]), Region: "us-east-1", UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(props["s3.access-key"], props["s3.secret-key"], ""),
	})
	uploads := func() int {
		out, err := client.ListMultipartUploads(t.Context(), &awss3.ListMultipartUploadsInput{Bucket: aws.String("bucket")})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.Uploads)
	}
	w, err := b.Create(t.Context(), "big")
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if n := uploads(); n != 1 {
		t.Errorf("%d uploads while it is written, want 1", n)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	if n := uploads(); n != 0 {
		t.Errorf("%d uploads are left", n)
	}
	for _, key := range []string{"x/1", "x/2", "y/1"} { // of a process that was killed
		if _, err := client.CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: aws.String("bucket"), Key: aws.String(key)}); err != nil {
			t.Fatal(err)
		}
	}
	below, err := stores.Open(t.Context(), url+"/x", props)
	if err != nil {
		t.Fatal(err)
	}
	if err := below.Sweep(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if n := uploads(); n != 1 {
		t.Errorf("%d uploads are left, want the one of y", n)
	}
	if err := b.Sweep(t.Context(), "y/"); err != nil {
		t.Fatal(err)
	}
	if n := uploads(); n != 0 {
		t.Errorf("%d uploads are left", n)
	}
	if names, err := b.List(t.Context(), ""); len(names) > 0 || err != nil {
		t.Errorf("left: %q, %v", names, err)
	}
}
