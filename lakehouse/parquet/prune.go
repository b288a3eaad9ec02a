package parquet

func (r *Reader) prune(g *rowGroup) []rowRange { return []rowRange{{0, g.rows}} }
