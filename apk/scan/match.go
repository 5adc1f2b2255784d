package scan

import (
	"slices"
	"strings"

	"github.com/atlas-mdm/atlas-go/apk"
)

const permissionPrefix = "android.permission."

// match is a part of a rule: it returns what it found, or nothing.
type match = func(*apk.Info) []string

func when(is func(*apk.Info) bool) match {
	return func(i *apk.Info) []string {
		if is(i) {
			return []string{i.Package}
		}
		return nil
	}
}

// all matches where every part does, with the evidence of all.
func all(parts ...match) match {
	return func(i *apk.Info) []string {
		var out []string
		for _, p := range parts {
			got := p(i)
			if len(got) == 0 {
				return nil
			}
			out = append(out, got...)
		}
		return out
	}
}

// asks matches where the manifest asks for one of the permissions.
func asks(permissions ...string) match {
	return func(i *apk.Info) []string {
		var out []string
		for _, p := range permissions {
			if slices.Contains(i.Permissions, permissionPrefix+p) {
				out = append(out, permissionPrefix+p)
			}
		}
		return out
	}
}

// binds matches where a component is reserved for the system by one of the BIND_ permissions, which is how an
// application offers an accessibility service, a notification listener or a VPN.
func binds(permission string) match {
	return found(func(c apk.Component) bool { return c.Permission == permissionPrefix+permission })
}

// embeds matches where files of one of the kinds lie where no code belongs.
func embeds(kinds ...string) match {
	return embedded(func(e apk.Embedded) bool { return slices.Contains(kinds, e.Kind) })
}

func embedded(is func(apk.Embedded) bool) match {
	return func(i *apk.Info) []string {
		var out []string
		for _, e := range i.Embedded {
			if is(e) {
				out = append(out, e.Name)
			}
		}
		return out
	}
}

// exported matches components that every application can reach, apart from what a launcher shows.
func exported(kinds ...apk.ComponentKind) match {
	return found(func(c apk.Component) bool {
		return c.Exported && c.Permission == "" && !c.Launcher && slices.Contains(kinds, c.Kind)
	})
}

// found matches components.
func found(is func(apk.Component) bool) match {
	return func(i *apk.Info) []string {
		var out []string
		for _, c := range i.Components {
			if is(c) {
				out = append(out, c.Name)
			}
		}
		return out
	}
}

// signed matches signers, whether or not the signature verified.
func signed(is func(apk.Signer) bool) match {
	return func(i *apk.Info) []string {
		var out []string
		for _, s := range i.Signature.Signers {
			if is(s) {
				out = append(out, s.Scheme+" "+s.Key+" "+s.Subject)
			}
		}
		return out
	}
}

var (
	accessibility = binds("BIND_ACCESSIBILITY_SERVICE")
	deviceAdmin   = found(func(c apk.Component) bool { return c.DeviceAdmin })
	readsSMS      = asks("RECEIVE_SMS", "READ_SMS")
	network       = asks("INTERNET")
)

// unseen matches an application that no launcher shows. A split and a package without components are no application of
// their own.
func unseen(i *apk.Info) []string {
	shown := slices.ContainsFunc(i.Components, func(c apk.Component) bool { return c.Launcher })
	if shown || i.Split != "" || len(i.Components) == 0 {
		return nil
	}
	return []string{"no launcher activity"}
}

// hasRDN reports whether a distinguished name has all the given parts.
func hasRDN(name string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(","+name+",", ","+p+",") {
			return false
		}
	}
	return true
}

// invisible reports characters that make text read otherwise than it is stored: controls, directional overrides and
// spaces without width. The joiners U+200C and U+200D are not among them, since scripts and emoji need them.
func invisible(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		switch {
		case r < ' ' || r == 0x7f, r == '\u200b', r == '\u2060', r == '\ufeff':
			return true
		}
		return '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069'
	})
}
