package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/audit/sealed"
	"github.com/atlas-mdm/atlas-go/atlas/security"
)

type eventView struct {
	ID           string     `json:"id"`
	At           time.Time  `json:"at"`
	ActorID      string     `json:"actor_id" doc:"Empty: a device or the system itself"`
	Impersonator string     `json:"impersonator,omitempty"`
	DeviceID     string     `json:"device_id,omitempty" doc:"The device that acted, if one did"`
	Action       string     `json:"action"`
	TargetID     string     `json:"target_id"`
	Facts        []factView `json:"facts" nullable:"false"`
	Sealed       bool       `json:"sealed" doc:"Whether it has its place in the Merkle log"`
	Index        int64      `json:"index" doc:"Its place, or -1"`
}

type factView struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type checkpointView struct {
	Size     int64     `json:"size"`
	Note     string    `json:"note" doc:"C2SP signed note; empty while nothing is sealed"`
	At       time.Time `json:"at,omitzero"`
	Verifier string    `json:"verifier" doc:"Key to verify the note with; keep it from before"`
}

type proofView struct {
	Index      int64    `json:"index"`
	Size       int64    `json:"size"`
	Hashes     [][]byte `json:"hashes" nullable:"false" doc:"Audit path (RFC 6962, section 2.1.1), from the leaf up"`
	Leaf       []byte   `json:"leaf"`
	Checkpoint string   `json:"checkpoint" doc:"C2SP signed note"`
}

type securityView struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Class    string    `json:"class"`
	Severity string    `json:"severity" enum:"informational,low,medium,high"`
	ActorID  string    `json:"actor_id"`
	DeviceID string    `json:"device_id"`
	Origin   string    `json:"origin"`
	Action   string    `json:"action"`
	TargetID string    `json:"target_id"`
	Reason   string    `json:"reason"`
}

type proofQuery struct {
	EventID ident `query:"event_id" required:"true"`
}

func (a *API) routeLogs(mux *http.ServeMux) {
	const tag = "logs"
	register(a, route{method: get, path: "/v1/audit", id: "list-audit-events", tag: tag, summary: "Audit events", purpose: atlas.PurposeSecurity}, a.auditEvents)
	register(a, route{
		method: get, path: "/v1/audit/checkpoint", id: "get-audit-checkpoint", tag: tag, summary: "The newest signed checkpoint of the audit log",
		purpose: atlas.PurposeSecurity,
	}, a.checkpoint)
	register(a, route{
		method: get, path: "/v1/audit/proof", id: "get-audit-proof", tag: tag, summary: "Proof that an event is in the audit log",
		purpose: atlas.PurposeSecurity,
	}, func(ctx context.Context, c caller, in *proofQuery) (proofView, error) {
		p, err := a.svc.AuditProof(ctx, c.actor, string(in.EventID))
		return viewProof(p), err
	})
	a.routeExport(mux)
	register(a, route{method: get, path: "/v1/security-events", id: "list-security-events", tag: tag, summary: "Security events", purpose: atlas.PurposeSecurity},
		func(ctx context.Context, c caller, in *listed) (list[securityView], error) {
			return page(a, c, in.PageQuery, func(p atlas.Page) ([]security.Event, error) {
				return a.svc.SecurityEvents(ctx, c.actor, p)
			}, func(e security.Event) string { return e.ID }, viewSecurity)
		})
}

func (a *API) auditEvents(ctx context.Context, c caller, in *listed) (list[eventView], error) {
	var broken error
	out, err := page(a, c, in.PageQuery, func(p atlas.Page) ([]audit.Event, error) {
		return a.svc.AuditEvents(ctx, c.actor, p)
	}, func(e audit.Event) string { return e.ID }, func(e audit.Event) eventView {
		v, err := viewEvent(e)
		if err != nil {
			broken = err
		}
		return v
	})
	if err == nil {
		err = broken
	}
	return out, err
}

func viewEvent(e audit.Event) (eventView, error) {
	facts, err := e.Facts()
	v := eventView{
		ID: e.ID, At: e.At, ActorID: string(e.ActorID), Impersonator: string(e.Impersonator), DeviceID: string(e.DeviceID),
		Action: e.Action, TargetID: e.TargetID, Facts: make([]factView, len(facts)), Sealed: e.Index != audit.Unsealed, Index: e.Index,
	}
	for i, f := range facts {
		v.Facts[i] = factView(f)
	}
	return v, err
}

func (a *API) checkpoint(ctx context.Context, c caller, _ *nothing) (checkpointView, error) {
	cp, err := a.svc.AuditCheckpoint(ctx, c.actor)
	return checkpointView{Size: cp.Size, Note: cp.Note, At: cp.At, Verifier: a.svc.AuditVerifier()}, err
}

func viewProof(p sealed.Proof) proofView {
	return proofView{Index: p.Index, Size: p.Size, Hashes: orEmpty(p.Hashes), Leaf: p.Leaf, Checkpoint: p.Checkpoint}
}

func viewSecurity(e security.Event) securityView {
	return securityView{
		ID: e.ID, At: e.At, Class: string(e.Class), Severity: string(e.Severity), ActorID: string(e.ActorID), DeviceID: string(e.DeviceID),
		Origin: e.Origin, Action: e.Action, TargetID: e.TargetID, Reason: e.Reason,
	}
}

func (a *API) routeExport(mux *http.ServeMux) {
	rt := route{
		method: get, path: "/v1/audit/export", id: "export-audit", tag: "logs",
		summary: "The whole audit log of all tenants, to be verified offline", purpose: atlas.PurposeSecurity,
	}
	const kind = "application/jsonl"
	a.raw(mux, rt, a.answers(rt.describe(), http.StatusOK, kind, &huma.Schema{Type: huma.TypeString}), func(w http.ResponseWriter, r *http.Request, c caller) error {
		out := &export{outgoing: sending(w), kind: kind}
		defer out.done()
		err := a.svc.ExportAudit(r.Context(), c.actor, out)
		if err != nil && out.begun {
			a.opt.Logger.ErrorContext(r.Context(), "audit export broke off", "error", err)
			panic(http.ErrAbortHandler) // half an export must not pass for a whole one
		}
		if err != nil {
			return fmt.Errorf("httpapi: export: %w", err)
		}
		return nil
	})
}

// export is the answer of an export, whose type is set with the first byte so
// that a refusal can still be a problem.
type export struct {
	*outgoing
	kind  string
	begun bool
}

func (e *export) Write(p []byte) (int, error) {
	if !e.begun {
		e.begun = true
		e.Header().Set("Content-Type", e.kind)
		e.Header().Set("Content-Disposition", `attachment; filename="audit.jsonl"`)
	}
	return e.outgoing.Write(p)
}
