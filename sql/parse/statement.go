package parse

import "github.com/wadi-engine/wadi/sql/ast"

// statement reads one statement, without the semicolon after it.
func (p *parser) statement() ast.Statement {
	p.enter()
	defer p.leave()
	tok := p.cur()
	switch tok.key {
	case "SELECT", "WITH", "VALUES", "TABLE", "(":
		return p.query()
	case "INSERT", "UPSERT":
		return p.insert()
	case "CREATE":
		return p.create()
	case "REPLACE":
		return p.replace()
	case "ALTER":
		return p.alter()
	case "DROP":
		return p.drop()
	case "UPDATE":
		return p.update()
	case "DELETE":
		return p.delete()
	case "TRUNCATE":
		p.advance()
		p.expect("TABLE")
		return &ast.Truncate{Pos: tok.pos, Table: p.name()}
	case "BEGIN":
		p.advance()
		p.expect("STATEMENT", "SET")
		return &ast.BeginStatementSet{Pos: tok.pos}
	case "STATEMENT":
		return p.statementSet(tok.pos)
	case "END":
		p.advance()
		return &ast.EndStatementSet{Pos: tok.pos}
	case "EXPLAIN":
		return p.explain()
	case "EXECUTE":
		return p.execute()
	case "COMPILE":
		return p.compile()
	}
	return p.command()
}

// command reads the statements that work on the session.
func (p *parser) command() ast.Statement {
	tok := p.cur()
	switch tok.key {
	case "USE":
		return p.use()
	case "SHOW":
		return p.show()
	case "DESCRIBE", "DESC":
		return p.describe()
	case "SET":
		return p.set()
	case "RESET":
		return p.reset()
	case "LOAD":
		p.advance()
		p.expect("MODULE")
		return &ast.LoadModule{Pos: tok.pos, Name: p.ident(), Options: p.with()}
	case "UNLOAD":
		p.advance()
		p.expect("MODULE")
		return &ast.UnloadModule{Pos: tok.pos, Name: p.ident()}
	case "ADD":
		p.advance()
		p.expect("JAR")
		return &ast.AddJar{Pos: tok.pos, Path: p.text()}
	case "REMOVE":
		p.advance()
		p.expect("JAR")
		return &ast.RemoveJar{Pos: tok.pos, Path: p.text()}
	case "ANALYZE":
		return p.analyze()
	case "CALL":
		p.advance()
		name := p.procedureName()
		return &ast.CallProcedure{Pos: tok.pos, Call: p.tableCall(name)}
	case "STOP":
		return p.stopJob()
	}
	for _, w := range statementWords {
		p.missed.add(p.at, w)
	}
	p.unexpected()
	return nil
}

// The words that begin statements, the frequent ones first.
var statementWords = []string{
	"SELECT", "INSERT", "CREATE", "DROP", "ALTER", "SHOW", "DESCRIBE", "EXPLAIN", "SET", "RESET", "USE", "WITH",
	"VALUES", "EXECUTE", "BEGIN", "END", "UPDATE", "DELETE", "TRUNCATE", "COMPILE", "CALL", "ANALYZE", "LOAD", "UNLOAD",
	"REPLACE", "ADD", "REMOVE", "STOP", "UPSERT", "DESC", "TABLE",
}

// option reads 'key' = 'value'. A key of one word needs no quotes, nor do numbers, TRUE and FALSE.
func (p *parser) option() ast.Option {
	key := p.cur()
	if key.kind != tokWord {
		p.text()
	} else {
		p.advance()
	}
	p.expect("=")
	o := ast.Option{Pos: key.pos, Key: key.text}
	if p.cur().kind == tokNumber || p.isAny("TRUE", "FALSE") {
		o.Value = p.advance().text
	} else {
		o.Value = p.text().Value
	}
	return o
}

// options reads ('key' = 'value', …), which may be empty.
func (p *parser) options() []ast.Option {
	if p.acceptAll("(", ")") {
		return nil
	}
	return parens(p, p.option)
}

// with reads WITH (…), if it stands here.
func (p *parser) with() []ast.Option {
	if !p.accept("WITH") {
		return nil
	}
	return p.options()
}

func (p *parser) insert() ast.Statement {
	s := &ast.Insert{}
	tok := p.advance()
	s.Pos, s.Upsert = tok.pos, tok.key == "UPSERT"
	if pos := p.pos(); p.accept("OVERWRITE") {
		if s.Overwrite = true; s.Upsert {
			p.failf(pos, "OVERWRITE goes with INSERT only")
		}
		p.accept("INTO")
	} else {
		p.expect("INTO")
	}
	if p.is("TABLE") {
		p.advance()
	}
	s.Table, s.Hints = p.name(), p.hints()
	if p.is("(") && !p.startsQuery() {
		p.insertColumns(s)
	}
	if p.accept("PARTITION") {
		s.Partition = p.partitionValues(true)
		if p.is("(") && !p.startsQuery() {
			s.Columns = p.idents()
		}
	}
	s.Query = p.query()
	if p.acceptAll("ON", "CONFLICT") {
		p.expect("DO")
		s.OnConflict = map[string]ast.ConflictAction{
			"ERROR": ast.ConflictError, "NOTHING": ast.ConflictNothing, "DEDUPLICATE": ast.ConflictDeduplicate,
		}[p.expectAny("ERROR", "NOTHING", "DEDUPLICATE")]
	}
	return s
}

