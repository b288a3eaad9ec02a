package ast

func (s *Insert) print(p *printer) {
	switch {
	case s.Upsert:
		p.s("UPSERT INTO ")
	case s.Overwrite:
		p.s("INSERT OVERWRITE ")
	default:
		p.s("INSERT INTO ")
	}
	s.Table.print(p)
	p.hints(s.Hints, " ", "")
	if len(s.NewColumns) > 0 {
		p.s(" ")
		(&Schema{Columns: s.NewColumns}).print(p)
	}
	p.partition(s.Partition)
	p.columns(s.Columns)
	p.s(" ")
	// A bare query in parentheses is read as a query, so none are needed.
	s.Query.print(p)
	if s.OnConflict != ConflictUnset {
		p.s(" ON CONFLICT DO ", s.OnConflict.String())
	}
}

func (p *printer) target(table Name, alias Ident) {
	table.print(p)
	if alias.Name != "" {
		p.s(" AS ")
		p.ident(alias.Name)
	}
}

func (p *printer) where(cond Expr) {
	if cond != nil {
		p.s(" WHERE ")
		cond.print(p)
	}
}

func (s *Update) print(p *printer) {
	p.s("UPDATE ")
	p.target(s.Table, s.Alias)
	p.s(" SET ")
	p.list(len(s.Set), func(i int) {
		s.Set[i].Column.print(p)
		p.s(" = ")
		s.Set[i].Value.print(p)
	})
	p.where(s.Where)
}

func (s *Delete) print(p *printer) {
	p.s("DELETE FROM ")
	p.target(s.Table, s.Alias)
	p.where(s.Where)
}

func (s *Truncate) print(p *printer) {
	p.s("TRUNCATE TABLE ")
	s.Table.print(p)
}

func (s *StatementSet) print(p *printer) {
	p.s("EXECUTE ")
	p.statementSet(s)
}

func (p *printer) statementSet(s *StatementSet) {
	p.s("STATEMENT SET BEGIN ")
	for _, in := range s.Inserts {
		in.print(p)
		p.s("; ")
	}
	p.s("END")
}

func (*BeginStatementSet) print(p *printer) { p.s("BEGIN STATEMENT SET") }
func (*EndStatementSet) print(p *printer)   { p.s("END") }

func (s *Explain) print(p *printer) {
	p.s("EXPLAIN ")
	p.list(len(s.Details), func(i int) { p.s(string(s.Details[i])) })
	p.when(len(s.Details) > 0, " ")
	p.planned(s.Statement)
}

// planned writes a statement where a statement set goes without EXECUTE.
func (p *printer) planned(s Statement) {
	if set, ok := s.(*StatementSet); ok {
		p.statementSet(set)
		return
	}
	s.print(p)
}

func (s *Execute) print(p *printer) {
	p.s("EXECUTE ")
	s.Statement.print(p)
}

func (s *ExecutePlan) print(p *printer) {
	p.s("EXECUTE PLAN ")
	p.text(s.Path.Value)
}

func (s *CompilePlan) print(p *printer) {
	p.s("COMPILE ")
	p.when(s.Execute, "AND EXECUTE ")
	p.s("PLAN ")
	p.text(s.Path.Value)
	p.when(s.IfNotExists, " IF NOT EXISTS")
	p.s(" FOR ")
	p.planned(s.Statement)
}

func (s *Use) print(p *printer) {
	p.s("USE ")
	p.when(s.Catalog, "CATALOG ")
	s.Name.print(p)
}

func (s *UseModules) print(p *printer) {
	p.s("USE MODULES ")
	p.idents(s.Modules)
}

func (s *LoadModule) print(p *printer) {
	p.s("LOAD MODULE ")
	p.ident(s.Name.Name)
	p.with(s.Options)
}

func (s *UnloadModule) print(p *printer) {
	p.s("UNLOAD MODULE ")
	p.ident(s.Name.Name)
}

func (s *Show) print(p *printer) {
	p.s("SHOW ", string(s.Kind))
	if !s.Name.IsZero() {
		if s.Kind != ShowPartitions {
			p.s(" FROM")
		}
		p.s(" ")
		s.Name.print(p)
	}
	p.partition(s.Partition)
	if s.Like != nil {
		p.when(s.Like.Not, " NOT")
		if s.Like.IgnoreCase {
			p.s(" ILIKE ")
		} else {
			p.s(" LIKE ")
		}
		p.text(s.Like.Pattern)
	}
}

func (s *ShowCreate) print(p *printer) {
	p.s("SHOW CREATE ", s.Object.String(), " ")
	s.Name.print(p)
}

func (s *Describe) print(p *printer) {
	p.s("DESCRIBE ")
	if s.Object == JobObject {
		p.s("JOB ")
		p.text(s.Name.Last())
		return
	}
	if s.Object != TableObject {
		p.s(s.Object.String(), " ")
	}
	p.when(s.Extended, "EXTENDED ")
	s.Name.print(p)
}

func (s *Set) print(p *printer) {
	p.s("SET")
	if s.Key != "" {
		p.s(" ", QuoteText(s.Key), " = ", QuoteText(s.Value))
	}
}

func (s *Reset) print(p *printer) {
	p.s("RESET")
	if s.Key != "" {
		p.s(" ", QuoteText(s.Key))
	}
}

func (s *AddJar) print(p *printer) {
	p.s("ADD JAR ")
	p.text(s.Path.Value)
}

func (s *RemoveJar) print(p *printer) {
	p.s("REMOVE JAR ")
	p.text(s.Path.Value)
}

func (s *Analyze) print(p *printer) {
	p.s("ANALYZE TABLE ")
	s.Table.print(p)
	p.partition(s.Partition)
	p.s(" COMPUTE STATISTICS")
	switch {
	case s.AllColumns:
		p.s(" FOR ALL COLUMNS")
	case len(s.Columns) > 0:
		p.s(" FOR COLUMNS ")
		p.idents(s.Columns)
	}
}

func (s *CallProcedure) print(p *printer) {
	p.s("CALL ")
	s.Call.print(p)
}

func (s *ExplainStuck) print(p *printer) {
	p.s("EXPLAIN STUCK ")
	p.text(s.Job.Value)
}

func (s *StopJob) print(p *printer) {
	p.s("STOP JOB ")
	p.text(s.Job.Value)
	p.when(s.Savepoint, " WITH SAVEPOINT")
	p.when(s.Drain, " WITH DRAIN")
}
