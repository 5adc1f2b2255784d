// Package activation holds the rules of activation: plans, the codes that
// resellers issue and devices redeem, and how long an activation lasts.
//
// A code is random text of the unambiguous alphabet with a check symbol
// ([Generate], [Normalize]). What is stored is a keyed hash, to find a code
// by, and a sealed copy, so that its owner can print it again ([Keys]); a
// stolen database can't be spent. When credits are taken is stated by the
// plan ([Charge]).
//
// Package atlas/activation/lease has the signed statement that a device is
// active, which agents renew every day.
package activation
