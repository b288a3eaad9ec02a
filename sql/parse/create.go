package parse

import "github.com/wadi-engine/wadi/sql/ast"

func (p *parser) create() ast.Statement {
	pos := p.advance().pos
	mode := ast.Create
	if p.accept("OR") {
		mode = ast.CreateOrReplace
		if p.expectAny("REPLACE", "ALTER") == "ALTER" {
			mode = ast.CreateOrAlter
		}
	}
	temporary, system := p.scope()
	at := p.pos()
	kind := p.objectKind(ast.TableObject, ast.ViewObject, ast.DatabaseObject, ast.CatalogObject, ast.FunctionObject,
		ast.ModelObject, ast.ConnectionObject, ast.MaterializedTableObject)
	p.scoped(at, kind, temporary, system)
	p.modeFits(at, mode, kind)
	ifNotExists := p.acceptAll("IF", "NOT", "EXISTS")
	name := p.objectName(kind, system)
	switch kind {
	case ast.TableObject:
		s := &ast.CreateTable{Pos: pos, Mode: mode, Temporary: temporary, IfNotExists: ifNotExists, Name: name}
		return p.createTable(s)
	case ast.MaterializedTableObject:
		s := &ast.CreateMaterializedTable{Pos: pos, Mode: mode, IfNotExists: ifNotExists, Name: name}
		return p.createMaterializedTable(s)
	case ast.ViewObject:
		s := &ast.CreateView{Pos: pos, Mode: mode, Temporary: temporary, IfNotExists: ifNotExists, Name: name}
		if p.is("(") {
			s.Columns = p.idents()
		}
		s.Comment = p.comment()
		p.expect("AS")
		s.As = p.query()
		return s
	case ast.DatabaseObject:
		return &ast.CreateDatabase{Pos: pos, IfNotExists: ifNotExists, Name: name, Comment: p.comment(), Options: p.with()}
	case ast.CatalogObject:
		id := ast.Ident{Pos: name.Pos, Name: name.Last()}
		return &ast.CreateCatalog{Pos: pos, IfNotExists: ifNotExists, Name: id, Comment: p.comment(), Options: p.with()}
	case ast.FunctionObject:
		return p.createFunction(&ast.CreateFunction{Pos: pos, Temporary: temporary, System: system, IfNotExists: ifNotExists, Name: name})
	case ast.ModelObject:
		return p.createModel(&ast.CreateModel{Pos: pos, Temporary: temporary, IfNotExists: ifNotExists, Name: name})
	default:
		return &ast.CreateConnection{
			Pos: pos, Temporary: temporary, System: system, IfNotExists: ifNotExists,
			Name: name, Comment: p.comment(), Options: p.with(),
		}
	}
}

// modeFits checks CREATE OR … against the kind of object.
func (p *parser) modeFits(pos ast.Pos, mode ast.CreateMode, kind ast.ObjectKind) {
	fits := true
	switch mode {
	case ast.CreateOrReplace:
		fits = kind == ast.TableObject || kind == ast.ViewObject
	case ast.CreateOrAlter:
		fits = kind == ast.MaterializedTableObject
	case ast.Create, ast.Replace:
	}
	if !fits {
		p.failf(pos, "there is no %s %s", mode, kind)
	}
}

// replace reads REPLACE TABLE … AS query.
func (p *parser) replace() ast.Statement {
	s := &ast.CreateTable{Pos: p.advance().pos, Mode: ast.Replace}
	s.Temporary = p.accept("TEMPORARY")
	p.expect("TABLE")
	s.Name = p.name()
	return p.createTable(s)
}

func (p *parser) comment() *ast.Text {
	if !p.accept("COMMENT") {
		return nil
	}
	t := p.text()
	return &t
}

func (p *parser) createTable(s *ast.CreateTable) ast.Statement {
	bare := ast.Pos{}
	if p.is("(") {
		s.Schema, bare = p.schema(false)
	}
	s.Comment = p.comment()
	s.Distributed = p.distributed()
	s.Partitioned = p.partitionedBy()
	s.Options = p.with()
	switch {
	case s.Mode == ast.Create && p.accept("LIKE"):
		s.Like = p.tableLike()
	case p.accept("AS"):
		s.As = p.query()
	case s.Mode != ast.Create:
		p.unexpected()
	}
	if bare.IsValid() && s.As == nil {
		p.failf(bare, "a column without a type is possible only in CREATE TABLE … AS query")
	}
	return s
}

