// Package ledger keeps credits in double entry: every posting takes an
// amount from one account and gives it to another, so that the sum over all
// accounts is zero after every posting.
//
// Amounts are whole credits and always positive; which way they go is a
// field. A balance never falls below its floor, which is zero except for the
// system accounts ([Issuer], [Revenue]) that credits come from and go to when
// they are spent. Holds set credits aside in two phases: [Reserve], then
// [Capture] (also in part) or [Release], or expiry.
//
// The rules are pure ([Order.Apply], [Hold.Take]); [Post], [Reserve],
// [Capture], [Release] and [Refund] run them against a [Book], which is one
// transaction of some store. Every operation carries an id made by the
// caller: repeated with the same content it returns the first result, with
// other content it is refused with atlas.ErrMismatch.
package ledger
