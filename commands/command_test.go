package commands_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/commands"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// allowed is the whole state machine, written out.
var allowed = map[commands.State]string{
	commands.Queued:       "delivered expired cancelled superseded",
	commands.Delivered:    "delivered queued acknowledged succeeded failed expired cancelled",
	commands.Acknowledged: "queued succeeded failed expired cancelled",
}

func may(from, next commands.State) bool {
	for s := range strings.FieldsSeq(allowed[from]) {
		if s == string(next) {
			return true
		}
	}
	return false
}

func anyState() []commands.State { return append(commands.States(), "", "unknown") }

func TestTheStateMachineIsTheTable(t *testing.T) {
	t.Parallel()
	require.Len(t, commands.States(), 8)
	for _, from := range anyState() {
		require.Equal(t, allowed[from] == "", from.Final(), "%q", from)
		for _, next := range anyState() {
			require.Equal(t, may(from, next), from.CanBecome(next), "%q to %q", from, next)
		}
	}
}

func in(s commands.State) commands.Command {
	return commands.Command{ID: "c", DeviceID: "d", State: s, Attempt: 1, Attempts: 2, ExpiresAt: at.Add(time.Hour), SentAt: at, LeaseUntil: at, Version: 3}
}

func TestDeliverAndFinishInEveryState(t *testing.T) {
	t.Parallel()
	for _, s := range anyState() {
		got, err := in(s).Deliver(at, time.Minute)
		require.Equal(t, may(s, commands.Delivered), err == nil, "deliver in %q", s)
		if err == nil {
			require.Equal(t, at.Add(time.Minute), got.LeaseUntil)
		} else {
			require.ErrorIs(t, err, atlas.ErrTransition)
			require.Equal(t, in(s), got)
		}
		for _, end := range anyState() {
			got, err := in(s).Finish(end, at)
			require.Equal(t, may(s, end), err == nil, "%q ended as %q", s, end)
			if err != nil {
				require.Equal(t, in(s), got)
			}
		}
	}
}

func TestTheFirstDeliveryCountsTheFirstAttempt(t *testing.T) {
	t.Parallel()
	c, err := commands.Command{State: commands.Queued}.Deliver(at, time.Minute)
	require.NoError(t, err)
	require.EqualValues(t, 1, c.Attempt)
	require.Equal(t, at, c.SentAt)
	again, err := c.Deliver(at.Add(time.Hour), time.Minute)
	require.NoError(t, err)
	require.EqualValues(t, 1, again.Attempt, "the same attempt, whose answer was lost")
	require.Equal(t, at, again.SentAt)
}

// reports is what becomes of a command with one more attempt to go: the whole
// table of states and outcomes. An empty cell changes nothing.
var reports = map[commands.State]map[commands.Outcome]commands.State{
	commands.Delivered: {
		commands.OutcomeAcknowledged: commands.Acknowledged, commands.OutcomeSucceeded: commands.Succeeded,
		commands.OutcomeFailed: commands.Queued, commands.OutcomeUnsupported: commands.Failed,
	},
	commands.Acknowledged: {
		commands.OutcomeSucceeded: commands.Succeeded, commands.OutcomeFailed: commands.Queued, commands.OutcomeUnsupported: commands.Failed,
	},
}

var outcomes = []commands.Outcome{commands.OutcomeAcknowledged, commands.OutcomeSucceeded, commands.OutcomeFailed, commands.OutcomeUnsupported}

func TestAReportInEveryState(t *testing.T) {
	t.Parallel()
	for _, s := range anyState() {
		for _, o := range outcomes {
			for attempt := int64(0); attempt <= 2; attempt++ {
				got, changed, err := in(s).Apply(commands.Report{CommandID: "c", Attempt: attempt, Outcome: o, Detail: "why"}, at)
				require.NoError(t, err)
				want, ok := reports[s][o]
				if !ok || attempt != 1 {
					require.False(t, changed, "%s in %q", o, s)
					require.Equal(t, in(s), got, "%s in %q", o, s)
					continue
				}
				require.True(t, changed)
				require.Equal(t, want, got.State, "%s in %q", o, s)
				require.Equal(t, "why", got.Detail)
				require.Equal(t, want.Final(), !got.FinishedAt.IsZero())
			}
		}
	}
}

func TestAFailedAttemptIsTriedAgainAfterAWaitUntilTheLast(t *testing.T) {
	t.Parallel()
	c := in(commands.Delivered)
	c, changed, err := c.Apply(commands.Report{Attempt: 1, Outcome: commands.OutcomeFailed}, at)
	require.NoError(t, err)
	require.True(t, changed)
	require.EqualValues(t, 2, c.Attempt)
	require.Equal(t, at.Add(commands.Backoff), c.NotBefore)
	require.Zero(t, c.LeaseUntil)
	require.False(t, c.Due(at.Add(commands.Backoff-1)))
	require.True(t, c.Due(at.Add(commands.Backoff)))
	c, err = c.Deliver(at, time.Minute)
	require.NoError(t, err)
	c, _, err = c.Apply(commands.Report{Attempt: 2, Outcome: commands.OutcomeFailed}, at)
	require.NoError(t, err)
	require.Equal(t, commands.Failed, c.State)
}

