package clamav

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	maxAnswer = 4 << 10
	maxShown  = 200
	// exceeded begins what clamd reports with AlertExceedsMax about a file that it has not looked through.
	exceeded = "Heuristics.Limits.Exceeded"
)

// version is clamd's answer to VERSION: "ClamAV 1.4.6/27500/Sat Nov 21 08:00:00 2026", or the part before the first
// slash where the official database isn't loaded.
type version struct {
	engine string // with the number of the database
	date   time.Time
}

func parseVersion(text string, zone *time.Location) (version, error) {
	engine, rest, dated := strings.Cut(text, "/")
	if name, ok := strings.CutPrefix(engine, "ClamAV "); !ok || name == "" || !plain(engine) {
		return version{}, unknown(text)
	}
	if !dated {
		return version{engine: engine}, nil
	}
	number, stamp, _ := strings.Cut(rest, "/")
	if n, err := strconv.ParseUint(number, 10, 32); err != nil || n == 0 {
		return version{}, unknown(text)
	}
	date, err := time.ParseInLocation(time.ANSIC, stamp, zone)
	if err != nil || date.Unix() <= 0 {
		return version{}, unknown(text)
	}
	return version{engine + "/" + number, date.UTC()}, nil
}

// parseVerdict reads the answer to INSTREAM: the name of the signature that fits the file, or "" for none.
func parseVerdict(text string) (string, error) {
	said, ok := strings.CutPrefix(text, "stream: ")
	if ok && said == "OK" {
		return "", nil
	}
	if name, found := strings.CutSuffix(said, " FOUND"); ok && found && name != "" && plain(name) {
		if strings.HasPrefix(name, exceeded) {
			return "", fmt.Errorf("%w: clamd says %.*s", ErrTooLarge, maxShown, name)
		}
		return name, nil
	}
	if strings.HasPrefix(text, "INSTREAM size limit exceeded") {
		return "", fmt.Errorf("%w: over clamd's StreamMaxLength", ErrTooLarge)
	}
	return "", unknown(text)
}

func unknown(text string) error { return fmt.Errorf("%w: %.*q", ErrAnswer, maxShown, text) }

// plain reports whether text may be kept and shown as a name.
func plain(text string) bool {
	return strings.TrimSpace(text) == text && len(text) <= maxShown && strings.IndexFunc(text, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsPrint(r)
	}) < 0
}
