package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// scalaView is a table that a streaming test makes of a collection.
type scalaView struct {
	Name      string          `json:"name"`
	Data      string          `json:"data"`
	Watermark string          `json:"watermark"`
	Columns   string          `json:"columns"`
	Rows      json.RawMessage `json:"rows"`
}

// view declares a collection as a table. A column with .rowtime is the event
// time, which the extractor takes from a column of the collection.
func (s *session) view(ctx context.Context, v *scalaView) error {
	rows, err := scalaRows(v.Rows)
	if err != nil {
		return fmt.Errorf("view %s: %w", v.Name, err)
	}
	if len(rows) > 0 { // what follows in the corpus is of another variable of the test
		width := len(rows[0].row)
		rows = slices.DeleteFunc(rows, func(c change) bool { return len(c.row) != width })
	}
	var names []string
	for _, m := range columnName.FindAllStringSubmatch(v.Columns, -1) {
		names = append(names, m[1])
	}
	var cols []string
	types := inferTypes(rows)
	for i, name := range names {
		base, kind, _ := strings.Cut(name, ".")
		switch {
		case strings.HasPrefix(kind, "proctime"):
			cols = append(cols, "`"+base+"` AS PROCTIME()")
		case strings.HasPrefix(kind, "rowtime"):
			source, delay := rowtimeOf(v.Watermark, i, len(rows[0].row))
			if source == i { // the column itself is the time
				cols = append(cols, "`"+base+"` TIMESTAMP(3)")
			} else {
				for r := range rows {
					rows[r].row = slices.Insert(slices.Clone(rows[r].row), i, rows[r].row[source])
				}
				cols = append(cols, "`"+base+"` TIMESTAMP(3)")
			}
			cols = append(cols, fmt.Sprintf("WATERMARK FOR `%s` AS `%s` - INTERVAL '%s' SECOND", base, base, delay))
		case i < len(types):
			cols = append(cols, "`"+base+"` "+types[i])
		}
	}
	id := "view " + v.Name
	if err := s.define(ctx, "DROP TEMPORARY TABLE IF EXISTS `"+v.Name+"`"); err != nil {
		return err
	}
	s.world.tables[id] = &table{rows: rows}
	return s.define(ctx, fmt.Sprintf("CREATE TEMPORARY TABLE `%s` (%s) WITH ('connector' = '%s', 'data-id' = '%s')", v.Name, strings.Join(cols, ", "), connectorName, id))
}

// columnName finds the names in 'a, 'b.rowtime and in "a", "b".
var columnName = regexp.MustCompile(`['"](\w+(?:\.\w+)?)`)

// rowtimeOf is the column that a test's timestamp extractor reads, and how far
// its watermark stays behind, in seconds.
func rowtimeOf(extractor string, column, width int) (source int, delay string) {
	switch {
	case strings.Contains(extractor, "RowtimeExtractor"): // (Int, Long, String): the second
		return 1, "0.001"
	case strings.Contains(extractor, "TimestampAndWatermarkWithOffset"):
		return 0, "0.01"
	case column < width:
		return column, "0.001"
	}
	return width - 1, "0.001"
}
