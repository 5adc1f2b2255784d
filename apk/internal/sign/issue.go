package sign

import "fmt"

// Issue is one error or warning, by apksig's name in lower snake case.
type Issue struct {
	Code, Detail string
}

// issues collects errors and warnings. Both are bounded, since hostile blocks can cause one for every few bytes.
type issues struct {
	errors, warnings []Issue
}

const maxIssues = 100

func (i *issues) fail(code, format string, args ...any) {
	if len(i.errors) < maxIssues {
		i.errors = append(i.errors, Issue{code, fmt.Sprintf(format, args...)})
	}
}

func (i *issues) warn(code, format string, args ...any) {
	if len(i.warnings) < maxIssues {
		i.warnings = append(i.warnings, Issue{code, fmt.Sprintf(format, args...)})
	}
}

func (i *issues) failed() bool { return len(i.errors) > 0 }
