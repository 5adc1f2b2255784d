package password_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
	"github.com/atlas-mdm/atlas-go/atlas/identity/password"
)

func hasher(t testing.TB, o password.Options) *password.Hasher {
	t.Helper()
	h, err := password.New(o)
	require.NoError(t, err)
	return h
}

func TestAPasswordVerifiesAgainstItsHashOnly(t *testing.T) {
	t.Parallel()
	h := hasher(t, password.Fast())
	phc, err := h.Hash(t.Context(), "five quiet words in order")
	require.NoError(t, err)

	ok, rehash, err := h.Verify(t.Context(), phc, "five quiet words in order")
	require.NoError(t, err)
	require.True(t, ok)
	require.False(t, rehash)
	for _, other := range []string{"", "five quiet words in orde", "five quiet words in order ", "Five quiet words in order"} {
		ok, _, err := h.Verify(t.Context(), phc, other)
		require.NoError(t, err)
		require.False(t, ok, "%q", other)
	}
}

func TestTheSamePasswordHashesDifferently(t *testing.T) {
	t.Parallel()
	h := hasher(t, password.Fast())
	first, err := h.Hash(t.Context(), "x")
	require.NoError(t, err)
	second, err := h.Hash(t.Context(), "x")
	require.NoError(t, err)
	require.NotEqual(t, first, second)
}

func TestTheDefaultsAreThoseOfTheDocumentation(t *testing.T) {
	t.Parallel()
	phc, err := hasher(t, password.Options{}).Hash(t.Context(), "x")
	require.NoError(t, err)
	require.Regexp(t, `^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`, phc)
	phc, err = hasher(t, password.Strong()).Hash(t.Context(), "x")
	require.NoError(t, err)
	require.Contains(t, phc, "$m=47104,t=1,p=1$")
}

// Made by the reference implementation: echo -n password | argon2 somesalt
// -id -t 2 -m 16 -p 1 -l 32.
const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"

func TestAHashOfTheReferenceImplementationVerifies(t *testing.T) {
	t.Parallel()
	ok, rehash, err := hasher(t, password.Options{}).Verify(t.Context(), reference, "password")
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, rehash)
}

func TestAHashWithOtherParametersAsksForANewOne(t *testing.T) {
	t.Parallel()
	old, err := hasher(t, password.Options{Time: 1, MemoryKiB: 8}).Hash(t.Context(), "x")
	require.NoError(t, err)
	h := hasher(t, password.Options{Time: 2, MemoryKiB: 8})
	ok, rehash, err := h.Verify(t.Context(), old, "x")
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, rehash)
	ok, rehash, err = h.Verify(t.Context(), old, "y")
	require.NoError(t, err)
	require.False(t, ok)
	require.False(t, rehash)
}

func TestAHostileHashCostsNothing(t *testing.T) {
	t.Parallel()
	h := hasher(t, password.Fast())
	for name, phc := range map[string]string{
		"empty":             "",
		"4 GiB":             strings.Replace(reference, "m=65536", "m=4194304", 1),
		"over 32 bits":      strings.Replace(reference, "m=65536", "m=99999999999999999999", 1),
		"forever":           strings.Replace(reference, "t=2", "t=1000000", 1),
		"no passes":         strings.Replace(reference, "t=2", "t=0", 1),
		"no lanes":          strings.Replace(reference, "p=1", "p=0", 1),
		"257 lanes":         strings.Replace(reference, "p=1", "p=257", 1),
		"too little memory": strings.Replace(reference, "m=65536", "m=7", 1),
		"argon2i":           strings.Replace(reference, "argon2id", "argon2i", 1),
		"version 16":        strings.Replace(reference, "v=19", "v=16", 1),
		"order":             strings.Replace(reference, "m=65536,t=2", "t=2,m=65536", 1),
		"leading zero":      strings.Replace(reference, "t=2", "t=02", 1),
		"sign":              strings.Replace(reference, "t=2", "t=+2", 1),
		"fourth parameter":  strings.Replace(reference, "p=1", "p=1,keyid=x", 1),
		"short salt":        strings.Replace(reference, "c29tZXNhbHQ", "c29t", 1),
		"short hash":        reference[:strings.LastIndex(reference, "$")] + "$AAAA",
		"no hash":           reference[:strings.LastIndex(reference, "$")] + "$",
		"padded":            reference + "=",
		"newline":           reference + "\n",
		"trailing part":     reference + "$",
		"leading part":      "x" + reference,
		"long":              reference + strings.Repeat("A", 300),
		"bcrypt":            "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
	} {
		ok, rehash, err := h.Verify(t.Context(), phc, "password")
		require.ErrorIs(t, err, password.ErrHash, name)
		require.ErrorIs(t, err, atlas.ErrInvalid, name)
		require.False(t, ok || rehash, name)
	}
}

