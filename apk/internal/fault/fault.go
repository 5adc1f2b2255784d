// Package fault holds the kinds of failure that the parsers below package apk share; apk exports the same values.
package fault

import "errors"

// The kinds. Parsers wrap them with what was wrong and where.
var (
	// ErrNotAPK says that the bytes are no Android package at all.
	ErrNotAPK = errors.New("apk: not an Android package")
	// ErrMalformed says that a structure contradicts its format.
	ErrMalformed = errors.New("apk: malformed")
	// ErrLimit says that a structure is larger than allowed.
	ErrLimit = errors.New("apk: limit passed")
)
