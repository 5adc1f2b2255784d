package fleet_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/store"
)

func TestALeaseLastsADayAndItsGraceAndNoLongerThanTheActivation(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Phone(w.Code("north", w.Plan(activation.Plan{Days: 3, GraceHours: 12})).Text)
	at := func(d time.Duration) (lease.Status, error) {
		_, status, err := lease.Verify(p.Lease, w.LeaseKeys(), p.ID, w.Now().Add(d), w.Now())
		return status, err
	}
	for after, want := range map[time.Duration]lease.Status{
		24*time.Hour - time.Second: lease.Valid, 24 * time.Hour: lease.Grace, 36 * time.Hour: lease.Grace, -7 * 24 * time.Hour: lease.Valid,
	} {
		status, err := at(after)
		require.NoError(t, err, after)
		require.Equal(t, want, status, after)
	}
	_, err := at(36*time.Hour + time.Second)
	require.ErrorIs(t, err, lease.ErrExpired)

	w.Clock.Advance(71 * time.Hour) // an hour before the end of the activation
	_, err = p.CheckIn(t.Context())
	require.NoError(t, err)
	_, err = at(time.Hour - time.Second)
	require.NoError(t, err)
	_, err = at(time.Hour + time.Second)
	require.ErrorIs(t, err, lease.ErrExpired, "no grace beyond the end")
}

func TestADeviceChecksInInTheLastMomentOfItsActivationAndAfterIt(t *testing.T) {
	t.Parallel()
	w := world(t)
	p := w.Phone(w.Code("north", w.Plan(activation.Plan{Days: 1})).Text)
	w.Clock.Advance(24*time.Hour - time.Millisecond)
	out, err := p.CheckIn(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, out.Lease)
	w.Clock.Advance(time.Millisecond)
	out, err = p.CheckIn(t.Context())
	require.NoError(t, err)
	require.Equal(t, activation.Expired, out.Activation)
	require.Empty(t, out.Lease)
}

func TestADeviceOfASuspendedOwnerGetsNoLeaseByAnyWay(t *testing.T) {
	t.Parallel()
	w := world(t)
	code := w.Code("north/a/1", w.Plan(activation.Plan{Devices: 2}))
	p := w.Phone(code.Text)
	_, err := w.SuspendAccount(t.Context(), w.Actor("admin"), w.ID("north"))
	require.NoError(t, err)
	out, err := p.CheckIn(t.Context())
	require.NoError(t, err)
	require.Equal(t, activation.Suspended, out.Activation)
	require.Empty(t, out.Lease)
	require.ErrorIs(t, p.Enrol(t.Context(), code.Text), atlas.ErrSuspended, "enrolling again with the same key")
	require.ErrorIs(t, w.Unboxed().Enrol(t.Context(), code.Text), atlas.ErrSuspended, "another device")
	_, err = w.ResumeAccount(t.Context(), w.Actor("admin"), w.ID("north"))
	require.NoError(t, err)
	require.NoError(t, p.Enrol(t.Context(), code.Text))
}

func TestAnEnrolmentIsRepeatedWithTheSameCodeAndKeyOnly(t *testing.T) {
	t.Parallel()
	w := world(t)
	plan := w.Plan(activation.Plan{})
	code, other := w.Code("north", plan), w.Code("north", plan)
	p := w.Phone(code.Text)
	first := p.ID
	require.NoError(t, p.Enrol(t.Context(), code.Text))
	require.Equal(t, first, p.ID)
	require.ErrorIs(t, p.Enrol(t.Context(), other.Text), atlas.ErrExists, "one key is one device")
	require.ErrorIs(t, w.Unboxed().Enrol(t.Context(), code.Text), activation.ErrUsed)
}

func TestGuessingCodesIsSlowedDownForTheNetworkThatGuesses(t *testing.T) {
	t.Parallel()
	w := world(t)
	elsewhere := w.Code("north", w.Plan(activation.Plan{}))
	p := w.Unboxed()
	var wait *identity.ThrottleError
	guesses := 0
	for range 100 {
		wrong, err := activation.Generate(&counting{n: byte(guesses)}, "")
		require.NoError(t, err)
		if err = p.Enrol(t.Context(), wrong); errors.As(err, &wait) {
			break
		}
		require.ErrorIs(t, err, activation.ErrUnknown)
		guesses++
	}
	require.NotNil(t, wait)
	require.Equal(t, 21, guesses)
	require.ErrorIs(t, p.Enrol(t.Context(), elsewhere.Text), atlas.ErrLimited, "the right code has to wait too")
	atlastest.RequireSecurityEvent(t, w.Store, security.ClassLimited, "device.enrol")
	e := p.Enrolment(elsewhere.Text)
	e.Origin = "203.0.113.200"
	_, err := w.Enrol(t.Context(), e)
	require.NoError(t, err, "another network does not wait")
}

