package lower

import "github.com/wadi-engine/wadi/ops/idle"

// ttl is how long an operator that forgets idle keys keeps them. Where only final
// results are wanted, nothing is forgotten.
func (b *builder) ttl(millis int64) idle.Settings {
	if b.atEnd() {
		return idle.Settings{}
	}
	return idle.Settings{TTLMillis: millis}
}
