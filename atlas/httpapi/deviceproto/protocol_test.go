package deviceproto_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/httpsig"
	"github.com/atlas-mdm/atlas-go/commands"
)

var write = flag.Bool("write", false, "write the worked example into PROTOCOL.md")

const specification = "PROTOCOL.md"

var (
	deviceKey = ed25519.NewKeyFromSeed([]byte("device key, random in real life."))
	serverKey = ed25519.NewKeyFromSeed([]byte("server key, random in real life."))
	noon      = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// exampleBlock is a block of the worked example with its name.
var exampleBlock = regexp.MustCompile("(?s)<!-- example: ([a-z-]+) -->\n```\n(.*?)```")

func text(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(specification)
	require.NoError(t, err)
	return string(raw)
}

// written returns the blocks of the worked example as they are in the text.
func written(t *testing.T) map[string]string {
	t.Helper()
	blocks := map[string]string{}
	for _, m := range exampleBlock.FindAllStringSubmatch(text(t), -1) {
		blocks[m[1]] = strings.TrimSuffix(m[2], "\n")
	}
	return blocks
}

func fields(h http.Header) string {
	var lines []string
	for _, name := range []string{"Content-Digest", "Signature-Input", "Signature"} {
		lines = append(lines, name+": "+h.Get(name))
	}
	return strings.Join(lines, "\n")
}

func params(h http.Header) string { return strings.TrimPrefix(h.Get("Signature-Input"), "atlas=") }

// made returns the blocks of the worked example as the code makes them.
func made(t *testing.T) map[string]string {
	t.Helper()
	spki, err := httpsig.MarshalPublicKey(deviceKey.Public())
	require.NoError(t, err)
	keyID, err := httpsig.KeyID(deviceKey.Public())
	require.NoError(t, err)
	keys, err := json.Marshal(lease.JWKS{serverKey.Public().(ed25519.PublicKey)})
	require.NoError(t, err)

	body, err := json.Marshal(deviceproto.CheckIn{Results: []deviceproto.Report{
		{CommandID: "0197f3c2-8f1e-7c4a-9d55-1b7a6a4f0c21", Attempt: 1, Outcome: "succeeded"},
	}})
	require.NoError(t, err)
	req, err := http.NewRequest(http.MethodPost, "https://mdm.example.com"+deviceproto.PathCheckIn, nil)
	require.NoError(t, err)
	require.NoError(t, httpsig.Sign(req, body, deviceKey, httpsig.Params{KeyID: keyID, Created: noon, Counter: 102}))

	token := leaseToken(t)
	answer, err := json.Marshal(deviceproto.Orders{
		Commands: []deviceproto.Command{{
			ID: "0197f3c4-02b7-7e11-8a0c-5a1f3c9be7d4", Attempt: 1, Kind: "app.uninstall", Params: json.RawMessage(`{"package":"com.example.app"}`),
			CreatedAt: noon.Add(-time.Minute), ExpiresAt: noon.Add(7 * 24 * time.Hour),
		}},
		Lease: token, Activation: "active", AgentEnabled: true, NextCheckIn: 300, ServerTime: noon,
	})
	require.NoError(t, err)
	h := http.Header{}
	require.NoError(t, httpsig.SignResponse(h, req, http.StatusOK, answer, serverKey, httpsig.ResponseParams{
		KeyID: lease.Thumbprint(serverKey.Public().(ed25519.PublicKey)), Created: noon,
	}))
	parts := strings.Split(token, ".")
	return map[string]string{
		"public-key":   base64.StdEncoding.EncodeToString(spki),
		"key-id":       keyID,
		"keys":         string(keys),
		"request-body": string(body),
		"request-base": `"@method": POST` + "\n" + `"@target-uri": https://mdm.example.com/device/v1/checkin` + "\n" +
			`"content-digest": ` + req.Header.Get("Content-Digest") + "\n" + `"@signature-params": ` + params(req.Header),
		"request-fields": fields(req.Header),
		"answer-body":    string(answer),
		"answer-base": `"@status": 200` + "\n" + `"content-digest": ` + h.Get("Content-Digest") + "\n" +
			`"signature";req;key="atlas": ` + strings.TrimPrefix(req.Header.Get("Signature"), "atlas=") + "\n" + `"@signature-params": ` + params(h),
		"answer-fields": fields(h),
		"lease":         decoded(t, parts[0]) + "\n" + decoded(t, parts[1]),
	}
}

func leaseToken(t *testing.T) string {
	t.Helper()
	signer, err := lease.NewSigner(serverKey)
	require.NoError(t, err)
	token, err := signer.Sign(lease.Lease{
		ID: "0197f3c4-02b9-7a30-b1c2-6e0d4f8a9b10", Device: "0197f3b0-6c55-7d02-93ee-2f4b8c1d7a66", Issuer: "https://mdm.example.com",
		Plan: "standard", State: "active", IssuedAt: noon, NextCheck: noon.Add(24 * time.Hour), Expires: noon.Add(24 * time.Hour),
		GraceUntil: noon.Add(96 * time.Hour),
	})
	require.NoError(t, err)
	return token
}

func decoded(t *testing.T, part string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(part)
	require.NoError(t, err)
	return string(raw)
}

func TestWorkedExampleIsWhatTheCodeMakes(t *testing.T) {
	want := made(t)
	if *write {
		out := exampleBlock.ReplaceAllStringFunc(text(t), func(block string) string {
			name := exampleBlock.FindStringSubmatch(block)[1]
			return "<!-- example: " + name + " -->\n```\n" + want[name] + "\n```"
		})
		require.NoError(t, os.WriteFile(specification, []byte(out), 0o600))
	}
	require.Equal(t, want, written(t))
}

// The text alone, with the standard library's primitives and none of our code.
func TestWorkedExampleVerifiesByTheTextAlone(t *testing.T) {
	t.Parallel()
	b := written(t)
	device, server := deviceKey.Public().(ed25519.PublicKey), serverKey.Public().(ed25519.PublicKey)
	for _, c := range []struct {
		key                ed25519.PublicKey
		body, base, fields string
	}{
		{device, b["request-body"], b["request-base"], b["request-fields"]},
		{server, b["answer-body"], b["answer-base"], b["answer-fields"]},
	} {
		sum := sha256.Sum256([]byte(c.body))
		require.Contains(t, c.base, `"content-digest": sha-256=:`+base64.StdEncoding.EncodeToString(sum[:])+":\n")
		_, sig, ok := strings.Cut(c.fields, "\nSignature: atlas=:")
		require.True(t, ok)
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(sig, ":"))
		require.NoError(t, err)
		require.True(t, ed25519.Verify(c.key, []byte(c.base), raw))
	}
	var orders struct{ Lease string }
	require.NoError(t, json.Unmarshal([]byte(b["answer-body"]), &orders))
	parts := strings.Split(orders.Lease, ".")
	require.Len(t, parts, 3)
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	require.NoError(t, err)
	require.True(t, ed25519.Verify(server, []byte(parts[0]+"."+parts[1]), sig))
	require.Equal(t, b["lease"], decoded(t, parts[0])+"\n"+decoded(t, parts[1]))
}

