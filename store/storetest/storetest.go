// Package storetest proves that a store keeps the contract of package store.
// A backend's test calls [Run] and needs nothing else:
//
//	func TestContract(t *testing.T) { storetest.Run(t, open) }
//
// Every sentence of the contract has a case, named after it. Cases compare
// with plain models and with package reflect, so that a field or method that
// the contract gains is tested without a line being added here.
//
// [LostCommit] turns any store into one whose commits go through but report
// an error, which is what a broken connection looks like.
package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

// at is the time of every case: it has microseconds and no more.
var at = time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)

// proof is one case: a sentence of the contract and the test of it.
type proof struct {
	name string
	test func(t *testing.T, st store.Store)
}

// group is what one file of this package proves.
type group struct {
	name  string
	cases []proof
}

func groups() []group {
	return []group{
		{"Tx", txCases()},
		{"Isolation", isolationCases()},
		{"Records", recordCases()},
		{"Collation", collationCases()},
		{"Lists", listCases()},
		{"Move", moveCases()},
		{"Accounts", accountCases()},
		{"Devices", deviceCases()},
		{"Codes", codeCases()},
		{"Ledger", ledgerCases()},
		{"Packages", packageCases()},
		{"Commands", commandCases()},
		{"Identity", identityCases()},
		{"Audit", auditCases()},
		{"Requests", requestCases()},
		{"LostCommit", lostCases()},
	}
}

// Run tests a backend. It calls open for each case, and from several
// goroutines at once; every call must return an empty store that shares
// nothing with the others. Run returns when all cases are over.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	for _, g := range groups() {
		t.Run(g.name, func(t *testing.T) {
			for _, c := range g.cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.test(t, open(t))
				})
			}
		})
	}
}

// The short names of what every case is made of.
type (
	ctx = context.Context
	tx  = store.Tx
)

// update runs fn in a transaction that must succeed.
func update(t *testing.T, st store.Store, fn func(c ctx, x tx)) {
	t.Helper()
	require.NoError(t, st.Update(t.Context(), func(c ctx, x tx) error { fn(c, x); return nil }))
}

// view runs fn on a snapshot.
func view(t *testing.T, st store.Store, fn func(c ctx, x tx)) {
	t.Helper()
	require.NoError(t, st.View(t.Context(), func(c ctx, x tx) error { fn(c, x); return nil }))
}

// read returns what fn reads from a snapshot.
func read[T any](t *testing.T, st store.Store, fn func(c ctx, x tx) (T, error)) (out T) {
	t.Helper()
	require.NoError(t, st.View(t.Context(), func(c ctx, x tx) (err error) {
		out, err = fn(c, x)
		return err
	}))
	return out
}

// race runs fn n times at once and returns what each call returned.
func race(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// winners counts the nils and requires of every other error that it is want.
func winners(t *testing.T, errs []error, want error) (n int) {
	t.Helper()
	for _, err := range errs {
		if err == nil {
			n++
			continue
		}
		require.ErrorIs(t, err, want)
	}
	return n
}

// scope returns the scope of a reach from p.
func scope(reach atlas.Reach, p atlas.Path) atlas.Scope {
	const action atlas.Action = "any"
	policy := atlas.NewPolicy([]atlas.Rule{{Action: action, Reach: map[atlas.Role]atlas.Reach{atlas.Client: reach}}})
	who := atlas.Subject{Actor: atlas.Actor{Account: "who"}, Role: atlas.Client, Path: p, Status: atlas.Active}
	s, err := policy.Scope(who, action)
	if err != nil {
		return atlas.Scope{}
	}
	return s
}

// everywhere is the scope without a filter.
func everywhere() atlas.Scope { return scope(atlas.Everywhere, "anywhere") }

// ids returns the field that pick names of each item, in order.
func ids[T any](items []T, pick func(T) string) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = pick(item)
	}
	return out
}

// num returns an id: those of larger numbers sort after those of smaller.
func num(prefix string, i int) string { return fmt.Sprintf("%s%04d", prefix, i) }
