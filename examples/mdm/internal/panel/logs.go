package panel

import (
	"context"
	"net/http"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/security"
)

// event is an audit event as people read it.
type event struct {
	audit.Event
	Who    string
	Facts  []audit.Fact
	Sealed bool
}

type auditBody struct {
	Events     []event
	Checkpoint audit.Checkpoint
	Verifier   string
}

func (p *Panel) audit(w http.ResponseWriter, r *http.Request, v *visit) error {
	events, err := p.svc.AuditEvents(r.Context(), v.Actor, pageOf(r))
	if err != nil {
		return err
	}
	body := auditBody{Events: p.describe(r.Context(), v, events), Verifier: p.svc.AuditVerifier()}
	if body.Checkpoint, err = p.svc.AuditCheckpoint(r.Context(), v.Actor); err != nil {
		return err
	}
	s := sheet{Title: "Audit log", At: "/audit", Visit: v, Body: body}
	if n := len(events); n > 0 {
		s.Older = older(r, n, events[n-1].ID)
	}
	p.show(w, r, http.StatusOK, "audit", s)
	return nil
}

// describe adds to events what a table shows of them.
func (p *Panel) describe(ctx context.Context, v *visit, events []audit.Event) []event {
	who, devices := p.names(ctx, v), p.deviceNames(ctx, v)
	out := make([]event, len(events))
	for i, e := range events {
		facts, err := e.Facts()
		if err != nil {
			p.log.ErrorContext(ctx, "audit event can't be read", "event", e.ID, "error", err)
		}
		out[i] = event{Event: e, Who: actorText(e, who, devices), Facts: facts, Sealed: e.Index != audit.Unsealed}
	}
	return out
}

func actorText(e audit.Event, who names, devices map[atlas.DeviceID]string) string {
	switch {
	case e.ActorID != "":
		return who.Of(e.ActorID)
	case devices[e.DeviceID] != "":
		return devices[e.DeviceID]
	case e.DeviceID != "":
		return "device " + short(e.DeviceID)
	}
	return "the system"
}

// actions are the deeds of the log in words.
var actions = map[string]string{
	"setup": "set the server up", "session.create": "signed in", "disclosure": "read personal data",
	"account.create": "made an account", "account.update": "changed an account", "account.suspend": "changed an account's status",
	"account.block": "blocked an account", "account.close": "closed an account", "account.move": "moved an account",
	"credit.grant": "granted credits", "credit.transfer": "moved credits", "credit.refund": "refunded credits", "credit.hold": "set credits aside",
	"plan.create": "made a plan", "activation_code.issue": "issued codes", "activation_code.reveal": "looked at a code",
	"activation_code.change": "changed a code", "device.enrol": "enrolled", "device.update": "changed a device",
	"device.transfer": "gave a device to another account", "apk.upload": "uploaded a package", "apk.assign": "assigned a package",
	"apk.scan": "scanned a package", "apk.judge": "judged a package by hand", "command.send": "sent a command",
	"command.cancel": "cancelled a command", "command.expire": "let a command expire", "command.result": "reported a result",
	"account.read": "looked at accounts", "account.support": "changed support permissions", "password.change": "changed the password",
	"password.reset": "reset a password", "session.read": "looked at sessions", "session.end": "ended sessions",
	"api_key.create": "made an API key", "api_key.read": "looked at API keys", "api_key.revoke": "revoked an API key",
	"credit.read": "looked at credits", "credit.capture": "spent set-aside credits", "credit.release": "released set-aside credits",
	"credit.hold_expire": "let a hold expire", "plan.read": "looked at plans", "activation_code.read": "looked at codes",
	"activation_code.expire": "let a code expire", "device.read": "looked at devices", "device.owner": "gave a device to another account",
	"folder.create": "made a folder", "folder.read": "looked at folders", "apk.read": "looked at packages",
	"apk.download": "downloaded a package", "command.read": "looked at commands", "audit.read": "looked at the audit log",
	"security.read": "looked at security events",
}

// deed is what an audit event says was done.
func deed(action string) string {
	if t, ok := actions[action]; ok {
		return t
	}
	return action
}

// proofBody is the outcome of checking an event against the log.
type proofBody struct {
	Index, Size int64
	Hashes      int
	Problem     string
}

// auditProof gets the proof of an event and verifies it, as a stranger would
// with nothing but the proof and the log's public key.
func (p *Panel) auditProof(w http.ResponseWriter, r *http.Request, v *visit) error {
	proof, err := p.svc.AuditProof(r.Context(), v.Actor, r.PathValue("id"))
	if err != nil {
		return err
	}
	body := proofBody{Index: proof.Index, Size: proof.Size, Hashes: len(proof.Hashes)}
	if err := proof.Verify(p.svc.AuditVerifier()); err != nil {
		p.log.ErrorContext(r.Context(), "audit proof does not hold", "index", proof.Index, "error", err)
		body.Problem = "This event is not what the signed checkpoint says. The log was tampered with."
	}
	p.fragment(w, r, http.StatusOK, "audit", "proof", body)
	return nil
}

// auditExport sends the whole log for offline verification.
func (p *Panel) auditExport(w http.ResponseWriter, r *http.Request, v *visit) error {
	out := &export{to: w}
	err := p.svc.ExportAudit(r.Context(), v.Actor, out)
	if err != nil && out.begun {
		p.log.ErrorContext(r.Context(), "audit export broke off", "error", err)
		panic(http.ErrAbortHandler) // half an export must not pass for a whole one
	}
	return err
}

// export is a file whose name and type are set with the first byte, so that a
// refusal can still be a page.
type export struct {
	to    http.ResponseWriter
	begun bool
}

// Write implements io.Writer.
func (e *export) Write(b []byte) (int, error) {
	if !e.begun {
		e.begun = true
		e.to.Header().Set("Content-Type", "application/jsonl")
		e.to.Header().Set("Content-Disposition", `attachment; filename="audit.jsonl"`)
	}
	return e.to.Write(b)
}

// securityRow is a security event as people read it.
type securityRow struct {
	security.Event
	Who string
}

func (p *Panel) security(w http.ResponseWriter, r *http.Request, v *visit) error {
	events, err := p.svc.SecurityEvents(r.Context(), v.Actor, pageOf(r))
	if err != nil {
		return err
	}
	who, rows := p.names(r.Context(), v), make([]securityRow, len(events))
	s := sheet{Title: "Security events", At: "/security", Visit: v}
	for i, e := range events {
		rows[i] = securityRow{e, ""}
		if e.ActorID != "" {
			rows[i].Who = who.Of(e.ActorID)
		}
		s.Older = older(r, len(events), e.ID)
	}
	s.Body = rows
	p.show(w, r, http.StatusOK, "security", s)
	return nil
}
