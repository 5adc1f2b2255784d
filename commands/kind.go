package commands

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// Kind names what a command does.
type Kind string

// The nine built-in kinds. ClearCache and ClearData are two on purpose:
// Android has no call that clears only another app's cache, and clearing its
// data destroys what the user has in it.
const (
	AppInstall    Kind = "app.install"
	AppUpdate     Kind = "app.update"
	AppUninstall  Kind = "app.uninstall"
	AppClearCache Kind = "app.clear_cache"
	AppClearData  Kind = "app.clear_data"
	DeviceReboot  Kind = "device.reboot"
	DeviceSync    Kind = "device.sync"
	AgentEnable   Kind = "agent.enable"
	AgentDisable  Kind = "agent.disable"
)

// Spec is what the queue knows of a kind.
type Spec struct {
	// Params returns a pointer to a new value that the parameters are decoded
	// into, strictly. Its Check method, if it has one, is asked afterwards.
	Params func() any
	// Attempts is how often a failed execution is tried, at least 1.
	Attempts int64
	// WhileDisabled says that a device whose agent is disabled still gets it:
	// enabling, and what cleans up (M-034).
	WhileDisabled bool
	// Destructive says that user data may be lost.
	Destructive bool
}

// Checker is what parameters implement to check more than their form.
type Checker interface{ Check() error }

// Install are the parameters of app.install and app.update. An operator names
// the package by its id; the rest is filled in from the released file, and is
// what the agent checks before it installs.
type Install struct {
	APKID       string   `json:"apk_id" validate:"required,max=64"`
	Package     string   `json:"package,omitempty"`
	VersionCode int64    `json:"version_code,omitempty"`
	VersionName string   `json:"version_name,omitempty"`
	Size        int64    `json:"size,omitempty"`
	SHA256      string   `json:"sha256,omitempty"`
	Signers     []string `json:"signers,omitempty"` // SHA-256 of the signing certificates, hex
}

// Check returns an ErrInvalid without an id.
func (p *Install) Check() error {
	if p.SHA256 != "" {
		if b, err := hex.DecodeString(p.SHA256); err != nil || len(b) != 32 {
			return atlas.Invalid("params.sha256", "is not a SHA-256 in hex")
		}
	}
	return atlas.CheckID("params.apk_id", p.APKID)
}

// App are the parameters of the kinds that name an installed application.
type App struct {
	Package string `json:"package" validate:"required,max=255"`
}

// Check returns an ErrInvalid unless Package is a package name: at least two
// segments of letters, digits and '_', each beginning with a letter
// (developer.android.com, "Configure the app module").
func (p *App) Check() error { return CheckPackageName("params.package", p.Package) }

// CheckPackageName is [App.Check] for any field. It keeps shell
// metacharacters out of what an agent's executor sees.
func CheckPackageName(field, name string) error {
	segments := bytes.Split([]byte(name), []byte{'.'})
	if len(name) > 255 || len(segments) < 2 {
		return atlas.Invalid(field, "is not a package name")
	}
	for _, s := range segments {
		for i, c := range s {
			letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
			if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
				return atlas.Invalid(field, "is not a package name")
			}
		}
		if len(s) == 0 {
			return atlas.Invalid(field, "is not a package name")
		}
	}
	return nil
}

// None are the parameters of the kinds that have none.
type None struct{}

// Agent are the parameters of agent.enable and agent.disable.
type Agent struct {
	Reason string `json:"reason,omitempty" validate:"max=500"`
}

// Check returns an ErrInvalid for text that can't be stored.
func (p *Agent) Check() error { return atlas.CheckText("params.reason", p.Reason, 500) }

// Kinds is a register of kinds. It is made once and then only read.
type Kinds map[Kind]Spec

// BuiltIn returns a new register of the nine built-in kinds, to which an
// embedder may add its own.
func BuiltIn() Kinds {
	app := func() any { return new(App) }
	install := func() any { return new(Install) }
	none := func() any { return new(None) }
	agent := func() any { return new(Agent) }
	return Kinds{
		AppInstall:    {Params: install, Attempts: 3},
		AppUpdate:     {Params: install, Attempts: 3},
		AppUninstall:  {Params: app, Attempts: 3, WhileDisabled: true},
		AppClearCache: {Params: app, Attempts: 2, WhileDisabled: true},
		AppClearData:  {Params: app, Attempts: 1, Destructive: true},
		DeviceReboot:  {Params: none, Attempts: 1},
		DeviceSync:    {Params: none, Attempts: 1},
		AgentEnable:   {Params: agent, Attempts: 3, WhileDisabled: true},
		AgentDisable:  {Params: agent, Attempts: 3},
	}
}

// Names returns the registered kinds in order.
func (k Kinds) Names() []Kind { return slices.Sorted(maps.Keys(k)) }

// Decode returns the parameters of a kind, checked: an ErrInvalid for an
// unknown kind, unknown fields, trailing bytes, or more than [MaxParams].
// Missing parameters are read as an empty object.
func (k Kinds) Decode(kind Kind, raw []byte) (any, error) {
	spec, ok := k[kind]
	if !ok {
		return nil, atlas.Invalid("kind", "is not a known kind of command")
	}
	if len(raw) > MaxParams {
		return nil, atlas.Invalid("params", "must have at most %d bytes", MaxParams)
	}
	if len(raw) == 0 {
		raw = []byte("{}")
	}
	p := spec.Params()
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(p); err != nil {
		return nil, atlas.Invalid("params", "don't fit %s: %s", kind, jsonProblem(err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, atlas.Invalid("params", "have something after the object")
	}
	if c, ok := p.(Checker); ok {
		if err := c.Check(); err != nil {
			return nil, fmt.Errorf("commands: %s: %w", kind, err)
		}
	}
	return p, nil
}

func jsonProblem(err error) string {
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) {
		return "field " + typed.Field + " has the wrong type"
	}
	return atlas.CleanText(err.Error(), 120)
}

// Allowed reports whether a device gets a command of this kind: its agent
// says it can run it, and is enabled or the kind is one that works while it
// is not.
func (k Kinds) Allowed(kind Kind, d atlas.Device) bool {
	spec, ok := k[kind]
	return ok && slices.Contains(d.Capabilities, string(kind)) && (d.AgentEnabled || spec.WhileDisabled)
}
