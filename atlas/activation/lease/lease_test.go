package lease_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
)

var checked = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	day   = 24 * time.Hour
	grace = 72 * time.Hour
)

func daily() lease.Lease {
	return lease.Lease{
		ID: "l-1", Device: "d-1", Issuer: "https://mdm.example.com", Plan: "standard", State: "active",
		IssuedAt: checked, NextCheck: checked.Add(20 * time.Hour), Expires: checked.Add(day), GraceUntil: checked.Add(day + grace),
	}
}

func signer(t testing.TB) *lease.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	s, err := lease.NewSigner(key)
	require.NoError(t, err)
	return s
}

func signed(t testing.TB, s *lease.Signer, l lease.Lease) string {
	t.Helper()
	token, err := s.Sign(l)
	require.NoError(t, err)
	return token
}

func TestALeaseCountsADayAndItsGraceAndNotASecondMore(t *testing.T) { // M-037
	t.Parallel()
	s := signer(t)
	token := signed(t, s, daily())
	for after, want := range map[time.Duration]lease.Status{
		0:                            lease.Valid,
		day - time.Second:            lease.Valid,
		day:                          lease.Grace,
		day + time.Second:            lease.Grace,
		day + grace:                  lease.Grace,
		day + grace + time.Second:    "",
		day + grace + 1000*24*3600e9: "",
	} {
		l, status, err := lease.Verify(token, lease.JWKS{s.Public()}, "d-1", checked.Add(after), time.Time{})
		require.Equal(t, want, status, "after %s", after)
		if want == "" {
			require.ErrorIs(t, err, lease.ErrExpired)
			require.ErrorIs(t, err, atlas.ErrRefused)
			require.Zero(t, l)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, daily(), l)
	}
}

func TestAClockSetBackGainsNothing(t *testing.T) {
	t.Parallel()
	s := signer(t)
	token, keys := signed(t, s, daily()), lease.JWKS{s.Public()}
	longAgo := checked.Add(-1000 * day)

	_, status, err := lease.Verify(token, keys, "d-1", longAgo, checked.Add(day))
	require.NoError(t, err)
	require.Equal(t, lease.Grace, status)
	_, _, err = lease.Verify(token, keys, "d-1", longAgo, checked.Add(day+grace+time.Second))
	require.ErrorIs(t, err, lease.ErrExpired)
}

func TestAFloorBehindTheClockChangesNothing(t *testing.T) {
	t.Parallel()
	s := signer(t)
	_, _, err := lease.Verify(signed(t, s, daily()), lease.JWKS{s.Public()}, "d-1", checked.Add(day+grace+time.Second), checked)
	require.ErrorIs(t, err, lease.ErrExpired)
}

func TestTheTimeOfIssueIsAFloorToo(t *testing.T) {
	t.Parallel()
	status, err := daily().At(checked.Add(-1000*day), time.Time{})
	require.NoError(t, err)
	require.Equal(t, lease.Valid, status)
}

func TestFractionsOfSecondsNeverLengthenALease(t *testing.T) {
	t.Parallel()
	s, l := signer(t), daily()
	l.GraceUntil = l.GraceUntil.Add(999 * time.Millisecond)
	_, _, err := lease.Verify(signed(t, s, l), lease.JWKS{s.Public()}, "d-1", checked.Add(day+grace+time.Second/2), time.Time{})
	require.ErrorIs(t, err, lease.ErrExpired)
}

func TestALeaseIsForOneDevice(t *testing.T) {
	t.Parallel()
	s := signer(t)
	_, _, err := lease.Verify(signed(t, s, daily()), lease.JWKS{s.Public()}, "d-2", checked, time.Time{})
	require.ErrorIs(t, err, lease.ErrDevice)
}

func TestAKeyOutsideTheSetIsUnknown(t *testing.T) {
	t.Parallel()
	token := signed(t, signer(t), daily())
	for _, keys := range []lease.JWKS{nil, {signer(t).Public()}, {nil}} {
		_, _, err := lease.Verify(token, keys, "d-1", checked, time.Time{})
		require.ErrorIs(t, err, lease.ErrUnknownKey)
	}
}

func TestOldLeasesStillVerifyAfterARotation(t *testing.T) {
	t.Parallel()
	old, next := signer(t), signer(t)
	for _, s := range []*lease.Signer{old, next} {
		_, _, err := lease.Verify(signed(t, s, daily()), lease.JWKS{next.Public(), old.Public()}, "d-1", checked, time.Time{})
		require.NoError(t, err)
	}
}

func TestEveryCharacterOfATokenCounts(t *testing.T) {
	t.Parallel()
	s := signer(t)
	token := signed(t, s, daily())
	for i := range token {
		changed := []byte(token)
		changed[i] = 'A'
		if token[i] == 'A' {
			changed[i] = 'B'
		}
		_, _, err := lease.Verify(string(changed), lease.JWKS{s.Public()}, "d-1", checked, time.Time{})
		require.Error(t, err, "character %d", i)
	}
}

