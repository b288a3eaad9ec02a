package parse

import "github.com/wadi-engine/wadi/sql/ast"

func (p *parser) alter() ast.Statement {
	pos := p.advance().pos
	if p.isAny("TEMPORARY", "SYSTEM", "FUNCTION") {
		return p.alterFunction(pos)
	}
	s := &ast.Alter{Pos: pos}
	s.Object = p.objectKind(ast.TableObject, ast.ViewObject, ast.DatabaseObject, ast.CatalogObject,
		ast.ModelObject, ast.ConnectionObject, ast.MaterializedTableObject)
	if s.Object != ast.CatalogObject && s.Object != ast.DatabaseObject {
		s.IfExists = p.acceptAll("IF", "EXISTS")
	}
	s.Name = p.objectName(s.Object, false)
	switch s.Object {
	case ast.TableObject:
		s.Action = p.alterTable()
	case ast.MaterializedTableObject:
		s.Action = p.alterMaterialized()
	case ast.ViewObject:
		if at := p.pos(); p.accept("AS") {
			s.Action = &ast.AsQuery{Pos: at, Query: p.query()}
		} else {
			s.Action = p.alterObject("RENAME")
		}
	case ast.DatabaseObject:
		s.Action = p.alterObject("SET")
	case ast.CatalogObject:
		s.Action = p.alterObject("SET", "RESET", "COMMENT")
	default:
		s.Action = p.alterObject("SET", "RESET", "RENAME")
	}
	return s
}

func (p *parser) alterFunction(pos ast.Pos) ast.Statement {
	s := &ast.AlterFunction{Pos: pos}
	s.Temporary, s.System = p.scope()
	p.expect("FUNCTION")
	s.IfExists = p.acceptAll("IF", "EXISTS")
	s.Name = p.objectName(ast.FunctionObject, s.System)
	p.expect("AS")
	s.Class = p.text()
	s.Language = p.language()
	return s
}

// alterObject reads one of the actions that all objects share.
func (p *parser) alterObject(allowed ...string) ast.AlterAction {
	pos := p.pos()
	switch p.expectAny(allowed...) {
	case "SET":
		return &ast.SetOptions{Pos: pos, Options: p.options()}
	case "RESET":
		return &ast.ResetOptions{Pos: pos, Options: p.resetKeys()}
	case "COMMENT":
		return &ast.SetComment{Pos: pos, Comment: p.text()}
	}
	p.expect("TO")
	return &ast.RenameTo{Pos: pos, Name: p.name()}
}

// resetKeys reads ('key', …), which may be empty.
func (p *parser) resetKeys() []ast.Option {
	if p.acceptAll("(", ")") {
		return nil
	}
	return parens(p, func() ast.Option {
		t := p.text()
		return ast.Option{Pos: t.Pos, Key: t.Value}
	})
}

func (p *parser) alterTable() ast.AlterAction {
	pos := p.pos()
	switch {
	case p.isAny("SET", "RESET"):
		return p.alterObject("SET", "RESET")
	case p.accept("RENAME"):
		if p.accept("TO") {
			return &ast.RenameTo{Pos: pos, Name: p.name()}
		}
		r := &ast.RenameColumn{Pos: pos, From: p.name()}
		p.expect("TO")
		r.To = p.name()
		return r
	case p.accept("ADD"):
		if p.is("IF") || p.is("PARTITION") {
			return p.addPartitions(pos)
		}
		return p.addSchema(pos)
	case p.accept("MODIFY"):
		return p.modifySchema(pos)
	case p.accept("DROP"):
		return p.dropPart(pos, true)
	}
	p.unexpected()
	return nil
}

