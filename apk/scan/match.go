package scan

import (
	"slices"

	"github.com/atlas-mdm/atlas-go/apk"
)

const permissionPrefix = "android.permission."

// match is a part of a rule.
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

// asks matches where the manifest asks for a permission.
func asks(permission string) match { return asksAny(permission) }

// asksAny matches where the manifest asks for one of the permissions.
func asksAny(permissions ...string) match {
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
	return func(i *apk.Info) []string {
		return components(i, func(c apk.Component) bool { return c.Permission == permissionPrefix+permission })
	}
}

// embeds matches where files of one of the kinds lie where no code belongs.
func embeds(kinds ...string) match {
	return func(i *apk.Info) []string {
		var out []string
		for _, e := range i.Embedded {
			if slices.Contains(kinds, e.Kind) {
				out = append(out, e.Name)
			}
		}
		return out
	}
}

// exported matches components that every application can reach, apart from what a launcher shows.
func exported(kinds ...apk.ComponentKind) match {
	return func(i *apk.Info) []string {
		return components(i, func(c apk.Component) bool {
			return c.Exported && c.Permission == "" && !c.Launcher && slices.Contains(kinds, c.Kind)
		})
	}
}

func components(i *apk.Info, is func(apk.Component) bool) []string {
	var out []string
	for _, c := range i.Components {
		if is(c) {
			out = append(out, c.Name)
		}
	}
	return out
}
