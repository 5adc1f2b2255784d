package scan_test

import (
	"time"

	"github.com/atlas-mdm/atlas-go/apk"
)

// good is a package that no rule fires for; each case of the tables spoils it in one way.
func good() *apk.Info {
	return &apk.Info{
		Package: "dev.atlasmdm.good", SHA256: "f1", Size: 100, Label: "Good", VersionCode: 7, MinSDK: 26, TargetSDK: 35,
		Components: []apk.Component{{Kind: apk.Activity, Name: "Main", Exported: true, Launcher: true}},
		NativeABIs: []string{"arm64-v8a"},
		Signature: apk.Signature{
			Verified: true, Schemes: []string{"v2", "v3"}, SourceStamp: "none",
			Signers: []apk.Signer{{Scheme: "v3", SHA256: "c1", Subject: "CN=Good", Key: "EC P-256", NotBefore: begin, NotAfter: end}},
		},
	}
}

var (
	begin = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	end   = time.Date(2060, 1, 1, 0, 0, 0, 0, time.UTC)
)

// change makes another package out of one.
type change = func(*apk.Info)

func spoiled(changes ...change) *apk.Info {
	i := good()
	for _, c := range changes {
		c(i)
	}
	return i
}

func asks(names ...string) change {
	return func(i *apk.Info) {
		for _, n := range names {
			i.Permissions = append(i.Permissions, "android.permission."+n)
		}
	}
}

func component(c apk.Component) change {
	return func(i *apk.Info) { i.Components = append(i.Components, c) }
}

func binds(permission string) change {
	return component(apk.Component{Kind: apk.Service, Name: "S", Exported: true, Permission: "android.permission.BIND_" + permission})
}

func admin(i *apk.Info) {
	component(apk.Component{Kind: apk.Receiver, Name: "A", Exported: true, Permission: "android.permission.BIND_DEVICE_ADMIN", DeviceAdmin: true})(i)
}

func unseen(i *apk.Info) {
	for n := range i.Components {
		i.Components[n].Launcher = false
	}
}

func signer(set func(*apk.Signer)) change {
	return func(i *apk.Info) { set(&i.Signature.Signers[0]) }
}

func subject(name string) change { return signer(func(s *apk.Signer) { s.Subject = name }) }

func key(name string) change { return signer(func(s *apk.Signer) { s.Key = name }) }

func embedded(name, kind string) change {
	return func(i *apk.Info) { i.Embedded = append(i.Embedded, apk.Embedded{Name: name, Kind: kind}) }
}

func abis(names ...string) change { return func(i *apk.Info) { i.NativeABIs = names } }

func sdk(least, target, most int) change {
	return func(i *apk.Info) { i.MinSDK, i.TargetSDK, i.MaxSDK = least, target, most }
}

func label(text string) change { return func(i *apk.Info) { i.Label = text } }

func name(text string) change { return func(i *apk.Info) { i.Package = text } }

func version(code int64) change { return func(i *apk.Info) { i.VersionCode = code } }

func finding(code string, s apk.Severity) change {
	return func(i *apk.Info) { i.Findings = append(i.Findings, apk.Finding{Code: code, Severity: s, Detail: "x"}) }
}

func lineage(nodes ...apk.LineageNode) change {
	return func(i *apk.Info) { i.Signature.Lineage = nodes }
}

func stamp(state string) change { return func(i *apk.Info) { i.Signature.SourceStamp = state } }

func nothing(*apk.Info) {}