func (p *parser) createMaterializedTable(s *ast.CreateMaterializedTable) ast.Statement {
	if p.is("(") {
		s.Schema, _ = p.schema(false)
	}
	s.Comment = p.comment()
	s.Distributed = p.distributed()
	s.Partitioned = p.partitionedBy()
	s.Options = p.with()
	if p.accept("FRESHNESS") {
		p.expect("=")
		s.Freshness = p.freshness()
	}
	if p.accept("REFRESH_MODE") {
		p.expect("=")
		s.Refresh = p.refreshMode()
	}
	p.expect("AS")
	s.As = p.query()
	return s
}

// freshness reads an interval literal.
func (p *parser) freshness() *ast.Interval {
	if !p.is("INTERVAL") {
		p.want("INTERVAL")
	}
	i, _ := p.interval().(*ast.Interval)
	if _, ok := i.Value.(*ast.Text); !ok || i.Negative {
		p.failf(i.Pos, "the freshness is an interval literal, as INTERVAL '3' MINUTE")
	}
	return i
}

func (p *parser) refreshMode() ast.RefreshMode {
	if p.expectAny("FULL", "CONTINUOUS") == "FULL" {
		return ast.RefreshFull
	}
	return ast.RefreshContinuous
}

func (p *parser) distributed() *ast.Distribution {
	if !p.accept("DISTRIBUTED") {
		return nil
	}
	if p.is("INTO") {
		d := &ast.Distribution{Pos: p.pos()}
		p.buckets(d)
		return d
	}
	d := p.distribution()
	return &d
}

// distribution reads BY [HASH|RANGE] (columns) [INTO n BUCKETS].
func (p *parser) distribution() ast.Distribution {
	d := ast.Distribution{Pos: p.pos()}
	p.expect("BY")
	d.Kind = p.acceptAny("HASH", "RANGE")
	d.Columns = p.idents()
	p.buckets(&d)
	return d
}

func (p *parser) buckets(d *ast.Distribution) {
	if !p.accept("INTO") {
		return
	}
	pos := p.pos()
	if d.Buckets = p.integer(); d.Buckets == 0 {
		p.failf(pos, "a table has at least one bucket")
	}
	p.expect("BUCKETS")
}

func (p *parser) partitionedBy() []ast.Ident {
	if !p.accept("PARTITIONED") {
		return nil
	}
	p.expect("BY")
	return p.idents()
}

func (p *parser) tableLike() *ast.TableLike {
	l := &ast.TableLike{Pos: p.pos(), Table: p.name()}
	if !p.accept("(") {
		return l
	}
	for !p.accept(")") {
		o := ast.LikeOption{Strategy: p.expectAny("INCLUDING", "EXCLUDING", "OVERWRITING")}
		pos := p.pos()
		o.Feature = p.expectAny("ALL", "CONSTRAINTS", "DISTRIBUTION", "GENERATED", "METADATA", "OPTIONS", "PARTITIONS", "WATERMARKS")
		if o.Strategy == "OVERWRITING" && (o.Feature == "ALL" || o.Feature == "CONSTRAINTS" || o.Feature == "PARTITIONS" || o.Feature == "DISTRIBUTION") {
			p.failf(pos, "%s can be included or excluded, not overwritten", o.Feature)
		}
		l.Options = append(l.Options, o)
	}
	return l
}

// schema reads the columns, constraints and watermark in parentheses. In ALTER
// TABLE columns may have places. The second result is the place of the first
// column without a type, if there is one; then no column has one.
func (p *parser) schema(altering bool) (s ast.Schema, bare ast.Pos) {
	p.expect("(")
	p.schemaElement(&s, altering)
	for p.accept(",") {
		p.schemaElement(&s, altering)
	}
	p.expect(")")
	for i := range s.Columns {
		if s.Columns[i].Kind == ast.BareColumn {
			bare = s.Columns[i].Pos
			break
		}
	}
	return s, bare
}

