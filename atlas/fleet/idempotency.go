package fleet

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

// maxKey is the most bytes of an idempotency key.
const maxKey = 200

func (s *Service) checkKey(c call) error {
	if len(c.key) > maxKey {
		return atlas.Invalid("Idempotency-Key", "must have at most %d bytes", maxKey)
	}
	return nil
}

// once runs fn unless the same actor did the same action with the same key
// before; then it returns the result of that time.
func once[T any](ctx context.Context, w *work, fn func(ctx context.Context, w *work) (T, error)) (T, error) {
	c := w.call
	if c.key == "" {
		return fn(ctx, w)
	}
	var out T
	id, input, err := w.s.results.fingerprint(c)
	if err != nil {
		return out, err
	}
	first, err := w.tx.Requests().Get(ctx, id)
	if err == nil {
		return recall[T](ctx, w, first, input)
	}
	if !errors.Is(err, atlas.ErrNotFound) {
		return out, err
	}
	if out, err = fn(ctx, w); err != nil {
		return out, err
	}
	result, err := json.Marshal(out)
	if err != nil {
		return out, fmt.Errorf("save result: %w", err)
	}
	err = w.tx.Requests().Insert(ctx, store.Request{ID: id, Input: input, Result: w.s.results.seal(id, result), At: w.now})
	if errors.Is(err, atlas.ErrExists) {
		err = atlas.ErrStale // somebody was faster: run again and return theirs
	}
	return out, err
}

// recall returns a saved result, if it was the same request and the actor may
// still see what it was about.
func recall[T any](ctx context.Context, w *work, first store.Request, input []byte) (out T, err error) {
	if _, err := w.scope(); err != nil {
		return out, err
	}
	for _, id := range w.call.still {
		if _, err := w.account(ctx, id); err != nil {
			return out, err
		}
	}
	if string(first.Input) != string(input) {
		return out, atlas.ErrMismatch
	}
	result, err := w.s.results.open(first.ID, first.Result)
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(result, &out)
}

// fingerprint returns the id under which the call's result is saved, and a
// hash of its input: a keyed one, since the input of some has a password.
func (s sealer) fingerprint(c *call) (id string, input []byte, err error) {
	b, err := json.Marshal(c.input)
	if err != nil {
		return "", nil, fmt.Errorf("hash input: %w", err)
	}
	in := hmac.New(sha256.New, s.mac)
	in.Write(b)
	h := sha256.New()
	for _, part := range []string{string(c.actor.Account), fmt.Sprintf("%q", c.actor.Only), string(c.action), string(c.key)} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)), in.Sum(nil), nil
}

// sealer encrypts saved results: some hold codes or keys that exist nowhere
// else in clear.
type sealer struct {
	aead cipher.AEAD
	mac  []byte
}

func newSealer(key []byte) (sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, fmt.Errorf("fleet: result key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return sealer{aead: aead, mac: derive(key, "atlas input hash")}, err
}

func (s sealer) seal(id string, b []byte) []byte { return s.aead.Seal(nil, nil, b, []byte(id)) }

func (s sealer) open(id string, b []byte) ([]byte, error) {
	out, err := s.aead.Open(nil, nil, b, []byte(id))
	if err != nil {
		return nil, fmt.Errorf("saved result does not open: %w", atlas.ErrRefused)
	}
	return out, nil
}
