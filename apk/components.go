package apk

import (
	"strings"

	"github.com/atlas-mdm/atlas-go/apk/internal/axml"
)

// component is a Component while its element is open.
type component struct {
	Component
	exported    *bool // the attribute, where there is one
	filters     bool
	main, shown bool
}

var componentKinds = map[string]ComponentKind{
	"activity": Activity, "activity-alias": Activity, "service": Service, "receiver": Receiver, "provider": Provider,
}

func (m *manifest) component(e *axml.Element) {
	kind, ok := componentKinds[e.Name]
	if !ok {
		return
	}
	c := component{Component: Component{Kind: kind, Name: m.name(e, attrName, "name")}}
	c.Permission = m.name(e, attrPermission, "permission")
	if c.Permission == "" && kind == Provider {
		c.Permission = m.name(e, attrReadPermission, "readPermission")
	}
	if v, ok := e.Attr(attrExported, "exported"); ok {
		if b, isBool := m.resolver.value(v).Bool(); isBool {
			c.exported = &b
		}
	}
	c.DeviceAdmin = kind == Receiver && c.Permission == "android.permission.BIND_DEVICE_ADMIN"
	m.components = append(m.components, c)
}

// insideComponent reads the intent filters and metadata of the component that is open.
func (m *manifest) insideComponent(e *axml.Element) {
	kind, ok := componentKinds[m.path[2]]
	if !ok || len(m.components) == 0 {
		return
	}
	c := &m.components[len(m.components)-1]
	switch {
	case len(m.path) == 4 && e.Name == "intent-filter":
		c.filters = true
	case len(m.path) == 4 && e.Name == "meta-data":
		c.DeviceAdmin = c.DeviceAdmin || kind == Receiver && text(e, attrName, "name") == "android.app.device_admin"
	case len(m.path) == 5 && e.Name == "action":
		name := text(e, attrName, "name")
		c.main = c.main || name == "android.intent.action.MAIN"
		c.DeviceAdmin = c.DeviceAdmin || kind == Receiver && name == "android.app.action.DEVICE_ADMIN_ENABLED"
	case len(m.path) == 5 && e.Name == "category":
		name := text(e, attrName, "name")
		c.shown = c.shown || name == "android.intent.category.LAUNCHER" || name == "android.intent.category.LEANBACK_LAUNCHER"
	}
}

// describe settles the defaults that depend on the rest of the manifest.
func (c component) describe(pkg string, targetSDK int) Component {
	out := c.Component
	switch {
	case strings.HasPrefix(out.Name, "."):
		out.Name = pkg + out.Name
	case out.Name != "" && !strings.Contains(out.Name, "."):
		out.Name = pkg + "." + out.Name
	}
	switch {
	case c.exported != nil:
		out.Exported = *c.exported
	case c.Kind == Provider:
		out.Exported = targetSDK < 17
	default:
		out.Exported = c.filters
	}
	out.Launcher = c.Kind == Activity && c.main && c.shown
	return out
}