func TestATokenInAnotherFormIsMalformed(t *testing.T) {
	t.Parallel()
	s := signer(t)
	token := signed(t, s, daily())
	parts := strings.Split(token, ".")
	header := func(text string) string { return b64(text) + "." + parts[1] + "." + parts[2] }
	for name, bad := range map[string]string{
		"empty":             "",
		"two parts":         parts[0] + "." + parts[1],
		"four parts":        token + ".",
		"trailing newline":  token + "\n",
		"newline inside":    parts[0] + "." + parts[1] + ".\n" + parts[2],
		"padded":            token + "==",
		"too long":          strings.Repeat("a", 5000),
		"no algorithm":      header(`{"alg":"none","kid":"` + s.KeyID() + `","typ":"atlas-lease+jwt"}`),
		"another algorithm": header(`{"alg":"HS256","kid":"` + s.KeyID() + `","typ":"atlas-lease+jwt"}`),
		"another type":      header(`{"alg":"EdDSA","kid":"` + s.KeyID() + `","typ":"JWT"}`),
		"unknown member":    header(`{"alg":"EdDSA","kid":"` + s.KeyID() + `","typ":"atlas-lease+jwt","crit":[]}`),
		"member twice":      header(`{"alg":"none","alg":"EdDSA","kid":"` + s.KeyID() + `","typ":"atlas-lease+jwt"}`),
		"order of members":  header(`{"typ":"atlas-lease+jwt","alg":"EdDSA","kid":"` + s.KeyID() + `"}`),
		"case of members":   header(`{"ALG":"EdDSA","kid":"` + s.KeyID() + `","typ":"atlas-lease+jwt"}`),
		"second value":      header(`{"alg":"EdDSA","kid":"` + s.KeyID() + `","typ":"atlas-lease+jwt"}{}`),
		"no JSON":           header(`EdDSA`),
	} {
		_, _, err := lease.Verify(bad, lease.JWKS{s.Public()}, "d-1", checked, time.Time{})
		require.ErrorIs(t, err, lease.ErrMalformed, name)
	}
}

func TestSignedClaimsInAnotherFormAreMalformed(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	good := `{"iss":"i","sub":"d-1","jti":"l","plan":"p","state":"active","iat":1772366400,"next_check":1772366401,"exp":1772366402,"grace_until":1772366403}`
	verify := func(claims string) error {
		s, err := lease.NewSigner(key)
		require.NoError(t, err)
		input := b64(`{"alg":"EdDSA","kid":"`+s.KeyID()+`","typ":"atlas-lease+jwt"}`) + "." + b64(claims)
		_, _, err = lease.Verify(input+"."+b64(string(ed25519.Sign(key, []byte(input)))), lease.JWKS{s.Public()}, "d-1", checked, time.Time{})
		return err
	}
	require.NoError(t, verify(good))
	for name, change := range map[string][2]string{
		"unknown claim":  {`"plan":"p"`, `"plan":"p","admin":true`},
		"claim twice":    {`"plan":"p"`, `"plan":"q","plan":"p"`},
		"missing claim":  {`"plan":"p",`, ``},
		"empty claim":    {`"plan":"p"`, `"plan":""`},
		"space":          {`"plan":"p"`, `"plan": "p"`},
		"trailing bytes": {`}`, `} `},
		"exponent":       {`"iat":1772366400`, `"iat":1772366400e0`},
		"order of times": {`"exp":1772366402`, `"exp":1772366404`},
		"number as text": {`"iat":1772366400`, `"iat":"1772366400"`},
	} {
		require.ErrorIs(t, verify(strings.Replace(good, change[0], change[1], 1)), lease.ErrMalformed, name)
	}
}

func TestALeaseThatCannotBeWrittenIsNotSigned(t *testing.T) {
	t.Parallel()
	s := signer(t)
	for name, change := range map[string]func(*lease.Lease){
		"no id":                  func(l *lease.Lease) { l.ID = "" },
		"no device":              func(l *lease.Lease) { l.Device = "" },
		"no issuer":              func(l *lease.Lease) { l.Issuer = "" },
		"no plan":                func(l *lease.Lease) { l.Plan = "" },
		"no state":               func(l *lease.Lease) { l.State = "" },
		"quote":                  func(l *lease.Lease) { l.Plan = `a"b` },
		"umlaut":                 func(l *lease.Lease) { l.Plan = "grün" },
		"long text":              func(l *lease.Lease) { l.Plan = strings.Repeat("p", 201) },
		"no time of issue":       func(l *lease.Lease) { l.IssuedAt = time.Time{} },
		"no expiry":              func(l *lease.Lease) { l.Expires = time.Time{} },
		"expires when issued":    func(l *lease.Lease) { l.NextCheck, l.Expires = l.IssuedAt, l.IssuedAt },
		"check after expiry":     func(l *lease.Lease) { l.NextCheck = l.Expires.Add(time.Second) },
		"grace before expiry":    func(l *lease.Lease) { l.GraceUntil = l.Expires.Add(-time.Second) },
		"grace in another epoch": func(l *lease.Lease) { l.GraceUntil = time.Unix(100_000_000_000, 0) },
	} {
		l := daily()
		change(&l)
		_, err := s.Sign(l)
		require.ErrorIs(t, err, lease.ErrMalformed, name)
	}
}

func TestOnlyEd25519KeysSignLeases(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	_, err = lease.NewSigner(key)
	require.ErrorIs(t, err, atlas.ErrInvalid)
}

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func FuzzVerify(f *testing.F) {
	s := signer(f)
	token := signed(f, s, daily())
	f.Add(token)
	f.Add("..")
	f.Fuzz(func(t *testing.T, other string) {
		_, _, err := lease.Verify(other, lease.JWKS{s.Public()}, "d-1", checked, time.Time{})
		require.Equal(t, other == token, err == nil)
	})
}
