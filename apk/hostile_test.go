package apk_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/internal/axmltest"
	"github.com/atlas-mdm/atlas-go/apk/internal/signtest"
)

var (
	pkgAttr  = axmltest.Attr{Name: "package", Text: "dev.atlasmdm.hostile"}
	nameAttr = axmltest.Attr{ID: 0x01010003, Name: "name"}
)

func named(name string) axmltest.Attr {
	a := nameAttr
	a.Text = name
	return a
}

func manifest() *axmltest.Doc { return axmltest.New(nameAttr).Start("manifest", pkgAttr) }

type file struct {
	name    string
	content []byte
}

// build makes an unsigned package of deflated entries, buildStored one of stored entries.
func build(t testing.TB, manifest []byte, files ...file) []byte {
	t.Helper()
	return pack(t, zip.Deflate, manifest, files...)
}

func buildStored(t testing.TB, manifest []byte, files ...file) []byte {
	t.Helper()
	return pack(t, zip.Store, manifest, files...)
}

func pack(t testing.TB, method uint16, manifest []byte, files ...file) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, f := range append([]file{{"AndroidManifest.xml", manifest}}, files...) {
		e, err := w.CreateHeader(&zip.FileHeader{Name: f.name, Method: method})
		require.NoError(t, err)
		_, err = e.Write(f.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return buf.Bytes()
}

func inspectError(data []byte) error {
	_, err := apk.Inspect(bytes.NewReader(data), int64(len(data)), apk.Options{})
	return err
}

func findingCodes(i *apk.Info) []string {
	out := []string{}
	for _, f := range i.Findings {
		out = append(out, f.Code)
	}
	return out
}

func TestLimitsStopHostileFiles(t *testing.T) {
	t.Parallel()
	deep, long := manifest(), manifest()
	for range 200 {
		deep.Start("a")
	}
	for range 200 {
		deep.End()
	}
	for range 200 {
		long.Start("uses-permission", named(strings.Repeat("x", 2000))).End()
	}
	for what, data := range map[string][]byte{
		"decompression bomb": build(t, append(manifest().End().Bytes(), make([]byte, 17<<20)...)),
		"nesting":            build(t, deep.End().Bytes()),
		"long names":         build(t, long.End().Bytes()),
	} {
		require.ErrorIs(t, inspectError(data), apk.ErrLimit, what)
	}
}

func TestManifestWithoutAnIdentityIsMalformed(t *testing.T) {
	t.Parallel()
	for what, m := range map[string][]byte{
		"no package":   axmltest.New().Start("manifest").End().Bytes(),
		"another root": axmltest.New().Start("application", pkgAttr).End().Bytes(),
		"long package": axmltest.New().Start("manifest", axmltest.Attr{Name: "package", Text: strings.Repeat("a", 256)}).End().Bytes(),
		"text":         []byte(`<manifest package="x"/>`),
	} {
		require.ErrorIs(t, inspectError(build(t, m)), apk.ErrMalformed, what)
	}
}

func TestArchiveWithoutManifestIsNoAPK(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	require.NoError(t, zip.NewWriter(&buf).Close())
	require.ErrorIs(t, inspectError(buf.Bytes()), apk.ErrNotAPK)
}

func TestSignedPackageWithAnEntryTwiceDoesNotVerify(t *testing.T) {
	t.Parallel()
	data := build(t, manifest().End().Bytes(), file{"classes.dex", nil}, file{"classes.dex", []byte("dex\n")})
	signed := signtest.Sign(t, data, v2(signtest.Signer{Key: signtest.NewKey(t, "a")}))
	info := inspectBytes(t, signed, apk.Options{MinSDK: 24})
	require.False(t, info.Signature.Verified)
	require.Empty(t, info.Signature.Schemes)
	require.Empty(t, info.Provisioning.SignatureChecksum)
	require.Equal(t, []string{"zip_duplicate_entry"}, findingCodes(info))
}

func TestSignsOfTamperingAreFound(t *testing.T) {
	t.Parallel()
	info := inspectBytes(t, build(t, manifest().End().Bytes(), file{"../escape", nil}, file{"/absolute", nil}, file{"a\\b", nil}), apk.Options{})
	require.Equal(t, []string{"zip_unsafe_name", "zip_unsafe_name", "zip_unsafe_name"}, findingCodes(info))
}

func TestFileThatBeginsAsADEXFileIsFound(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	buf.WriteString("dex\n035\x00")
	w := zip.NewWriter(&buf)
	w.SetOffset(int64(buf.Len()))
	e, err := w.Create("AndroidManifest.xml")
	require.NoError(t, err)
	_, err = e.Write(manifest().End().Bytes())
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Equal(t, []string{"janus"}, findingCodes(inspectBytes(t, buf.Bytes(), apk.Options{})))
}

func TestPackageNameThatThePlatformRefusesIsFound(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"single", "a..b", "a.1b", "a.b c", "a.b/../c"} {
		m := axmltest.New().Start("manifest", axmltest.Attr{Name: "package", Text: name}).End().Bytes()
		require.Equal(t, []string{"manifest_invalid_package_name"}, findingCodes(inspectBytes(t, build(t, m), apk.Options{})), name)
	}
}

