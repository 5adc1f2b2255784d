package httpapi

// CheckJSON is checkJSON, for fuzzing.
func CheckJSON(b []byte) error { return checkJSON(b) }