func (p *parser) schemaElement(s *ast.Schema, altering bool) {
	pos := p.pos()
	switch {
	case p.accept("WATERMARK"):
		if s.Watermark != nil {
			p.failf(pos, "a table has one WATERMARK; this is the second")
		}
		s.Watermark = p.watermark(pos)
	case p.isAny("CONSTRAINT", "PRIMARY", "UNIQUE"):
		s.Constraints = append(s.Constraints, *p.constraint(true))
	default:
		c := p.column(altering)
		// Columns are all declared, or all only named.
		if n := len(s.Columns); n > 0 && (c.Kind == ast.BareColumn) != (s.Columns[n-1].Kind == ast.BareColumn) {
			if c.Kind == ast.BareColumn {
				p.want("type")
			}
			p.failf(c.Pos, "the columns before %s have no types: either all columns are declared or all are only named", c.Name)
		}
		s.Columns = append(s.Columns, c)
	}
}

// rowExprOnly reads an expression over the columns of a row, without queries.
func (p *parser) rowExprOnly() ast.Expr {
	p.noQuery++
	defer func() { p.noQuery-- }()
	return p.expr()
}

// watermark reads FOR column AS expression.
func (p *parser) watermark(pos ast.Pos) *ast.Watermark {
	w := &ast.Watermark{Pos: pos}
	p.expect("FOR")
	w.Column = p.name()
	p.expect("AS")
	w.Expr = p.rowExprOnly()
	return w
}

// constraint reads a constraint of a table, with columns, or of a column, without.
func (p *parser) constraint(ofTable bool) *ast.Constraint {
	c := &ast.Constraint{Pos: p.pos()}
	if p.accept("CONSTRAINT") {
		c.Name = p.ident()
	}
	if p.expectAny("PRIMARY", "UNIQUE") == "UNIQUE" {
		c.Unique = true
	} else {
		p.expect("KEY")
	}
	if ofTable {
		c.Columns = p.idents()
	}
	switch {
	case p.acceptAll("NOT", "ENFORCED"):
		c.Enforced = ast.NotEnforced
	case p.accept("ENFORCED"):
		c.Enforced = ast.Enforced
	}
	return c
}

func (p *parser) column(altering bool) ast.ColumnDef {
	c := ast.ColumnDef{Pos: p.pos()}
	if altering {
		c.Name = p.name()
	} else {
		n := p.ident()
		c.Name = ast.Name{Pos: n.Pos, Parts: []string{n.Name}}
	}
	switch {
	case p.accept("AS"):
		c.Kind, c.Expr = ast.ComputedColumn, p.rowExprOnly()
	case !altering && p.isAny(",", ")"):
		c.Kind = ast.BareColumn
		return c
	default:
		c.Type = p.dataType()
		if p.accept("METADATA") {
			c.Kind = ast.MetadataColumn
			if p.accept("FROM") {
				key := p.text()
				c.MetadataKey = &key
			}
			c.Virtual = p.accept("VIRTUAL")
		} else if p.isAny("CONSTRAINT", "PRIMARY", "UNIQUE") {
			c.Constraint = p.constraint(false)
		}
	}
	c.Comment = p.comment()
	if altering {
		if c.Place.First = p.accept("FIRST"); !c.Place.First && p.accept("AFTER") {
			c.Place.After = p.name()
		}
	}
	return c
}

func (p *parser) createFunction(s *ast.CreateFunction) ast.Statement {
	p.expect("AS")
	s.Class = p.text()
	pos := p.pos()
	s.Language = p.language()
	if p.accept("USING") {
		if s.Language == "SQL" || s.Language == "PYTHON" {
			p.failf(pos, "USING JAR does not go with the language %s", s.Language)
		}
		s.Jars = list(p, func() ast.Text {
			p.expect("JAR")
			return p.text()
		})
	}
	s.Options = p.with()
	return s
}

func (p *parser) language() string {
	if !p.accept("LANGUAGE") {
		return ""
	}
	return p.expectAny("JAVA", "SCALA", "SQL", "PYTHON", "GO")
}

func (p *parser) createModel(s *ast.CreateModel) ast.Statement {
	typed := func() []ast.ColumnDef {
		pos := p.pos()
		schema, bare := p.schema(false)
		if bare.IsValid() || len(schema.Columns) == 0 || len(schema.Constraints) > 0 || schema.Watermark != nil {
			p.failf(pos, "a model's input and output are lists of columns with types")
		}
		return schema.Columns
	}
	if p.accept("INPUT") {
		s.Input = typed()
	}
	if p.accept("OUTPUT") {
		s.Output = typed()
	}
	s.Comment = p.comment()
	s.Options = p.with()
	if p.accept("AS") {
		s.As = p.query()
	}
	return s
}
