package sql

import (
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
)

// coreModule is the only module: the functions that are built in.
const coreModule = "core"

// loadModule answers LOAD MODULE: what there is, is loaded.
func loadModule(q *ast.LoadModule) (Result, error) {
	if q.Name.Name == coreModule {
		return nil, diag.At(q.Name.Pos, "module core is loaded already")
	}
	return nil, noModule(q.Name)
}

// unloadModule answers UNLOAD MODULE: queries cannot do without the core.
func unloadModule(q *ast.UnloadModule) (Result, error) {
	if q.Name.Name == coreModule {
		return nil, diag.At(q.Name.Pos, "module core has the functions that are built in, and stays")
	}
	return nil, noModule(q.Name)
}

// useModules takes the list that is in use already.
func useModules(q *ast.UseModules) (Result, error) {
	for i, m := range q.Modules {
		switch {
		case m.Name != coreModule:
			return nil, noModule(m)
		case i > 0:
			return nil, diag.At(m.Pos, "module core is named twice")
		}
	}
	return ok()
}

func noModule(name ast.Ident) error {
	return diag.At(name.Pos, "no module %q; there is core, and functions of the user are registered with wadi.Options.Functions", name.Name)
}
