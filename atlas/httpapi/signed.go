package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/httpsig"
)

// deviceUse is what a signed request of a device is for. It returns what to
// answer, or nil if it answered itself.
type deviceUse func(w http.ResponseWriter, r *http.Request, d fleet.Device, body []byte) (any, error)

// signed adds a route whose requests the device signs, and whose answers,
// refusals as well, the server signs.
func (a *API) signed(mux *http.ServeMux, rt route, op *huma.Operation, use deviceUse) {
	op.Security = []map[string][]string{{"device": {}}}
	a.doc.OpenAPI().AddOperation(op)
	mux.HandleFunc(rt.pattern(), func(w http.ResponseWriter, r *http.Request) {
		d, body, err := a.device(w, r)
		var out any
		if err == nil {
			out, err = use(w, r, d, body)
		}
		switch {
		case err != nil:
			p := a.blame(r.Context(), err)
			for name, values := range p.header {
				w.Header()[name] = values
			}
			a.answerSigned(w, r, p.Status, problemType, p)
		case out != nil:
			a.answerSigned(w, r, http.StatusOK, "application/json", out)
		}
	})
}

// device authenticates a signed request. The body is read only once the key
// is known to be a device's, and the signature is believed before its time and
// its counter.
func (a *API) device(w http.ResponseWriter, r *http.Request) (d fleet.Device, body []byte, err error) {
	params, unverified, err := httpsig.Parse(r, a.sig)
	if errors.Is(err, httpsig.ErrMissing) {
		return a.nobody(r, err)
	}
	if err != nil {
		return d, nil, err
	}
	d, err = a.svc.AuthenticateDevice(r.Context(), fleet.Proof{
		KeyID: params.KeyID, Counter: params.Counter, Origin: a.opt.ClientAddr(r),
		Verify: func(key []byte) error {
			pub, err := httpsig.ParsePublicKey(key)
			if err != nil {
				return fmt.Errorf("httpapi: stored key of a device: %w", err)
			}
			if body, err = readBody(w, r, deviceproto.MaxBody); err != nil {
				return err
			}
			if err := unverified.Verify(pub, body); err != nil {
				return err
			}
			return httpsig.Fresh(params.Created, a.svc.Now(), httpsig.DefaultSkew)
		},
	})
	return d, body, err
}

// nobody refuses a request without a signature, by the use case so that it is
// recorded as every refusal is. No device has the empty key.
func (a *API) nobody(r *http.Request, missing error) (fleet.Device, []byte, error) {
	_, err := a.svc.AuthenticateDevice(r.Context(), fleet.Proof{
		Origin: a.opt.ClientAddr(r), Verify: func([]byte) error { return missing },
	})
	if err == nil || errors.Is(err, fleet.ErrUnknownDevice) {
		err = missing // an agent takes "unknown device" for its own end
	}
	return fleet.Device{}, nil, err
}

// answerSigned sends v with the server's signature, which fits this request
// only. Where the request has no signature to bind to, nor has the answer.
func (a *API) answerSigned(w http.ResponseWriter, r *http.Request, status int, contentType string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Errorf("httpapi: encode answer: %w", err))
	}
	key := a.svc.AnswerKey()
	err = httpsig.SignResponse(w.Header(), r, status, body, key, httpsig.ResponseParams{
		KeyID: a.answerKeyID, Created: a.svc.Now(),
	})
	if err != nil && !errors.Is(err, atlas.ErrUnauthenticated) && !errors.Is(err, atlas.ErrInvalid) {
		panic(fmt.Errorf("httpapi: sign answer: %w", err))
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// answerKeyID is the name of the key of answers, as devices know it.
func answerKeyID(svc *fleet.Service) string {
	keys := svc.LeaseKeys()
	return lease.Thumbprint(keys[0])
}

// decode reads a device's body into a value of the protocol, as strictly as
// the operators' API reads its own: by the same schema as in the document.
func decode[T any](a *API, h http.Header, body []byte) (out T, err error) {
	if err := checkJSONType(h); err != nil {
		return out, err
	}
	if err := checkJSON(body); err != nil {
		return out, err
	}
	var loose any
	if err := json.Unmarshal(body, &loose); err != nil {
		return out, fmt.Errorf("%w: the body is not JSON", errMalformed)
	}
	registry := a.doc.OpenAPI().Components.Schemas
	var res huma.ValidateResult
	at := huma.NewPathBuffer([]byte("body"), 4)
	huma.Validate(registry, registry.Schema(reflect.TypeFor[T](), false, ""), at, huma.ModeWriteToServer, loose, &res)
	if len(res.Errors) > 0 {
		return out, fieldsOfHuma(res.Errors)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&out); err != nil {
		return out, atlas.Invalid("body", "has a value of another type")
	}
	return out, nil
}

func fieldsOfHuma(errs []error) fieldErrors {
	out := make(fieldErrors, 0, len(errs))
	for _, err := range errs {
		var d *huma.ErrorDetail
		if !errors.As(err, &d) {
			d = &huma.ErrorDetail{Location: "body", Message: "is not valid"}
		}
		out = append(out, ProblemField{Location: d.Location, Message: atlas.CleanText(d.Message, 300)})
	}
	return out
}
