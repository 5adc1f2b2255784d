// Package atlastest is what tests of programs on ATLAS start from: a small
// world ([New]) with a tree of accounts over any store, a clock that stands
// still ([Clock]), identifiers that count ([IDs]), simulated phones that
// execute commands ([World.Phone]), a sweep that breaks a use case at each of
// its operations ([EachFault]), and Require helpers for what should have been
// written.
//
// Nothing here is a mock: the accounts, codes and devices of a world are made
// by the use cases of package fleet, and what a test reads of the store is
// what any program would read. Two worlds over new stores are the same to the
// last identifier, except for salts and nonces.
//
// [Need] says that a test works with a real outside part. The package imports
// testing; programs never import it.
package atlastest
