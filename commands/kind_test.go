package commands_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/commands"
)

func TestThereAreNineBuiltInKinds(t *testing.T) {
	t.Parallel()
	k := commands.BuiltIn()
	require.Len(t, k.Names(), 9)
	for _, name := range k.Names() {
		require.Positive(t, k[name].Attempts, name)
		require.NotNil(t, k[name].Params, name)
	}
	k["custom"] = commands.Spec{}
	require.NotContains(t, commands.BuiltIn(), commands.Kind("custom"), "each register is its own")
}

func TestParametersAreDecodedStrictly(t *testing.T) {
	t.Parallel()
	k := commands.BuiltIn()
	for kind, good := range map[commands.Kind]string{
		commands.AppInstall: `{"apk_id":"a-1"}`, commands.AppUpdate: `{"apk_id":"a","sha256":"` + strings.Repeat("ab", 32) + `"}`,
		commands.AppUninstall: `{"package":"com.example.app"}`, commands.AppClearCache: `{"package":"a.b"}`, commands.AppClearData: `{"package":"a.b_1"}`,
		commands.DeviceReboot: ``, commands.DeviceSync: `{}`, commands.AgentEnable: `{"reason":"ok"}`, commands.AgentDisable: ``,
	} {
		_, err := k.Decode(kind, []byte(good))
		require.NoError(t, err, kind)
		for _, bad := range []string{good + "x", good + "{}", `{"unknown":1}`, `[]`, `"x"`, `{`, strings.Repeat(" ", commands.MaxParams+1)} {
			if bad != "{}" {
				_, err = k.Decode(kind, []byte(bad))
				require.ErrorIs(t, err, atlas.ErrInvalid, "%s %.40q", kind, bad)
			}
		}
	}
	_, err := k.Decode("device.explode", nil)
	require.ErrorIs(t, err, atlas.ErrInvalid)
}

func TestParametersAreChecked(t *testing.T) {
	t.Parallel()
	k := commands.BuiltIn()
	for kind, all := range map[commands.Kind][]string{
		commands.AppInstall:   {``, `{"apk_id":""}`, `{"apk_id":"a/b"}`, `{"apk_id":"a","sha256":"zz"}`, `{"apk_id":"a","sha256":"abcd"}`, `{"apk_id":1}`},
		commands.AppUninstall: {``, `{"package":"app"}`, `{"package":"com.a;reboot"}`, `{"package":"com..a"}`, `{"package":"com.1a"}`, `{"package":".a.b"}`, `{"package":"com.a "}`, `{"package":"com.\u00e9"}`, `{"package":"a.` + strings.Repeat("b", 255) + `"}`},
		commands.AgentDisable: {`{"reason":"a\u0000"}`, `{"reason":"` + strings.Repeat("x", 501) + `"}`},
	} {
		for _, raw := range all {
			_, err := k.Decode(kind, []byte(raw))
			require.ErrorIs(t, err, atlas.ErrInvalid, "%s %.60s", kind, raw)
		}
	}
}

func TestADeviceGetsTheKindsItCanRunAsLongAsItsAgentIsEnabled(t *testing.T) {
	t.Parallel()
	k := commands.BuiltIn()
	d := atlas.Device{AgentEnabled: true}
	for _, kind := range k.Names() {
		require.False(t, k.Allowed(kind, d), "%s is no capability of it", kind)
		d.Capabilities = append(d.Capabilities, string(kind))
		require.True(t, k.Allowed(kind, d))
		off := d
		off.AgentEnabled = false
		require.Equal(t, k[kind].WhileDisabled, k.Allowed(kind, off), kind)
	}
	d.Capabilities = append(d.Capabilities, "unknown")
	require.False(t, k.Allowed("unknown", d))
}

func FuzzDecode(f *testing.F) {
	f.Add("app.install", []byte(`{"apk_id":"a"}`))
	f.Add("agent.disable", []byte(`{"reason":"x"} {}`))
	f.Fuzz(func(t *testing.T, kind string, raw []byte) {
		if _, err := commands.BuiltIn().Decode(commands.Kind(kind), raw); err != nil {
			require.ErrorIs(t, err, atlas.ErrInvalid)
		}
	})
}
