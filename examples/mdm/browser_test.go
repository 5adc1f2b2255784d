package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/examples/agent/device"
	"github.com/atlas-mdm/atlas-go/examples/mdm/internal/demo"
)

// step is one thing that somebody does in a browser.
type step = chromedp.Action[chromedp.Void]

// tab is a page of a headless Chromium.
type tab struct {
	t    *testing.T
	ctx  context.Context
	url  string
	dir  string // of screenshots
	shot int
}

// openTab starts a browser for the server at url. Screenshots go where
// ATLAS_SCREENSHOTS says, or to the test's artifacts.
func openTab(t *testing.T, url string) *tab {
	t.Helper()
	path, err := atlastest.Program("chromium")
	if err != nil {
		path, err = atlastest.Program("google-chrome")
	}
	require.NoError(t, err)
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-dev-shm-usage", false), chromedp.Flag("hide-scrollbars", true))
	allocated, endBrowser := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(endBrowser)
	ctx, endTab := chromedp.NewContext(allocated)
	t.Cleanup(endTab)
	require.NoError(t, chromedp.Do(ctx), "no deadline here: it would end the browser")
	ctx, stop := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(stop)
	dir := os.Getenv("ATLAS_SCREENSHOTS")
	if dir == "" {
		dir = t.ArtifactDir()
	}
	b := &tab{t: t, ctx: ctx, url: url, dir: dir}
	b.do(chromedp.EmulateViewport(1280, 800))
	return b
}

func (b *tab) do(steps ...step) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Text("body"))
		require.NoError(b.t, err, text)
	}
}

func (b *tab) text(sel string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Text(sel))
	require.NoError(b.t, err)
	return s
}

func (b *tab) visit(path string) { b.do(chromedp.Navigate(b.url + path)) }

// shoot keeps a screenshot of what is to be seen.
func (b *tab) shoot(name string) []byte {
	b.t.Helper()
	b.shot++
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	require.NoError(b.t, err)
	file := filepath.Join(b.dir, fmt.Sprintf("%s-%02d-%s.png", b.t.Name(), b.shot, name))
	require.NoError(b.t, os.WriteFile(file, png, 0o644))
	return png
}

func (b *tab) signIn(username, password string) {
	b.visit("/sign-in")
	b.do(fill("#sign-in-username", username), fill("#sign-in-password", password), press("#form-sign-in button"), see("#numbers"))
}

// choose takes the first choice of a select whose text contains what is given.
func (b *tab) choose(sel, text string) {
	b.t.Helper()
	js := fmt.Sprintf(`(() => { const s = document.querySelector(%q); const o = [...s.options].find(o => o.text.includes(%q)); if (o) s.value = o.value; return !!o })()`, sel, text)
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](js))
	require.NoError(b.t, err)
	require.True(b.t, found, "%s has no choice %q", sel, text)
}

func fill(sel, text string) step { return chromedp.SendKeys(sel, text) }
func press(sel string) step      { return chromedp.Click(sel) }
func see(sel string) step        { return chromedp.WaitVisible(sel) }

// done waits for the page of that title which says that something was done.
func done(what, title string) step {
	return see(fmt.Sprintf("main[data-done=%q][data-page=%q]", what, title))
}

// unfold opens the form of that id, which stands folded on its page.
func unfold(form string) step { return press("details:has(#form-" + form + ") > summary") }

func TestAnOperatorDoesTheMainJobInABrowser(t *testing.T) {
	atlastest.Need(t, "chromium")
	t.Parallel()
	p := start(t, "-data", t.TempDir(), "-store", "memory:")
	b := openTab(t, p.url())
	b.signIn(adminName, p.see(`with the password (\S{26})`)[1])
	b.growTree()
	code := b.issueCode()
	phone := enrolPhone(t, b.url, code)
	b.seeDevice()
	b.uploadAPK()
	b.deploy()
	apps, err := phone.Apps(t.Context())
	require.NoError(t, err)
	require.Len(t, apps, 1)
	require.Equal(t, "dev.atlasmdm.tiny", apps[0].Package)
	b.checkAudit()
}

// growTree makes a reseller with credits and a client below it.
func (b *tab) growTree() {
	b.visit("/accounts")
	b.do(unfold("new-account"), fill("#new-account-username", "x"), fill("#new-account-password", "a good long phrase"), press("#form-new-account button"),
		see("#new-account-username-error"))
	require.Equal(b.t, "Must have 3 to 64 characters.", b.text("#new-account-username-error"))
	b.shoot("wrong-field")
	b.do(chromedp.SetValue("#new-account-username", "north"), fill("#new-account-password", "a good long phrase"), press("#form-new-account button"), done("account", "north"))
	b.do(unfold("grant"), fill("#grant-amount", "500"), press("#form-grant button"), done("grant", "north"))
	b.do(unfold("new-account"), fill("#new-account-username", "fjord"), fill("#new-account-password", "a good long phrase"))
	b.choose("#new-account-role", "Client")
	b.choose("#new-account-parent_id", "north")
	b.do(press("#form-new-account button"), done("account", "fjord"), unfold("transfer"), fill("#transfer-amount", "120"))
	b.choose("#transfer-other", "north")
	b.do(press("#form-transfer button"), done("transfer", "fjord"), see("td.plus"))
	b.visit("/accounts")
	tree := b.text(".tree")
	require.Regexp(b.t, `(?s)admin.*north.*380.*fjord.*120`, tree)
	b.shoot("tree")
}

