package panel_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/identity/password"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/examples/mdm/internal/panel"
	"github.com/atlas-mdm/atlas-go/store/blob/mem"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

const secretWord = "a long enough phrase"

// world is a panel over a small tree: admin > north > fjord, and admin > east
// beside them, with one device of fjord's and the signed test package of
// north's.
type world struct {
	*httptest.Server
	svc                             *fleet.Service
	admin, north, fjord, east       atlas.Actor
	device                          atlas.DeviceID
	plan, code, apk, command, event string
}

func newWorld(t *testing.T) *world { return newWorldWith(t, panel.Options{}, fleet.Options{}) }

func newWorldWith(t *testing.T, o panel.Options, f fleet.Options) *world {
	t.Helper()
	var err error
	f.Passwords, err = password.New(password.Fast())
	require.NoError(t, err)
	svc, err := fleet.New(memory.New(memory.Options{}), new(mem.Store), bytes.Repeat([]byte{7}, 32), f)
	require.NoError(t, err)
	o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	p, err := panel.New(svc, o)
	require.NoError(t, err)
	w := &world{svc: svc, Server: httptest.NewServer(p.Handler())}
	t.Cleanup(w.Close)
	w.fill(t)
	return w
}

func (w *world) fill(t *testing.T) {
	ctx := t.Context()
	root, err := w.svc.Setup(ctx, "admin", "Administrator", secretWord)
	require.NoError(t, err)
	w.admin = atlas.Actor{Account: root.ID, Purpose: atlas.PurposeSupport}
	w.north = w.account(t, w.admin, "north", atlas.Reseller, root.ID)
	w.east = w.account(t, w.admin, "east", atlas.Reseller, root.ID)
	w.fjord = w.account(t, w.north, "fjord", atlas.Client, w.north.Account)
	_, err = w.svc.GrantCredits(ctx, w.admin, "", fleet.Grant{AccountID: w.fjord.Account, Amount: 100})
	require.NoError(t, err)
	plan, err := w.svc.CreatePlan(ctx, w.admin, "", activation.Plan{Name: "Year", Days: 365, Devices: 1, Price: 10, Charge: activation.ChargeOnRedeem})
	require.NoError(t, err)
	codes, err := w.svc.IssueCodes(ctx, w.north, "", fleet.NewCodes{PlanID: plan.ID, Count: 2, OwnerID: w.fjord.Account, Prefix: "FJRD"})
	require.NoError(t, err)
	w.plan, w.code = plan.ID, codes[1].ID
	in, err := w.svc.Enrol(ctx, fleet.Enrolment{Code: codes[0].Text, PublicKey: []byte("key"), KeyID: "key", Info: fleet.DeviceInfo{
		Name: "<b>Driver</b>", Model: "Pixel", Capabilities: kinds(),
	}})
	require.NoError(t, err)
	w.device = in.Device.ID
	file, err := os.Open("../demo/tiny.apk")
	require.NoError(t, err)
	defer file.Close()
	a, err := w.svc.UploadAPK(ctx, w.north, fleet.Upload{FileName: "tiny.apk"}, file)
	require.NoError(t, err)
	w.apk = a.ID
	_, err = w.svc.ScanPending(ctx)
	require.NoError(t, err)
	sent, err := w.svc.SendCommand(ctx, w.north, "", fleet.NewCommand{Kind: commands.DeviceReboot, Target: fleet.Target{DeviceIDs: []atlas.DeviceID{w.device}}})
	require.NoError(t, err)
	w.command = sent.ID
	_, err = w.svc.SealAudit(ctx)
	require.NoError(t, err)
	events, err := w.svc.AuditEvents(ctx, w.north, atlas.Page{Limit: 1})
	require.NoError(t, err)
	w.event = events[0].ID
}

func kinds() (out []string) {
	for _, k := range commands.BuiltIn().Names() {
		out = append(out, string(k))
	}
	return out
}

func (w *world) account(t *testing.T, by atlas.Actor, name string, role atlas.Role, parent atlas.AccountID) atlas.Actor {
	a, err := w.svc.CreateAccount(t.Context(), by, "", fleet.NewAccount{Username: name, Role: role, ParentID: parent, Password: secretWord})
	require.NoError(t, err)
	return atlas.Actor{Account: a.ID}
}

// browser is a client that keeps cookies and does not follow redirects.
type browser struct {
	t *testing.T
	w *world
	c *http.Client
}

