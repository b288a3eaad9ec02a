package registry

import "time"

// SetPatience sets how long a registry is asked again.
func (r *Registry) SetPatience(d time.Duration) { r.patience = d }
