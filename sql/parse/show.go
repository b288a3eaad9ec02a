package parse

import (
	"slices"

	"github.com/wadi-engine/wadi/sql/ast"
)

// What may follow SHOW, and whether FROM and LIKE may follow that.
var shows = []struct {
	words      []string
	kind       ast.ShowKind
	from, like bool
}{
	{[]string{"CATALOGS"}, ast.ShowCatalogs, false, true},
	{[]string{"CURRENT", "CATALOG"}, ast.ShowCurrentCatalog, false, false},
	{[]string{"DATABASES"}, ast.ShowDatabases, true, true},
	{[]string{"CURRENT", "DATABASE"}, ast.ShowCurrentDatabase, false, false},
	{[]string{"TABLES"}, ast.ShowTables, true, true},
	{[]string{"VIEWS"}, ast.ShowViews, true, true},
	{[]string{"MATERIALIZED", "TABLES"}, ast.ShowMaterializedTables, true, true},
	{[]string{"COLUMNS"}, ast.ShowColumns, true, true},
	{[]string{"PARTITIONS"}, ast.ShowPartitions, false, false},
	{[]string{"FUNCTIONS"}, ast.ShowFunctions, true, true},
	{[]string{"USER", "FUNCTIONS"}, ast.ShowUserFunctions, true, true},
	{[]string{"PROCEDURES"}, ast.ShowProcedures, true, true},
	{[]string{"MODULES"}, ast.ShowModules, false, false},
	{[]string{"FULL", "MODULES"}, ast.ShowFullModules, false, false},
	{[]string{"MODELS"}, ast.ShowModels, true, true},
	{[]string{"CONNECTIONS"}, ast.ShowConnections, true, true},
	{[]string{"JARS"}, ast.ShowJars, false, false},
	{[]string{"JOBS"}, ast.ShowJobs, false, false},
}

func (p *parser) show() ast.Statement {
	pos := p.advance().pos
	if p.accept("CREATE") {
		return p.showCreate(pos)
	}
	for _, what := range shows {
		if !p.acceptAll(what.words...) {
			continue
		}
		s := &ast.Show{Pos: pos, Kind: what.kind}
		switch {
		case what.kind == ast.ShowPartitions:
			s.Name = p.name()
			if p.accept("PARTITION") {
				s.Partition = p.partitionValues(true)
			}
		case what.kind == ast.ShowColumns:
			p.expectAny("FROM", "IN")
			s.Name = p.name()
		case what.kind == ast.ShowProcedures && p.acceptAny("FROM", "IN") != "":
			s.Name = p.procedureName()
		case what.from && p.acceptAny("FROM", "IN") != "":
			s.Name = p.name()
		}
		if what.like {
			s.Like = p.showLike()
		}
		return s
	}
	p.unexpected()
	return nil
}

func (p *parser) showLike() *ast.ShowLike {
	l := &ast.ShowLike{Pos: p.pos()}
	l.Not = p.accept("NOT")
	switch p.acceptAny("LIKE", "ILIKE") {
	case "LIKE":
	case "ILIKE":
		l.IgnoreCase = true
	default:
		if l.Not {
			p.unexpected()
		}
		return nil
	}
	l.Pattern = p.text().Value
	return l
}

func (p *parser) showCreate(pos ast.Pos) ast.Statement {
	s := &ast.ShowCreate{Pos: pos}
	switch p.expectAny("TABLE", "VIEW", "CATALOG", "DATABASE", "MODEL", "CONNECTION", "MATERIALIZED") {
	case "TABLE":
		s.Object = ast.TableObject
	case "VIEW":
		s.Object = ast.ViewObject
	case "CATALOG":
		s.Object = ast.CatalogObject
	case "DATABASE":
		s.Object = ast.DatabaseObject
	case "MODEL":
		s.Object = ast.ModelObject
	case "CONNECTION":
		s.Object = ast.ConnectionObject
	default:
		p.expect("TABLE")
		s.Object = ast.MaterializedTableObject
	}
	s.Name = p.name()
	return s
}