func (w *world) browser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &browser{t, w, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// as is a browser in which somebody has signed in.
func (w *world) as(t *testing.T, username string) *browser {
	b := w.browser(t)
	status, _, head := b.post("/sign-in", url.Values{"username": {username}, "password": {secretWord}})
	require.Equal(t, http.StatusSeeOther, status)
	require.Equal(t, "/", head.Get("Location"))
	return b
}

func (b *browser) get(path string) (int, string) {
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.w.URL+path, nil)
	require.NoError(b.t, err)
	status, body, _ := b.do(req)
	return status, body
}

func (b *browser) post(path string, form url.Values, change ...func(*http.Request)) (int, string, http.Header) {
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.w.URL+path, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range change {
		c(req)
	}
	return b.do(req)
}

func (b *browser) do(req *http.Request) (int, string, http.Header) {
	resp, err := b.c.Do(req)
	require.NoError(b.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	return resp.StatusCode, string(body), resp.Header
}

// asHTMX makes a request one of htmx's.
func asHTMX(r *http.Request) { r.Header.Set("HX-Request", "true") }

func TestEveryPageRendersForEveryRoleThatMaySeeIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	everybody := []string{
		"/", "/overview", "/accounts", "/accounts?q=o", "/accounts/" + string(w.fjord.Account), "/devices", "/devices/rows", "/devices?online=yes&q=driv",
		"/devices/" + string(w.device), "/devices/" + string(w.device) + "/live", "/packages", "/packages/rows", "/codes", "/audit",
	}
	resellers := []string{
		"/accounts/" + string(w.north.Account) + "/children", "/packages/" + w.apk, "/packages/" + w.apk + "/verdict",
		"/packages/" + w.apk + "/deployments", "/packages/" + w.apk + "/file", "/audit/" + w.event + "/proof", "/security",
	}
	for name, paths := range map[string][]string{
		"admin": append(append([]string{"/audit/export"}, everybody...), resellers...), "north": append(resellers, everybody...), "fjord": everybody,
	} {
		b := w.as(t, name)
		for _, path := range paths {
			status, body := b.get(path)
			require.Equal(t, http.StatusOK, status, "%s at %s: %s", name, path, body)
			require.NotContains(t, body, "<b>Driver</b>", "what a device says of itself is escaped at %s", path)
		}
	}
}

func TestWhatIsNotYoursAndWhatIsNotThereLookAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.as(t, "east")
	for _, pair := range [][2]string{
		{"/devices/" + string(w.device), "/devices/nothing"},
		{"/accounts/" + string(w.fjord.Account), "/accounts/nothing"},
		{"/packages/" + w.apk, "/packages/nothing"},
		{"/packages/" + w.apk + "/file", "/packages/nothing/file"},
		{"/audit/" + w.event + "/proof", "/audit/nothing/proof"},
		{"/nowhere", "/devices/nothing"},
	} {
		status, yours := b.get(pair[0])
		_, missing := b.get(pair[1])
		require.Equal(t, http.StatusNotFound, status)
		require.Equal(t, missing, yours)
		require.Contains(t, yours, "does not exist, or it is not yours")
	}
}

func TestWithoutASessionEverythingLeadsToTheSignInPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t)
	for _, path := range []string{"/", "/devices", "/audit", "/nowhere"} {
		status, _ := b.get(path)
		require.Equal(t, http.StatusSeeOther, status, path)
	}
	_, _, head := b.post("/commands/x/cancel", nil, asHTMX)
	require.Equal(t, "/sign-in", head.Get("HX-Redirect"))
	status, body := b.get("/sign-in")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, `name="password"`)
}

func TestAWrongPasswordSaysNothingAboutTheAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t)
	for _, name := range []string{"north", "nobody"} {
		status, body, _ := b.post("/sign-in", url.Values{"username": {name}, "password": {"wrong password"}})
		require.Equal(t, http.StatusUnauthorized, status)
		require.Contains(t, body, "That username and password don&#39;t match.")
		require.NotContains(t, body, "wrong password")
	}
}

func TestSigningOutEndsTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.as(t, "north")
	at, err := url.Parse(w.URL)
	require.NoError(t, err)
	kept := b.c.Jar.Cookies(at)
	b.post("/sign-out", nil)
	b.c.Jar.SetCookies(at, kept)
	status, _ := b.get("/")
	require.Equal(t, http.StatusSeeOther, status)
}

func TestAFormOfAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status, _, _ := w.as(t, "admin").post("/accounts/"+string(w.north.Account)+"/status", url.Values{"do": {"suspend"}}, func(r *http.Request) {
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	})
	require.Equal(t, http.StatusForbidden, status)
	a, err := w.svc.Account(t.Context(), w.admin, w.north.Account)
	require.NoError(t, err)
	require.Equal(t, atlas.Active, a.Status)
}

func TestNothingIsInlineAndNothingComesFromElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.as(t, "admin")
	inline := regexp.MustCompile(`<style|style="|<script>|javascript:|\son[a-z]+="|https?://`)
	for _, path := range []string{"/", "/accounts", "/devices/" + string(w.device), "/packages/" + w.apk, "/codes", "/audit", "/security"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+path, nil)
		require.NoError(t, err)
		_, body, head := b.do(req)
		require.Empty(t, inline.FindAllString(body, -1), path)
		require.Contains(t, head.Get("Content-Security-Policy"), "default-src 'self';")
		require.NotContains(t, head.Get("Content-Security-Policy"), "unsafe")
		require.Equal(t, "no-store", head.Get("Cache-Control"))
	}
}

func TestAssetsAreKeptForEverUnderTheirHash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t)
	_, body := b.get("/sign-in")
	found := regexp.MustCompile(`/assets/[^"]+`).FindAllString(body, -1)
	require.Len(t, found, 5)
	for _, at := range found {
		resp, err := http.Get(w.URL + at)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode, at)
		require.Contains(t, resp.Header.Get("Cache-Control"), "immutable")
	}
	status, _ := b.get("/assets/panel.css")
	require.Equal(t, http.StatusNotFound, status, "only the hashed name is kept for ever")
}

func TestAFormShowsWhatIsWrongBesideTheField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.as(t, "north")
	in := url.Values{"username": {"x"}, "role": {"client"}, "parent_id": {string(w.north.Account)}, "password": {secretWord}}
	status, body, _ := b.post("/accounts", in, asHTMX)
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, body, `id="new-account-username-error">Must have 3 to 64 characters.`)
	require.Contains(t, body, `value="x"`, "what was entered stays")
	require.NotContains(t, body, secretWord, "but for the password")
	in.Set("username", "FJORD")
	_, body, _ = b.post("/accounts", in)
	require.Contains(t, body, `id="new-account-username-error">Is taken already.`)
	require.Contains(t, body, "<title>New account", "without htmx it is a page")
}

func TestTooFewCreditsAreSaidInWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := "/accounts/" + string(w.fjord.Account) + "/transfer"
	_, body, _ := w.as(t, "north").post(to, url.Values{"direction": {"in"}, "other": {string(w.north.Account)}, "amount": {"5"}}, asHTMX)
	require.Contains(t, body, "There are not enough credits for this.")
	require.NotContains(t, body, "ledger:")
}

func TestAFormSentTwiceIsOneDeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.as(t, "admin")
	in := url.Values{"amount": {"7"}, "key": {"one intention"}}
	for range 2 {
		status, _, _ := b.post("/accounts/"+string(w.north.Account)+"/grant", in)
		require.Equal(t, http.StatusSeeOther, status)
	}
	balance, err := w.svc.Credits(t.Context(), w.north, w.north.Account)
	require.NoError(t, err)
	require.EqualValues(t, 7, balance.Available())
}

func TestFormsThatTheRoleDoesNotAllowAreLeftOutAndRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.as(t, "fjord")
	_, body := b.get("/codes")
	require.NotContains(t, body, `id="form-issue"`)
	require.NotContains(t, body, `id="form-plan"`)
	_, body = b.get("/accounts/" + string(w.fjord.Account))
	require.NotContains(t, body, "<form class=\"fields\"")
	status, body, _ := b.post("/plans", url.Values{
		"name": {"Mine"}, "days": {"1"}, "devices": {"1"}, "price": {"0"}, "grace_hours": {"0"}, "redeem_days": {"0"}, "charge": {"on_issue"},
	})
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, body, "Your role does not allow this.")
	plans, err := w.svc.Plans(t.Context(), w.fjord, atlas.Page{})
	require.NoError(t, err)
	require.Len(t, plans, 1)
}

func TestSuspendingAnAccountLocksItOutAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	below := w.as(t, "fjord")
	_, _, head := w.as(t, "admin").post("/accounts/"+string(w.north.Account)+"/status", url.Values{"do": {"suspend"}}, asHTMX)
	require.Equal(t, "/accounts/"+string(w.north.Account)+"?done=suspended", head.Get("HX-Redirect"))
	status, _ := below.get("/devices")
	require.Equal(t, http.StatusSeeOther, status)
}

