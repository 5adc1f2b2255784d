package fleet_test

import (
	"fmt"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/commands"
)

// partner is the other side of a transfer: what lies on one line with the
// target, within the actor's reach.
func (x target) partner() atlas.AccountID {
	if x.id != x.actor.Account {
		return x.actor.Account
	}
	return x.ID(map[string]string{"admin": "north", "north": "north/a", "north/a": "north/a/1", "north/a/1": "north/a"}[x.name])
}

// mine are the things of the actor itself.
func (x target) mine() things { return x.owned[x.actor.Account] }

func last[T any](_ T, err error) error { return err }

// rows are the use cases about what belongs to an account. A part after the
// slash tells apart what a use case is about.
var rows = map[string]row{
	"CreateAccount": {reach: reach{all, own, own, nobody}, rules: map[string]error{"sub_reseller/descendant": atlas.ErrRefused}, call: func(x target) error {
		return last(x.CreateAccount(x.ctx, x.actor, "", fleet.NewAccount{Username: "somebody", Role: atlas.Client, ParentID: x.id, Password: atlastest.Password}))
	}},
	"Account": {reach: reach{all, own, own, self}, personal: true, call: func(x target) error { return last(x.Account(x.ctx, x.actor, x.id)) }},
	"UpdateAccount": {reach: reach{all, own, own, self}, call: func(x target) error {
		name := "Renamed"
		return last(x.UpdateAccount(x.ctx, x.actor, x.id, fleet.AccountChange{DisplayName: &name}))
	}},
	"SuspendAccount": {reach: reach{all, below, below, nobody}, rules: selfRefused, call: func(x target) error { return last(x.SuspendAccount(x.ctx, x.actor, x.id)) }},
	"ResumeAccount": {reach: reach{all, below, below, nobody}, rules: alwaysRefused, call: func(x target) error {
		return last(x.ResumeAccount(x.ctx, x.actor, x.id))
	}},
	"BlockAccount": {reach: reach{all, nobody, nobody, nobody}, rules: selfRefused, call: func(x target) error { return last(x.BlockAccount(x.ctx, x.actor, x.id)) }},
	"CloseAccount": {reach: reach{all, below, below, nobody}, rules: selfRefused, call: func(x target) error { return last(x.CloseAccount(x.ctx, x.actor, x.id)) }},
	"SetSupport":   {reach: reach{all, below, below, nobody}, call: func(x target) error { return last(x.SetSupport(x.ctx, x.actor, x.id, atlas.OpenTicket)) }},
	"MoveAccount": {reach: reach{all, own, own, nobody}, rules: selfRefused, call: func(x target) error {
		parent := x.actor.Account
		if x.role == atlas.Admin {
			parent = x.ID("north")
		}
		return last(x.MoveAccount(x.ctx, x.actor, x.id, parent))
	}},
	"MoveAccount/parent": {reach: reach{all, own, own, nobody}, rules: map[string]error{"sub_reseller/descendant": atlas.ErrRefused}, call: func(x target) error {
		return last(x.MoveAccount(x.ctx, x.actor, x.ID("north/a/1"), x.id))
	}},
	"ResetPassword": {reach: reach{all, below, below, nobody}, call: func(x target) error { return x.ResetPassword(x.ctx, x.actor, x.id, "another long pass phrase") }},
	"Sessions":      {reach: reach{all, self, self, self}, personal: true, call: func(x target) error { return last(x.Sessions(x.ctx, x.actor, x.id)) }},
	"EndSessions":   {reach: reach{all, own, own, self}, call: func(x target) error { return x.EndSessions(x.ctx, x.actor, x.id) }},
	"APIKeys":       {reach: reach{all, self, self, self}, call: func(x target) error { return last(x.APIKeys(x.ctx, x.actor, x.id)) }},
	"RevokeAPIKey":  {reach: reach{all, own, own, self}, call: func(x target) error { return x.RevokeAPIKey(x.ctx, x.actor, x.key) }},

	"Credits":       {reach: reach{all, own, own, self}, personal: true, call: func(x target) error { return last(x.Credits(x.ctx, x.actor, x.id)) }},
	"CreditEntries": {reach: reach{all, own, own, self}, personal: true, call: func(x target) error { return last(x.CreditEntries(x.ctx, x.actor, x.id, newest)) }},
	"GrantCredits": {reach: reach{all, nobody, nobody, nobody}, call: func(x target) error {
		return last(x.GrantCredits(x.ctx, x.actor, "", fleet.Grant{AccountID: x.id, Amount: 1}))
	}},
	"TransferCredits/from": {reach: reach{all, own, own, nobody}, call: func(x target) error {
		return last(x.TransferCredits(x.ctx, x.actor, "", fleet.Transfer{From: x.id, To: x.partner(), Amount: 1}))
	}},
	"TransferCredits/to": {reach: reach{all, own, own, nobody}, call: func(x target) error {
		return last(x.TransferCredits(x.ctx, x.actor, "", fleet.Transfer{From: x.partner(), To: x.id, Amount: 1}))
	}},
	"RefundCredits": {reach: reach{all, nobody, nobody, nobody}, call: func(x target) error {
		return last(x.RefundCredits(x.ctx, x.actor, "", fleet.Refund{EntryID: x.entry, Amount: 1}))
	}},
	"HoldCredits": {reach: reach{all, own, own, nobody}, call: func(x target) error {
		return last(x.HoldCredits(x.ctx, x.actor, "", fleet.NewHold{AccountID: x.id, Amount: 1}))
	}},
	"CaptureHold": {reach: reach{all, own, own, nobody}, call: func(x target) error { return last(x.CaptureHold(x.ctx, x.actor, "", x.hold, 1)) }},
	"ReleaseHold": {reach: reach{all, own, own, nobody}, call: func(x target) error { return last(x.ReleaseHold(x.ctx, x.actor, "", x.hold)) }},

	"IssueCodes": {reach: reach{all, own, own, nobody}, call: func(x target) error {
		plans, err := x.Plans(x.ctx, x.actor, newest)
		if err != nil {
			return err
		}
		return last(x.IssueCodes(x.ctx, x.actor, "", fleet.NewCodes{PlanID: plans[0].ID, Count: 1, OwnerID: x.id}))
	}},
	"RevealCode":  {reach: reach{all, own, own, self}, personal: true, call: func(x target) error { return last(x.RevealCode(x.ctx, x.actor, x.code)) }},
	"SuspendCode": {reach: reach{all, own, own, nobody}, call: func(x target) error { return last(x.SuspendCode(x.ctx, x.actor, x.code)) }},
	"ResumeCode":  {reach: reach{all, own, own, nobody}, call: func(x target) error { return last(x.ResumeCode(x.ctx, x.actor, x.paused)) }},
	"RevokeCode":  {reach: reach{all, own, own, nobody}, call: func(x target) error { return last(x.RevokeCode(x.ctx, x.actor, x.code)) }},

	"Device":         {reach: reach{all, own, own, self}, personal: true, call: func(x target) error { return last(x.Device(x.ctx, x.actor, x.device)) }},
	"DeviceApps":     {reach: reach{all, own, own, self}, personal: true, call: func(x target) error { return last(x.DeviceApps(x.ctx, x.actor, x.device)) }},
	"DeviceCommands": {reach: reach{all, own, own, self}, personal: true, call: func(x target) error { return last(x.DeviceCommands(x.ctx, x.actor, x.device, newest)) }},
	"UpdateDevice": {reach: reach{all, own, own, self}, call: func(x target) error {
		return last(x.UpdateDevice(x.ctx, x.actor, x.device, fleet.DeviceChange{FolderID: &x.folder}))
	}},
	"UpdateDevice/folder": {reach: reach{nobody, nobody, nobody, nobody}, rules: otherFolder, call: func(x target) error {
		return last(x.UpdateDevice(x.ctx, x.actor, x.mine().device, fleet.DeviceChange{FolderID: &x.folder}))
	}},
	"TransferDevice":       {reach: reach{all, own, own, nobody}, call: func(x target) error { return last(x.TransferDevice(x.ctx, x.actor, x.device, x.actor.Account)) }},
	"TransferDevice/owner": {reach: reach{all, own, own, nobody}, call: func(x target) error { return last(x.TransferDevice(x.ctx, x.actor, x.mine().device, x.id)) }},
	"CreateFolder": {reach: reach{all, own, own, self}, call: func(x target) error {
		return last(x.CreateFolder(x.ctx, x.actor, "", fleet.NewFolder{OwnerID: x.id, Name: "New"}))
	}},

	"UploadAPK": {reach: reach{all, own, own, self}, rules: alwaysInvalid, call: func(x target) error {
		return last(x.UploadAPK(x.ctx, x.actor, fleet.Upload{OwnerID: x.id}, noAPK()))
	}},
	"APK": {reach: reach{all, own, own, self}, personal: true, call: func(x target) error { return last(x.APK(x.ctx, x.actor, x.apk)) }},
	"DownloadAPK": {reach: reach{all, own, own, self}, call: func(x target) error {
		_, f, err := x.DownloadAPK(x.ctx, x.actor, x.apk)
		if err == nil {
			err = f.Close()
		}
		return err
	}},
	"DownloadAPK/unclean": {reach: reach{all, own, own, self}, rules: alwaysRefused, call: func(x target) error {
		_, _, err := x.DownloadAPK(x.ctx, x.actor, x.apk2)
		return err
	}},
	"AssignAPK": {reach: reach{all, own, own, self}, call: func(x target) error {
		return last(x.AssignAPK(x.ctx, x.actor, "", x.apk, fleet.AssignTarget{AccountID: x.actor.Account}))
	}},
	"AssignAPK/account": {reach: reach{all, own, own, self}, call: func(x target) error {
		return last(x.AssignAPK(x.ctx, x.actor, "", x.mine().apk, fleet.AssignTarget{AccountID: x.id}))
	}},
	"AssignAPK/folder": {reach: reach{all, own, own, self}, call: func(x target) error {
		return last(x.AssignAPK(x.ctx, x.actor, "", x.mine().apk, fleet.AssignTarget{FolderID: x.folder}))
	}},
	"AssignAPK/device": {reach: reach{all, own, own, self}, call: func(x target) error {
		return last(x.AssignAPK(x.ctx, x.actor, "", x.mine().apk, fleet.AssignTarget{DeviceID: x.device}))
	}},
	"Deployments": {reach: reach{all, own, own, self}, personal: true, call: func(x target) error { return last(x.Deployments(x.ctx, x.actor, x.apk, newest)) }},
	"JudgeAPK": {reach: reach{all, nobody, nobody, nobody}, call: func(x target) error {
		return last(x.JudgeAPK(x.ctx, x.actor, x.apk2, intake.Clean, "seen by a person"))
	}},

	"SendCommand/device": {reach: reach{all, own, own, self}, call: func(x target) error {
		return last(x.SendCommand(x.ctx, x.actor, "", fleet.NewCommand{Kind: commands.DeviceReboot, Target: fleet.Target{DeviceIDs: []atlas.DeviceID{x.device}}}))
	}},
	"SendCommand/devices": {reach: reach{all, own, own, self}, call: func(x target) error {
		to := fleet.Target{DeviceIDs: []atlas.DeviceID{x.mine().device2, x.device}} // the first one may be sent to
		return last(x.SendCommand(x.ctx, x.actor, "", fleet.NewCommand{Kind: commands.DeviceReboot, Target: to}))
	}},
	"SendCommand/folder": {reach: reach{all, own, own, self}, call: func(x target) error {
		return last(x.SendCommand(x.ctx, x.actor, "", fleet.NewCommand{Kind: commands.DeviceReboot, Target: fleet.Target{FolderID: x.folder}}))
	}},
	"SendCommand/account": {reach: reach{all, own, own, self}, call: func(x target) error {
		return last(x.SendCommand(x.ctx, x.actor, "", fleet.NewCommand{Kind: commands.AgentDisable, Target: fleet.Target{AccountID: x.id}}))
	}},
	"SendCommand/apk": {reach: reach{all, own, own, self}, rules: alwaysRefused, call: func(x target) error { // it is assigned to nobody
		in := fleet.NewCommand{Kind: commands.AppInstall, Target: fleet.Target{DeviceIDs: []atlas.DeviceID{x.mine().device}}}
		in.Params = fmt.Appendf(nil, `{"apk_id":%q}`, x.apk)
		return last(x.SendCommand(x.ctx, x.actor, "", in))
	}},
	"Cancel/command":  {reach: reach{all, own, own, self}, call: func(x target) error { return last(x.Cancel(x.ctx, x.actor, x.command)) }},
	"Cancel/campaign": {reach: reach{all, own, own, self}, call: func(x target) error { return last(x.Cancel(x.ctx, x.actor, x.campaign)) }},
	"Command":         {reach: reach{all, own, own, self}, personal: true, call: func(x target) error { return last(x.Command(x.ctx, x.actor, x.command)) }},
	"CancelCommand":   {reach: reach{all, own, own, self}, call: func(x target) error { return last(x.CancelCommand(x.ctx, x.actor, x.command)) }},
	"Campaign":        {reach: reach{all, own, own, self}, personal: true, call: func(x target) error { return last(x.Campaign(x.ctx, x.actor, x.campaign)) }},
	"CancelCampaign":  {reach: reach{all, own, own, self}, call: func(x target) error { return last(x.CancelCampaign(x.ctx, x.actor, x.campaign)) }},

	"AuditProof": {reach: reach{all, own, own, self}, personal: true, call: func(x target) error { return last(x.AuditProof(x.ctx, x.actor, x.auditEvent)) }},
}

var (
	selfRefused   = map[string]error{"self": atlas.ErrRefused}
	alwaysRefused = map[string]error{"self": atlas.ErrRefused, "descendant": atlas.ErrRefused}
	alwaysInvalid = map[string]error{"self": atlas.ErrInvalid, "descendant": atlas.ErrInvalid}
	// otherFolder is a folder that is not the owner's: for everybody the same
	// as none, unless it is one's own.
	otherFolder = func() map[string]error {
		out := map[string]error{}
		for _, who := range cast {
			for _, relation := range []string{"ancestor", "descendant", "sibling", "foreign", absent} {
				out[string(who.role)+"/"+relation] = atlas.ErrNotFound
			}
			out[string(who.role)+"/self"] = nil
		}
		return out
	}()
)
