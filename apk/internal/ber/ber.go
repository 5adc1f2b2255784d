// Package ber reads the basic encoding rules of ASN.1 (ITU-T X.690), which Android accepts in signature blocks and in
// certificates where encoding/asn1 demands the distinguished ones: lengths longer than needed, and of indefinite form.
package ber

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
)

// Value is one encoded value. Its slices share the memory of the input.
type Value struct {
	Class       int // as in encoding/asn1
	Tag         int
	Constructed bool
	// Full is the whole encoding, Content what is inside, without the end-of-contents octets of an indefinite form.
	Full, Content []byte
}

const (
	maxDepth    = 32
	maxTag      = 1 << 20
	maxChildren = 1024 // since a Value is larger than the shortest encoding

	longForm      = 0x80
	constructed   = 0x20
	highTagNumber = 0x1f
)

var errShort = errors.New("ber: value ends early")

// Read reads the first value of b and returns what follows it.
func Read(b []byte) (v Value, rest []byte, err error) { return read(b, maxDepth) }

func read(b []byte, depth int) (v Value, rest []byte, err error) {
	if depth == 0 {
		return v, nil, errors.New("ber: nested too deeply")
	}
	head, err := v.identifier(b)
	if err != nil {
		return v, nil, err
	}
	length, n, err := lengthOf(b[head:])
	if err != nil {
		return v, nil, err
	}
	head += n
	if length >= 0 {
		if length > len(b)-head {
			return v, nil, errShort
		}
		v.Full, v.Content = b[:head+length:head+length], b[head:head+length:head+length]
		return v, b[head+length:], nil
	}
	if !v.Constructed {
		return v, nil, errors.New("ber: indefinite length of a primitive value")
	}
	inner, err := skipToEnd(b[head:], depth-1)
	if err != nil {
		return v, nil, err
	}
	v.Full, v.Content = b[:head+inner+2:head+inner+2], b[head:head+inner:head+inner]
	return v, b[head+inner+2:], nil
}

// skipToEnd returns the length of the values before the end-of-contents octets.
func skipToEnd(b []byte, depth int) (int, error) {
	rest := b
	for {
		if len(rest) < 2 {
			return 0, errShort
		}
		if rest[0] == 0 && rest[1] == 0 {
			return len(b) - len(rest), nil
		}
		var err error
		if _, rest, err = read(rest, depth); err != nil {
			return 0, err
		}
	}
}

// identifier reads class and tag, and returns how many octets they took.
func (v *Value) identifier(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, errShort
	}
	v.Class, v.Constructed, v.Tag = int(b[0]>>6), b[0]&constructed != 0, int(b[0]&highTagNumber)
	if v.Tag != highTagNumber {
		return 1, nil
	}
	v.Tag = 0
	for i := 1; i < len(b); i++ {
		if v.Tag > maxTag {
			return 0, errors.New("ber: tag number too large")
		}
		v.Tag = v.Tag<<7 | int(b[i]&0x7f)
		if b[i]&longForm == 0 {
			return i + 1, nil
		}
	}
	return 0, errShort
}

// lengthOf reads a length, -1 for the indefinite form, and returns how many octets it took.
func lengthOf(b []byte) (length, n int, err error) {
	if len(b) == 0 {
		return 0, 0, errShort
	}
	if b[0] < longForm {
		return int(b[0]), 1, nil
	}
	if b[0] == longForm {
		return -1, 1, nil
	}
	n = 1 + int(b[0]&0x7f)
	if n > len(b) {
		return 0, 0, errShort
	}
	for _, c := range b[1:n] {
		if length > 1<<22 {
			return 0, 0, errors.New("ber: length too large")
		}
		length = length<<8 | int(c)
	}
	return length, n, nil
}

// Is reports whether the value has this class and tag.
func (v Value) Is(class, tag int) bool { return v.Class == class && v.Tag == tag }

// Children reads the values inside.
func (v Value) Children() ([]Value, error) {
	if !v.Constructed {
		return nil, fmt.Errorf("ber: tag %d has no values inside", v.Tag)
	}
	var out []Value
	for rest := v.Content; len(rest) > 0; {
		if len(out) == maxChildren {
			return nil, fmt.Errorf("ber: more than %d values in one", maxChildren)
		}
		var c Value
		var err error
		if c, rest, err = Read(rest); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// DER encodes the value with lengths of the definite and shortest form, which is all that certificates are found to
// deviate in. It changes no contents.
func (v Value) DER() ([]byte, error) { return v.der(maxDepth) }

func (v Value) der(depth int) ([]byte, error) {
	if depth == 0 {
		return nil, errors.New("ber: nested too deeply")
	}
	content := v.Content
	if v.Constructed {
		children, err := v.Children()
		if err != nil {
			return nil, err
		}
		content = nil
		for _, c := range children {
			d, err := c.der(depth - 1)
			if err != nil {
				return nil, err
			}
			content = append(content, d...)
		}
	}
	head, err := (&Value{}).identifier(v.Full)
	if err != nil {
		return nil, err
	}
	out := append([]byte(nil), v.Full[:head]...)
	return append(appendLength(out, len(content)), content...), nil
}

func appendLength(out []byte, n int) []byte {
	if n < longForm {
		return append(out, byte(n))
	}
	var octets []byte
	for ; n > 0; n >>= 8 {
		octets = append([]byte{byte(n)}, octets...)
	}
	return append(append(out, longForm|byte(len(octets))), octets...)
}

// Integer reads an encoded INTEGER, however many octets it was given.
func Integer(b []byte) (*big.Int, bool) {
	v, _, err := Read(b)
	if err != nil || !v.Is(asn1.ClassUniversal, asn1.TagInteger) || v.Constructed || len(v.Content) == 0 {
		return nil, false
	}
	n := new(big.Int).SetBytes(v.Content)
	if v.Content[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(v.Content))))
	}
	return n, true
}