func TestAnswerOfTheExampleIsAcceptedByTheCode(t *testing.T) {
	t.Parallel()
	b := written(t)
	head := func(name string) http.Header {
		h := http.Header{}
		for line := range strings.SplitSeq(b[name], "\n") {
			field, value, _ := strings.Cut(line, ": ")
			h.Set(field, value)
		}
		return h
	}
	req := &http.Request{Header: head("request-fields")}
	resp := &http.Response{StatusCode: http.StatusOK, Header: head("answer-fields")}
	p, err := httpsig.VerifyResponse(resp, req, []byte(b["answer-body"]), func(string) (crypto.PublicKey, error) { return serverKey.Public(), nil })
	require.NoError(t, err)
	require.Equal(t, noon, p.Created)
}

func TestEveryNameOnTheWireIsSpecified(t *testing.T) {
	t.Parallel()
	spec := text(t)
	for _, v := range []any{
		deviceproto.Enrol{},
		deviceproto.Device{},
		deviceproto.Enrolled{},
		deviceproto.CheckIn{},
		deviceproto.Report{},
		deviceproto.App{},
		deviceproto.Orders{},
		deviceproto.Rejected{},
		deviceproto.Command{},
		deviceproto.Install{},
		deviceproto.Target{},
		deviceproto.Problem{},
	} {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			require.Contains(t, spec, "`"+name+"`", "%T", v)
		}
	}
	for _, kind := range commands.BuiltIn().Names() {
		require.Contains(t, spec, "`"+string(kind)+"`")
	}
	for _, urn := range []string{deviceproto.ProblemReplay, deviceproto.ProblemClock, deviceproto.ProblemUnknown} {
		require.Contains(t, spec, "`"+urn+"`")
	}
	for _, path := range []string{deviceproto.PathEnrol, deviceproto.PathCheckIn, deviceproto.PathWait, deviceproto.PathAPK, deviceproto.PathKeys} {
		require.Contains(t, spec, path)
	}
}

func TestLinksInsideTheSpecificationLead(t *testing.T) {
	t.Parallel()
	spec := text(t)
	heads := map[string]bool{}
	notWord := regexp.MustCompile(`[^a-z0-9 -]`)
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(spec, -1) {
		heads[strings.ReplaceAll(notWord.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	for _, m := range regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(spec, -1) {
		require.True(t, heads[m[1]], m[1])
	}
}

func TestBodiesHaveNoNullWhereTheSpecificationHasNone(t *testing.T) {
	t.Parallel()
	for _, v := range []any{deviceproto.CheckIn{}, deviceproto.Wake{}, deviceproto.Problem{}, deviceproto.Target{}} {
		raw, err := json.Marshal(v)
		require.NoError(t, err)
		require.False(t, bytes.Contains(raw, []byte("null")), "%T: %s", v, raw)
	}
}