// insertColumns reads (a, b), or (a, b INT), which declares b.
func (p *parser) insertColumns(s *ast.Insert) {
	typed := false
	cols := parens(p, func() ast.ColumnDef {
		n := p.ident()
		c := ast.ColumnDef{Pos: n.Pos, Name: ast.Name{Pos: n.Pos, Parts: []string{n.Name}}, Kind: ast.BareColumn}
		if !p.isAny(",", ")") {
			p.missed.add(p.at, ",")
			p.missed.add(p.at, ")")
			c.Kind, c.Type, typed = ast.PhysicalColumn, p.dataType(), true
		}
		return c
	})
	if typed {
		s.NewColumns = cols
		return
	}
	for _, c := range cols {
		s.Columns = append(s.Columns, ast.Ident{Pos: c.Pos, Name: c.Name.Parts[0]})
	}
}

// partitionValues reads (k = literal, …); with all of them required, or (k, …) too.
func (p *parser) partitionValues(required bool) []ast.PartitionValue {
	return parens(p, func() ast.PartitionValue {
		v := ast.PartitionValue{Ident: p.ident()}
		switch {
		case p.accept("="):
			v.Value = p.exprAt(ast.BindSign)
			switch x := v.Value.(type) {
			case *ast.Text, *ast.Number, *ast.Bool, *ast.Temporal, *ast.Null, *ast.Bytes, *ast.Interval:
			case *ast.Unary:
				if _, ok := x.X.(*ast.Number); !ok {
					p.failf(v.Value.Position(), "the value of a partition is a literal")
				}
			default:
				p.failf(v.Value.Position(), "the value of a partition is a literal")
			}
		case required:
			p.unexpected()
		}
		return v
	})
}

func (p *parser) update() ast.Statement {
	s := &ast.Update{Pos: p.advance().pos, Table: p.name()}
	s.Alias = p.columnAlias()
	p.expect("SET")
	s.Set = list(p, func() ast.Assignment {
		a := ast.Assignment{Column: p.name()}
		p.expect("=")
		a.Value = p.expr()
		return a
	})
	if p.accept("WHERE") {
		s.Where = p.expr()
	}
	return s
}

func (p *parser) delete() ast.Statement {
	s := &ast.Delete{Pos: p.advance().pos}
	p.expect("FROM")
	s.Table = p.name()
	s.Alias = p.columnAlias()
	if p.accept("WHERE") {
		s.Where = p.expr()
	}
	return s
}

// statementSet reads STATEMENT SET BEGIN insert; … END, a statement that began at pos.
func (p *parser) statementSet(pos ast.Pos) *ast.StatementSet {
	s := &ast.StatementSet{Pos: pos}
	p.expect("STATEMENT", "SET", "BEGIN")
	for !p.is("END") || len(s.Inserts) == 0 {
		if !p.isAny("INSERT", "UPSERT") {
			p.missed.add(p.at, "INSERT")
			if len(s.Inserts) > 0 {
				p.missed.add(p.at, "END")
			}
			p.unexpected()
		}
		in, _ := p.insert().(*ast.Insert)
		s.Inserts = append(s.Inserts, in)
		p.expect(";")
	}
	p.expect("END")
	return s
}

func (p *parser) execute() ast.Statement {
	pos := p.advance().pos
	switch {
	case p.is("STATEMENT"):
		return p.statementSet(pos)
	case p.accept("PLAN"):
		return &ast.ExecutePlan{Pos: pos, Path: p.text()}
	}
	p.missed.add(p.at, "STATEMENT SET")
	return &ast.Execute{Pos: pos, Statement: p.job()}
}

// job reads a statement that runs: a query, an insert, an update or a delete.
func (p *parser) job() ast.Statement {
	switch p.cur().key {
	case "INSERT", "UPSERT":
		return p.insert()
	case "UPDATE":
		return p.update()
	case "DELETE":
		return p.delete()
	}
	p.missed.add(p.at, "INSERT")
	return p.query()
}

func (p *parser) compile() ast.Statement {
	s := &ast.CompilePlan{Pos: p.advance().pos}
	s.Execute = p.acceptAll("AND", "EXECUTE")
	p.expect("PLAN")
	s.Path = p.text()
	if !s.Execute {
		s.IfNotExists = p.acceptAll("IF", "NOT", "EXISTS")
	}
	p.expect("FOR")
	if p.is("STATEMENT") {
		s.Statement = p.statementSet(p.pos())
	} else {
		s.Statement = p.job()
	}
	return s
}

