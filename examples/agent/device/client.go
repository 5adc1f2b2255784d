package device

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/httpsig"
)

const (
	// maxAnswer bounds the body of an answer, downloads apart.
	maxAnswer = 4 << 20
	// patience is how long an answer may take, a wait's own time apart.
	patience = 60 * time.Second
)

// call makes a signed request and reads its signed answer into out.
func (a *Agent) call(ctx context.Context, method, url string, body []byte, out any) error {
	return a.corrected(func() error {
		resp, req, err := a.send(ctx, method, url, body, nil)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		answer, err := a.verified(resp, req)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(answer, out); err != nil {
			return fmt.Errorf("device: answer does not parse: %w", err)
		}
		return nil
	})
}

// corrected runs one request, and again with what a refusal taught: another
// counter or another time, each once.
func (a *Agent) corrected(request func() error) error {
	learnt := map[string]bool{}
	for {
		err := request()
		var p *ProblemError
		if !errors.As(err, &p) || learnt[p.Problem.Type] || !a.learn(p.Problem) {
			return err
		}
		learnt[p.Problem.Type] = true
	}
}

// learn takes what a refusal tells and reports whether trying again helps.
func (a *Agent) learn(p deviceproto.Problem) bool {
	switch {
	case p.Type == deviceproto.ProblemReplay && p.Counter > 0:
		a.opt.Logger.Warn("counter was used, going on above", "counter", p.Counter)
		a.jump(p.Counter)
	case p.Type == deviceproto.ProblemClock && p.ServerTime != nil:
		a.opt.Logger.Warn("clock is off, using the server's", "server", *p.ServerTime)
		a.hear(*p.ServerTime)
	default:
		return false
	}
	return true
}

// send signs and sends one request. header may be nil.
func (a *Agent) send(ctx context.Context, method, url string, body []byte, header http.Header) (*http.Response, *http.Request, error) {
	s := a.snapshot()
	if s.DeviceID == "" {
		return nil, nil, ErrNotEnrolled
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, fmt.Errorf("device: %w", err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	plain(req, body)
	counter, err := a.nextCounter()
	if err != nil {
		return nil, nil, err
	}
	now, _ := a.now()
	if err := httpsig.Sign(req, body, a.key, httpsig.Params{KeyID: s.KeyID, Created: now, Counter: counter}); err != nil {
		return nil, nil, fmt.Errorf("device: %w", err)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("device: %w", err)
	}
	return resp, req, nil
}

// plain sets the headers of every request. Nothing may compress an answer:
// digests are over the bytes that travel.
func plain(req *http.Request, body []byte) {
	req.Header.Set("Accept-Encoding", "identity")
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
}

// verified returns the body of an answer that one of the server's keys
// signed for this request, and a *ProblemError or ErrUnknownDevice if it is
// a refusal.
func (a *Agent) verified(resp *http.Response, req *http.Request) ([]byte, error) {
	body, err := readAnswer(resp)
	if err != nil {
		return nil, err
	}
	p, err := httpsig.VerifyResponse(resp, req, body, a.serverKey)
	if err != nil {
		return nil, fmt.Errorf("%w: status %d: %w", ErrAnswer, resp.StatusCode, err)
	}
	a.hear(p.Created)
	if resp.StatusCode == http.StatusOK {
		return body, nil
	}
	problem := problemOf(resp, body)
	if problem.Problem.Type == deviceproto.ProblemUnknown {
		return nil, fmt.Errorf("%w: %w", ErrUnknownDevice, problem)
	}
	return nil, problem
}

// serverKey returns the key of that name among those the server told.
func (a *Agent) serverKey(keyID string) (crypto.PublicKey, error) {
	s := a.snapshot()
	if s.Keys != nil {
		if pub, ok := s.Keys.Key(keyID); ok {
			return pub, nil
		}
	}
	return nil, fmt.Errorf("unknown server key (%w)", atlas.ErrUnauthenticated)
}

func readAnswer(resp *http.Response) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("device: read answer: %w", err)
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("device: answer: %w", atlas.ErrTooLarge)
	}
	return body, nil
}

// problemOf reads a refusal as far as it can be read.
func problemOf(resp *http.Response, body []byte) *ProblemError {
	var p deviceproto.Problem
	if json.Unmarshal(body, &p) != nil {
		p = deviceproto.Problem{}
	}
	p.Status = resp.StatusCode
	if p.Title == "" {
		p.Title = http.StatusText(resp.StatusCode)
	}
	out := &ProblemError{Problem: p}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		out.RetryAfter = min(time.Duration(s)*time.Second, 24*time.Hour)
	}
	return out
}
