package device

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
)

// Bounds of the time between two check-ins, whatever the server says.
const (
	minPause     = 10 * time.Second
	maxPause     = 24 * time.Hour
	defaultPause = 15 * time.Minute
)

// Run keeps the device in contact until ctx ends, and then returns nil: it
// checks in, waits for the server to have commands, and checks in again when
// it has, and in any case when it asked for the next check-in. Whatever does
// not get through is tried again, later each time. Run returns an error only
// for what trying again can't help: [ErrNotEnrolled], [ErrUnknownDevice] and
// [ErrState].
func (a *Agent) Run(ctx context.Context) error {
	var wait backoff
	for woken := false; ; {
		r, err := a.checkIn(ctx)
		if err == nil {
			err = a.calm(ctx, woken && r.taken == 0, &wait)
		}
		if err == nil {
			woken, err = a.await(ctx, r.next)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case hopeless(err):
			return err
		case err != nil:
			a.opt.Logger.Warn("check-in did not get through", "error", err)
			if a.opt.Sleep(ctx, wait.next(err)) != nil {
				return nil
			}
		}
	}
}

// calm waits a little after a wake that was for nothing, longer each time, so
// that a server which always says there is something gets no storm.
func (a *Agent) calm(ctx context.Context, idle bool, wait *backoff) error {
	if !idle {
		*wait = backoff{}
		return nil
	}
	return a.opt.Sleep(ctx, min(wait.next(nil), calmest))
}

func hopeless(err error) bool {
	return errors.Is(err, ErrNotEnrolled) || errors.Is(err, ErrUnknownDevice) || errors.Is(err, ErrState)
}

// await returns when the next check-in is due, and whether it is because the
// server has commands.
func (a *Agent) await(ctx context.Context, next time.Duration) (woken bool, err error) {
	var wait backoff
	end := a.opt.Elapsed() + next
	for left := next; left > 0; left = end - a.opt.Elapsed() {
		asked, begun := min(left, deviceproto.MaxWait), a.opt.Elapsed()
		woken, err := a.wait(ctx, asked)
		if woken || ctx.Err() != nil || hopeless(err) {
			return woken, err
		}
		if err == nil && a.opt.Elapsed()-begun >= asked/2 {
			wait = backoff{}
			continue
		}
		// An answer that comes too early, or none, must not become a storm.
		a.opt.Logger.Debug("waiting was cut short", "error", err)
		if err := a.opt.Sleep(ctx, min(wait.next(err), left)); err != nil {
			return false, err
		}
	}
	return false, nil
}

// wait asks the server to answer as soon as there are commands, and after
// timeout at the latest.
func (a *Agent) wait(ctx context.Context, timeout time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout+patience)
	defer cancel()
	seconds := max(1, int64(timeout/time.Second))
	query := url.Values{"timeout": {strconv.FormatInt(seconds, 10)}}.Encode()
	var wake deviceproto.Wake
	if err := a.call(ctx, http.MethodGet, a.url(deviceproto.PathWait, query), nil, &wake); err != nil {
		return false, fmt.Errorf("wait: %w", err)
	}
	return wake.Commands, nil
}

const (
	firstDelay = time.Second
	lastDelay  = 5 * time.Minute
	calmest    = 30 * time.Second // the most that a needless wake costs
)

// backoff makes each delay about twice the one before, at random between a
// half and the whole of it, so that devices which lost the server at the same
// moment don't come back at the same moment.
type backoff struct{ delay time.Duration }

// next returns the delay after err, never less than the server asked for.
func (b *backoff) next(err error) time.Duration {
	b.delay = min(max(2*b.delay, firstDelay), lastDelay)
	d := b.delay/2 + rand.N(b.delay/2+1)
	var p *ProblemError
	if errors.As(err, &p) {
		d = max(d, p.RetryAfter)
	}
	return d
}
