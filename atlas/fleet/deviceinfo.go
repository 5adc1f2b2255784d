package fleet

import (
	"slices"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// DeviceInfo is what a device says of itself: hostile text that is cleaned
// before it is stored.
type DeviceInfo struct {
	Name, Manufacturer, Model, OSVersion, AgentVersion string

	SDK          int64
	ABIs         []string
	Capabilities []string
}

// describe returns d with what the device says of itself. Absent parts stay.
func (i DeviceInfo) describe(d atlas.Device) atlas.Device {
	for _, f := range []struct {
		to   *string
		text string
	}{
		{&d.Manufacturer, i.Manufacturer}, {&d.Model, i.Model}, {&d.OSVersion, i.OSVersion}, {&d.AgentVersion, i.AgentVersion},
	} {
		if f.text != "" {
			*f.to = atlas.CleanText(f.text, 100)
		}
	}
	if d.Name == "" {
		d.Name = atlas.CleanText(i.Name, 100)
	}
	if i.SDK > 0 && i.SDK < 10_000 {
		d.SDK = i.SDK
	}
	if i.ABIs != nil {
		d.ABIs = cleanList(i.ABIs, 16, 32)
	}
	if i.Capabilities != nil {
		d.Capabilities = cleanList(i.Capabilities, 64, 64)
	}
	return d
}

func cleanList(in []string, most, limit int) []string {
	out := make([]string, 0, min(len(in), most))
	for _, s := range in[:min(len(in), most)] {
		if s = atlas.CleanText(s, limit); s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
