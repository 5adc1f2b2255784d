package httpapi_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
)

func TestAnUnknownCodeIsNotFound(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.code("north/1", 1)
	s.refused(0, func() { s.newPhone().enrol("not a code").problem(422, "invalid") })
	s.refused(1, func() { s.newPhone().enrol(unknownCode).problem(404, "not-found") })
}

// unknownCode is a code by its form that nobody issued: its check symbol fits.
const unknownCode = "22222-22222-22222-22222-22222-2"

func TestACodeIsGoodForItsDevicesOnly(t *testing.T) {
	t.Parallel()
	s := serve(t)
	code := s.code("north/1", 1)
	first := s.newPhone()
	id := first.enrol(code).status(201).text("device_id")
	require.Equal(t, id, first.enrol(code).status(201).text("device_id"), "a lost answer is asked for again")
	s.refused(1, func() { s.newPhone().enrol(code).problem(409, "code-used") })
}

func TestCreditsThatAreNotThereBuyNothing(t *testing.T) {
	t.Parallel()
	s := serve(t)
	plan := s.as("admin", "POST", "/v1/plans", object{"name": "Dear", "days": 1, "devices": 1, "price": 10, "charge": "on_issue"}).status(201).text("id")
	s.Grant("north", 9)
	s.refused(1, func() {
		s.as("north", "POST", "/v1/activation-codes", object{"plan_id": plan, "count": 1, "owner_id": s.ID("north")}).problem(409, "insufficient-credits")
	})
	s.refused(1, func() {
		s.as("north", "POST", "/v1/credits/transfers", object{"from": s.ID("north"), "to": s.ID("north/1"), "amount": 10}).problem(409, "insufficient-credits")
	})
	s.refused(0, func() {
		p := s.as("north", "POST", "/v1/credits/transfers", object{"from": s.ID("north"), "to": s.ID("north/1"), "amount": -5}).problem(422, "invalid")
		require.Equal(t, "body.amount", p.Errors[0].Location)
	})
}

// What is another tenant's is answered as what is not there, to the byte.
func TestWhatIsAnothersReadsAsNotThere(t *testing.T) {
	t.Parallel()
	s := serve(t)
	device := s.enrolled(s.code("north/1", 1)).id
	for _, path := range []string{"/v1/devices/", "/v1/accounts/", "/v1/commands/", "/v1/campaigns/", "/v1/apks/"} {
		s.refused(2, func() {
			foreign := s.as("south", "GET", path+map[bool]string{true: device, false: string(s.ID("north"))}[path == "/v1/devices/"], nil)
			absent := s.as("south", "GET", path+"absent", nil)
			foreign.problem(404, "not-found")
			require.Equal(t, string(absent.body), string(foreign.body))
		})
	}
	s.refused(1, func() {
		s.as("south", "PATCH", "/v1/devices/"+device, object{"name": "mine"}).problem(404, "not-found")
	})
}

func TestIDsOfOtherTenantsInBodiesAreNotFound(t *testing.T) {
	t.Parallel()
	s := serve(t)
	device := s.enrolled(s.code("north/1", 1)).id
	own := s.enrolled(s.code("south/1", 1)).id
	apk := s.upload("south", tiny(t, "tiny.apk")).status(201).text("id")
	_, err := s.ScanPending(t.Context())
	require.NoError(t, err)
	s.Grant("south", 5)
	north := s.ID("north")
	for _, c := range []struct {
		path string
		body object
	}{
		{"/v1/commands", object{"kind": "device.reboot", "target": object{"device_ids": []string{device}}}},
		{"/v1/commands", object{"kind": "device.reboot", "target": object{"device_ids": []string{own, device}}}},
		{"/v1/commands", object{"kind": "device.reboot", "target": object{"account_id": north}}},
		{"/v1/apks/" + apk + "/assignments", object{"account_id": north}},
		{"/v1/apks/" + apk + "/assignments", object{"device_id": device}},
		{"/v1/credits/transfers", object{"from": north, "to": s.ID("south"), "amount": 1}},
		{"/v1/credits/holds", object{"account_id": north, "amount": 1}},
		{"/v1/accounts", object{"username": "intruder", "role": "client", "parent_id": north, "password": "a long enough secret"}},
		{"/v1/devices/" + own + "/transfer", object{"owner_id": north}},
		{"/v1/folders", object{"owner_id": north, "name": "Folder"}},
		{"/v1/accounts/" + string(s.ID("south/1")) + "/move", object{"parent_id": north}},
	} {
		s.refused(1, func() { s.as("south", "POST", c.path, c.body).problem(404, "not-found") })
	}
}

func TestARoleThatMayNotIsDenied(t *testing.T) {
	t.Parallel()
	s := serve(t)
	north := s.ID("north")
	for name, c := range map[string]struct {
		path string
		body object
	}{
		"north":   {"/v1/credits/grants", object{"account_id": north, "amount": 1}},
		"north/1": {"/v1/accounts", object{"username": "sub.client", "role": "client", "parent_id": s.ID("north/1"), "password": "a long enough secret"}},
		"north/a": {"/v1/plans", object{"name": "Mine", "days": 1, "devices": 1, "price": 0, "charge": "on_issue"}},
	} {
		s.refused(1, func() { s.as(name, "POST", c.path, c.body).problem(403, "denied") })
	}
}

