package commands_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/commands"
)

// queue is a commands.Queue: one transaction of a store.
type queue map[string]commands.Command

func (q queue) Insert(_ context.Context, cs []commands.Command) error {
	for _, c := range cs {
		c.Version = 1
		q[c.ID] = c
	}
	return nil
}

func (q queue) Command(_ context.Context, id string) (commands.Command, error) {
	c, ok := q[id]
	if !ok {
		return commands.Command{}, atlas.ErrNotFound
	}
	return c, nil
}

func (q queue) Save(_ context.Context, c commands.Command) error {
	if q[c.ID].Version != c.Version {
		return atlas.ErrStale
	}
	c.Version++
	q[c.ID] = c
	return nil
}

func (q queue) Open(_ context.Context, d atlas.DeviceID, limit int) ([]commands.Command, error) {
	var out []commands.Command
	for _, c := range q {
		if c.DeviceID == d && !c.State.Final() {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b commands.Command) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.ID, b.ID))
	})
	return out[:min(limit, len(out))], nil
}

func queued(n int) queue {
	q := queue{}
	for i := range n {
		id := fmt.Sprintf("c%02d", i)
		q[id] = commands.Command{ID: id, DeviceID: "d", State: commands.Queued, Attempts: 2, ExpiresAt: at.Add(time.Hour), Version: 1}
	}
	return q
}

func allow(context.Context, commands.Command) error { return nil }

func claim(t *testing.T, q queue, now time.Time, h commands.Hand) []string {
	t.Helper()
	if h.Allow == nil {
		h.Allow = allow
	}
	cs, err := commands.Claim(t.Context(), q, "d", now, h)
	require.NoError(t, err)
	out := make([]string, len(cs))
	for i, c := range cs {
		out[i] = c.ID
		require.Equal(t, q[c.ID], c, "as saved")
		require.Equal(t, commands.Delivered, c.State)
	}
	return out
}

func TestClaimHandsOutEachCommandOncePerLease(t *testing.T) {
	t.Parallel()
	q := queued(20)
	require.Len(t, claim(t, q, at, commands.Hand{}), 16)
	require.Equal(t, []string{"c16", "c17", "c18", "c19"}, claim(t, q, at, commands.Hand{}))
	require.Empty(t, claim(t, q, at.Add(commands.DefaultLease-1), commands.Hand{}))
	require.Len(t, claim(t, q, at.Add(commands.DefaultLease), commands.Hand{Max: 100}), 20)
}

func TestClaimGoesByPriorityAndThenInOrder(t *testing.T) {
	t.Parallel()
	q := queued(4)
	urgent := q["c02"]
	urgent.Priority = 5
	q["c02"] = urgent
	require.Equal(t, []string{"c02", "c00"}, claim(t, q, at, commands.Hand{Max: 2}))
}

func TestClaimEndsWhatIsLate(t *testing.T) {
	t.Parallel()
	q := queued(2)
	require.Empty(t, claim(t, q, at.Add(time.Hour), commands.Hand{}))
	require.Equal(t, commands.Expired, q["c00"].State)
	require.Equal(t, at.Add(time.Hour), q["c00"].FinishedAt)
}

func TestClaimAsksAgainAtTheMomentOfDelivery(t *testing.T) {
	t.Parallel()
	q := queued(5)
	answers := map[string]error{"c00": atlas.ErrDenied, "c01": commands.ErrLater, "c02": atlas.ErrRefused, "c03": atlas.ErrNotFound}
	got := claim(t, q, at, commands.Hand{Allow: func(_ context.Context, c commands.Command) error { return answers[c.ID] }})
	require.Equal(t, []string{"c04"}, got)
	for id, want := range map[string]commands.State{"c00": commands.Cancelled, "c01": commands.Queued, "c02": commands.Cancelled, "c03": commands.Cancelled} {
		require.Equal(t, want, q[id].State, id)
	}
	boom := errors.New("boom")
	_, err := commands.Claim(t.Context(), q, "d", at, commands.Hand{Allow: func(context.Context, commands.Command) error { return boom }})
	require.ErrorIs(t, err, boom, "a failure is no refusal")
	require.Equal(t, commands.Queued, q["c01"].State)
}