// issueCode makes a plan and one code of it.
func (b *tab) issueCode() string {
	b.visit("/codes")
	b.do(unfold("plan"), fill("#plan-name", "Year"), press("#form-plan button"), done("plan", "Activation codes"))
	b.do(unfold("issue"), chromedp.SetValue("#issue-count", "1"), fill("#issue-prefix", "FJRD"))
	b.choose("#issue-owner_id", "fjord")
	b.do(press("#form-issue button"), see("#issued code"))
	b.shoot("codes")
	return strings.TrimSpace(b.text("#issued code"))
}

// enrolPhone enrols a simulated phone and keeps it in contact.
func enrolPhone(t *testing.T, url, code string) device.FolderExecutor {
	t.Helper()
	dir := t.TempDir()
	x := device.FolderExecutor{Dir: filepath.Join(dir, "device")}
	a, err := device.Open(url, filepath.Join(dir, "agent"), x, device.Options{Info: deviceproto.Device{Name: "Driver 1", Model: "Pixel 9"}})
	require.NoError(t, err)
	require.NoError(t, a.Enroll(t.Context(), code))
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
		require.NoError(t, a.Close())
	})
	return x
}

func (b *tab) seeDevice() {
	b.visit("/devices")
	b.do(see(".dot.on"), press("#devices a"), see("#live"), press(`form:has([value="device.sync"]) button`),
		see(`tr[data-command="device.sync"][data-state="succeeded"]`))
	b.shoot("device")
}

// uploadAPK uploads the signed package and watches its verdict come.
func (b *tab) uploadAPK() {
	file, err := filepath.Abs("internal/demo/tiny.apk")
	require.NoError(b.t, err)
	b.visit("/packages")
	watch := `document.addEventListener("htmx:xhr:progress", () => sessionStorage.setItem("bar", document.querySelector(".bar output").textContent)); true`
	_, err = chromedp.Run(b.ctx, chromedp.Evaluate[bool](watch))
	require.NoError(b.t, err)
	b.do(chromedp.SetUploadFiles("#file", []string{file}), press("#upload button"), see(`.verdict[data-state="clean"]`))
	shown, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`sessionStorage.getItem("bar")`))
	require.NoError(b.t, err)
	require.Equal(b.t, "Checking…", shown, "the bar ran to its end")
	require.Contains(b.t, b.text("#verdict"), "clean according to every scanner")
	b.shoot("verdict")
}

// deploy assigns the package, orders it and watches it arrive.
func (b *tab) deploy() {
	b.do(unfold("assign"))
	b.choose("#assign-target", "fjord")
	b.do(press("#form-assign button"), done("assigned", "Tiny ATLAS"), unfold("deploy"))
	b.choose("#deploy-target", "fjord")
	b.do(press("#form-deploy button"), see(`#deployments progress[data-succeeded="1"]`), see(`#deployments tr[data-state="succeeded"]`))
	b.shoot("deployed")
}

func (b *tab) checkAudit() {
	b.visit("/audit")
	b.do(press("tr:nth-child(5) td button"), see(".proof"))
	require.Contains(b.t, b.text(".proof"), "verified")
	b.shoot("audit")
}

// mostScreenshot keeps the picture of the documentation small.
const mostScreenshot = 300 << 10

func TestTheDemonstrationIsThereToBeLookedAt(t *testing.T) {
	atlastest.Need(t, "chromium")
	t.Parallel()
	p := start(t, "-demo", "-data", t.TempDir(), "-store", "memory:")
	p.see(demo.Done)
	b := openTab(t, p.url())
	b.signIn("north", p.see(`(?m)^  +north +(\S{16})$`)[1])
	b.shoot("overview")
	b.visit("/packages")
	b.do(press("tr:last-child a"), see(`#deployments progress[data-succeeded="3"]`))
	require.LessOrEqual(t, len(b.shoot("installed")), mostScreenshot)
	b.do(press("#deployments tr:last-child a"), see("#live"))
	require.Contains(t, b.text("#live"), "dev.atlasmdm.tiny")
	b.shoot("device")
	b.visit("/accounts")
	require.Regexp(t, `(?s)North Mobile.*520.*Harbour Phones.*250.*Fjord Logistics.*100`, b.text(".tree"))
	b.shoot("tree")
}
