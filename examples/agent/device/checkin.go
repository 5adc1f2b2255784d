package device

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
)

// CheckIn reports to the server, takes its commands, runs them and reports
// their outcomes, until there is nothing left to do. Commands that fail are
// reported and are no error; errors are [ErrNotEnrolled], [ErrUnknownDevice],
// [ErrAnswer], a *[ProblemError], and those of the network and the state
// folder. Whatever it returns, nothing is lost and nothing runs twice: the
// next call continues.
func (a *Agent) CheckIn(ctx context.Context) error {
	_, err := a.checkIn(ctx)
	return err
}

// round is what one exchange with the server brought.
type round struct {
	taken int           // commands taken over
	next  time.Duration // until the next check-in
}

// checkIn is CheckIn. It returns when to check in next; taken counts all
// commands of the call.
func (a *Agent) checkIn(ctx context.Context) (total round, err error) {
	a.work.Lock()
	defer a.work.Unlock()
	if a.snapshot().DeviceID == "" {
		return total, ErrNotEnrolled
	}
	if err := a.settle(ctx); err != nil {
		return total, err
	}
	for first := true; ; first = false {
		r, err := a.exchange(ctx)
		if err != nil {
			return total, err
		}
		total.taken, total.next = total.taken+r.taken, r.next
		if r.taken > 0 {
			// The server learns that the commands arrived before they run: a
			// download may take longer than it waits without a word.
			if _, err := a.exchange(ctx); err != nil {
				a.opt.Logger.Warn("commands could not be acknowledged", "error", err)
			}
		}
		ran, err := a.runQueue(ctx)
		if err != nil {
			return total, err
		}
		if idle := len(a.snapshot().Reports) == 0; ran == 0 && (idle || !first) {
			return total, nil
		}
	}
}

// exchange makes one check-in and takes in its answer.
func (a *Agent) exchange(ctx context.Context) (round, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	in, sent := a.report(ctx)
	body, err := json.Marshal(in)
	if err != nil {
		return round{}, fmt.Errorf("device: encode check-in: %w", err)
	}
	var out deviceproto.Orders
	if err := a.call(ctx, http.MethodPost, a.url(deviceproto.PathCheckIn, ""), body, &out); err != nil {
		return round{}, err
	}
	return a.obey(in, sent, out)
}

// sentDigests name what a check-in said of the device and its applications.
type sentDigests struct{ device, apps string }

// report is what there is to say now. What the server has confirmed is not
// said again.
func (a *Agent) report(ctx context.Context) (in deviceproto.CheckIn, sent sentDigests) {
	s := a.snapshot()
	in.Results = s.Reports[:min(len(s.Reports), deviceproto.MaxReports)]
	sent.device = digest(struct {
		Device deviceproto.Device
		Kinds  []string
	}{a.opt.Info, a.opt.Capabilities})
	if sent.device != s.SentDevice {
		info := a.opt.Info
		in.Device, in.Capabilities = &info, a.opt.Capabilities
	}
	apps, err := a.executor.Apps(ctx)
	if err != nil {
		a.opt.Logger.Warn("applications can't be listed", "error", err)
		sent.apps = s.SentApps
		return in, sent
	}
	if len(apps) > deviceproto.MaxApps {
		a.opt.Logger.Warn("too many applications to report", "apps", len(apps), "reported", deviceproto.MaxApps)
		apps = apps[:deviceproto.MaxApps]
	}
	if sent.apps = digest(apps); sent.apps != s.SentApps {
		if apps == nil {
			apps = []deviceproto.App{}
		}
		in.Apps = &apps
	}
	return in, sent
}

func digest(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "" // never equal to anything sent, so it is sent again
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// obey takes in the answer to a check-in, durably, before anything is done
// about it.
func (a *Agent) obey(in deviceproto.CheckIn, sent sentDigests, out deviceproto.Orders) (r round, err error) {
	for _, rejected := range out.Rejected {
		a.opt.Logger.Warn("server can't use a report", "command", rejected.CommandID, "reason", rejected.Reason)
	}
	keys, err := a.newKeys(out.Keys)
	if err != nil {
		return r, err
	}
	token := a.renewed(out, keys)
	_, now := a.now()
	err = a.update(func(s *state) {
		s.confirmed(in.Results)
		s.SentDevice, s.SentApps = sent.device, sent.apps
		s.Activation, s.AgentEnabled, s.LastCheckIn = out.Activation, out.AgentEnabled, now
		if keys != nil {
			s.Keys = keys
		}
		if token != "" || out.Activation != active {
			s.Lease = token
		}
		for _, c := range out.Commands {
			if s.take(c) {
				r.taken++
			}
		}
	})
	r.next = min(max(time.Duration(out.NextCheckIn)*time.Second, minPause), maxPause)
	if out.NextCheckIn <= 0 {
		r.next = defaultPause
	}
	return r, err
}

// newKeys reads the server's keys where an answer brings new ones.
func (a *Agent) newKeys(raw json.RawMessage) (*lease.JWKS, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	keys, err := lease.ParseJWKS(raw)
	if err == nil && len(keys) == 0 {
		err = errors.New("no key is left")
	}
	if err != nil {
		return nil, fmt.Errorf("device: new server keys: %w", err)
	}
	a.opt.Logger.Info("server has new keys", "keys", len(keys))
	return &keys, nil
}

// renewed returns the lease of an answer if it counts, and "" otherwise. One
// that does not is left aside: the last good one runs out by itself.
func (a *Agent) renewed(out deviceproto.Orders, keys *lease.JWKS) string {
	s := a.snapshot()
	if out.Lease == "" || out.Activation != active {
		return ""
	}
	if keys == nil {
		keys = s.Keys
	}
	now, floor := a.now()
	if _, _, err := lease.Verify(out.Lease, *keys, atlas.DeviceID(s.DeviceID), now, floor); err != nil {
		a.opt.Logger.Warn("lease does not count", "error", err)
		return ""
	}
	return out.Lease
}

// take takes a command over and reports whether it is a new one. What is done
// is reported again instead, and what waits is left as it is.
func (s *state) take(c deviceproto.Command) bool {
	if r, done := s.outcome(c.ID, c.Attempt); done {
		s.report(r)
		return false
	}
	for i, j := range s.Queue {
		switch {
		case j.Command.ID != c.ID:
		case j.Command.Attempt >= c.Attempt || j.Started:
			return false
		default: // the server gave up the attempt that never began
			s.Queue = append(s.Queue[:i], s.Queue[i+1:]...)
			return s.enqueue(c)
		}
	}
	for _, r := range s.Done {
		if r.CommandID == c.ID && r.Attempt > c.Attempt {
			return false
		}
	}
	return s.enqueue(c)
}

func (s *state) enqueue(c deviceproto.Command) bool {
	if len(s.Queue) >= maxQueue || c.ID == "" || c.Attempt < 1 {
		return false
	}
	s.Queue = append(s.Queue, job{Command: c})
	s.report(deviceproto.Report{CommandID: c.ID, Attempt: c.Attempt, Outcome: acknowledged})
	return true
}