func TestSecondApplicationElementIsIgnored(t *testing.T) {
	t.Parallel()
	d := manifest().Start("application").Start("service", named("x.One")).End().End()
	d.Start("application").Start("service", named("x.Two")).End().End()
	info := inspectBytes(t, build(t, d.End().Bytes()), apk.Options{})
	require.Len(t, info.Components, 1)
	require.Equal(t, "x.One", info.Components[0].Name)
}

func TestFindingsAreBounded(t *testing.T) {
	t.Parallel()
	var many []file
	for i := range 500 {
		many = append(many, file{fmt.Sprintf("/%d", i), nil})
	}
	require.Len(t, inspectBytes(t, build(t, manifest().End().Bytes(), many...), apk.Options{}).Findings, 100)
}

func TestHiddenCodeAndNativeLibrariesAreListed(t *testing.T) {
	t.Parallel()
	info := inspectBytes(t, build(t, manifest().End().Bytes(),
		file{"assets/a.bin", []byte("dex\n035\x00")}, file{"assets/b.png", []byte("PK\x03\x04....")},
		file{"res/raw/c", []byte("\x7fELF....")}, file{"assets/d.txt", []byte("harmless")},
		file{"lib/x86_64/l.so", []byte("\x7fELF....")}, file{"lib/arm64-v8a/l.so", nil}, file{"lib/readme.txt", nil}), apk.Options{})
	require.Equal(t, []apk.Embedded{{"assets/a.bin", "dex"}, {"assets/b.png", "zip"}, {"res/raw/c", "elf"}}, info.Embedded)
	require.Equal(t, []string{"arm64-v8a", "x86_64"}, info.NativeABIs)
}

func TestUnreadableResourcesCostTheLabelOnly(t *testing.T) {
	t.Parallel()
	label := axmltest.Attr{ID: 0x01010001, Name: "label", Type: 1, Data: 0x7f010000}
	m := axmltest.New(nameAttr, label).Start("manifest", pkgAttr).Start("application", label).End().End().Bytes()
	info := inspectBytes(t, build(t, m, file{"resources.arsc", []byte("nonsense")}), apk.Options{})
	require.Empty(t, info.Label)
	require.Equal(t, []string{"resources_unreadable"}, findingCodes(info))
}

func TestManifestValuesOfEveryFormAreRead(t *testing.T) {
	t.Parallel()
	ids := []axmltest.Attr{
		nameAttr,
		{ID: 0x0101000f, Name: "debuggable"},
		{ID: 0x01010272, Name: "testOnly"},
		{ID: 0x0101021b, Name: "versionCode"},
		{ID: 0x01010576, Name: "versionCodeMajor"},
		{ID: 0x0101020c, Name: "minSdkVersion"},
		{ID: 0x01010010, Name: "exported"},
	}
	d := axmltest.New(ids...)
	d.Start("manifest", pkgAttr, axmltest.Attr{ID: 0x0101021b, Type: 0x10, Data: 0xfffffffe}, axmltest.Attr{ID: 0x01010576, Type: 0x10, Data: 3})
	d.Start("uses-sdk", axmltest.Attr{ID: 0x0101020c, Text: "Q"}).End()
	d.Start("uses-permission-sdk-23", named("p")).End().Start("uses-permission", named("p")).End()
	d.Start("application", axmltest.Attr{ID: 0x0101000f, Type: 0x12, Data: 0xffffffff}, axmltest.Attr{ID: 0x01010272, Text: "true"})
	d.Start("service", named("S")).Start("intent-filter").End().End()
	d.Start("provider", named(".P")).End()
	d.Start("activity", named("x.A"), axmltest.Attr{ID: 0x01010010, Type: 0x12}).Start("intent-filter").End().End()
	info := inspectBytes(t, build(t, d.End().End().Bytes()), apk.Options{})
	require.EqualValues(t, 3<<32|0xfffffffe, info.VersionCode)
	require.Equal(t, 27, info.MinSDK)
	require.Equal(t, []string{"p"}, info.Permissions)
	require.True(t, info.Debuggable)
	require.True(t, info.TestOnly)
	require.Equal(t, []apk.Component{
		{Kind: apk.Service, Name: "dev.atlasmdm.hostile.S", Exported: true},
		{Kind: apk.Provider, Name: "dev.atlasmdm.hostile.P"},
		{Kind: apk.Activity, Name: "x.A"},
	}, info.Components)
}
