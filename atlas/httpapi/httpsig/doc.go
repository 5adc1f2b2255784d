// Package httpsig signs and verifies the messages between a device and the
// server: the subset of HTTP Message Signatures (RFC 9421) and Digest Fields
// (RFC 9530) that the device protocol fixes, for both sides. It imports the
// standard library and the words of package atlas, so that an agent can use
// it alone.
//
// A request carries three fields, one line each, in exactly this form:
//
//	Content-Digest: sha-256=:<base64 of SHA-256 of the body>:
//	Signature-Input: atlas=("@method" "@target-uri" "content-digest");created=<unix seconds>;nonce="<counter>";keyid="<id>";alg="<algorithm>"
//	Signature: atlas=:<base64 of the 64-byte signature>:
//
// The algorithm is ed25519 or ecdsa-p256-sha256; an ECDSA signature is r and s
// in 32 bytes each, not ASN.1 (RFC 9421, section 3.3.4). The counter is the
// device's own, starts at 1 and grows with each request; see
// package atlas/security/replay. The
// digest is there for an empty body as well. The target URI is the URL the
// agent calls with scheme and host in lower case, without a default port and
// without a fragment, and path and query byte for byte as they are sent; ws
// and wss count as http and https.
//
// An answer is signed over its status, its digest and the signature of the
// request it answers (RFC 9421, section 2.4), so that it fits no other one:
//
//	Signature-Input: atlas=("@status" "content-digest" "signature";req;key="atlas");created=<unix seconds>;keyid="<id>";alg="<algorithm>"
//
// Nothing else is accepted: other components, parameters, orders, spaces,
// labels or repeated fields are errors. Bodies are digested as they travel, so
// nothing on the way may compress or rewrite them.
//
// A server calls [Parse], finds the device by the key id, and only believes
// the request after [Unverified.Verify], [Fresh] and its replay window, in that
// order: a counter is spent by a verified request only.
package httpsig
