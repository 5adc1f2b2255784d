package apk_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/internal/axmltest"
	"github.com/atlas-mdm/atlas-go/apk/internal/signtest"
)

// jarPackage is a package with a JAR signature to be changed before it is packed.
type jarPackage struct {
	files               []file // without the manifest of Android
	manifest, signature string
	block               []byte
	more                []file
	manifestName        string
}

var appManifest = manifest().End().Bytes()

// jarSigned is a good package, signed by the key.
func jarSigned(t testing.TB, k signtest.Key, files ...file) *jarPackage {
	t.Helper()
	p := &jarPackage{files: files, manifestName: "META-INF/MANIFEST.MF"}
	p.sign(t, k, "")
	return p
}

// sign makes manifest, signature file and block for what is in the package.
func (p *jarPackage) sign(t testing.TB, k signtest.Key, more string) {
	t.Helper()
	all := []signtest.File{{Name: "AndroidManifest.xml", Content: appManifest}}
	for _, f := range p.files {
		all = append(all, signtest.File{Name: f.name, Content: f.content})
	}
	p.manifest = signtest.Manifest(all...)
	p.resign(t, k, more)
}

// resign signs the manifest as it is.
func (p *jarPackage) resign(t testing.TB, keys signtest.Key, more string) {
	t.Helper()
	p.signature = signtest.SignatureFile(p.manifest, more)
	p.block = signtest.SignatureBlock(t, p.signature, keys)
}

func (p *jarPackage) bytes(t testing.TB) []byte {
	t.Helper()
	files := append([]file{}, p.files...)
	files = append(files, file{p.manifestName, []byte(p.manifest)}, file{"META-INF/A.SF", []byte(p.signature)}, file{"META-INF/A.EC", p.block})
	return build(t, appManifest, append(files, p.more...)...)
}

var codeFile = file{"classes.dex", []byte("dex\n035\x00 code")}

// since is a range for which the algorithms of the test's signatures are known.
var since = apk.Options{MinSDK: 21}

func TestJARSignatureVerifies(t *testing.T) {
	t.Parallel()
	k := signtest.NewKey(t, "jar")
	s := inspectBytes(t, jarSigned(t, k, codeFile).bytes(t), since).Signature
	require.True(t, s.Verified, "%v", s.Errors)
	require.Equal(t, []string{"v1"}, s.Schemes)
	require.Equal(t, "CN=jar", s.Signers[0].Subject)
	require.Equal(t, "v1", s.Signers[0].Scheme)
	require.Empty(t, s.Warnings)
}

// jarFaults are changes to a good package by the code of what is wrong with it then.
func jarFaults(t testing.TB, k signtest.Key) map[string]func(p *jarPackage) {
	other := signtest.NewKey(t, "b")
	return map[string]func(p *jarPackage){
		"jar_sig_no_manifest":               func(p *jarPackage) { p.manifestName = "META-INF/manifest.mf" },
		"jar_sig_unnnamed_manifest_section": func(p *jarPackage) { p.manifest += "x: y\r\n\r\n"; p.resign(t, k, "") },
		"jar_sig_duplicate_manifest_section": func(p *jarPackage) {
			p.manifest += signtest.Section("classes.dex", nil)
			p.resign(t, k, "")
		},
		"jar_sig_missing_zip_entry_referenced_in_manifest": func(p *jarPackage) {
			p.manifest += signtest.Section("gone", nil)
			p.resign(t, k, "")
		},
		"jar_sig_parse_exception":         func(p *jarPackage) { p.block = []byte("no block") },
		"jar_sig_no_signers":              func(p *jarPackage) { p.block = signtest.SignatureBlock(t, p.signature) },
		"jar_sig_did_not_verify":          func(p *jarPackage) { p.block = signtest.SignatureBlock(t, "another", k) },
		"jar_sig_max_signatures_exceeded": func(p *jarPackage) { p.more = manySigners(p) },
		"jar_sig_missing_apk_sig_referenced": func(p *jarPackage) {
			p.sign(t, k, "X-Android-APK-Signed: 2, 9\r\n")
		},
		"jar_sig_manifest_main_section_digest_did_not_verify": func(p *jarPackage) {
			p.resign(t, k, "SHA-256-Digest-Manifest-Main-Attributes: AAAA\r\n")
		},
		"jar_sig_manifest_section_digest_did_not_verify": func(p *jarPackage) {
			p.manifest = strings.Replace(p.manifest, "classes.dex\r\n", "classes.dex\r\nx: y\r\n", 1)
		},
		"jar_sig_no_zip_entry_digest_in_manifest": func(p *jarPackage) { p.more = []file{{"assets/new", nil}} },
		"jar_sig_zip_entry_not_signed": func(p *jarPackage) {
			p.signature = signtest.SignatureFile(p.manifest, "")
			p.signature = p.signature[:strings.Index(p.signature, "Name: classes.dex")]
			p.block = signtest.SignatureBlock(t, p.signature, k)
		},
		"jar_sig_zip_entry_digest_did_not_verify": func(p *jarPackage) { p.files = []file{{"classes.dex", []byte("other")}} },
		"jar_sig_zip_entry_signers_mismatch": func(p *jarPackage) {
			part := p.signature[:strings.Index(p.signature, "Name: classes.dex")]
			p.more = []file{{"META-INF/B.SF", []byte(part)}, {"META-INF/B.EC", signtest.SignatureBlock(t, part, other)}}
		},
		"jar_sig_duplicate_zip_entry": func(p *jarPackage) { p.more = []file{codeFile} },
	}
}