func TestTheWaitDoublesUpToABound(t *testing.T) {
	t.Parallel()
	for attempt, want := range map[int64]time.Duration{1: 30 * time.Second, 2: time.Minute, 3: 2 * time.Minute, 7: 32 * time.Minute, 8: time.Hour, 60: time.Hour, 1 << 40: time.Hour} {
		c := commands.Command{State: commands.Delivered, Attempt: attempt, Attempts: attempt + 1}
		got, _, err := c.Apply(commands.Report{Attempt: attempt, Outcome: commands.OutcomeFailed}, at)
		require.NoError(t, err)
		require.Equal(t, at.Add(want), got.NotBefore, "after attempt %d", attempt)
	}
}

func TestAnUnknownOutcomeIsInvalidAndChangesNothing(t *testing.T) {
	t.Parallel()
	got, changed, err := in(commands.Delivered).Apply(commands.Report{Attempt: 1, Outcome: "exploded", Detail: "x"}, at)
	require.ErrorIs(t, err, atlas.ErrInvalid)
	require.False(t, changed)
	require.Equal(t, in(commands.Delivered), got)
}

func TestWhatADeviceSaysIsCleaned(t *testing.T) {
	t.Parallel()
	got, _, err := in(commands.Delivered).Apply(commands.Report{Attempt: 1, Outcome: commands.OutcomeSucceeded, Detail: "a\x00\u202eb" + strings.Repeat("x", commands.MaxDetail)}, at)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(got.Detail, "abx"))
	require.Len(t, got.Detail, commands.MaxDetail)
}

// Whatever a device sends and however often, a command ends once, and its
// state follows the machine.
func TestReportsAreIdempotentAndACommandHasOneEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := commands.Command{ID: "c", State: commands.Queued, Attempts: rapid.Int64Range(1, 4).Draw(t, "attempts"), ExpiresAt: at.Add(time.Hour)}
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			before := c
			if next, err := c.Deliver(at, time.Minute); err == nil && rapid.Bool().Draw(t, "deliver") {
				c = next
				continue
			}
			r := commands.Report{Attempt: rapid.Int64Range(0, 5).Draw(t, "attempt"), Outcome: rapid.SampledFrom(outcomes).Draw(t, "outcome")}
			next, changed, err := c.Apply(r, at)
			require.NoError(t, err)
			require.Equal(t, changed, next.State != before.State)
			if changed {
				require.True(t, before.State.CanBecome(next.State))
				again, repeated, err := next.Apply(r, at.Add(time.Second))
				require.NoError(t, err)
				require.False(t, repeated, "a repeat of %+v", r)
				require.Equal(t, next, again)
			}
			require.LessOrEqual(t, next.Attempt, next.Attempts)
			require.False(t, before.State.Final() && changed)
			c = next
		}
	})
}

func TestDueAndLate(t *testing.T) {
	t.Parallel()
	for _, s := range anyState() {
		c := in(s)
		require.Equal(t, !s.Final(), c.Due(at), "%q without a lease", s)
		c.LeaseUntil = at.Add(time.Minute)
		require.Equal(t, s == commands.Queued, c.Due(at), "%q under a lease", s)
		require.Equal(t, !s.Final(), c.Due(at.Add(time.Minute)), "%q when the lease ends", s)
		require.False(t, c.Due(c.ExpiresAt), "%q too late", s)
		c.NotBefore = at.Add(time.Second)
		require.False(t, c.Due(at), "%q too early", s)
	}
	require.False(t, in(commands.Queued).Late(at.Add(time.Hour-1)))
	require.True(t, in(commands.Queued).Late(at.Add(time.Hour)))
}

func Example() {
	c := commands.Command{ID: "1", Kind: commands.DeviceReboot, State: commands.Queued, Attempts: 2, ExpiresAt: at.Add(commands.DefaultLife)}
	c, err := c.Deliver(at, commands.DefaultLease)
	fmt.Println(c.State, c.Attempt, err)

	failed := commands.Report{CommandID: "1", Attempt: 1, Outcome: commands.OutcomeFailed, Detail: "battery low"}
	c, changed, err := c.Apply(failed, at.Add(time.Second))
	fmt.Println(c.State, c.Attempt, changed, err)
	c, changed, err = c.Apply(failed, at.Add(time.Second)) // the answer was lost, the agent repeats
	fmt.Println(c.State, c.Attempt, changed, err)
	// Output:
	// delivered 1 <nil>
	// queued 2 true <nil>
	// queued 2 false <nil>
}
