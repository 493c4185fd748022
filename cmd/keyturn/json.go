package main

import (
	"encoding/json"
	"io"
)

// writeJSON writes v on a line of its own, with characters as they are.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fail(statusSoftware, err)
	}
	return nil
}
