package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/httpsig"
	"github.com/atlas-mdm/atlas-go/commands"
)

const (
	// maxEnrol is the most bytes of an enrolment, which anybody may send.
	maxEnrol = 64 << 10
	// checkInEvery is how often devices are asked to check in: three of these
	// make atlas.OnlineWindow.
	checkInEvery = 5 * time.Minute
)

// routeDevices adds the device protocol.
func (a *API) routeDevices(mux *http.ServeMux) {
	a.routeEnrol(mux)
	a.routeKeys(mux)

	in := route{method: post, path: deviceproto.PathCheckIn, id: "agent-check-in", tag: "device protocol", summary: "Report, and get orders", open: true}
	op := accepts(a.answers(in.describe(), http.StatusOK, "application/json", schema[deviceproto.Orders](a)), "application/json", schema[deviceproto.CheckIn](a))
	a.signed(mux, in, op, a.checkIn)

	wait := route{method: get, path: deviceproto.PathWait, id: "agent-wait", tag: "device protocol", summary: "Wait until there may be commands", open: true}
	op = a.answers(wait.describe(), http.StatusOK, "application/json", schema[deviceproto.Wake](a))
	least, most := 1.0, deviceproto.MaxWait.Seconds()
	op.Parameters = []*huma.Param{{Name: "timeout", In: "query", Description: "In seconds", Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: &least, Maximum: &most}}}
	a.signed(mux, wait, op, a.wait)

	file := route{method: get, path: deviceproto.PathAPK + "{sha256}", id: "agent-download", tag: "device protocol", summary: "A file that a command names, with ranges", open: true}
	op = a.answers(file.describe(), http.StatusOK, apkType, binary())
	op.Parameters = []*huma.Param{pathParam("sha256", &huma.Schema{Type: huma.TypeString, Pattern: "^[0-9a-f]{64}$"})}
	a.signed(mux, file, op, a.download)
}

func (a *API) routeEnrol(mux *http.ServeMux) {
	rt := route{method: post, path: deviceproto.PathEnrol, id: "agent-enrol", tag: "device protocol", summary: "Redeem an activation code", open: true}
	op := accepts(a.answers(rt.describe(), http.StatusCreated, "application/json", schema[deviceproto.Enrolled](a)), "application/json", schema[deviceproto.Enrol](a))
	a.doc.OpenAPI().AddOperation(op)
	mux.HandleFunc(rt.pattern(), func(w http.ResponseWriter, r *http.Request) {
		out, err := a.enrol(w, r)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		writeJSON(w, http.StatusCreated, "application/json", out)
	})
}

func (a *API) enrol(w http.ResponseWriter, r *http.Request) (out deviceproto.Enrolled, err error) {
	body, err := readBody(w, r, maxEnrol)
	if err != nil {
		return out, err
	}
	in, err := decode[deviceproto.Enrol](a, r.Header, body)
	if err != nil {
		return out, err
	}
	pub, err := httpsig.ParsePublicKey(in.PublicKey)
	if err != nil {
		return out, atlas.Invalid("public_key", "is no Ed25519 or P-256 key as SPKI")
	}
	keyID, err := httpsig.KeyID(pub)
	if err != nil {
		return out, err
	}
	got, err := a.svc.Enrol(r.Context(), fleet.Enrolment{
		Code: in.ActivationCode, PublicKey: in.PublicKey, KeyID: keyID, Info: info(in.Device, in.Capabilities), Origin: a.opt.ClientAddr(r),
	})
	if err != nil {
		return out, err
	}
	keys, err := json.Marshal(a.svc.LeaseKeys())
	return deviceproto.Enrolled{
		DeviceID: string(got.Device.ID), SupportID: got.Device.SupportID, KeyID: keyID, Lease: got.Lease,
		Counter: uint64(max(got.Device.CounterCeiling, 0)), Keys: keys, ServerTime: a.svc.Now(),
	}, err
}

func info(d deviceproto.Device, capabilities []string) fleet.DeviceInfo {
	return fleet.DeviceInfo{
		Name: d.Name, Manufacturer: d.Manufacturer, Model: d.Model, OSVersion: d.OSVersion, AgentVersion: d.AgentVersion,
		SDK: d.SDK, ABIs: d.ABIs, Capabilities: capabilities,
	}
}