func TestAnOverlongPasswordIsRefusedBeforeItIsHashed(t *testing.T) {
	t.Parallel()
	h := hasher(t, password.Fast())
	long := strings.Repeat("a", identity.MaxPassword+1)
	_, err := h.Hash(t.Context(), long)
	require.ErrorIs(t, err, password.ErrTooLong)
	require.ErrorIs(t, h.VerifyNothing(t.Context(), long), password.ErrTooLong)
}

func TestVerifyingNothingSucceedsAtNothing(t *testing.T) {
	t.Parallel()
	require.NoError(t, hasher(t, password.Fast()).VerifyNothing(t.Context(), "x"))
}

func TestACancelledCallDoesNotHash(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := hasher(t, password.Fast()).Hash(ctx, "x")
	require.ErrorIs(t, err, context.Canceled)
}

func TestParametersOutsideTheLimitsAreRefused(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]password.Options{
		"time": {Time: 17}, "memory": {MemoryKiB: 1 << 20}, "little memory": {MemoryKiB: 7}, "lanes": {Parallel: 17},
		"concurrency": {MaxConcurrent: -1}, "waiting": {MaxWaiting: -1}, "wait": {MaxWait: -1},
	} {
		_, err := password.New(o)
		require.ErrorIs(t, err, atlas.ErrInvalid, name)
	}
}

func TestAFloodIsTurnedAwayAndNobodyIsLost(t *testing.T) {
	t.Parallel()
	h := hasher(t, password.Options{Time: 1, MemoryKiB: 1024, MaxConcurrent: 2, MaxWaiting: 4, MaxWait: time.Minute})
	var wg sync.WaitGroup
	results := make(chan error, 500)
	for range cap(results) {
		wg.Go(func() { results <- h.VerifyNothing(context.Background(), "x") })
	}
	wg.Wait()
	close(results)
	served, busy := 0, 0
	for err := range results {
		if err == nil {
			served++
			continue
		}
		require.ErrorIs(t, err, password.ErrBusy)
		require.ErrorIs(t, err, atlas.ErrLimited)
		busy++
	}
	require.GreaterOrEqual(t, served, 6)
	require.Equal(t, 500, served+busy)
	require.NoError(t, h.VerifyNothing(t.Context(), "x"), "afterwards it serves again")
}

func TestWaitingEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := hasher(t, password.Options{Time: 1, MemoryKiB: 8, MaxConcurrent: 1, MaxWait: 3 * time.Second})
		release, err := password.Occupy(h)
		require.NoError(t, err)
		began := time.Now()
		require.ErrorIs(t, h.VerifyNothing(t.Context(), "x"), password.ErrBusy)
		require.Equal(t, 3*time.Second, time.Since(began))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err = h.VerifyNothing(ctx, "x")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, password.ErrBusy)

		release()
		require.NoError(t, h.VerifyNothing(t.Context(), "x"))
	})
}

func FuzzVerify(f *testing.F) {
	h := hasher(f, password.Fast())
	f.Add("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Fuzz(func(t *testing.T, phc string) {
		if strings.Contains(phc, "m=") && !strings.Contains(phc, "m=8,") {
			t.Skip("a valid hash that takes long")
		}
		ok, _, err := h.Verify(context.Background(), phc, "no password hashes to this by chance")
		require.False(t, ok)
		if err != nil {
			require.ErrorIs(t, err, password.ErrHash)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	for name, o := range map[string]password.Options{"default": {}, "strong": password.Strong()} {
		h := hasher(b, o)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := h.VerifyNothing(context.Background(), "x"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