func TestAnUploadIsJudgedAndRefusedInWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.as(t, "fjord")
	apk, err := os.ReadFile("../demo/tiny.apk")
	require.NoError(t, err)
	status, _, head := b.upload(apk)
	require.Equal(t, http.StatusOK, status)
	require.Regexp(t, `^/packages/[^/]+\?done=uploaded$`, head.Get("HX-Redirect"))
	status, body, _ := b.upload([]byte("PK not really"))
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, body, "This file is not an APK that can be read.")
}

func (b *browser) upload(file []byte) (int, string, http.Header) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "some.apk")
	require.NoError(b.t, err)
	_, err = part.Write(file)
	require.NoError(b.t, err)
	require.NoError(b.t, form.Close())
	return b.post("/packages", nil, asHTMX, func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(&body), int64(body.Len())
		r.Header.Set("Content-Type", form.FormDataContentType())
	})
}

func TestAPackageIsAssignedAndOrdered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.as(t, "north")
	target := url.Values{"target": {"account:" + string(w.fjord.Account)}}
	_, body, _ := b.post("/packages/"+w.apk+"/deploy", url.Values{"target": {"device:" + string(w.device)}}, asHTMX)
	require.Contains(t, body, "Assign it first.")
	_, _, head := b.post("/packages/"+w.apk+"/assign", target, asHTMX)
	require.Equal(t, "/packages/"+w.apk+"?done=assigned", head.Get("HX-Redirect"))
	_, _, head = b.post("/packages/"+w.apk+"/deploy", target, asHTMX)
	require.Contains(t, head.Get("HX-Redirect"), "campaign=")
	_, body = b.get(head.Get("HX-Redirect"))
	require.Contains(t, body, `max="1" value="0"`, "the device counts although it has not asked yet")
}

func TestCommandsAreSentAndCancelledFromTheDevicesPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.as(t, "fjord")
	at := "/devices/" + string(w.device)
	_, body, head := b.post(at+"/commands", url.Values{"kind": {"device.sync"}}, asHTMX)
	require.Equal(t, "changed", head.Get("HX-Trigger"))
	require.Contains(t, body, "The command was queued.")
	_, body = b.get(at + "/live")
	require.Contains(t, body, `data-command="device.sync" data-state="queued"`)
	_, _, _ = b.post("/commands/"+w.command+"/cancel", nil, asHTMX)
	_, body = b.get(at + "/live")
	require.Contains(t, body, `data-command="device.reboot" data-state="cancelled"`)
}

func TestCodesAreIssuedShownAndRevoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.as(t, "north")
	in := url.Values{"plan_id": {w.plan}, "owner_id": {string(w.fjord.Account)}, "count": {"3"}, "prefix": {"NEW"}, "key": {"k"}}
	status, first, _ := b.post("/codes", in)
	require.Equal(t, http.StatusOK, status)
	text := regexp.MustCompile(`NEW-[2-9A-Z-]{19}`)
	require.Len(t, text.FindAllString(first, -1), 3)
	_, again, _ := b.post("/codes", in)
	require.Equal(t, text.FindAllString(first, -1), text.FindAllString(again, -1), "loading the sheet again issues nothing")
	_, body, _ := b.post("/codes/"+w.code+"/reveal", nil, asHTMX)
	require.Regexp(t, `^<code class="shown">FJRD-[2-9A-Z-]{19}</code>$`, body)
	b.post("/codes/"+w.code+"/state", url.Values{"do": {"revoke"}}, asHTMX)
	codes, err := w.svc.RevealCode(t.Context(), w.north, w.code)
	require.NoError(t, err)
	require.Equal(t, activation.Revoked, codes.State)
}

func TestAnAuditEventIsProvenOnThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, body := w.as(t, "north").get("/audit/" + w.event + "/proof")
	require.Contains(t, body, "verified")
	require.Contains(t, body, "up to the signed root")
}

func TestTheChosenPurposeIsWhatIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.as(t, "admin")
	b.post("/purpose", url.Values{"purpose": {"compliance"}}, asHTMX)
	b.get("/security")
	require.Contains(t, purposesOf(t, w, "security.read"), "compliance")
	status, _, _ := b.post("/purpose", url.Values{"purpose": {"curiosity"}}, asHTMX)
	require.Equal(t, http.StatusUnprocessableEntity, status)
}

func purposesOf(t *testing.T, w *world, action string) (out []string) {
	events, err := w.svc.AuditEvents(context.WithoutCancel(t.Context()), w.admin, atlas.Page{Limit: 50})
	require.NoError(t, err)
	for _, e := range events {
		facts, err := e.Facts()
		require.NoError(t, err)
		if e.Action == "disclosure" && facts[0].Value == action {
			out = append(out, facts[1].Value)
		}
	}
	return out
}