// The words that name a kind of object after DESCRIBE. They are names of tables, too.
var described = map[string]ast.ObjectKind{
	"CATALOG": ast.CatalogObject, "DATABASE": ast.DatabaseObject, "FUNCTION": ast.FunctionObject,
	"MODEL": ast.ModelObject, "CONNECTION": ast.ConnectionObject, "TABLE": ast.TableObject,
}

func (p *parser) describe() ast.Statement {
	s := &ast.Describe{Pos: p.advance().pos, Object: ast.TableObject}
	if p.is("JOB") && p.ahead(1).kind == tokString {
		p.advance()
		id := p.text()
		s.Object, s.Name = ast.JobObject, ast.Name{Pos: id.Pos, Parts: []string{id.Value}}
		return s
	}
	if kind, ok := described[p.cur().key]; ok && (isName(p.ahead(1)) || p.ahead(1).key == "EXTENDED") {
		p.advance()
		s.Object = kind
	}
	s.Extended = p.accept("EXTENDED")
	s.Name = p.name()
	if s.Object == ast.CatalogObject && len(s.Name.Parts) > 1 {
		p.failf(s.Name.Pos, "the name of a catalog has no dots")
	}
	return s
}

// objectKind reads the word for an object of the catalog, one of those allowed.
func (p *parser) objectKind(allowed ...ast.ObjectKind) ast.ObjectKind {
	for _, k := range allowed {
		switch k {
		case ast.MaterializedTableObject:
			if p.accept("MATERIALIZED") {
				p.expect("TABLE")
				return k
			}
		default:
			if p.accept(k.String()) {
				return k
			}
		}
	}
	p.unexpected()
	return 0
}

// scope reads [TEMPORARY [SYSTEM]].
func (p *parser) scope() (temporary, system bool) {
	temporary = p.accept("TEMPORARY")
	pos := p.pos()
	if p.is("SYSTEM") {
		if system = true; !temporary {
			p.failf(pos, "a system object can only be temporary: write TEMPORARY SYSTEM")
		}
		p.advance()
	}
	return temporary, system
}

// scoped checks that an object can be temporary or of the system.
func (p *parser) scoped(pos ast.Pos, kind ast.ObjectKind, temporary, system bool) {
	able := []ast.ObjectKind{ast.TableObject, ast.ViewObject, ast.FunctionObject, ast.ModelObject, ast.ConnectionObject}
	if temporary && !slices.Contains(able, kind) {
		p.failf(pos, "a %s cannot be temporary", kind)
	}
	if system && kind != ast.FunctionObject && kind != ast.ConnectionObject {
		p.failf(pos, "a %s cannot be of the system", kind)
	}
}

func (p *parser) drop() ast.Statement {
	s := &ast.Drop{Pos: p.advance().pos}
	s.Temporary, s.System = p.scope()
	pos := p.pos()
	s.Object = p.objectKind(ast.TableObject, ast.ViewObject, ast.DatabaseObject, ast.CatalogObject, ast.FunctionObject,
		ast.ModelObject, ast.ConnectionObject, ast.MaterializedTableObject)
	p.scoped(pos, s.Object, s.Temporary, s.System)
	s.IfExists = p.acceptAll("IF", "EXISTS")
	s.Name = p.objectName(s.Object, false)
	if s.Object == ast.DatabaseObject {
		if s.Cascade = p.accept("CASCADE"); !s.Cascade {
			s.Restrict = p.accept("RESTRICT")
		}
	}
	return s
}

// objectName reads the name of an object; catalogs and functions of the system have no dots.
func (p *parser) objectName(kind ast.ObjectKind, system bool) ast.Name {
	if kind == ast.CatalogObject || system && kind == ast.FunctionObject {
		n := p.ident()
		return ast.Name{Pos: n.Pos, Parts: []string{n.Name}}
	}
	return p.name()
}
