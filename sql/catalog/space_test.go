package catalog_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/catalog"
)

func TestTemporaryTablesHideOthers(t *testing.T) {
	ctx := context.Background()
	s := catalog.NewSpace()
	id, err := s.Ident([]string{"t"})
	if err != nil {
		t.Fatal(err)
	}
	for _, temporary := range []bool{false, true} {
		if err := s.Create(ctx, &catalog.Table{Ident: id, Temporary: temporary}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Create(ctx, &catalog.Table{Ident: id}); !errors.Is(err, catalog.ErrExists) {
		t.Errorf("created twice: %v", err)
	}
	if got, err := s.Table(ctx, id); err != nil || !got.Temporary {
		t.Errorf("found %+v, %v; want the temporary table", got, err)
	}
	if err := s.Drop(ctx, id, false); !errors.Is(err, job.ErrInvalid) {
		t.Errorf("dropped a hidden table: %v", err)
	}
	if err := s.Drop(ctx, id, true); err != nil {
		t.Error(err)
	}
	if err := s.Rename(ctx, id, "u"); err != nil {
		t.Error(err)
	}
	if names, err := s.Tables(ctx, id.Catalog, id.Database); err != nil || !slices.Equal(names, []string{"u"}) {
		t.Errorf("tables %q, %v; want u", names, err)
	}
	if _, err := s.Table(ctx, id); !catalog.IsNotFound(err) {
		t.Errorf("the old name: %v", err)
	}
}

func TestUseAndRemove(t *testing.T) {
	ctx := context.Background()
	s := catalog.NewSpace()
	if err := s.Add("lake", catalog.NewMemory("main"), catalog.Definition{Options: map[string]string{"type": "x"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.UseCatalog(ctx, "lake"); err != nil || s.Database != "main" {
		t.Errorf("in database %q, %v; want main", s.Database, err)
	}
	if err := s.Remove("lake"); !errors.Is(err, job.ErrInvalid) {
		t.Errorf("removed the current catalog: %v", err)
	}
	if err := s.UseDatabase(ctx, "lake", "nowhere"); !catalog.IsNotFound(err) {
		t.Errorf("use of an unknown database: %v", err)
	}
	if err := s.UseDatabase(ctx, catalog.DefaultCatalog, catalog.DefaultDatabase); err != nil {
		t.Error(err)
	}
	err := s.Remove("lake")
	names, listed := s.Catalogs()
	if err != nil || listed != nil || slices.Contains(names, "lake") {
		t.Errorf("removed: %v, %q %v", err, names, listed)
	}
}
