package wadi

import (
	"github.com/wadi-engine/wadi/connect/http"
	"github.com/wadi-engine/wadi/connect/jdbc"
	"github.com/wadi-engine/wadi/connect/nats"
	"github.com/wadi-engine/wadi/connect/postgres"
	"github.com/wadi-engine/wadi/ops"
)

// services are the connectors of databases and of other services.
func services() []*ops.Connector {
	return []*ops.Connector{http.Connector(), jdbc.Connector(), nats.Connector(), postgres.Connector()}
}