func (a *API) routeKeys(mux *http.ServeMux) {
	const kind = "application/jwk-set+json"
	rt := route{method: get, path: deviceproto.PathKeys, id: "agent-keys", tag: "device protocol", summary: "The server's public keys (RFC 7517)", open: true}
	a.doc.OpenAPI().AddOperation(a.answers(rt.describe(), http.StatusOK, kind, &huma.Schema{Type: huma.TypeObject}))
	mux.HandleFunc(rt.pattern(), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=300")
		writeJSON(w, http.StatusOK, kind, a.svc.LeaseKeys())
	})
}

func (a *API) checkIn(_ http.ResponseWriter, r *http.Request, d fleet.Device, body []byte) (any, error) {
	in, err := decode[deviceproto.CheckIn](a, r.Header, body)
	if err != nil {
		return nil, err
	}
	got, err := a.svc.CheckIn(r.Context(), d, report(in))
	if err != nil {
		return nil, err
	}
	out := deviceproto.Orders{
		Commands: make([]deviceproto.Command, len(got.Commands)), Lease: got.Lease, Activation: string(got.Activation),
		AgentEnabled: got.Device.AgentEnabled, NextCheckIn: int64(checkInEvery.Seconds()), ServerTime: a.svc.Now(),
	}
	for i, c := range got.Commands {
		out.Commands[i] = deviceproto.Command{
			ID: c.ID, Attempt: c.Attempt, Kind: string(c.Kind), Params: c.Params, Priority: c.Priority,
			CreatedAt: c.CreatedAt, ExpiresAt: c.ExpiresAt,
		}
	}
	for _, rej := range got.Rejected {
		out.Rejected = append(out.Rejected, deviceproto.Rejected{CommandID: rej.CommandID, Reason: why(rej.Err)})
	}
	return out, nil
}

// report is a check-in in the words of the use case.
func report(in deviceproto.CheckIn) fleet.CheckIn {
	var out fleet.CheckIn
	if in.Device != nil || in.Capabilities != nil {
		var d deviceproto.Device
		if in.Device != nil {
			d = *in.Device
		}
		said := info(d, in.Capabilities)
		out.Info = &said
	}
	for _, r := range in.Results {
		out.Results = append(out.Results, commands.Report{
			CommandID: r.CommandID, Attempt: r.Attempt, Outcome: commands.Outcome(r.Outcome), Detail: r.Detail,
		})
	}
	if in.Apps != nil {
		apps := make([]atlas.App, len(*in.Apps))
		for i, app := range *in.Apps {
			apps[i] = atlas.App(app)
		}
		out.Apps = &apps
	}
	return out
}

// why says what is wrong with a result. Another device's command is the same
// as none.
func why(err error) string {
	if errors.Is(err, atlas.ErrNotFound) {
		return "no such command"
	}
	return told(err)
}

func (a *API) wait(w http.ResponseWriter, r *http.Request, d fleet.Device, _ []byte) (any, error) {
	timeout, err := waitTime(r)
	if err != nil {
		return nil, err
	}
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(soon(timeout + bodyTime))
	defer func() { _ = rc.SetWriteDeadline(never) }() // or it would meet the connection's next request
	woken, err := a.svc.Wait(r.Context(), d, timeout)
	if err != nil {
		return nil, err
	}
	return deviceproto.Wake{Commands: woken}, nil
}

// waitTime is how long a device wants to wait, within the protocol's bounds.
func waitTime(r *http.Request) (time.Duration, error) {
	given := r.URL.Query()
	text := given.Get("timeout")
	if len(given) > 1 || len(given["timeout"]) > 1 {
		return 0, atlas.Invalid("query.timeout", "is the only parameter, once")
	}
	if text == "" {
		return deviceproto.MaxWait, nil
	}
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil || seconds == 0 {
		return 0, atlas.Invalid("query.timeout", "must be a number of seconds")
	}
	return min(time.Duration(seconds)*time.Second, deviceproto.MaxWait), nil
}

func (a *API) download(w http.ResponseWriter, r *http.Request, d fleet.Device, _ []byte) (any, error) {
	sha := r.PathValue("sha256")
	f, err := a.svc.Download(r.Context(), d, sha)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	serveFile(w, r, f, sha)
	return nil, nil
}
