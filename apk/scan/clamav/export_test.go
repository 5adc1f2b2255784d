package clamav

import "time"

// ParseVersion and ParseVerdict let the tests reach the parsers of clamd's answers.
func ParseVersion(text string) (engine string, date time.Time, err error) {
	v, err := parseVersion(text, time.UTC)
	return v.engine, v.date, err
}

var ParseVerdict = parseVerdict
