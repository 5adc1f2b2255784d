package fleet_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/ledger"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

// eachFast runs a benchmark on the backends that need no server.
func eachFast(b *testing.B, bench func(b *testing.B, w *atlastest.World)) {
	b.Helper()
	b.Run("memory", func(b *testing.B) { bench(b, atlastest.New(b, memory.New(memory.Options{}))) })
	b.Run("sqlite", func(b *testing.B) { bench(b, atlastest.New(b, onSQLite(b))) })
}

func BenchmarkTransfer(b *testing.B) {
	eachFast(b, func(b *testing.B, w *atlastest.World) {
		w.Grant("north", ledger.Credits(1)<<40)
		in, north := fleet.Transfer{From: w.ID("north"), To: w.ID("north/a"), Amount: 1}, w.Actor("north")
		for b.Loop() {
			_, err := w.TransferCredits(b.Context(), north, "", in)
			require.NoError(b, err)
		}
	})
}

// BenchmarkRedeem enrols devices with codes that take their price when they
// are redeemed.
func BenchmarkRedeem(b *testing.B) {
	eachFast(b, func(b *testing.B, w *atlastest.World) {
		w.Grant("north", 1<<40)
		plan := w.Plan(activation.Plan{Price: 1, Devices: 10_000, Charge: activation.ChargeOnRedeem})
		n, text := 0, ""
		template := w.Unboxed().Enrolment("")
		for b.Loop() {
			if n%10_000 == 0 {
				text = w.Code("north", plan).Text
			}
			n++
			in := template
			in.Code, in.KeyID = text, fmt.Sprint("key ", n)
			_, err := w.Enrol(b.Context(), in)
			require.NoError(b, err)
		}
	})
}

func BenchmarkEnqueue1(b *testing.B) {
	eachFast(b, func(b *testing.B, w *atlastest.World) {
		in, north := fleet.NewCommand{Kind: commands.DeviceSync, Target: devices(w.Enrolled("north/1"))}, w.Actor("north")
		for b.Loop() {
			_, err := w.SendCommand(b.Context(), north, "", in)
			require.NoError(b, err)
		}
	})
}

func BenchmarkEnqueueCampaign100k(b *testing.B) {
	eachFast(b, func(b *testing.B, w *atlastest.World) {
		populate(b, w, 100_000)
		in, north := fleet.NewCommand{Kind: commands.DeviceSync, Target: fleet.Target{AccountID: w.ID("north")}}, w.Actor("north")
		for b.Loop() {
			_, err := w.SendCommand(b.Context(), north, "", in)
			require.NoError(b, err)
		}
	})
}

func BenchmarkCheckInIdle(b *testing.B) {
	eachFast(b, func(b *testing.B, w *atlastest.World) {
		p := w.Enrolled("north/1")
		require.NoError(b, p.Sync(b.Context()))
		for b.Loop() {
			_, err := w.CheckIn(b.Context(), fleet.Device{ID: p.ID}, fleet.CheckIn{})
			require.NoError(b, err)
		}
	})
}

// BenchmarkListDevices reads the first page of a sub reseller's devices, a
// sixth of all.
func BenchmarkListDevices(b *testing.B) {
	eachFast(b, func(b *testing.B, w *atlastest.World) {
		populate(b, w, 100_000)
		sub := w.Actor("north/a")
		for b.Loop() {
			ds, err := w.Devices(b.Context(), sub, store.DeviceFilter{}, newest)
			require.NoError(b, err)
			require.Len(b, ds, atlas.DefaultPage)
		}
	})
}

// populate stores devices past enrolment, spread over the sub resellers.
func populate(b *testing.B, w *atlastest.World, n int) {
	b.Helper()
	owners := []atlas.Account{}
	for _, name := range []string{"north/a", "north/b", "south/a", "south/b", "west/a", "west/b"} {
		owners = append(owners, w.AccountOf(name))
	}
	now := w.Now()
	for first := 0; first < n; first += 5000 {
		require.NoError(b, w.Store.Update(b.Context(), func(ctx context.Context, tx store.Tx) error {
			for i := first; i < first+5000; i++ {
				o := owners[i%len(owners)]
				if err := tx.Devices().Insert(ctx, stored(o, i, now)); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	b.ResetTimer()
}

func stored(o atlas.Account, i int, now time.Time) atlas.Device {
	id := fmt.Sprintf("device-%07d", i)
	return atlas.Device{
		ID: atlas.DeviceID(id), OwnerID: o.ID, Path: o.Path, Tenant: o.Tenant, Name: "Phone " + id, SupportID: "S" + id, KeyID: "K" + id,
		PublicKey: []byte{1}, AgentEnabled: true, Capabilities: []string{string(commands.DeviceSync)},
		LastSeen: now, EnrolledAt: now, Version: 1,
	}
}
