package httpapi_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/audit/sealed"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
)

// The main job, by HTTP alone: credits go down the tree, a code is sold and
// redeemed, a package passes its scanners and reaches the phone.
func TestAnAPKReachesAPhoneOfAReseller(t *testing.T) {
	t.Parallel()
	s := serve(t)
	north, client := s.ID("north"), s.ID("north/1")

	grant := s.as("admin", "POST", "/v1/credits/grants", object{"account_id": north, "amount": 100, "memo": "start"}).status(201)
	require.Equal(t, "credit", grant.text("direction"))
	require.InDelta(t, 100, grant.get("balance"), 0)
	move := s.as("north", "POST", "/v1/credits/transfers", object{"from": north, "to": client, "amount": 30}).status(201)
	require.Equal(t, "debit", move.text("direction"))
	require.Equal(t, string(client), move.text("counterparty"))

	plan := s.as("admin", "POST", "/v1/plans", object{
		"name": "Year", "days": 365, "devices": 1, "price": 10, "charge": "on_redeem", "grace_hours": 24,
	}).status(201).text("id")
	codes := s.as("north", "POST", "/v1/activation-codes", object{"plan_id": plan, "count": 2, "owner_id": client}).status(201).items()
	require.Len(t, codes, 2)
	require.Equal(t, object{"balance": 30.0, "held": 20.0, "available": 10.0}, s.as("north/1", "GET", "/v1/accounts/"+string(client)+"/credits", nil).get())

	phone := s.enrolled(codes[0]["code"].(string))
	orders := phone.checkIn(deviceproto.CheckIn{})
	require.Equal(t, "active", orders.Activation)
	claims, _, err := lease.Verify(orders.Lease, phone.keys, atlas.DeviceID(phone.id), s.Now(), s.Now())
	require.NoError(t, err)
	require.Equal(t, plan, claims.Plan)
	require.Len(t, orders.Commands, 1)
	require.Equal(t, "device.sync", orders.Commands[0].Kind)
	in := done(orders.Commands...)
	in.Apps = &[]deviceproto.App{{Package: "com.android.settings", VersionCode: 1}}
	require.Empty(t, phone.checkIn(in).Commands)

	file := tiny(t, "tiny.apk")
	apk := s.upload("north", file, "X-File-Name", "tiny.apk").status(201)
	id := apk.text("id")
	require.Equal(t, "quarantined", apk.text("state"))
	require.Equal(t, true, apk.get("signature", "verified"))
	_, err = s.ScanPending(t.Context())
	require.NoError(t, err)
	got := s.as("north", "GET", "/v1/apks/"+id, nil).status(200)
	require.Equal(t, "clean", got.text("state"), got.text("reason"))
	require.NotEmpty(t, got.get("scans"))

	s.as("north", "POST", "/v1/apks/"+id+"/assignments", object{"account_id": client}).status(201)
	sent := s.as("north", "POST", "/v1/commands", object{
		"kind": "app.install", "target": object{"device_ids": []string{phone.id}}, "params": object{"apk_id": id},
	}).status(201)
	require.Equal(t, "", sent.text("campaign_id"))

	require.Equal(t, true, phone.verified(phone.signed("GET", deviceproto.PathWait+"?timeout=20", nil)).status(200).get("commands"))
	orders = phone.checkIn(deviceproto.CheckIn{})
	require.Len(t, orders.Commands, 1)
	var install deviceproto.Install
	reply{body: orders.Commands[0].Params, t: t}.into(&install)
	require.Equal(t, sum(file), install.SHA256)
	require.Equal(t, file, phone.fetch(install.SHA256))
	phone.checkIn(done(orders.Commands...))

	cmd := s.as("north", "GET", "/v1/commands/"+sent.text("id"), nil).status(200)
	require.Equal(t, "succeeded", cmd.text("state"))
	require.Len(t, s.as("north", "GET", "/v1/apks/"+id+"/deployments", nil).items(), 1)
	require.Len(t, s.as("north/1", "GET", "/v1/devices/"+phone.id+"/commands", nil).items(), 2)
	require.Len(t, s.as("north/1", "GET", "/v1/devices/"+phone.id+"/apps", nil).items(), 1)

	s.proves(cmd.text("id"))
	atlastest.RequireNoCreditLost(t, s.Service)
	require.Equal(t, object{"balance": 20.0, "held": 10.0, "available": 10.0}, s.as("north/1", "GET", "/v1/accounts/"+string(client)+"/credits", nil).get())
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// fetch downloads a file in two ranges, as after a cut connection.
func (p *phone) fetch(sha string) []byte {
	p.s.t.Helper()
	part := func(from string, want int) reply {
		req := p.signed("GET", deviceproto.PathAPK+sha, nil)
		req.Header.Set("Range", "bytes="+from)
		req.Header.Set("If-Range", `"`+sha+`"`)
		r := p.s.send(req).status(want)
		require.Equal(p.s.t, `"`+sha+`"`, r.Header.Get("ETag"))
		require.Equal(p.s.t, "no-store", r.Header.Get("Cache-Control"))
		require.Equal(p.s.t, "application/vnd.android.package-archive", r.Header.Get("Content-Type"))
		return r
	}
	first := part("0-999", http.StatusPartialContent).body
	require.Len(p.s.t, first, 1000)
	return append(first, part("1000-", http.StatusPartialContent).body...)
}

// proves requires that what was done to a target is in the sealed log.
func (s *server) proves(target string) {
	s.t.Helper()
	_, err := s.SealAudit(s.t.Context())
	require.NoError(s.t, err)
	for _, e := range s.as("admin", "GET", "/v1/audit?limit=200", nil).status(200).items() {
		if e["action"] != "command.send" {
			continue
		}
		var proof sealed.Proof
		s.as("admin", "GET", fmt.Sprintf("/v1/audit/proof?event_id=%s", e["id"]), nil).status(200).into(&proof)
		require.NoError(s.t, proof.Verify(s.as("admin", "GET", "/v1/audit/checkpoint", nil).status(200).text("verifier")))
		require.Contains(s.t, string(proof.Leaf), target)
		return
	}
	require.Fail(s.t, "no event of the command")
}

func TestACampaignIsCancelledByTheIDThatSendingItAnswered(t *testing.T) {
	t.Parallel()
	s := serve(t)
	code := s.code("north/1", 3)
	phones := []*phone{s.enrolled(code), s.enrolled(code), s.enrolled(code)}
	sent := s.as("north", "POST", "/v1/commands", object{"kind": "device.reboot", "target": object{"account_id": s.ID("north")}}).status(201)
	id := sent.text("campaign_id")
	require.Equal(t, id, sent.text("id"))
	require.Len(t, phones[0].checkIn(deviceproto.CheckIn{}).Commands, 2)

	campaign := s.as("north", "GET", "/v1/campaigns/"+id, nil).status(200)
	require.InDelta(t, 3, campaign.get("devices"), 0)
	require.Equal(t, object{"delivered": 1.0}, campaign.get("progress"))

	require.Equal(t, "cancelled", s.as("north", "POST", "/v1/commands/"+id+"/cancel", nil).status(200).text("state"))
	require.Len(t, phones[1].checkIn(deviceproto.CheckIn{}).Commands, 1)

	one := s.as("north", "POST", "/v1/commands", object{"kind": "device.reboot", "target": object{"device_ids": []string{phones[1].id}}}).status(201).text("id")
	require.Equal(t, "cancelled", s.as("north", "POST", "/v1/commands/"+one+"/cancel", nil).status(200).text("state"))
	s.refused(1, func() { s.as("north", "POST", "/v1/commands/nothing/cancel", nil).problem(404, "not-found") })
}

func TestOperatorsDownloadACleanFileInRanges(t *testing.T) {
	t.Parallel()
	s := serve(t)
	file := tiny(t, "tiny.apk")
	id := s.upload("north", file).status(201).text("id")
	s.refused(1, func() { s.as("north", "GET", "/v1/apks/"+id+"/file", nil).problem(409, "not-clean") })
	_, err := s.ScanPending(t.Context())
	require.NoError(t, err)
	whole := s.as("north", "GET", "/v1/apks/"+id+"/file", nil).status(200)
	require.True(t, bytes.Equal(file, whole.body))
	require.Contains(t, whole.Header.Get("Content-Disposition"), "attachment")
	require.Equal(t, file[10:20], s.as("north", "GET", "/v1/apks/"+id+"/file", nil, "Range", "bytes=10-19").status(206).body)
	s.as("north", "GET", "/v1/apks/"+id+"/file", nil, "If-None-Match", `"`+sum(file)+`"`).status(304)
	s.refused(1, func() { s.as("south", "GET", "/v1/apks/"+id+"/file", nil).problem(404, "not-found") })
}

func TestTheExportOfTheAuditLogIsVerifiedByAStranger(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, err := s.SealAudit(t.Context())
	require.NoError(t, err)
	export := s.as("admin", "GET", "/v1/audit/export", nil).status(200)
	require.Equal(t, "application/jsonl", export.Header.Get("Content-Type"))
	_, err = sealed.VerifyExport(bytes.NewReader(export.body), s.AuditVerifier())
	require.NoError(t, err)
	s.refused(1, func() { s.as("north", "GET", "/v1/audit/export", nil).problem(403, "denied") })
}
