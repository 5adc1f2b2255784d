// Package scan judges Android packages: what a scanner is, what it answers, and [Static], a scanner that needs nothing
// but what [apk.Inspect] found.
//
// A scanner answers a verdict or an error, never both, and an error is never "clean": whoever asks must treat a scan
// that failed, timed out or was refused as a scan that did not happen.
package scan
