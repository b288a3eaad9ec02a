package files

import (
	"io"

	"github.com/apache/arrow-go/v18/arrow"
)

// NewJSON is the encoder of the json format with its defaults.
func NewJSON(w io.Writer, schema *arrow.Schema) (Encoder, error) { return newJSON(w, schema, nil) }
