package device

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/httpsig"
)

// enrolTries is how often an enrolment is sent when no answer comes through.
const enrolTries = 5

// Enroll redeems an activation code and makes the device the server's. On a
// device that is enrolled it does nothing. When the answer is lost it asks
// again, and so may the caller: the same code and key get the same device.
// A refusal is a *[ProblemError].
func (a *Agent) Enroll(ctx context.Context, code string) error {
	a.work.Lock()
	defer a.work.Unlock()
	if a.snapshot().DeviceID != "" {
		return nil
	}
	der, err := httpsig.MarshalPublicKey(a.key.Public())
	if err != nil {
		return fmt.Errorf("device: %w", err)
	}
	body, err := json.Marshal(deviceproto.Enrol{
		ActivationCode: code, PublicKey: der, Device: a.opt.Info, Capabilities: a.opt.Capabilities,
	})
	if err != nil {
		return fmt.Errorf("device: encode enrolment: %w", err)
	}
	var wait backoff
	for try := 1; ; try++ {
		in, err := a.enrol(ctx, body)
		if err == nil {
			return a.adopt(in)
		}
		if try == enrolTries || !temporary(err) || ctx.Err() != nil {
			return err
		}
		a.opt.Logger.Warn("enrolment did not get through", "error", err)
		if err := a.opt.Sleep(ctx, wait.next(err)); err != nil {
			return fmt.Errorf("device: enrol: %w", err)
		}
	}
}

func (a *Agent) enrol(ctx context.Context, body []byte) (in deviceproto.Enrolled, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url(deviceproto.PathEnrol, ""), bytes.NewReader(body))
	if err != nil {
		return in, fmt.Errorf("device: %w", err)
	}
	plain(req, body)
	resp, err := a.client.Do(req)
	if err != nil {
		return in, fmt.Errorf("device: enrol: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := readAnswer(resp)
	if err != nil {
		return in, err
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		return in, problemOf(resp, answer)
	}
	if err := json.Unmarshal(answer, &in); err != nil {
		return in, fmt.Errorf("%w: enrolment does not parse: %w", ErrAnswer, err)
	}
	return in, nil
}

// adopt checks that the parts of an enrolment fit each other and makes it the
// device's own.
func (a *Agent) adopt(in deviceproto.Enrolled) error {
	keys, err := lease.ParseJWKS(in.Keys)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	if in.DeviceID == "" || in.KeyID == "" || in.ServerTime.IsZero() || in.Counter > maxCounter {
		return fmt.Errorf("%w: enrolment without device id, key id, time or counter", ErrAnswer)
	}
	if _, _, err := lease.Verify(in.Lease, keys, atlas.DeviceID(in.DeviceID), in.ServerTime, time.Time{}); err != nil {
		return fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	a.hear(in.ServerTime)
	a.jump(in.Counter)
	return a.update(func(s *state) {
		s.DeviceID, s.SupportID, s.KeyID, s.Keys = in.DeviceID, in.SupportID, in.KeyID, &keys
		s.Lease, s.Activation, s.AgentEnabled = in.Lease, active, true
		s.Ceiling = max(s.Ceiling, in.Counter)
	})
}

// temporary reports whether trying again may help.
func temporary(err error) bool {
	var p *ProblemError
	if errors.As(err, &p) {
		return p.Temporary()
	}
	return !errors.Is(err, ErrAnswer) && !errors.Is(err, ErrState) && !errors.Is(err, ErrFile)
}
