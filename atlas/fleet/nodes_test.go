package fleet_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

// quickly makes nodes look at the queue of a waiting device often.
var quickly = fleet.Options{Poll: 5 * time.Millisecond}

func TestACommandSentOnOneNodeReachesAPhoneThatWaitsOnAnother(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		w := atlastest.NewWith(t, st, quickly)
		p := w.Enrolled("north/1")
		p.Service = w.Node(st)
		require.NoError(t, p.Sync(t.Context()))
		var g errgroup.Group
		g.Go(func() error {
			woken, err := p.Wait(t.Context())
			if err == nil && !woken {
				err = errors.New("the phone was not woken")
			}
			return err
		})
		id := send(t, w, "north", commands.DeviceReboot, "", p)
		require.NoError(t, g.Wait())
		require.NoError(t, p.Sync(t.Context()))
		require.Equal(t, 1, p.Runs[id])
		require.Equal(t, commands.Succeeded, stateOf(t, w, id))
	})
}

func TestACommandIsHandedToOneOfTwoRequestsOnTwoNodes(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		w := atlastest.New(t, st)
		p := w.Enrolled("north/1")
		require.NoError(t, p.Sync(t.Context()))
		send(t, w, "north", commands.DeviceReboot, "", p)
		nodes := []*fleet.Service{w.Service, w.Node(st), w.Service, w.Node(st)}
		got := make([]int, len(nodes))
		var g errgroup.Group
		for i, s := range nodes {
			g.Go(func() error {
				out, err := s.CheckIn(t.Context(), fleet.Device{ID: p.ID}, fleet.CheckIn{})
				got[i] = len(out.Commands)
				return err
			})
		}
		require.NoError(t, g.Wait())
		total := 0
		for _, n := range got {
			total += n
		}
		require.Equal(t, 1, total)
	})
}

func TestARequestIsNotAcceptedTwiceOnAnyNode(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		w := atlastest.New(t, st)
		p := w.Enrolled("north/1")
		_, err := p.Request(t.Context(), 7)
		require.NoError(t, err)
		var behind *fleet.ReplayError
		for range 2 { // on the same node, and on another
			_, err = p.Request(t.Context(), 7)
			require.ErrorIs(t, err, fleet.ErrReplay)
			require.ErrorAs(t, err, &behind)
			p.Service = w.Node(st)
		}
		_, err = p.Authenticate(t.Context())
		require.NoError(t, err, "the device continues where it is told to")
		_, err = p.Request(t.Context(), 8)
		require.ErrorIs(t, err, fleet.ErrReplay, "what another node may have accepted counts as used")
	})
}

func TestACodeForOneDeviceIsRedeemedByOneOfEight(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		w := atlastest.New(t, st)
		w.Grant("north", 10)
		code := w.Code("north", w.Plan(activation.Plan{Price: 10, Charge: activation.ChargeOnRedeem}))
		nodes := []*fleet.Service{w.Service, w.Node(st)}
		phones := make([]*atlastest.Phone, 8)
		for i := range phones {
			phones[i] = w.Unboxed()
			phones[i].Service = nodes[i%2]
		}
		won := race(t, phones, func(ctx context.Context, p *atlastest.Phone) error { return p.Enrol(ctx, code.Text) }, activation.ErrUsed)
		require.Equal(t, 1, won)
		n, err := w.CountDevices(t.Context(), w.Actor("north"), store.DeviceFilter{})
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		b, err := w.Credits(t.Context(), w.Actor("north"), w.ID("north"))
		require.NoError(t, err)
		require.Zero(t, b.Posted)
		atlastest.RequireNoCreditLost(t, w)
	})
}

// race lets all try at once and returns how many won. Those who lost must
// have got the error given.
func race[T any](t *testing.T, all []T, try func(ctx context.Context, one T) error, lost error) int {
	t.Helper()
	errs := make([]error, len(all))
	var g errgroup.Group
	for i, one := range all {
		g.Go(func() error {
			errs[i] = try(t.Context(), one)
			return nil
		})
	}
	require.NoError(t, g.Wait())
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, lost)
	}
	return won
}

func TestEightTransfersAtOnceNeverOverdraw(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, st store.Store) {
		w := atlastest.New(t, st)
		w.Grant("north", 20)
		to := []string{"north/a", "north/b", "north/1", "north/2", "north/a/1", "north/a/2", "north/b/1", "north/b/2"}
		won := race(t, to, func(ctx context.Context, name string) error {
			_, err := w.TransferCredits(ctx, w.Actor("north"), "", fleet.Transfer{From: w.ID("north"), To: w.ID(name), Amount: 6})
			return err
		}, atlas.ErrRefused)
		require.Equal(t, 3, won)
		atlastest.RequireNoCreditLost(t, w)
	})
}
