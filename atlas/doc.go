// Package atlas is the vocabulary that every other package of the SDK shares:
// identifiers, the four roles, accounts and their place in the tree, who may
// do what in it, devices, error kinds, time, and the map of personal data.
//
// It imports the standard library only, and no other package of this module,
// so that rules such as package ledger can use its words without pulling
// anything else in. It never reads a clock, a database or the network: every
// function here is a pure function of its arguments.
//
// Start with [Policy.Authorize], the one decision about who may do what, and
// with [Policy.Scope], the same decision as a filter for lists. The use cases
// that embedders call are in package atlas/fleet.
package atlas

//go:generate go run ./internal/gendocs
