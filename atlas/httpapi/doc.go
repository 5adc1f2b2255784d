// Package httpapi is the HTTP side of atlas/fleet: handlers for operators'
// programs below /v1 and for devices below /device/v1, which an embedder
// mounts where it likes. It decides nothing: who may do what is for fleet.
//
// [New] makes an [API] over a fleet.Service. [API.Handler] serves everything;
// [API.Operators] and [API.Devices] serve one side each, below a prefix that
// http.StripPrefix takes off. [API.OpenAPI] is the document of all of it,
// also at GET /openapi.json, made from the Go types that the handlers use.
//
// # Requests
//
// Bodies are JSON (RFC 8259), strictly: one value, UTF-8, no member twice, no
// unknown member, no U+0000. Query parameters are given once each and unknown
// ones are refused. Operators show a session's token or an API key as
// "Authorization: Bearer", unless the embedder authenticates.
//
// Every POST that creates takes an Idempotency-Key: repeated with the same
// body it gives the first answer. Reads of personal data take an
// Atlas-Purpose; each such route has a default, and what an Admin reads is
// recorded with the purpose.
//
// # Lists
//
// A list answers {"items": [...], "next_cursor": "..."}; the next page is the
// same request with ?cursor=. A cursor is opaque, signed, and good for the
// same actor and the same filters only; "" means that there is no more.
//
// # Problems
//
// Every error is application/problem+json (RFC 9457) with one of these types,
// each after "urn:atlas:problem:". What is not there and what is not the
// caller's are the same answer.
//
//	400 malformed              not understood at all: JSON, content, signature fields
//	401 unauthenticated        no credential that counts
//	401 replay                 a device's counter was used; member counter
//	401 clock                  a device's clock is off; member server_time
//	401 unknown-device         no device has this key
//	403 denied                 not allowed to this actor
//	403 suspended              the account or one above it is not active
//	404 not-found              no such thing, or not yours
//	405 method-not-allowed     see the Allow field
//	408 timeout                the body came too slowly
//	409 exists                 a name or key is taken
//	409 stale                  somebody else changed it; try again
//	409 refused                a rule forbids it as things stand
//	409 state                  its state does not allow it
//	409 insufficient-credits   too few credits
//	409 hold                   the hold is closed or has less left
//	409 refund                 more than is left of the posting
//	409 code-used, code-expired, code-suspended, code-revoked
//	409 not-clean              the package is not deployable
//	409 not-assigned           the package is not assigned there
//	409 not-sealed             the audit event has no place in the log yet
//	413 too-large              over a bound of bytes or number
//	415 media-type             another content type or encoding than is read
//	422 invalid                understood, but breaks a rule of form; member errors
//	422 not-apk                the upload is no APK that can be read
//	422 idempotency-mismatch   the key was used with another body
//	429 limited                too many attempts; see the Retry-After field
//	500 internal               our fault; instance names the entry in our log
//	503 unavailable            not able to answer now
package httpapi
