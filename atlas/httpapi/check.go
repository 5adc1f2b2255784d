package httpapi

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-playground/validator/v10"
)

// newCheck returns what checks the rules of bodies that span several fields.
// Those of one field are in the schema, which says them to clients too.
func newCheck() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		return name
	})
	return v
}

// bodied is an input with a body.
type bodied interface{ content() any }

// checkBody returns an ErrInvalid that names every field whose rule is broken.
func (a *API) checkBody(in any) error {
	b, ok := in.(bodied)
	if !ok {
		return nil
	}
	var broken validator.ValidationErrors
	switch err := a.check.Struct(b.content()); {
	case err == nil:
		return nil
	case !errors.As(err, &broken):
		return fmt.Errorf("httpapi: check body: %w", err)
	}
	out := make(fieldErrors, len(broken))
	for i, e := range broken {
		_, path, _ := strings.Cut(e.Namespace(), ".")
		out[i] = ProblemField{Location: "body." + path, Message: ruleText(e.Tag())}
	}
	return out
}

// ruleText says what a tag of the validator asks for.
func ruleText(tag string) string {
	switch tag {
	case "required":
		return "is needed"
	case "required_without_all":
		return "or one of its alternatives is needed"
	case "excluded_with":
		return "can't be combined with its alternatives"
	case "gtfield":
		return "must be later"
	}
	return "breaks the rule " + tag
}