func TestASuspendedParentStopsEverybodyBelow(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.as("admin", "POST", "/v1/accounts/"+string(s.ID("north"))+"/suspend", nil).status(200)
	s.refused(1, func() { s.as("north/1", "GET", "/v1/devices", nil).problem(403, "suspended") })
	s.as("admin", "POST", "/v1/accounts/"+string(s.ID("north"))+"/resume", nil).status(200)
	s.as("north/1", "GET", "/v1/devices", nil).status(200)
}

func TestNobodyIsRefusedBeforeTheBodyIsRead(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, c := range []reply{
		s.as("", "GET", "/v1/me", nil),
		s.as("", "POST", "/v1/accounts", "not JSON at all"),
		s.as("", "GET", "/v1/me", nil, "Authorization", "Bearer atls_wrong"),
		s.as("", "GET", "/v1/me", nil, "Authorization", "Basic eDp5"),
	} {
		c.problem(401, "unauthenticated")
		require.Equal(t, "Bearer", c.Header.Get("WWW-Authenticate"))
	}
	s.refused(1, func() { s.upload("", tiny(t, "tiny.apk")).problem(401, "unauthenticated") })
}

func TestWrongPasswordsAreSlowedDown(t *testing.T) {
	t.Parallel()
	s := serve(t)
	wrong := object{"username": "north", "password": "wrong password"}
	for range 6 {
		s.as("", "POST", "/v1/sessions", wrong).problem(401, "unauthenticated")
	}
	last := s.as("", "POST", "/v1/sessions", wrong)
	last.problem(429, "limited")
	require.Equal(t, "1", last.Header.Get("Retry-After"))
}

func TestADeviceRequestCountsOnce(t *testing.T) {
	t.Parallel()
	s := serve(t)
	p := s.enrolled(s.code("north/1", 1))
	p.checkIn(deviceproto.CheckIn{})
	p.checkIn(deviceproto.CheckIn{})
	p.counter = 1
	s.refused(1, func() {
		got := p.verified(p.signed("POST", deviceproto.PathCheckIn, []byte("{}"))).problem(401, "replay")
		require.Equal(t, uint64(2), got.Counter)
	})
	p.counter = 2
	p.checkIn(deviceproto.CheckIn{})
}

func TestADeviceRequestNeedsAGoodSignature(t *testing.T) {
	t.Parallel()
	s := serve(t)
	p := s.enrolled(s.code("north/1", 1))
	p.checkIn(deviceproto.CheckIn{})
	s.refused(1, func() {
		s.as("", "POST", deviceproto.PathCheckIn, object{}).problem(401, "unauthenticated")
	})
	s.refused(1, func() { // another body than the one that was signed
		req := p.signed("POST", deviceproto.PathCheckIn, []byte("{}"))
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader([]byte("{ }"))), 3
		p.verified(req).problem(401, "unauthenticated")
	})
	s.refused(1, func() { // another target
		req := p.signed("GET", deviceproto.PathWait+"?timeout=1", nil)
		req.URL.RawQuery = "timeout=2"
		p.verified(req).problem(401, "unauthenticated")
	})
	s.refused(1, func() { // a key that no device has
		stranger := s.newPhone()
		stranger.keys = p.keys
		stranger.verified(stranger.signed("POST", deviceproto.PathCheckIn, []byte("{}"))).problem(401, "unknown-device")
	})
	s.refused(0, func() {
		req := p.signed("POST", deviceproto.PathCheckIn, []byte("{}"))
		req.Header.Set("Signature-Input", "atlas=()")
		s.send(req).problem(400, "malformed")
	})
	p.checkIn(deviceproto.CheckIn{})
}

func TestADeviceWhoseClockIsOffLearnsTheTime(t *testing.T) {
	t.Parallel()
	s := serve(t)
	p := s.enrolled(s.code("north/1", 1))
	p.checkIn(deviceproto.CheckIn{})
	req := p.signed("POST", deviceproto.PathCheckIn, []byte("{}"))
	s.Clock.Advance(3 * time.Minute)
	s.refused(1, func() {
		got := p.verified(req).problem(401, "clock")
		require.Equal(t, s.Now(), *got.ServerTime)
	})
}