func (p *parser) explain() ast.Statement {
	s := &ast.Explain{Pos: p.advance().pos}
	if p.accept("STUCK") {
		return &ast.ExplainStuck{Pos: s.Pos, Job: p.text()}
	}
	if !p.acceptAll("PLAN", "FOR") {
		for {
			pos := p.pos()
			word := p.acceptAny("ESTIMATED_COST", "CHANGELOG_MODE", "JSON_EXECUTION_PLAN", "PLAN_ADVICE")
			if word == "" {
				if len(s.Details) > 0 {
					p.unexpected()
				}
				break
			}
			for _, d := range s.Details {
				if d == ast.ExplainDetail(word) {
					p.failf(pos, "%s is asked for twice", word)
				}
			}
			s.Details = append(s.Details, ast.ExplainDetail(word))
			if !p.accept(",") {
				break
			}
		}
	}
	s.Statement = p.explained()
	return s
}

// explained reads what EXPLAIN can explain. EXECUTE before it says nothing.
func (p *parser) explained() ast.Statement {
	if p.is("EXECUTE") && p.ahead(1).key != "PLAN" {
		p.advance()
	}
	tok := p.cur()
	switch tok.key {
	case "STATEMENT":
		return p.statementSet(tok.pos)
	case "CREATE", "REPLACE":
		var s ast.Statement
		if tok.key == "CREATE" {
			s = p.create()
		} else {
			s = p.replace()
		}
		if t, ok := s.(*ast.CreateTable); !ok || t.As == nil {
			p.failf(tok.pos, "of CREATE statements only CREATE TABLE … AS query can be explained")
		}
		return s
	}
	return p.job()
}

func (p *parser) use() ast.Statement {
	pos := p.advance().pos
	switch {
	case p.is("CATALOG") && isName(p.ahead(1)):
		p.advance()
		n := p.ident()
		return &ast.Use{Pos: pos, Catalog: true, Name: ast.Name{Pos: n.Pos, Parts: []string{n.Name}}}
	case p.accept("MODULES"):
		return &ast.UseModules{Pos: pos, Modules: list(p, p.ident)}
	}
	p.missed.add(p.at, "CATALOG")
	return &ast.Use{Pos: pos, Name: p.name()}
}

// set reads SET, SET 'key' = 'value' and, for hands that come from other shells, SET key = value.
func (p *parser) set() ast.Statement {
	s := &ast.Set{Pos: p.advance().pos}
	switch p.cur().kind {
	case tokString:
		s.Key = p.quotedKey()
		p.expect("=")
		s.Value = p.text().Value
	case tokWord:
		s.Key = p.bareKey()
		p.expect("=")
		s.Value = p.bareValue()
	default:
	}
	return s
}

func (p *parser) reset() ast.Statement {
	s := &ast.Reset{Pos: p.advance().pos}
	switch p.cur().kind {
	case tokString:
		s.Key = p.quotedKey()
	case tokWord:
		s.Key = p.bareKey()
	default:
	}
	return s
}

func (p *parser) quotedKey() string {
	t := p.text()
	if t.Value == "" {
		p.failf(t.Pos, "a configuration key cannot be empty")
	}
	return t.Value
}

// bareKey reads a configuration key without quotes: words joined by . and -.
func (p *parser) bareKey() string {
	key := ""
	for {
		if p.cur().kind != tokWord {
			p.want("configuration key")
		}
		key += p.advance().text
		if !p.isAny(".", "-") {
			return key
		}
		key += p.advance().key
	}
}

// bareValue reads the value of a setting: quoted, or everything up to the semicolon.
func (p *parser) bareValue() string {
	if p.cur().kind == tokString {
		return p.text().Value
	}
	start := p.pos().Offset
	end := start
	for !p.is(";") && p.cur().kind != tokEOF {
		end = p.advance().end
	}
	if start == end {
		p.want("value")
	}
	return p.src[start:end]
}

func (p *parser) analyze() ast.Statement {
	s := &ast.Analyze{Pos: p.advance().pos}
	p.expect("TABLE")
	s.Table = p.name()
	if p.accept("PARTITION") {
		s.Partition = p.partitionValues(false)
	}
	p.expect("COMPUTE", "STATISTICS")
	if p.accept("FOR") {
		if p.accept("COLUMNS") {
			s.Columns = list(p, p.ident)
		} else {
			p.expect("ALL", "COLUMNS")
			s.AllColumns = true
		}
	}
	return s
}

func (p *parser) stopJob() ast.Statement {
	s := &ast.StopJob{Pos: p.advance().pos}
	p.expect("JOB")
	s.Job = p.text()
	s.Savepoint = p.acceptAll("WITH", "SAVEPOINT")
	if pos := p.pos(); p.acceptAll("WITH", "DRAIN") {
		if s.Drain = true; !s.Savepoint {
			p.failf(pos, "WITH DRAIN stands after WITH SAVEPOINT only")
		}
	}
	return s
}
