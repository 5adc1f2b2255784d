// Package store is the storage contract: what a backend must do. Backends
// live in the folders below (memory, sqlite, postgres); package storetest is
// the proof that one keeps the contract, third parties' included.
//
// Each domain package declares the few methods that its own rules need; here
// they are joined by the questions that use cases ask. The contract has no
// clock and makes no ids: both come in with the records.
//
// Start with [Store], whose two methods run everything, and with
// memory.New(memory.Options{}) for one that needs nothing.
package store

import "context"

// Store runs transactions. It is safe for concurrent use.
type Store interface {
	// Update runs fn in one serializable read-write transaction and commits
	// if fn returns nil; otherwise nothing fn did remains, and Update returns
	// fn's error.
	//
	// fn may run more than once, on a lost race or when its error wraps
	// atlas.ErrStale, so it acts on nothing but tx, assigns its results rather
	// than adding to them, and takes ids and time from outside.
	//
	// An Update or View inside fn, with fn's ctx, returns atlas.ErrNestedTx.
	// If the commit itself fails the outcome can be unknown; ids made before
	// the transaction make a repeat safe.
	Update(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error

	// View runs fn on one consistent snapshot; every write returns
	// atlas.ErrReadOnly.
	View(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error
}

// Tx is one transaction. It is for one goroutine and dies when fn returns.
// An error of the kinds atlas.ErrNotFound, ErrExists and ErrStale leaves it
// usable; after any other error fn must return.
//
// Records go in and come out as values that the backend must not share with
// the caller: changing a returned slice changes nothing stored. Times are UTC
// in microseconds. Text compares byte by byte, so "a" and "A" are two ids.
//
// Before version 1 accessors and methods are added as domains arrive; a
// backend that lacks one does not compile.
type Tx interface {
	Accounts() Accounts
	Folders() Folders
	Devices() Devices
	Codes() Codes
	Ledger() Ledger
	Packages() Packages
	Commands() Commands
	Identity() Identity
	Security() Security
	Audit() Audit
	Requests() Requests
}