func TestAnAcknowledgedCommandThatFellSilentIsHandedOutAgain(t *testing.T) {
	t.Parallel()
	q := queued(1)
	claim(t, q, at, commands.Hand{})
	c, changed, err := commands.Receive(t.Context(), q, "d", commands.Report{CommandID: "c00", Attempt: 1, Outcome: commands.OutcomeAcknowledged}, at)
	require.NoError(t, err)
	require.True(t, changed)
	require.Equal(t, q["c00"], c)
	require.Empty(t, claim(t, q, at.Add(commands.BusyLease-1), commands.Hand{}))
	require.Equal(t, []string{"c00"}, claim(t, q, at.Add(commands.BusyLease), commands.Hand{}))
	require.EqualValues(t, 1, q["c00"].Attempt)
}

func TestAReportIsForTheDevicesOwnCommands(t *testing.T) {
	t.Parallel()
	q := queued(1)
	claim(t, q, at, commands.Hand{})
	before := q["c00"]
	done := commands.Report{CommandID: "c00", Attempt: 1, Outcome: commands.OutcomeSucceeded}
	_, _, err := commands.Receive(t.Context(), q, "another", done, at)
	require.ErrorIs(t, err, atlas.ErrNotFound)
	require.Equal(t, before, q["c00"])
	_, _, err = commands.Receive(t.Context(), q, "d", commands.Report{CommandID: "c99"}, at)
	require.ErrorIs(t, err, atlas.ErrNotFound)
	_, changed, err := commands.Receive(t.Context(), q, "d", done, at)
	require.NoError(t, err)
	require.True(t, changed)
	after := q["c00"]
	got, changed, err := commands.Receive(t.Context(), q, "d", done, at.Add(time.Hour))
	require.NoError(t, err)
	require.False(t, changed, "a repeat whose answer was lost")
	require.Equal(t, after, got)
	require.Equal(t, after, q["c00"])
}

func TestACampaignReaches(t *testing.T) {
	t.Parallel()
	base := commands.Campaign{ID: "k", Path: "root/a", NotBefore: at, ExpiresAt: at.Add(time.Hour), CreatedAt: at, Attempts: 2, Kind: commands.DeviceSync, Priority: 3}
	d := atlas.Device{ID: "d", Path: "root/a/b", Tenant: "a", FolderID: "f", EnrolledAt: at}
	require.True(t, base.Reaches(d, at))
	for name, change := range map[string]func(*commands.Campaign, *atlas.Device, *time.Time){
		"cancelled":      func(c *commands.Campaign, _ *atlas.Device, _ *time.Time) { c.Cancelled = true },
		"another place":  func(_ *commands.Campaign, d *atlas.Device, _ *time.Time) { d.Path = "root/ab" },
		"no place":       func(c *commands.Campaign, _ *atlas.Device, _ *time.Time) { c.Path = "" },
		"another folder": func(c *commands.Campaign, _ *atlas.Device, _ *time.Time) { c.FolderID = "g" },
		"enrolled later": func(_ *commands.Campaign, d *atlas.Device, _ *time.Time) { d.EnrolledAt = at.Add(1) },
		"too early":      func(_ *commands.Campaign, _ *atlas.Device, now *time.Time) { *now = at.Add(-1) },
		"too late":       func(_ *commands.Campaign, _ *atlas.Device, now *time.Time) { *now = at.Add(time.Hour) },
	} {
		c, dev, now := base, d, at
		change(&c, &dev, &now)
		require.False(t, c.Reaches(dev, now), name)
	}
	require.Equal(t, commands.Command{
		ID: "1", CampaignID: "k", DeviceID: "d", Path: "root/a/b", Tenant: "a", Kind: commands.DeviceSync, Priority: 3, NotBefore: at,
		ExpiresAt: at.Add(time.Hour), State: commands.Queued, Attempts: 2, CreatedAt: at, Version: 1,
	}, base.For("1", d))
}