func TestADeviceBodyIsReadStrictlyAndBounded(t *testing.T) {
	t.Parallel()
	s := serve(t)
	p := s.enrolled(s.code("north/1", 1))
	p.checkIn(deviceproto.CheckIn{})
	for body, want := range map[string]struct {
		status int
		kind   string
	}{
		`{"results":[`:                {400, "malformed"},
		`{"apps":[],"apps":[]}`:       {400, "malformed"},
		`{} {}`:                       {400, "malformed"},
		`{"battery":80}`:              {422, "invalid"},
		`{"results":"none"}`:          {422, "invalid"},
		`{"device":{"sdk":"thirty"}}`: {422, "invalid"},
	} {
		p.verified(p.signed("POST", deviceproto.PathCheckIn, []byte(body))).problem(want.status, want.kind)
	}
	p.verified(p.signed("POST", deviceproto.PathCheckIn, make([]byte, deviceproto.MaxBody+1))).problem(413, "too-large")
	p.verified(p.signed("GET", deviceproto.PathWait+"?timeout=soon", nil)).problem(422, "invalid")
	s.refused(1, func() {
		p.verified(p.signed("GET", deviceproto.PathAPK+sum([]byte("no such file")), nil)).problem(404, "not-found")
	})
	s.as("", "POST", deviceproto.PathEnrol, `{"activation_code":"x","public_key":"AAAA","device":{},"capabilities":[]}`).problem(422, "invalid")
	s.as("", "POST", deviceproto.PathEnrol, `{"activation_code":"x"}`).problem(422, "invalid")
}

func TestResultsOfAnotherDevicesCommandsAreRejected(t *testing.T) {
	t.Parallel()
	s := serve(t)
	a, b := s.enrolled(s.code("north/1", 1)), s.enrolled(s.code("south/1", 1))
	cmd := a.checkIn(deviceproto.CheckIn{}).Commands[0]
	got := b.checkIn(done(cmd))
	require.Equal(t, []deviceproto.Rejected{{CommandID: cmd.ID, Reason: "no such command"}}, got.Rejected)
	require.Empty(t, a.checkIn(done(cmd)).Rejected)
}

func TestAnUploadThatIsNoAPKIsNotKept(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.refused(1, func() { s.upload("north", []byte("not a package")).problem(422, "not-apk") })
	s.refused(0, func() {
		s.upload("north", tiny(t, "tiny.apk"), "Content-Type", "multipart/form-data; boundary=x").problem(415, "media-type")
	})
	s.refused(1, func() {
		s.as("south", "POST", "/v1/apks?owner_id="+string(s.ID("north")), bytes.NewReader(tiny(t, "tiny.apk")), "Content-Type", "application/octet-stream").
			problem(404, "not-found")
	})
}

func TestAnUploadOverItsBoundIsRefused(t *testing.T) {
	t.Parallel()
	s := serveWith(t, httpapi.Options{MaxUpload: 1000}, fleet.Options{})
	file := tiny(t, "tiny.apk")
	s.refused(1, func() { s.upload("north", file).problem(413, "too-large") })
	s.refused(1, func() { // without a length that says so
		req := s.request("POST", "/v1/apks", io.MultiReader(bytes.NewReader(file)))
		req.Header.Set("Authorization", "Bearer "+s.token("north"))
		s.send(req).problem(413, "too-large")
	})
	inner := serveWith(t, httpapi.Options{}, fleet.Options{MaxUpload: 1000})
	inner.refused(1, func() { inner.upload("north", file).problem(413, "too-large") })
}

func TestAFormThatLiesAboutThePackageIsKeptAsEvidence(t *testing.T) {
	t.Parallel()
	s := serve(t)
	got := s.upload("north", tiny(t, "tiny.apk"), "X-Package-Name", "com.android.vending", "X-File-Name", "../../etc/passwd").status(201)
	require.Equal(t, "com.android.vending", got.text("claimed_package"))
	require.Equal(t, "dev.atlasmdm.tiny", got.text("package"))
	require.Equal(t, "../../etc/passwd", got.text("file_name"))
	require.Equal(t, got.text("id"), s.upload("north", tiny(t, "tiny.apk")).status(201).text("id"), "the same file is the same package")
}

func TestAnUnsignedPackageNeverBecomesClean(t *testing.T) {
	t.Parallel()
	s := serve(t)
	id := s.upload("north", tiny(t, "tiny-unsigned.apk")).status(201).text("id")
	_, err := s.ScanPending(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, "clean", s.as("north", "GET", "/v1/apks/"+id, nil).text("state"))
	s.refused(1, func() {
		s.as("admin", "POST", "/v1/apks/"+id+"/judge", object{"state": "clean", "reason": "trust me"}).status(http.StatusConflict)
	})
	s.refused(1, func() {
		s.as("north", "POST", "/v1/apks/"+id+"/judge", object{"state": "rejected", "reason": "mine"}).problem(403, "denied")
	})
}

func TestARepeatedKeyGivesTheFirstAnswerOrIsAMismatch(t *testing.T) {
	t.Parallel()
	s := serve(t)
	grant := func(amount int) reply {
		return s.as("admin", "POST", "/v1/credits/grants", object{"account_id": s.ID("north"), "amount": amount}, "Idempotency-Key", "once")
	}
	first := grant(5).status(201)
	s.refused(0, func() { require.Equal(t, first.body, grant(5).status(201).body) })
	s.refused(1, func() { grant(6).problem(422, "idempotency-mismatch") })
}