// counting is a source of bytes that differ from those of another count.
type counting struct{ n byte }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = c.n + byte(i)
	}
	return len(p), nil
}

func TestAGuessedPasswordIsSlowedDownAndTheRightOneHasToWaitToo(t *testing.T) {
	t.Parallel()
	w := world(t)
	var wait *identity.ThrottleError
	for range 50 {
		_, err := w.SignIn(t.Context(), login("north", "not the password"))
		if errors.As(err, &wait) {
			break
		}
		require.ErrorIs(t, err, atlas.ErrUnauthenticated)
	}
	require.NotNil(t, wait)
	_, err := w.SignIn(t.Context(), login("north", atlastest.Password))
	require.ErrorIs(t, err, atlas.ErrLimited)
	w.Clock.Advance(wait.RetryAfter)
	in, err := w.SignIn(t.Context(), login("north", atlastest.Password))
	require.NoError(t, err)
	require.Equal(t, w.ID("north"), in.Account.ID)
}

func TestAnUnknownUsernameIsSlowedDownLikeAKnownOne(t *testing.T) {
	t.Parallel()
	w := world(t)
	tries := func(name string) (n int, text string) {
		for range 100 {
			_, err := w.SignIn(t.Context(), login(name, "not the password"))
			if errors.Is(err, atlas.ErrLimited) {
				break
			}
			require.ErrorIs(t, err, atlas.ErrUnauthenticated)
			n, text = n+1, err.Error()
		}
		return n, text
	}
	known, knownText := tries("north")
	w.Clock.Advance(24 * time.Hour)
	unknown, unknownText := tries("no.such.name")
	require.Equal(t, 6, known)
	require.Equal(t, known, unknown)
	require.Equal(t, knownText, unknownText)
	for _, e := range atlastest.SecurityEvents(t, w.Store) {
		require.NotContains(t, e.Reason+e.TargetID, "no.such.name", "people type passwords into the wrong field")
	}
}

func TestASuspendedAccountCantSignInNorUseItsSession(t *testing.T) {
	t.Parallel()
	w := world(t)
	in, err := w.SignIn(t.Context(), login("north/a", atlastest.Password))
	require.NoError(t, err)
	_, err = w.SuspendAccount(t.Context(), w.Actor("admin"), w.ID("north"))
	require.NoError(t, err)
	_, err = w.SignIn(t.Context(), login("north/a", atlastest.Password))
	require.ErrorIs(t, err, atlas.ErrSuspended)
	_, err = w.SignIn(t.Context(), login("north/a", "wrong password"))
	require.NotErrorIs(t, err, atlas.ErrSuspended, "only who knows the password is told")
	a, err := w.Authenticate(t.Context(), in.Token, "")
	require.NoError(t, err)
	_, err = w.Me(t.Context(), a)
	require.ErrorIs(t, err, atlas.ErrSuspended)
}

func TestASessionEndsByItselfAndBySigningOut(t *testing.T) {
	t.Parallel()
	w := world(t)
	in, err := w.SignIn(t.Context(), login("north", atlastest.Password))
	require.NoError(t, err)
	for range 23 { // used every hour but a bit
		w.Clock.Advance(time.Hour - time.Second)
		_, err = w.Authenticate(t.Context(), in.Token, "")
		require.NoError(t, err)
	}
	w.Clock.Advance(time.Hour + time.Minute)
	_, err = w.Authenticate(t.Context(), in.Token, "")
	require.ErrorIs(t, err, atlas.ErrUnauthenticated)

	in, err = w.SignIn(t.Context(), login("north", atlastest.Password))
	require.NoError(t, err)
	require.NoError(t, w.SignOut(t.Context(), in.Token))
	require.NoError(t, w.SignOut(t.Context(), in.Token))
	_, err = w.Authenticate(t.Context(), in.Token, "")
	require.ErrorIs(t, err, atlas.ErrUnauthenticated)
}

