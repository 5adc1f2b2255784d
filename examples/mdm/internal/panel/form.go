package panel

import (
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/ledger"
)

// form is what the template "form" shows. Its fields carry the names that the
// errors of fleet name, so that each message stands beside its field.
type form struct {
	ID, Action, Title, Hint, Submit string

	Fields []field
	Error  string
}

// field is one input. Kind is the type of an <input>, or "select".
type field struct {
	Name, Label, Kind, Value, Hint, Error, Auto, Min string

	Options  []option
	Required bool
}

// option is a choice of a select; choices of one Group stand together.
type option struct {
	Value, Label, Group string
	Selected            bool
}

// Key is a new idempotency key: a form sent twice is one deed.
func (f form) Key() string { return rand.Text() }

// Groups returns the options in their groups, in the order of the first of
// each.
func (f field) Groups() [][]option {
	var out [][]option
	for _, o := range f.Options {
		o.Selected = o.Selected || f.Value != "" && o.Value == f.Value
		i := slices.IndexFunc(out, func(g []option) bool { return g[0].Group == o.Group })
		if i < 0 {
			out = append(out, []option{o})
			continue
		}
		out[i] = append(out[i], o)
	}
	return out
}

// filled returns the form with what was entered; never a password.
func (f form) filled(r *http.Request) form {
	f.Fields = slices.Clone(f.Fields)
	for i := range f.Fields {
		if f.Fields[i].Kind != "password" {
			f.Fields[i].Value = r.PostFormValue(f.Fields[i].Name)
		}
	}
	return f
}

// failed returns the form with an error beside its field or, where it has no
// such field, above all of them.
func (f form) failed(err error, text string) form {
	var bad *atlas.FieldError
	if errors.As(err, &bad) {
		for i := range f.Fields {
			if f.Fields[i].Name == strings.TrimPrefix(bad.Field, "params.") {
				f.Fields[i].Error = capital(bad.Problem) + "."
				return f
			}
		}
	}
	f.Error = text
	return f
}

// key returns the idempotency key that the form came with.
func key(r *http.Request) fleet.Key { return fleet.Key(r.PostFormValue("key")) }

// number reads a whole number from a field.
func number(r *http.Request, name string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(r.PostFormValue(name)), 10, 64)
	if err != nil {
		return 0, atlas.Invalid(name, "must be a whole number")
	}
	return n, nil
}

func amount(r *http.Request) (ledger.Credits, error) {
	n, err := number(r, "amount")
	return ledger.Credits(n), err
}

// humanField is a name on the wire as people read it.
func humanField(name string) string {
	name = strings.TrimPrefix(name, "params.")
	return strings.ReplaceAll(strings.TrimSuffix(name, "_id"), "_", " ")
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// done answers a form that did what it was for: the browser goes on to a
// page, which says so.
func done(w http.ResponseWriter, r *http.Request, to, what string) error {
	sep := "?"
	if strings.Contains(to, "?") {
		sep = "&"
	}
	redirect(w, r, to+sep+"done="+what)
	return nil
}

// deeds are what a page may say was done; the address can't make it say
// anything else.
var deeds = map[string]string{
	"account":   "The account was made.",
	"grant":     "The credits were granted.",
	"transfer":  "The credits were moved.",
	"suspended": "The account is suspended, and all below it.",
	"resumed":   "The account is active again.",
	"renamed":   "The device has its new name.",
	"assigned":  "The package is assigned.",
	"deployed":  "The installation was ordered.",
	"judged":    "The verdict was changed.",
	"plan":      "The plan was made.",
	"code":      "The code was changed.",
	"uploaded":  "The file is in quarantine until the scanners have judged it.",
	"cancelled": "The command was cancelled.",
	"command":   "The command was queued.",
}
