// Package issue holds what the verifiers have to say about a package, as errors and warnings with stable codes.
package issue

import "fmt"

// Issue is one error or warning, by apksig's name in lower snake case.
type Issue struct {
	Code, Detail string
}

// List collects errors and warnings. Both are bounded, since hostile files can cause one for every few bytes.
type List struct {
	Errors, Warnings []Issue
}

const most = 100

// Fail adds an error.
func (l *List) Fail(code, format string, args ...any) {
	if len(l.Errors) < most {
		l.Errors = append(l.Errors, Issue{code, fmt.Sprintf(format, args...)})
	}
}

// Warn adds a warning.
func (l *List) Warn(code, format string, args ...any) {
	if len(l.Warnings) < most {
		l.Warnings = append(l.Warnings, Issue{code, fmt.Sprintf(format, args...)})
	}
}

// Failed reports whether there is any error.
func (l *List) Failed() bool { return len(l.Errors) > 0 }

// Add appends another list.
func (l *List) Add(o List) {
	l.Errors, l.Warnings = append(l.Errors, o.Errors...), append(l.Warnings, o.Warnings...)
}