func TestEveryRuleOfJARSignaturesHasItsCode(t *testing.T) {
	t.Parallel()
	k := signtest.NewKey(t, "a")
	for want, change := range jarFaults(t, k) {
		p := jarSigned(t, k, codeFile)
		change(p)
		s := inspectBytes(t, p.bytes(t), since).Signature
		require.False(t, s.Verified, want)
		require.Contains(t, errorCodes(s), want)
		require.Empty(t, s.Schemes)
	}
}

func manySigners(p *jarPackage) (out []file) {
	for i := range 10 {
		out = append(out, file{fmt.Sprintf("META-INF/B%d.SF", i), []byte(p.signature)}, file{fmt.Sprintf("META-INF/B%d.EC", i), p.block})
	}
	return out
}

func TestSignatureFileThatThePlatformIgnoresIsNoSignature(t *testing.T) {
	t.Parallel()
	k := signtest.NewKey(t, "a")
	for want, change := range map[string]func(s string) string{
		"jar_sig_missing_version_attr_in_sig_file": func(s string) string { return strings.Replace(s, "Signature-Version", "Version", 1) },
		"jar_sig_unnnamed_sig_file_section":        func(s string) string { return s + "x: y\r\n\r\n" },
		"jar_sig_duplicate_sig_file_section":       func(s string) string { return s + signtest.Section("classes.dex", nil) },
	} {
		p := jarSigned(t, k, codeFile)
		p.signature = change(p.signature)
		p.block = signtest.SignatureBlock(t, p.signature, k)
		s := inspectBytes(t, p.bytes(t), since).Signature
		require.False(t, s.Verified)
		require.Contains(t, errorCodes(s), "jar_sig_no_signatures")
		require.Equal(t, want, s.Warnings[0].Code)
	}
}

func TestFilesThatNoSignatureProtectsAreWarnedOf(t *testing.T) {
	t.Parallel()
	p := jarSigned(t, signtest.NewKey(t, "a"), codeFile)
	p.more = []file{{"META-INF/planted", nil}, {"META-INF/B.RSA", nil}}
	s := inspectBytes(t, p.bytes(t), since).Signature
	require.True(t, s.Verified)
	codes := []string{}
	for _, w := range s.Warnings {
		codes = append(codes, w.Code)
	}
	require.Equal(t, []string{"jar_sig_missing_file", "jar_sig_unprotected_zip_entry", "jar_sig_unprotected_zip_entry"}, codes)
}

