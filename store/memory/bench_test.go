package memory_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

const fleet = 100_000

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// place spreads the fleet over ten resellers of ten clients each.
func place(i int) atlas.Path {
	return atlas.Path(fmt.Sprintf("root/r%d/c%d", i%10, i/10%10))
}

func phone(i int) atlas.Device {
	d := device(i)
	d.Path, d.Tenant, d.LastSeen = place(i), place(i).Tenant(), noon
	return d
}

// full is a fleet in which every tenth phone has ten commands waiting, made
// once for all benchmarks.
var full = sync.OnceValues(func() (memory.Snapshot, error) {
	st := memory.New(memory.Options{})
	err := st.Update(context.Background(), func(ctx context.Context, tx store.Tx) error {
		for i := range fleet {
			if err := tx.Devices().Insert(ctx, phone(i)); err != nil {
				return err
			}
			if i%10 != 0 {
				continue
			}
			if err := tx.Commands().Insert(ctx, waiting(i)); err != nil {
				return err
			}
		}
		return nil
	})
	return st.Snapshot(), err
})

func waiting(i int) (out []commands.Command) {
	for j := range 10 {
		out = append(out, commands.Command{
			ID: fmt.Sprintf("c%06d-%d", i, j), DeviceID: device(i).ID, Path: place(i), Kind: commands.DeviceSync,
			State: commands.Queued, Attempts: 1, ExpiresAt: noon.Add(time.Hour), CreatedAt: noon,
		})
	}
	return out
}

func fullStore(b *testing.B) *memory.Store {
	b.Helper()
	content, err := full()
	require.NoError(b, err)
	st := memory.New(memory.Options{})
	st.Restore(content)
	return st
}

func BenchmarkInsertInto100k(b *testing.B) {
	st, i := fullStore(b), fleet
	for b.Loop() {
		require.NoError(b, st.Update(b.Context(), func(ctx context.Context, tx store.Tx) error {
			return tx.Devices().Insert(ctx, phone(i))
		}))
		i++
	}
}

func benchmarkView(b *testing.B, fn func(ctx context.Context, tx store.Tx) error) {
	st := fullStore(b)
	for b.Loop() {
		require.NoError(b, st.View(b.Context(), fn))
	}
}

func BenchmarkList50OfSubtreeOf10k(b *testing.B) {
	benchmarkView(b, func(ctx context.Context, tx store.Tx) error {
		page, err := tx.Devices().List(ctx, atlas.SubtreeOf("root/r3"), store.DeviceFilter{}, atlas.Page{})
		if len(page) != 50 {
			return fmt.Errorf("%d devices: %w", len(page), err)
		}
		return err
	})
}

func BenchmarkCountOnlineOfSubtreeOf10k(b *testing.B) {
	benchmarkView(b, func(ctx context.Context, tx store.Tx) error {
		n, err := tx.Devices().Count(ctx, atlas.SubtreeOf("root/r3"), store.DeviceFilter{SeenSince: noon})
		if n != fleet/10 {
			return fmt.Errorf("%d devices: %w", n, err)
		}
		return err
	})
}

func BenchmarkOpenOfOneDevice(b *testing.B) {
	benchmarkView(b, func(ctx context.Context, tx store.Tx) error {
		open, err := tx.Commands().Open(ctx, device(500).ID, 256)
		if len(open) != 10 {
			return fmt.Errorf("%d commands: %w", len(open), err)
		}
		return err
	})
}

func BenchmarkClaim(b *testing.B) {
	st, i := fullStore(b), 0
	hand := commands.Hand{Allow: func(context.Context, commands.Command) error { return nil }}
	for b.Loop() {
		require.NoError(b, st.Update(b.Context(), func(ctx context.Context, tx store.Tx) error {
			_, err := commands.Claim(ctx, tx.Commands(), device(i%fleet).ID, noon, hand)
			return err
		}))
		i += 10
	}
}
