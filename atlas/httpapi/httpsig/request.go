package httpsig

import (
	"crypto"
	"crypto/subtle"
	"fmt"
	"net/http"
)

// The fields of a signed message, as net/http spells them.
const (
	fieldDigest    = "Content-Digest"
	fieldInput     = "Signature-Input"
	fieldSignature = "Signature"
)

// Sign signs a request that is about to be sent: it sets Content-Digest,
// Signature-Input and Signature, replacing what was there. body is the whole
// of the request's body; Sign does not read or set req.Body. The method, URL
// and Host must not change afterwards. It returns ErrMalformed for what can't
// be signed, ErrKey for an unusable key, and the key's own error.
func Sign(req *http.Request, body []byte, key crypto.Signer, p Params) error {
	alg, err := algorithmOf(key.Public())
	if err != nil {
		return err
	}
	params, err := p.format(alg)
	if err != nil {
		return err
	}
	target, err := calledTarget(req)
	if err != nil {
		return err
	}
	method := req.Method
	if method == "" { // as net/http sends it
		method = http.MethodGet
	}
	digest := contentDigest(body)
	base, err := requestBase(method, target, digest, params)
	if err != nil {
		return err
	}
	return setSigned(req.Header, key, base, digest, params)
}

func requestBase(method, target, digest, params string) (string, error) {
	if !isMethod(method) {
		return "", fmt.Errorf("%w: method", ErrMalformed)
	}
	if !isTarget(target) {
		return "", fmt.Errorf("%w: target URI", ErrMalformed)
	}
	return signatureBase([]component{
		{`"@method"`, method}, {`"@target-uri"`, target}, {`"content-digest"`, digest},
	}, params), nil
}

func setSigned(h http.Header, key crypto.Signer, base, digest, params string) error {
	sig, err := signBase(key, base)
	if err != nil {
		return fmt.Errorf("httpsig: sign: %w", err)
	}
	h.Set(fieldDigest, digest)
	h.Set(fieldInput, label+"="+params)
	h.Set(fieldSignature, formatSignature(sig))
	return nil
}

// Parse reads the signature of a request that was received. It returns
// ErrMissing where there is none and ErrMalformed where it is not in the
// accepted form. Nothing of what it returns is proved before
// [Unverified.Verify]: it serves to find the key.
func Parse(req *http.Request, o Options) (Params, Unverified, error) {
	f, err := readFields(req.Header)
	if err != nil {
		return Params{}, Unverified{}, err
	}
	p, alg, params, ok := parseParams(f.input)
	if !ok {
		return Params{}, Unverified{}, fmt.Errorf("%w: %s", ErrMalformed, fieldInput)
	}
	target := o.TargetURI
	if target == nil {
		target = receivedTarget
	}
	base, err := requestBase(req.Method, target(req), f.digest, params)
	if err != nil {
		return Params{}, Unverified{}, err
	}
	return p, Unverified{base: base, digest: f.digest, alg: alg, sig: f.sig}, nil
}

// Unverified is the signature of a message before it is believed. The zero
// value never verifies.
type Unverified struct {
	base, digest, alg string
	sig               []byte
}

// Verify returns nil if body is what the message's digest says and the
// signature is pub's. Otherwise it returns ErrDigest or ErrSignature; a key of
// another algorithm than the signature names is an ErrSignature too.
func (u Unverified) Verify(pub crypto.PublicKey, body []byte) error {
	if subtle.ConstantTimeCompare([]byte(contentDigest(body)), []byte(u.digest)) != 1 {
		return ErrDigest
	}
	if !verifyBase(pub, u.alg, u.base, u.sig) {
		return ErrSignature
	}
	return nil
}

type fields struct {
	digest, input string
	sig           []byte
}

// readFields reads the three fields of a signed message, each given once.
func readFields(h http.Header) (f fields, err error) {
	if len(h[fieldInput]) == 0 && len(h[fieldSignature]) == 0 {
		return fields{}, ErrMissing
	}
	for _, name := range []string{fieldDigest, fieldInput, fieldSignature} {
		if len(h[name]) != 1 {
			return fields{}, fmt.Errorf("%w: %s has to be there once", ErrMalformed, name)
		}
	}
	f.digest, f.input = h[fieldDigest][0], h[fieldInput][0]
	if !parseDigest(f.digest) {
		return fields{}, fmt.Errorf("%w: %s", ErrMalformed, fieldDigest)
	}
	sig, ok := parseSignature(h[fieldSignature][0])
	if !ok {
		return fields{}, fmt.Errorf("%w: %s", ErrMalformed, fieldSignature)
	}
	f.sig = sig
	return f, nil
}
