// Package azure opens URLs of Azure Blob Storage and Data Lake Storage, over
// the blob endpoint, which both have.
package azure

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"gocloud.dev/blob/azureblob"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/cloud"
	"github.com/wadi-engine/wadi/job"
)

// Schemes are those that Open understands.
var Schemes = []string{"abfss", "abfs", "wasbs", "wasb", "azblob"}

// Open is an objstore.Opener for
//
//	abfss://container@account.dfs.core.windows.net/path    also abfs, wasbs, wasb
//	azblob://container/path                                account from the properties
//
// Properties: azure.account, azure.key, azure.sas-token, azure.endpoint (the
// service's URL, for emulators); Hadoop's fs.azure.account.key.<host>,
// fs.azure.sas.fixed.token.<host>, fs.azure.account.oauth2.client.id, .secret
// and .endpoint, fs.azure.account.oauth.provider.type for a managed identity;
// Iceberg's adls.account-name, adls.account-key, adls.sas-token.<host>,
// adls.client-id, adls.client-secret and adls.tenant-id. What is not given
// comes from AZURE_STORAGE_ACCOUNT, AZURE_STORAGE_KEY and
// AZURE_STORAGE_SAS_TOKEN, and at last from the default credential:
// environment, workload or managed identity, Azure CLI.
func Open(_ context.Context, root *url.URL, props map[string]string) (objstore.Driver, error) {
	account, name, err := locate(root, props)
	if err != nil {
		return nil, err
	}
	client, err := connect(account, name, root, props)
	if err != nil {
		return nil, fmt.Errorf("%w: connect to account %q: %w", job.ErrInvalid, account, err)
	}
	b, err := azureblob.OpenBucket(context.Background(), client, nil)
	if err != nil {
		return nil, err
	}
	return cloud.New(b, root.Path, cloud.Options{PinRead: pin, Code: code}), nil
}

func locate(root *url.URL, props map[string]string) (account, name string, err error) {
	account, name = first(objstore.First(props, "azure.account", "adls.account-name", "adls.auth.shared-key.account.name"), os.Getenv("AZURE_STORAGE_ACCOUNT")), root.Host
	if root.User != nil {
		name = root.User.Username()
		account, _, _ = strings.Cut(root.Host, ".")
	}
	if account == "" {
		return "", "", fmt.Errorf("%w: no storage account: write %s://container@account.dfs.core.windows.net/… or set 'azure.account'",
			job.ErrInvalid, root.Scheme)
	}
	return account, name, nil
}

func connect(account, name string, root *url.URL, props map[string]string) (*container.Client, error) {
	service := props["azure.endpoint"]
	if service == "" {
		host := account + ".blob.core.windows.net"
		if root.User != nil {
			host = strings.Replace(root.Host, ".dfs.", ".blob.", 1)
		}
		service = "https://" + host
	}
	location := strings.TrimSuffix(service, "/") + "/" + name
	set := settings{account: account, props: props}
	if key := set.key(); key != "" {
		cred, err := azblob.NewSharedKeyCredential(account, key)
		if err != nil {
			return nil, errors.New("the account key is not base64")
		}
		return container.NewClientWithSharedKeyCredential(location, cred, nil)
	}
	if sas := set.sas(); sas != "" {
		return container.NewClientWithNoCredential(location+"?"+sas, nil)
	}
	cred, err := set.identity()
	if err != nil {
		return nil, err
	}
	return container.NewClient(location, cred, nil)
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func pin(as func(any) bool, etag string) {
	var opts *blob.DownloadStreamOptions
	if as(&opts) {
		tag := azcore.ETag(etag)
		opts.AccessConditions = &blob.AccessConditions{
			ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfMatch: &tag},
		}
	}
}

func code(err error) string {
	var reply *azcore.ResponseError
	if errors.As(err, &reply) {
		return reply.ErrorCode
	}
	return ""
}