func TestLinesOfEveryFormAreRead(t *testing.T) {
	t.Parallel()
	k := signtest.NewKey(t, "a")
	long := file{"assets/" + strings.Repeat("long-", 40), nil}
	for what, change := range map[string]func(s string) string{
		"LF":           func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") },
		"CR":           func(s string) string { return strings.ReplaceAll(s, "\r\n", "\r") },
		"blank lines":  func(s string) string { return "\r\n" + strings.ReplaceAll(s, "\r\n\r\n", "\r\n\r\n\r\n") },
		"continued":    func(s string) string { return strings.ReplaceAll(s, "long-", "lo\r\n ng-") },
		"no last line": func(s string) string { return strings.TrimRight(s, "\r\n") },
	} {
		p := jarSigned(t, k, codeFile, long)
		p.manifest = change(p.manifest)
		p.signature = "Signature-Version: 1.0\r\n\r\n"
		for _, name := range []string{"AndroidManifest.xml", codeFile.name, long.name} {
			p.signature += signtest.Section(name, nil)
		}
		whole := signtest.SignatureFile(p.manifest, "")
		p.signature = whole[:strings.Index(whole, "\r\n\r\n")+4] + p.signature[strings.Index(p.signature, "\r\n\r\n")+4:]
		p.block = signtest.SignatureBlock(t, p.signature, k)
		s := inspectBytes(t, p.bytes(t), since).Signature
		require.True(t, s.Verified, "%s: %v", what, s.Errors)
	}
}

func TestEachOfSeveralSignerInfosIsTriedFromSDK24On(t *testing.T) {
	t.Parallel()
	good, bad := signtest.NewKey(t, "good"), signtest.NewKey(t, "bad")
	p := jarSigned(t, good, codeFile)
	wrong := bad
	wrong.Private = good.Private // the certificate is for another key than the one that signs
	refused := 0
	for range 20 { // DER sorts the signer infos, so that the length of a signature decides which is the first
		p.block = signtest.SignatureBlock(t, p.signature, wrong, good)
		s := inspectBytes(t, p.bytes(t), apk.Options{MinSDK: 24}).Signature
		require.True(t, s.Verified, "%v", s.Errors)
		require.Equal(t, "CN=good", s.Signers[0].Subject)
		if !inspectBytes(t, p.bytes(t), apk.Options{MinSDK: 23}).Signature.Verified {
			refused++
		}
	}
	require.Positive(t, refused, "older platforms look at the first one only")
}

func TestSchemesOfDifferentSignersDoNotVerifyTogether(t *testing.T) {
	t.Parallel()
	a, b := signtest.NewKey(t, "a"), signtest.NewKey(t, "b")
	data := signtest.Sign(t, jarSigned(t, a, codeFile).bytes(t), v2(signtest.Signer{Key: b}))
	s := inspectBytes(t, data, since).Signature
	require.False(t, s.Verified)
	require.Subset(t, errorCodes(s), []string{"v2_sig_missing", "jar_sig_missing"})
	require.True(t, inspectBytes(t, data, apk.Options{MinSDK: 24}).Signature.Verified)
}

func TestChangedByteOfSignedContentNeverVerifies(t *testing.T) {
	t.Parallel()
	p := jarSigned(t, signtest.NewKey(t, "a"), codeFile)
	data := buildStored(t, appManifest, codeFile, file{p.manifestName, []byte(p.manifest)}, file{"META-INF/A.SF", []byte(p.signature)}, file{"META-INF/A.EC", p.block})
	require.True(t, inspectBytes(t, data, since).Signature.Verified)
	sections := p.manifest[strings.Index(p.manifest, "Name:"):] // nothing demands that the main section is signed
	for what, content := range map[string][]byte{
		"app manifest": appManifest, "code": codeFile.content, "manifest": []byte(sections), "signature file": []byte(p.signature),
	} {
		at := bytes.Index(data, content)
		for i := at; i < at+len(content); i++ {
			data[i] ^= 1
			info, err := apk.Inspect(bytes.NewReader(data), int64(len(data)), since)
			data[i] ^= 1
			require.True(t, err != nil && isInspectError(err) || err == nil && !info.Signature.Verified, "byte %d of %s", i-at, what)
		}
	}
}

