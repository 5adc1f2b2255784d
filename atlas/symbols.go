package atlas

import "io"

// Symbols is the alphabet of everything people read aloud or type: support
// ids and activation codes. It leaves out 0 O 1 I L, which are mistaken for
// one another; that leaves 31 symbols, a prime, so that a weighted sum
// modulo 31 finds every single wrong symbol and every swap of neighbours.
const Symbols = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"

// RandomSymbols returns n symbols of [Symbols], each equally likely: bytes
// that would favour some are thrown away. The error is the source's.
func RandomSymbols(random io.Reader, n int) (string, error) {
	const fair = 256 / len(Symbols) * len(Symbols)
	out := make([]byte, 0, n)
	buf := make([]byte, n)
	for len(out) < n {
		if _, err := io.ReadFull(random, buf); err != nil {
			return "", err
		}
		for _, b := range buf {
			if int(b) < fair && len(out) < n {
				out = append(out, Symbols[int(b)%len(Symbols)])
			}
		}
	}
	return string(out), nil
}
