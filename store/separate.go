package store

// Separate is implemented by a store whose transactions are part of a larger
// one that may still be rolled back, such as one that joined the embedder's.
//
// Separate returns the handle on which security events are written, so that
// no rollback takes them along: a refusal leaves its event whatever becomes
// of the transaction in which it happened. A store without this method writes
// them itself.
type Separate interface{ Separate() Store }