func TestPackageForSDK30AndLaterNeedsANewerSchemeThanV1(t *testing.T) {
	t.Parallel()
	target := axmltest.Attr{ID: 0x01010270, Name: "targetSdkVersion", Type: typeInt}
	for sdk, ok := range map[uint32]bool{29: true, 30: false, 36: false} {
		target.Data = sdk
		m := axmltest.New(target).Start("manifest", pkgAttr).Start("uses-sdk", target).End().End().Bytes()
		files := []file{}
		for _, f := range signtest.SignJAR(t, signtest.NewKey(t, "a"), signtest.File{Name: "AndroidManifest.xml", Content: m}) {
			files = append(files, file{f.Name, f.Content})
		}
		data := build(t, m, files...)
		s := inspectBytes(t, data, since).Signature
		require.Equal(t, ok, s.Verified)
		require.Equal(t, !ok, slices.Contains(errorCodes(s), "min_sig_scheme_for_target_sdk_not_met"))
		require.True(t, inspectBytes(t, data, apk.Options{MinSDK: 21, MaxSDK: 29}).Signature.Verified)
	}
}

func TestPackagesThatGrowBeyondTheLimitAreNotInflated(t *testing.T) {
	t.Parallel()
	bomb := file{"assets/zeros", make([]byte, 40<<20)}
	data := jarSigned(t, signtest.NewKey(t, "a"), bomb).bytes(t)
	_, err := apk.Inspect(bytes.NewReader(data), int64(len(data)), since)
	require.ErrorIs(t, err, apk.ErrLimit)
	info, err := apk.Inspect(bytes.NewReader(data), int64(len(data)), apk.Options{MinSDK: 21, Limits: apk.Limits{ContentBytes: 64 << 20}})
	require.NoError(t, err)
	require.True(t, info.Signature.Verified)
	_, err = apk.Inspect(bytes.NewReader(data), int64(len(data)), apk.Options{MinSDK: 21, Limits: apk.Limits{SignatureFileBytes: 64}})
	require.ErrorIs(t, err, apk.ErrLimit)
}

func TestErrorOfTheReaderWhileEntriesAreDigestedIsReturned(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 3<<20)
	for i := range noise {
		noise[i] = byte(i * i >> 9)
	}
	data := jarSigned(t, signtest.NewKey(t, "a"), file{"assets/noise", noise}).bytes(t)
	for _, at := range []int64{2000, int64(len(data)) / 2} {
		_, err := apk.Inspect(failing{bytes.NewReader(data), at}, int64(len(data)), since)
		require.ErrorIs(t, err, errDisk)
	}
}

func FuzzJARSignature(f *testing.F) {
	k := signtest.NewKey(f, "seed")
	p := jarSigned(f, k, codeFile)
	f.Add(p.manifest, p.signature, p.block)
	f.Add("Manifest-Version: 1.0\n\nName: a\r b\n", "Signature-Version: 1.0\nCreated-By: signtool\n\n", []byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, manifest, signature string, block []byte) {
		q := jarPackage{manifestName: p.manifestName, files: []file{{"classes.dex", []byte("another")}}, manifest: manifest, signature: signature, block: block}
		if inspectBytes(t, q.bytes(t), since).Signature.Verified {
			t.Fatal("what the key did not sign verifies")
		}
	})
}

func TestFilesMadeToCostTimeAreRefusedOrRead(t *testing.T) {
	t.Parallel()
	const size = 4 << 20
	k := signtest.NewKey(t, "a")
	for what, manifest := range map[string]string{
		"sections": strings.Repeat("a\n\n", size/3), "lines": strings.Repeat("a\r", size/2), "blanks": strings.Repeat("\r", size),
		"one line": strings.Repeat("a", size), "continued": "a\n" + strings.Repeat(" \n", size/2),
		"algorithms": "a: b\n\nName: classes.dex\nDigest-Algorithms: " + strings.Repeat("X ", size/4) + "\n" + strings.Repeat("z: y\n", size/10),
	} {
		p := jarSigned(t, k, codeFile)
		p.manifest = manifest
		p.resign(t, k, "")
		for _, lowest := range []int{1, 21} {
			require.False(t, inspectBytes(t, p.bytes(t), apk.Options{MinSDK: lowest}).Signature.Verified, what)
		}
	}
	p := jarSigned(t, k, codeFile)
	p.sign(t, k, "X-Android-APK-Signed: "+strings.Repeat("7,", size/2)+"\r\n")
	require.Contains(t, errorCodes(inspectBytes(t, p.bytes(t), since).Signature), "jar_sig_parse_exception")
	p.block = bytes.Repeat([]byte{0x30, 0x80}, 1<<18)
	require.Contains(t, errorCodes(inspectBytes(t, p.bytes(t), since).Signature), "jar_sig_parse_exception")
}
