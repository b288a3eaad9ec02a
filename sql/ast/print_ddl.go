package ast

import "strconv"

// create writes the words from CREATE to the object's name.
func (p *printer) create(mode CreateMode, temporary, system bool, object ObjectKind, ifNotExists bool, name Name) {
	p.s(mode.String())
	p.when(temporary, " TEMPORARY")
	p.when(system, " SYSTEM")
	p.s(" ", object.String())
	p.when(ifNotExists, " IF NOT EXISTS")
	p.s(" ")
	name.print(p)
}

func (s *CreateTable) print(p *printer) {
	p.create(s.Mode, s.Temporary, false, TableObject, s.IfNotExists, s.Name)
	if !s.Schema.IsEmpty() {
		p.s(" ")
		s.Schema.print(p)
	}
	p.about(s.Comment)
	p.distributed(s.Distributed)
	p.partitioned(s.Partitioned)
	p.with(s.Options)
	if s.Like != nil {
		p.clause("LIKE ")
		s.Like.print(p)
	}
	p.as(s.As)
}

func (p *printer) as(q Query) {
	if q != nil {
		p.clause("AS ")
		q.print(p)
	}
}

func (p *printer) distributed(d *Distribution) {
	if d != nil {
		p.clause("DISTRIBUTED ")
		d.print(p)
	}
}

func (p *printer) partitioned(columns []Ident) {
	if len(columns) > 0 {
		p.clause("PARTITIONED BY")
		p.columns(columns)
	}
}

func (d *Distribution) print(p *printer) {
	if len(d.Columns) > 0 {
		p.s("BY ", d.Kind)
		p.when(d.Kind != "", " ")
		p.s("(")
		p.idents(d.Columns)
		p.s(")")
		p.when(d.Buckets > 0, " ")
	}
	if d.Buckets > 0 {
		p.s("INTO ", strconv.Itoa(d.Buckets), " BUCKETS")
	}
}

func (l *TableLike) print(p *printer) {
	l.Table.print(p)
	if len(l.Options) > 0 {
		p.s(" (")
		for i, o := range l.Options {
			p.when(i > 0, " ")
			p.s(o.Strategy, " ", o.Feature)
		}
		p.s(")")
	}
}

func (s *Schema) print(p *printer) {
	n := len(s.Columns)
	watermark := n // its place among the items
	if s.Watermark != nil {
		n++
	}
	p.block(n+len(s.Constraints), func(i int) {
		switch {
		case i < watermark:
			s.Columns[i].print(p)
		case i < n:
			s.Watermark.print(p)
		default:
			s.Constraints[i-n].print(p)
		}
	})
}

func (c *ColumnDef) print(p *printer) {
	c.Name.print(p)
	switch c.Kind {
	case PhysicalColumn:
		p.s(" ")
		c.Type.print(p)
	case MetadataColumn:
		p.s(" ")
		c.Type.print(p)
		p.s(" METADATA")
		if c.MetadataKey != nil {
			p.s(" FROM ")
			p.text(c.MetadataKey.Value)
		}
		p.when(c.Virtual, " VIRTUAL")
	case ComputedColumn:
		p.s(" AS ")
		c.Expr.print(p)
	case BareColumn:
	}
	if c.Constraint != nil {
		p.s(" ")
		c.Constraint.print(p)
	}
	p.comment(c.Comment)
	switch {
	case c.Place.First:
		p.s(" FIRST")
	case !c.Place.After.IsZero():
		p.s(" AFTER ")
		c.Place.After.print(p)
	}
}

func (c *Constraint) print(p *printer) {
	if c.Name.Name != "" {
		p.s("CONSTRAINT ")
		p.ident(c.Name.Name)
		p.s(" ")
	}
	if c.Unique {
		p.s("UNIQUE")
	} else {
		p.s("PRIMARY KEY")
	}
	p.columns(c.Columns)
	switch c.Enforced {
	case Enforced:
		p.s(" ENFORCED")
	case NotEnforced:
		p.s(" NOT ENFORCED")
	case EnforcementUnset:
	}
}

func (w *Watermark) print(p *printer) {
	p.s("WATERMARK FOR ")
	w.Column.print(p)
	p.s(" AS ")
	w.Expr.print(p)
}

func (s *CreateMaterializedTable) print(p *printer) {
	p.create(s.Mode, false, false, MaterializedTableObject, s.IfNotExists, s.Name)
	if !s.Schema.IsEmpty() {
		p.s(" ")
		s.Schema.print(p)
	}
	p.about(s.Comment)
	p.distributed(s.Distributed)
	p.partitioned(s.Partitioned)
	p.with(s.Options)
	if s.Freshness != nil {
		p.clause("FRESHNESS = ")
		s.Freshness.print(p)
	}
	if s.Refresh != RefreshUnset {
		p.clause("REFRESH_MODE = " + s.Refresh.String())
	}
	p.as(s.As)
}

func (s *CreateView) print(p *printer) {
	p.create(s.Mode, s.Temporary, false, ViewObject, s.IfNotExists, s.Name)
	if len(s.Columns) > 0 {
		p.s(" ")
		p.block(len(s.Columns), func(i int) { p.ident(s.Columns[i].Name) })
	}
	p.about(s.Comment)
	p.as(s.As)
}

func (s *CreateCatalog) print(p *printer) {
	p.create(Create, false, false, CatalogObject, s.IfNotExists, NewName(s.Name.Name))
	p.about(s.Comment)
	p.with(s.Options)
}

func (s *CreateDatabase) print(p *printer) {
	p.create(Create, false, false, DatabaseObject, s.IfNotExists, s.Name)
	p.about(s.Comment)
	p.with(s.Options)
}

