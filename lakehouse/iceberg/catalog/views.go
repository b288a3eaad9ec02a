package catalog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	ice "github.com/apache/iceberg-go"
	icecatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"
	iceview "github.com/apache/iceberg-go/view"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
)

// Dialect is the name under which views keep their queries: Flink's SQL.
const Dialect = "flink"

// View is a query that a catalog keeps. Names in it that are not qualified are
// of the view's own database.
type View struct {
	SQL     string
	Dialect string
	Schema  *arrow.Schema // of the result
	Comment string
}

// propComment is the property of a view with its comment.
const propComment = "comment"

func (v View) properties() ice.Properties {
	if v.Comment == "" {
		return ice.Properties{}
	}
	return ice.Properties{propComment: v.Comment}
}

// version is a version of a view with our query alone.
func (c *Catalog) version(database string, v View) (*iceview.Version, error) {
	return iceview.NewVersion(1, 0, iceview.Representations{iceview.NewRepresentation(v.SQL, Dialect)}, namespace(database),
		iceview.WithTimestampMS(c.env.Time().UnixMilli()))
}

// viewKeeper is a backend that keeps views; others have LoadView and CreateView
// of another shape: see below.
type viewKeeper interface {
	ListViews(ctx context.Context, namespace table.Identifier) iter.Seq2[table.Identifier, error]
	DropView(ctx context.Context, ident table.Identifier) error
}

type versionedViews interface {
	viewKeeper
	CreateView(ctx context.Context, ident table.Identifier, v *iceview.Version, s *ice.Schema, opts ...icecatalog.CreateViewOpt) (*iceview.View, error)
	LoadView(ctx context.Context, ident table.Identifier) (*iceview.View, error)
}

type textViews interface {
	viewKeeper
	CreateView(ctx context.Context, ident table.Identifier, s *ice.Schema, sql string, props ice.Properties) error
	LoadView(ctx context.Context, ident table.Identifier) (iceview.Metadata, error)
}

// Name is the catalog's name.
func (c *Catalog) Name() string { return c.name }

// KeepsViews reports whether the catalog keeps views.
func (c *Catalog) KeepsViews() bool {
	_, ok := c.backend.(viewKeeper)
	return ok
}

// Views lists the views of a database, sorted; none in a catalog that keeps none.
func (c *Catalog) Views(ctx context.Context, database string) ([]string, error) {
	keeper, ok := c.backend.(viewKeeper)
	if !ok {
		return nil, nil
	}
	var names []string
	for ident, err := range keeper.ListViews(ctx, namespace(database)) {
		if errors.Is(err, ice.ErrNotImplemented) { // a server without views
			return nil, nil
		}
		if err != nil {
			return nil, c.Fail("list views of", database, err)
		}
		names = append(names, icecatalog.TableNameFromIdent(ident))
	}
	slices.Sort(names)
	return names, nil
}

// View reads a view: its query in our dialect, or else the first one.
func (c *Catalog) View(ctx context.Context, database, name string) (View, error) {
	what := c.name + "." + database + "." + name
	var meta iceview.Metadata
	var err error
	switch b := c.backend.(type) {
	case versionedViews:
		var v *iceview.View
		if v, err = b.LoadView(expanding(ctx), identifier(database, name)); err == nil {
			meta = v.Metadata()
		}
	case textViews:
		meta, err = b.LoadView(expanding(ctx), identifier(database, name))
	default:
		err = icecatalog.ErrNoSuchView
	}
	if err != nil {
		return View{}, c.Fail("load view", what, err)
	}
	return viewOf(what, meta)
}

func viewOf(what string, meta iceview.Metadata) (View, error) {
	version := meta.CurrentVersion()
	if version == nil || len(version.Representations) == 0 {
		return View{}, fmt.Errorf("view %s: %w: it has no query", what, job.ErrInvalid)
	}
	best := version.Representations[0]
	for _, r := range version.Representations {
		if strings.EqualFold(r.Dialect, Dialect) {
			best = r
		}
	}
	out := View{SQL: best.Sql, Dialect: best.Dialect, Comment: meta.Properties()[propComment]}
	if s := meta.CurrentSchema(); s != nil {
		var err error
		if out.Schema, err = schemas.ToEngine(s); err != nil {
			return out, fmt.Errorf("view %s: %w", what, err)
		}
	}
	return out, nil
}

// CreateView keeps a view, or reports ErrExists.
func (c *Catalog) CreateView(ctx context.Context, database, name string, v View) error {
	what := c.name + "." + database + "." + name
	schema, err := schemas.ToIceberg(v.Schema, nil, 3)
	if err != nil {
		return fmt.Errorf("create view %s: %w", what, err)
	}
	switch b := c.backend.(type) {
	case versionedViews:
		version, err := c.version(database, v)
		if err != nil {
			return fmt.Errorf("create view %s: %w: %w", what, job.ErrInvalid, err)
		}
		_, err = b.CreateView(ctx, identifier(database, name), version, schema, icecatalog.WithViewProperties(v.properties()))
		return c.Fail("create view", what, err)
	case textViews:
		return c.Fail("create view", what, b.CreateView(ctx, identifier(database, name), schema, v.SQL, v.properties()))
	}
	return fmt.Errorf("create view %s: %w: a %s catalog keeps no views; use CREATE TEMPORARY VIEW", what, job.ErrInvalid, c.options[OptCatalogType])
}

// DropView removes a view, or reports ErrNotFound.
func (c *Catalog) DropView(ctx context.Context, database, name string) error {
	err := icecatalog.ErrNoSuchView
	if keeper, ok := c.backend.(viewKeeper); ok {
		err = keeper.DropView(ctx, identifier(database, name))
	}
	return c.Fail("drop view", c.name+"."+database+"."+name, err)
}
