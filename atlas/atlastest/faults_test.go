package atlastest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
)

func TestASweepPassesAUseCaseThatIsOneTransaction(t *testing.T) {
	t.Parallel()
	atlastest.EachFault(t, atlastest.Sweep{Prepare: func(w *atlastest.World) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := w.CreateFolder(ctx, w.Actor("north"), "key", fleet.NewFolder{OwnerID: w.ID("north"), Name: "Vans"})
			return err
		}
	}})
}

// failing is a test that notes why it failed.
type failing struct {
	testing.TB
	why string
}

func (f *failing) Helper() {}

func (f *failing) Name() string { return "failing" }

func (f *failing) Errorf(format string, args ...any) { f.why += fmt.Sprintf(format, args...) }

func (f *failing) FailNow() { runtime.Goexit() }

// sweep returns why a sweep of a use case failed.
func sweep(useCase func(ctx context.Context, w *atlastest.World) error) string {
	f := &failing{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		atlastest.EachFault(f, atlastest.Sweep{Prepare: func(w *atlastest.World) func(context.Context) error {
			return func(ctx context.Context) error { return useCase(ctx, w) }
		}})
	}()
	<-done
	return f.why
}

func TestASweepFindsARepeatThatHappensTwice(t *testing.T) {
	t.Parallel()
	require.Contains(t, sweep(func(ctx context.Context, w *atlastest.World) error {
		_, err := w.GrantCredits(ctx, w.Actor("admin"), "", fleet.Grant{AccountID: w.ID("north"), Amount: 5})
		return err
	}), "repeat after")
}

func TestASweepFindsHalfAUseCase(t *testing.T) {
	t.Parallel()
	require.Contains(t, sweep(func(ctx context.Context, w *atlastest.World) error {
		for _, name := range []string{"north", "south"} {
			_, err := w.GrantCredits(ctx, w.Actor("admin"), "", fleet.Grant{AccountID: w.ID(name), Amount: 5})
			if err == nil {
				continue
			}
			if _, err := w.GrantCredits(ctx, w.Actor("admin"), "", fleet.Grant{AccountID: w.ID("west"), Amount: 5}); err != nil {
				return err
			}
			return err
		}
		return nil
	}), "neither untouched nor whole")
}

func TestASweepFindsAnErrorThatHidesTheFault(t *testing.T) {
	t.Parallel()
	require.Contains(t, sweep(func(ctx context.Context, w *atlastest.World) error {
		_, err := w.CreateFolder(ctx, w.Actor("north"), "key", fleet.NewFolder{OwnerID: w.ID("north"), Name: "Vans"})
		if err != nil {
			return errors.New("something went wrong")
		}
		return nil
	}), "operation 0, begin")
}
