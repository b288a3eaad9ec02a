package catalog

import (
	"context"
	"errors"
	"fmt"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"
	iceview "github.com/apache/iceberg-go/view"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
)

// viewChanger is a backend that keeps the versions of a view.
type viewChanger interface {
	versionedViews
	UpdateView(ctx context.Context, ident table.Identifier, requires []iceview.Requirement, updates []iceview.Update) (*iceview.View, error)
	RenameView(ctx context.Context, from, to table.Identifier) (*iceview.View, error)
}

func (c *Catalog) changer(verb, what string) (viewChanger, error) {
	if b, ok := c.backend.(viewChanger); ok {
		return b, nil
	}
	return nil, fmt.Errorf("%s %s: %w: a %s catalog does not change views; DROP VIEW it and create it again", verb, what, job.ErrInvalid, c.options[OptCatalogType])
}

// ReplaceView gives a view a new version, with another query. Those before it are
// kept, as many as the view's property version.history.num-entries says.
func (c *Catalog) ReplaceView(ctx context.Context, database, name string, v View) error {
	const verb = "replace view"
	what := c.name + "." + database + "." + name
	b, err := c.changer(verb, what)
	if err != nil {
		return err
	}
	for tries := 0; ; tries++ {
		err := c.replaceView(ctx, b, database, name, v)
		if err == nil || !errors.Is(err, rest.ErrCommitFailed) || tries == 10 {
			return c.Fail(verb, what, err)
		}
	}
}

func (c *Catalog) replaceView(ctx context.Context, b viewChanger, database, name string, v View) error {
	old, err := b.LoadView(expanding(ctx), identifier(database, name))
	if err != nil {
		return err
	}
	builder, err := iceview.MetadataBuilderFromBase(old.Metadata())
	if err != nil {
		return err
	}
	converted, err := schemas.ToIceberg(v.Schema, nil, 3)
	if err != nil {
		return err
	}
	schema, err := ice.AssignFreshSchemaIDs(converted, nil)
	if err != nil {
		return err
	}
	version, err := c.version(database, v)
	if err != nil {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if now := old.CurrentVersion(); now != nil {
		version.DefaultCatalog = now.DefaultCatalog
	}
	if id, known := knownVersion(old, version, schema); known {
		builder.SetCurrentVersionID(id)
	} else {
		builder.SetCurrentVersion(version, schema)
	}
	if old.Properties()[propComment] != v.Comment {
		if v.Comment == "" {
			builder.RemoveProperties([]string{propComment})
		} else {
			builder.SetProperties(v.properties())
		}
	}
	built, err := builder.Build()
	if err != nil {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if len(built.Changes) == 0 {
		return nil
	}
	_, err = b.UpdateView(ctx, identifier(database, name), []iceview.Requirement{iceview.AssertViewUUID(old.Metadata().ViewUUID())}, built.Changes)
	return err
}

// knownVersion finds a version that a view has had with the same query and schema:
// iceberg-go would add it a second time with the same id.
func knownVersion(of *iceview.View, v *iceview.Version, schema *ice.Schema) (id int64, known bool) {
	for _, one := range of.Versions() {
		same := *v
		same.SchemaID = one.SchemaID
		if s := of.Schemas()[one.SchemaID]; s != nil && s.Equals(schema) && same.Equals(one) {
			return one.VersionID, true
		}
	}
	return 0, false
}

// RenameView gives a view another name in its database.
func (c *Catalog) RenameView(ctx context.Context, database, from, to string) error {
	const verb = "rename view"
	what := c.name + "." + database + "." + from
	b, err := c.changer(verb, what)
	if err != nil {
		return err
	}
	_, err = b.RenameView(ctx, identifier(database, from), identifier(database, to))
	return c.Fail(verb, what, err)
}
