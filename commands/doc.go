// Package commands is the queue of instructions to devices: which kinds there
// are, the states a command goes through, and the rules of handing it out,
// trying again, expiring and cancelling it.
//
// A command is delivered at least once and has exactly one end. A device may
// get it again when an answer was lost ([Command.Deliver] gives a lease, not
// the command itself), so the agent runs each attempt of an id at most once
// and repeats its report. Nothing here reads a clock or a database: [Claim]
// and [Report] run against a [Queue], which is one transaction of some store.
//
// A fleet command is one [Campaign]; a row for each device appears only when
// that device asks for work, so that a command to a million devices costs one
// row.
package commands
