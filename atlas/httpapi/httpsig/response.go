package httpsig

import (
	"crypto"
	"fmt"
	"net/http"
	"strconv"
)

// SignResponse signs the answer to a signed request: it sets Content-Digest,
// Signature-Input and Signature in h. body is the whole body as it will be
// sent. There is no expiry of its own: the answer belongs to one request, and
// a device waits for that one only. It returns ErrMissing or ErrMalformed if
// req is not signed, and otherwise fails as [Sign] does.
func SignResponse(h http.Header, req *http.Request, status int, body []byte, key crypto.Signer, p ResponseParams) error {
	alg, err := algorithmOf(key.Public())
	if err != nil {
		return err
	}
	params, err := p.format(alg)
	if err != nil {
		return err
	}
	digest := contentDigest(body)
	base, err := responseBase(req, status, digest, params)
	if err != nil {
		return err
	}
	return setSigned(h, key, base, digest, params)
}

// VerifyResponse returns what the signature of resp says if resp answers req,
// body is its body, and the signature is that of the key that find returns for
// the key id. It returns ErrMissing, ErrMalformed, ErrDigest, ErrSignature or
// the error of find. req is the request as it was sent: after a redirect,
// resp.Request is another one, and its answer does not verify.
func VerifyResponse(resp *http.Response, req *http.Request, body []byte, find func(keyID string) (crypto.PublicKey, error)) (ResponseParams, error) {
	f, err := readFields(resp.Header)
	if err != nil {
		return ResponseParams{}, err
	}
	p, alg, params, ok := parseResponseParams(f.input)
	if !ok {
		return ResponseParams{}, fmt.Errorf("%w: %s", ErrMalformed, fieldInput)
	}
	base, err := responseBase(req, resp.StatusCode, f.digest, params)
	if err != nil {
		return ResponseParams{}, err
	}
	pub, err := find(p.KeyID)
	if err != nil {
		return ResponseParams{}, err
	}
	u := Unverified{base: base, digest: f.digest, alg: alg, sig: f.sig}
	if err := u.Verify(pub, body); err != nil {
		return ResponseParams{}, err
	}
	return p, nil
}

func responseBase(req *http.Request, status int, digest, params string) (string, error) {
	if status < 100 || status > 999 {
		return "", fmt.Errorf("%w: status", ErrMalformed)
	}
	asked, err := readFields(req.Header)
	if err != nil {
		return "", err
	}
	// The member of the request's Signature field, serialized again.
	value := formatSignature(asked.sig)[len(label)+1:]
	return signatureBase([]component{
		{`"@status"`, strconv.Itoa(status)},
		{`"content-digest"`, digest},
		{`"signature";req;key="` + label + `"`, value},
	}, params), nil
}
