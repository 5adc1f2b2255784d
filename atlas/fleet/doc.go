// Package fleet is the use cases: each method of [Service] is one thing that
// somebody does, and one transaction. It is the facade that embedders call;
// atlas/httpapi is a thin layer of HTTP over it.
//
// Every method takes who asks, an atlas.Actor for people and a [Device] for
// phones, as an argument. It decides with atlas.Policy on rows read in its
// own transaction, writes the audit event in the same one, and answers "not
// found" alike for what does not exist and what is not the actor's. A refusal
// leaves nothing behind but one security event.
//
// Methods that create take an idempotency key ([Key]): repeated with the same
// input they return the first result.
//
// Start with [New] and [Service.Setup]. [Service.Run] does what has to happen
// by itself: scanning, sealing the audit log, expiry.
package fleet