func (p *parser) alterMaterialized() ast.AlterAction {
	pos := p.pos()
	switch {
	case p.accept("SUSPEND"):
		return &ast.Suspend{Pos: pos}
	case p.accept("RESUME"):
		return &ast.Resume{Pos: pos, Options: p.with()}
	case p.accept("REFRESH"):
		r := &ast.Refresh{Pos: pos}
		if p.accept("PARTITION") {
			r.Partition = p.partitionValues(true)
		}
		return r
	case p.accept("SET"):
		switch {
		case p.accept("FRESHNESS"):
			p.expect("=")
			return &ast.SetFreshness{Pos: pos, Freshness: p.freshness()}
		case p.accept("REFRESH_MODE"):
			p.expect("=")
			return &ast.SetRefreshMode{Pos: pos, Mode: p.refreshMode()}
		}
		return &ast.SetOptions{Pos: pos, Options: p.options()}
	case p.is("RESET"):
		return p.alterObject("RESET")
	case p.is("RENAME"):
		return p.alterObject("RENAME")
	case p.accept("AS"):
		return &ast.AsQuery{Pos: pos, Query: p.query()}
	case p.accept("ADD"):
		return p.addSchema(pos)
	case p.accept("MODIFY"):
		return p.modifySchema(pos)
	case p.accept("DROP"):
		return p.dropPart(pos, false)
	}
	p.unexpected()
	return nil
}

// schemaOrElement reads a schema in parentheses, or one element without.
func (p *parser) schemaOrElement() ast.Schema {
	if p.is("(") {
		s, _ := p.schema(true)
		return s
	}
	var s ast.Schema
	p.schemaElement(&s, true)
	return s
}

func (p *parser) addSchema(pos ast.Pos) ast.AlterAction {
	if p.is("DISTRIBUTION") && p.ahead(1).key == "BY" {
		p.advance()
		return &ast.AddDistribution{Pos: pos, Distribution: p.distribution()}
	}
	return &ast.AddSchema{Pos: pos, Schema: p.schemaOrElement()}
}

func (p *parser) modifySchema(pos ast.Pos) ast.AlterAction {
	if p.is("DISTRIBUTION") && p.ahead(1).key == "BY" {
		p.advance()
		return &ast.ModifyDistribution{Pos: pos, Distribution: p.distribution()}
	}
	return &ast.ModifySchema{Pos: pos, Schema: p.schemaOrElement()}
}

// dropPart reads what follows ALTER TABLE t DROP.
func (p *parser) dropPart(pos ast.Pos, partitions bool) ast.AlterAction {
	switch {
	case partitions && (p.follows("IF", "EXISTS") || p.is("PARTITION")):
		d := &ast.DropPartitions{Pos: pos, IfExists: p.acceptAll("IF", "EXISTS")}
		d.Partitions = list(p, func() ast.Partition {
			part := ast.Partition{Pos: p.pos()}
			p.expect("PARTITION")
			part.Values = p.partitionValues(true)
			return part
		})
		return d
	case p.accept("PRIMARY"):
		p.expect("KEY")
		return &ast.DropPrimaryKey{Pos: pos}
	case p.accept("CONSTRAINT"):
		return &ast.DropConstraint{Pos: pos, Name: p.ident()}
	case p.accept("WATERMARK"):
		return &ast.DropWatermark{Pos: pos}
	case p.accept("DISTRIBUTION"):
		return &ast.DropDistribution{Pos: pos}
	case p.is("("):
		return &ast.DropColumns{Pos: pos, Columns: parens(p, p.name)}
	}
	return &ast.DropColumns{Pos: pos, Columns: []ast.Name{p.name()}}
}

func (p *parser) addPartitions(pos ast.Pos) ast.AlterAction {
	a := &ast.AddPartitions{Pos: pos, IfNotExists: p.acceptAll("IF", "NOT", "EXISTS")}
	for {
		part := ast.Partition{Pos: p.pos()}
		p.expect("PARTITION")
		part.Values = p.partitionValues(true)
		part.Options = p.with()
		a.Partitions = append(a.Partitions, part)
		if !p.is("PARTITION") {
			return a
		}
	}
}
