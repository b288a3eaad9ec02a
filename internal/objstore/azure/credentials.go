package azure

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
)

// settings looks up options that Hadoop and Iceberg write with the account's
// host behind them, or without.
type settings struct {
	account string
	props   map[string]string
}

// of is the value of the first key that has one: "<key>.<host>" before "<key>".
func (s settings) of(keys ...string) string {
	var all []string
	for _, k := range keys {
		for _, host := range []string{".dfs.core.windows.net", ".blob.core.windows.net", ""} {
			all = append(all, k+"."+s.account+host)
		}
		all = append(all, k)
	}
	return objstore.First(s.props, all...)
}

// key is the account's key.
func (s settings) key() string {
	return first(s.of("azure.key", "fs.azure.account.key", "adls.account-key", "adls.auth.shared-key.account.key"),
		os.Getenv("AZURE_STORAGE_KEY"))
}

// sas is a shared access signature, without a question mark.
func (s settings) sas() string {
	text := first(s.of("azure.sas-token", "fs.azure.sas.fixed.token", "adls.sas-token"), os.Getenv("AZURE_STORAGE_SAS_TOKEN"))
	return strings.TrimPrefix(text, "?")
}

// identity is who the process is: a client with a secret, a managed identity,
// or whatever the default chain finds.
func (s settings) identity() (azcore.TokenCredential, error) {
	id := s.of("fs.azure.account.oauth2.client.id", "adls.client-id")
	secret := s.of("fs.azure.account.oauth2.client.secret", "adls.client-secret")
	if strings.HasSuffix(s.of("fs.azure.account.oauth.provider.type"), "MsiTokenProvider") {
		var o azidentity.ManagedIdentityCredentialOptions
		if id != "" {
			o.ID = azidentity.ClientID(id)
		}
		return azidentity.NewManagedIdentityCredential(&o)
	}
	if secret == "" {
		return azidentity.NewDefaultAzureCredential(nil)
	}
	tenant := s.of("adls.tenant-id", "fs.azure.account.oauth2.msi.tenant")
	if endpoint := s.of("fs.azure.account.oauth2.client.endpoint"); tenant == "" && endpoint != "" {
		u, err := url.Parse(endpoint)
		if err != nil {
			return nil, errors.New("option 'fs.azure.account.oauth2.client.endpoint' is not a URL")
		}
		tenant, _, _ = strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	}
	if id == "" || tenant == "" {
		return nil, fmt.Errorf("%w: a client secret needs 'fs.azure.account.oauth2.client.id' and 'fs.azure.account.oauth2.client.endpoint' "+
			"= 'https://login.microsoftonline.com/<tenant>/oauth2/token' beside it", job.ErrInvalid)
	}
	return azidentity.NewClientSecretCredential(tenant, id, secret, nil)
}
