package fleet_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/commands"
)

// TestEveryWriteIsWholeOrUntouchedWhateverFails breaks the write use cases at
// each of their operations, and at each commit both ways.
func TestEveryWriteIsWholeOrUntouchedWhateverFails(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]atlastest.Sweep{
		"create account": {Prepare: func(w *atlastest.World) func(context.Context) error {
			in := fleet.NewAccount{Username: "new.client", Role: atlas.Client, ParentID: w.ID("north/a"), Password: atlastest.Password}
			return func(ctx context.Context) error {
				_, err := w.CreateAccount(ctx, w.Actor("north"), "k", in)
				return err
			}
		}},
		"transfer": {Prepare: func(w *atlastest.World) func(context.Context) error {
			w.Grant("north", 10)
			in := fleet.Transfer{From: w.ID("north"), To: w.ID("north/a/1"), Amount: 7}
			return func(ctx context.Context) error {
				_, err := w.TransferCredits(ctx, w.Actor("north"), "k", in)
				return err
			}
		}},
		"issue codes, paid at issue":     {Prepare: issue(activation.ChargeOnIssue)},
		"issue codes, paid at redeeming": {Prepare: issue(activation.ChargeOnRedeem)},
		"revoke code": {Prepare: func(w *atlastest.World) func(context.Context) error {
			w.Grant("north", 10)
			code := w.Code("north", w.Plan(activation.Plan{Price: 2, Charge: activation.ChargeOnRedeem}))
			return func(ctx context.Context) error {
				c, err := w.Codes(ctx, w.Actor("north"), codesOf(code), atlas.Page{})
				if err == nil && c[0].State != activation.Revoked {
					_, err = w.RevokeCode(ctx, w.Actor("north"), code.ID)
				}
				return err
			}
		}},
		"enrol": {Prepare: func(w *atlastest.World) func(context.Context) error {
			w.Grant("north/a", 10)
			code := w.Code("north/a", w.Plan(activation.Plan{Price: 3, Charge: activation.ChargeOnRedeem}))
			p := w.Unboxed()
			return func(ctx context.Context) error { return p.Enrol(ctx, code.Text) }
		}},
		"send a command": {Prepare: func(w *atlastest.World) func(context.Context) error {
			in := fleet.NewCommand{Kind: commands.AgentDisable, Target: devices(w.Enrolled("north/1"), w.Enrolled("north/2"))}
			return func(ctx context.Context) error {
				_, err := w.SendCommand(ctx, w.Actor("north"), "k", in)
				return err
			}
		}},
		"send a campaign": {Prepare: func(w *atlastest.World) func(context.Context) error {
			w.Enrolled("north/1")
			in := fleet.NewCommand{Kind: commands.AgentDisable, Target: fleet.Target{AccountID: w.ID("north")}}
			return func(ctx context.Context) error {
				_, err := w.SendCommand(ctx, w.Actor("north"), "k", in)
				return err
			}
		}},
		"check in with a result": {Prepare: checkIn},
		"upload": {Prepare: func(w *atlastest.World) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := w.UploadAPK(ctx, w.Actor("north"), fleet.Upload{FileName: "tiny.apk"}, tiny(t, "tiny.apk"))
				return err
			}
		}},
		"scan": {Prepare: func(w *atlastest.World) func(context.Context) error {
			upload(t, w, "north", "tiny.apk")
			return func(ctx context.Context) error {
				w.Clock.Advance(7 * 60e9) // a scan that was begun is taken up again after a while
				_, err := w.ScanPending(ctx)
				return err
			}
		}},
		"assign": {Prepare: func(w *atlastest.World) func(context.Context) error {
			p := clean(t, w, "north", "tiny.apk")
			return func(ctx context.Context) error {
				_, err := w.AssignAPK(ctx, w.Actor("north"), "k", p.ID, fleet.AssignTarget{AccountID: w.ID("north/a")})
				return err
			}
		}},
		"sign in": {Prepare: func(w *atlastest.World) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := w.SignIn(ctx, login("north", atlastest.Password))
				return err
			}
		}, Ended: func(t testing.TB, w *atlastest.World) {
			in, err := w.SignIn(context.Background(), login("north", atlastest.Password))
			require.NoError(t, err)
			a, err := w.Authenticate(context.Background(), in.Token, "")
			require.NoError(t, err)
			require.Equal(t, w.ID("north"), a.Account)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			atlastest.EachFault(t, s)
		})
	}
}

func issue(charge activation.Charge) func(w *atlastest.World) func(context.Context) error {
	return func(w *atlastest.World) func(context.Context) error {
		w.Grant("north", 10)
		plan := w.Plan(activation.Plan{Price: 2, Charge: charge})
		in := fleet.NewCodes{PlanID: plan.ID, Count: 3, OwnerID: w.ID("north")}
		var first []fleet.IssuedCode
		return func(ctx context.Context) error {
			got, err := w.IssueCodes(ctx, w.Actor("north"), "k", in)
			if first == nil {
				first = got
			} else if err == nil && got[0].Text != first[0].Text {
				return errOtherCodes
			}
			return err
		}
	}
}

// checkIn reports the result of one command and gets another.
func checkIn(w *atlastest.World) func(context.Context) error {
	ctx := context.Background()
	p := w.Enrolled("north/1")
	order, err := p.CheckIn(ctx)
	if err != nil || len(order.Commands) != 1 {
		panic("the first check-in of a new phone hands out a sync")
	}
	if _, err := w.SendCommand(ctx, w.Actor("north"), "", fleet.NewCommand{Kind: commands.DeviceReboot, Target: devices(p)}); err != nil {
		panic(err)
	}
	d, in := fleet.Device{ID: p.ID}, p.Report()
	return func(ctx context.Context) error {
		_, err := w.CheckIn(ctx, d, in)
		return err
	}
}
