// Package device is the agent of an ATLAS server as a library: it enrols a
// device, checks in, waits for commands, runs each attempt of a command at
// most once, downloads packages and reports what became of it all. The
// protocol is that of atlas/httpapi/deviceproto, whose PROTOCOL.md is the
// specification; this package is its reference in Go.
//
// What the agent does to the device is behind [Executor]. [FolderExecutor] is
// a device that is a folder, for tests and demonstrations; on Android there
// is AndroidExecutor as well.
//
// # What is kept
//
// The state folder holds the device's key (key.pem) and everything that has
// to survive a crash (state.json, replaced atomically): the identity, the
// server's keys, the counter, the lease, the commands taken over, the outcomes
// and the reports that nobody has confirmed yet. One process uses a folder at
// a time; the file lock sees to it. Whoever copies the folder copies the
// device, and the server notices by the counters. A file can be copied and a
// hardware key can't: on Android an agent keeps the key in the Keystore.
//
// # What is trusted
//
// The server is trusted on first use: the answer to the enrolment, which TLS
// protects, brings the server's keys. From then on only answers that one of
// them signed are believed, orders and refusals alike; new keys come inside
// such an answer.
package device
