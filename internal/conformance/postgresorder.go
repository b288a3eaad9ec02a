package conformance

import "slices"

// endsOrder are words behind the keys of an ORDER BY.
var endsOrder = map[string]bool{
	"rows": true, "range": true, "groups": true, "limit": true, "offset": true, "fetch": true, "emit": true, "union": true, "session": true, "for": true,
}

// nullOrders says where NULLs stand: in PostgreSQL they are above all values.
func nullOrders(ts []token) []token {
	for i := len(ts) - 2; i >= 0; i-- {
		if at(ts, i) != "order" || at(ts, i+1) != "by" || ts[i].kept {
			continue
		}
		end, depth := i+2, 0
		for ; end < len(ts) && (depth > 0 || ts[end].text != ")" && !endsOrder[ts[end].text]); end++ {
			switch ts[end].text {
			case "(", "[":
				depth++
			case ")", "]":
				depth--
			}
		}
		var keys []token
		for k, item := range items(ts[i+2 : end]) {
			if k > 0 {
				keys = append(keys, token{text: ","})
			}
			keys = append(keys, item...)
			if slices.ContainsFunc(item, func(t token) bool { return t.text == "nulls" }) || len(item) == 0 {
				continue
			}
			if item[len(item)-1].text == "desc" {
				keys = append(keys, keptText("NULLS FIRST"))
			} else {
				keys = append(keys, keptText("NULLS LAST"))
			}
		}
		ts = replaced(ts, i+2, end, keys...)
	}
	return ts
}