func (s *CreateFunction) print(p *printer) {
	p.create(Create, s.Temporary, s.System, FunctionObject, s.IfNotExists, s.Name)
	p.class(s.Class, s.Language)
	if len(s.Jars) > 0 {
		p.s(" USING ")
		p.list(len(s.Jars), func(i int) {
			p.s("JAR ")
			p.text(s.Jars[i].Value)
		})
	}
	p.with(s.Options)
}

func (p *printer) class(class Text, language string) {
	p.s(" AS ")
	p.text(class.Value)
	if language != "" {
		p.s(" LANGUAGE ", language)
	}
}

func (s *CreateModel) print(p *printer) {
	p.create(Create, s.Temporary, false, ModelObject, s.IfNotExists, s.Name)
	if len(s.Input) > 0 {
		p.s(" INPUT ")
		(&Schema{Columns: s.Input}).print(p)
	}
	if len(s.Output) > 0 {
		p.s(" OUTPUT ")
		(&Schema{Columns: s.Output}).print(p)
	}
	p.about(s.Comment)
	p.with(s.Options)
	p.as(s.As)
}

func (s *CreateConnection) print(p *printer) {
	p.create(Create, s.Temporary, s.System, ConnectionObject, s.IfNotExists, s.Name)
	p.about(s.Comment)
	p.with(s.Options)
}

func (s *Drop) print(p *printer) {
	p.s("DROP ")
	p.when(s.Temporary, "TEMPORARY ")
	p.when(s.System, "SYSTEM ")
	p.s(s.Object.String())
	p.when(s.IfExists, " IF EXISTS")
	p.s(" ")
	s.Name.print(p)
	p.when(s.Cascade, " CASCADE")
	p.when(s.Restrict, " RESTRICT")
}

func (s *Alter) print(p *printer) {
	p.s("ALTER ", s.Object.String())
	p.when(s.IfExists, " IF EXISTS")
	p.s(" ")
	s.Name.print(p)
	p.s(" ")
	s.Action.print(p)
}

func (s *AlterFunction) print(p *printer) {
	p.s("ALTER")
	p.when(s.Temporary, " TEMPORARY")
	p.when(s.System, " SYSTEM")
	p.s(" FUNCTION")
	p.when(s.IfExists, " IF EXISTS")
	p.s(" ")
	s.Name.print(p)
	p.class(s.Class, s.Language)
}

func (a *RenameTo) print(p *printer) {
	p.s("RENAME TO ")
	a.Name.print(p)
}

func (a *RenameColumn) print(p *printer) {
	p.s("RENAME ")
	a.From.print(p)
	p.s(" TO ")
	a.To.print(p)
}

func (a *SetOptions) print(p *printer) {
	p.s("SET ")
	p.options(a.Options)
}

func (a *ResetOptions) print(p *printer) {
	p.s("RESET (")
	p.list(len(a.Options), func(i int) { p.text(a.Options[i].Key) })
	p.s(")")
}

func (a *SetComment) print(p *printer) {
	p.s("COMMENT ")
	p.text(a.Comment.Value)
}

func (a *AddSchema) print(p *printer) {
	p.s("ADD ")
	a.Schema.print(p)
}

func (a *ModifySchema) print(p *printer) {
	p.s("MODIFY ")
	a.Schema.print(p)
}

func (a *AddDistribution) print(p *printer) {
	p.s("ADD DISTRIBUTION ")
	a.Distribution.print(p)
}

func (a *ModifyDistribution) print(p *printer) {
	p.s("MODIFY DISTRIBUTION ")
	a.Distribution.print(p)
}

func (a *DropColumns) print(p *printer) {
	p.s("DROP (")
	p.list(len(a.Columns), func(i int) { a.Columns[i].print(p) })
	p.s(")")
}

func (*DropPrimaryKey) print(p *printer) { p.s("DROP PRIMARY KEY") }

func (a *DropConstraint) print(p *printer) {
	p.s("DROP CONSTRAINT ")
	p.ident(a.Name.Name)
}

func (*DropWatermark) print(p *printer)    { p.s("DROP WATERMARK") }
func (*DropDistribution) print(p *printer) { p.s("DROP DISTRIBUTION") }

func (a *AddPartitions) print(p *printer) {
	p.s("ADD")
	p.when(a.IfNotExists, " IF NOT EXISTS")
	for i := range a.Partitions {
		p.partition(a.Partitions[i].Values)
		p.with(a.Partitions[i].Options)
	}
}

func (a *DropPartitions) print(p *printer) {
	p.s("DROP")
	p.when(a.IfExists, " IF EXISTS")
	for i := range a.Partitions {
		p.when(i > 0, ",")
		p.partition(a.Partitions[i].Values)
	}
}

// partition writes PARTITION (k = v, …), after a blank, if there are values.
func (p *printer) partition(values []PartitionValue) {
	if len(values) == 0 {
		return
	}
	p.s(" PARTITION (")
	p.list(len(values), func(i int) {
		p.ident(values[i].Name)
		if values[i].Value != nil {
			p.s(" = ")
			values[i].Value.print(p)
		}
	})
	p.s(")")
}

func (*Suspend) print(p *printer) { p.s("SUSPEND") }

func (a *Resume) print(p *printer) {
	p.s("RESUME")
	p.with(a.Options)
}

func (a *Refresh) print(p *printer) {
	p.s("REFRESH")
	p.partition(a.Partition)
}

func (a *SetFreshness) print(p *printer) {
	p.s("SET FRESHNESS = ")
	a.Freshness.print(p)
}

func (a *SetRefreshMode) print(p *printer) { p.s("SET REFRESH_MODE = ", a.Mode.String()) }

func (a *AsQuery) print(p *printer) {
	p.s("AS ")
	a.Query.print(p)
}
