// Package arrows holds the tests that keep the shape of the module: which
// package may import which, what reaches the programs that are built from it,
// that everything exported is documented and shown in an example, and how
// long a function or file may be. There is nothing in it to import.
package arrows
