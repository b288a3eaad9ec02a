// Package cloud adds the object stores of the clouds: S3, Azure (Blob and
// ADLS Gen2) and Google Cloud Storage. It is a package of its own so that a
// program that needs none of them links none of their SDKs:
//
//	env, err := wadi.Local(wadi.Options{Stores: cloud.Openers()})
package cloud

import (
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/azure"
	"github.com/wadi-engine/wadi/internal/objstore/gcs"
	"github.com/wadi-engine/wadi/internal/objstore/s3"
)

// Openers are the schemes of URLs and what opens them.
func Openers() map[string]objstore.Opener {
	return map[string]objstore.Opener{
		"s3": s3.Open, "s3a": s3.Open,
		"abfss": azure.Open, "abfs": azure.Open, "wasbs": azure.Open, "wasb": azure.Open, "azblob": azure.Open,
		"gs": gcs.Open,
	}
}