func TestAnAPIKeyIsGoodForItsScopesAndMakesNoStrongerOne(t *testing.T) {
	t.Parallel()
	w := world(t)
	key, err := w.CreateAPIKey(t.Context(), w.Actor("north"), "", fleet.NewAPIKey{
		Name: "Keys", Scopes: []string{string(atlas.KeyCreate), string(atlas.DeviceRead)},
	})
	require.NoError(t, err)
	a, err := w.Authenticate(t.Context(), key.Token, "")
	require.NoError(t, err)
	_, err = w.Devices(t.Context(), a, store.DeviceFilter{}, newest)
	require.NoError(t, err)
	_, err = w.Accounts(t.Context(), a, store.AccountFilter{}, newest)
	require.ErrorIs(t, err, atlas.ErrDenied)
	_, err = w.CreateAPIKey(t.Context(), a, "", fleet.NewAPIKey{Name: "More", Scopes: []string{string(atlas.AccountRead)}})
	require.ErrorIs(t, err, atlas.ErrDenied)
	_, err = w.CreateAPIKey(t.Context(), a, "", fleet.NewAPIKey{Name: "Less", Scopes: []string{string(atlas.DeviceRead)}})
	require.NoError(t, err)
	require.NoError(t, w.RevokeAPIKey(t.Context(), w.Actor("north"), key.Key.ID))
	_, err = w.Authenticate(t.Context(), key.Token, "")
	require.ErrorIs(t, err, atlas.ErrUnauthenticated)
}

func TestCreditsOfACodeThatLapsesUnusedComeBack(t *testing.T) {
	t.Parallel()
	w := world(t)
	w.Grant("north", 10)
	code := w.Code("north", w.Plan(activation.Plan{Price: 2, Devices: 3, Charge: activation.ChargeOnRedeem, RedeemDays: 5}))
	balance := func() (posted, held int64) {
		b, err := w.Credits(t.Context(), w.Actor("north"), w.ID("north"))
		require.NoError(t, err)
		return int64(b.Posted), int64(b.Held)
	}
	_, held := balance()
	require.EqualValues(t, 6, held)
	w.Clock.Advance(5 * 24 * time.Hour)
	require.ErrorIs(t, w.Unboxed().Enrol(t.Context(), code.Text), activation.ErrExpired)
	n, err := w.Sweep(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, n, 1)
	posted, held := balance()
	require.EqualValues(t, 10, posted)
	require.Zero(t, held)
	n, err = w.Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, n, "a second sweep finds nothing")
	atlastest.RequireAudit(t, w.Store, "activation_code.expire", code.ID)
	atlastest.RequireNoCreditLost(t, w)
}

func TestWhatIsLeftOfAPartlyUsedCodeComesBackWhenItLapses(t *testing.T) {
	t.Parallel()
	w := world(t)
	w.Grant("north", 10)
	code := w.Code("north", w.Plan(activation.Plan{Price: 2, Devices: 3, Days: 30, Charge: activation.ChargeOnRedeem, RedeemDays: 5}))
	p := w.Phone(code.Text)
	w.Clock.Advance(5 * 24 * time.Hour)
	_, err := w.Sweep(t.Context())
	require.NoError(t, err)
	b, err := w.Credits(t.Context(), w.Actor("north"), w.ID("north"))
	require.NoError(t, err)
	require.EqualValues(t, 8, b.Posted, "one device was paid for")
	require.Zero(t, b.Held)
	require.NoError(t, p.Sync(t.Context()), "the device goes on")
	require.ErrorIs(t, w.Unboxed().Enrol(t.Context(), code.Text), activation.ErrExpired)
	atlastest.RequireNoCreditLost(t, w)
}

func TestRevokingAPartlyUsedCodeGivesTheRestBack(t *testing.T) {
	t.Parallel()
	w := world(t)
	w.Grant("north", 10)
	code := w.Code("north", w.Plan(activation.Plan{Price: 2, Devices: 3, Charge: activation.ChargeOnRedeem}))
	w.Phone(code.Text)
	_, err := w.RevokeCode(t.Context(), w.Actor("north"), code.ID)
	require.NoError(t, err)
	b, err := w.Credits(t.Context(), w.Actor("north"), w.ID("north"))
	require.NoError(t, err)
	require.EqualValues(t, 8, b.Available())
	require.Zero(t, b.Held)
	_, err = w.ReleaseHold(t.Context(), w.Actor("north"), "", code.HoldID)
	require.ErrorIs(t, err, atlas.ErrRefused)
}
