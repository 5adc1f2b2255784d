// Package fault holds the kinds of failure that the parsers below package apk share; apk exports the same values.
package fault

import "errors"

// The kinds. Parsers wrap them with what was wrong and where.
var (
	// NotAPK says that the bytes are no Android package at all.
	NotAPK = errors.New("apk: not an Android package")
	// Malformed says that a structure contradicts its format.
	Malformed = errors.New("apk: malformed")
	// Limit says that a structure is larger than allowed.
	Limit = errors.New("apk: limit passed")
)
