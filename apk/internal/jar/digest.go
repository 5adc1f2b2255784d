package jar

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"fmt"
	"strings"
)

// The SDK levels at which the rules for JAR signatures changed.
const (
	sdkGingerbread = 9
	sdkJellyBean2  = 18 // the strongest digest counts
	sdkKitKat      = 19 // signed attributes are verified
	sdkN           = 24 // content types are compared, every signer of a block is tried, newer schemes are known
	sdkP           = 28 // v3 is known
)

// named is a digest that a section states.
type named struct {
	hash crypto.Hash
	sum  []byte
}

func (d named) matches(data []byte) bool {
	h := d.hash.New()
	h.Write(data)
	return bytes.Equal(h.Sum(nil), d.sum)
}

// oldDigests are the names that platforms before 4.3 take from Digest-Algorithms, and from which SDK level on.
var oldDigests = map[string]struct {
	hash   crypto.Hash
	minSDK int
}{
	"MD5": {crypto.MD5, 0}, "SHA": {crypto.SHA1, 0}, "SHA1": {crypto.SHA1, 0}, "SHA-1": {crypto.SHA1, 0},
	"SHA-256": {crypto.SHA256, 0}, "SHA-384": {crypto.SHA384, sdkGingerbread}, "SHA-512": {crypto.SHA512, sdkGingerbread},
}

// newDigests are those of later platforms, strongest first.
var newDigests = []struct {
	name string
	hash crypto.Hash
}{
	{"SHA-512", crypto.SHA512}, {"SHA-384", crypto.SHA384}, {"SHA-256", crypto.SHA256}, {"SHA1", crypto.SHA1},
}

// digests picks, out of what a section states under names that end in suffix, what platforms of the range compare. It
// answers none where one of them finds none to compare, which no platform takes for a match.
func (in Input) digests(a attributes, suffix string) ([]named, error) {
	var out []named
	if in.MinSDK < sdkJellyBean2 {
		old, ok, err := in.oldDigest(a, suffix)
		if err != nil || !ok {
			return nil, err
		}
		out = append(out, old)
	}
	if in.MaxSDK < sdkJellyBean2 {
		return out, nil
	}
	for _, alg := range newDigests {
		text, ok := a.get(alg.name + suffix)
		if !ok {
			continue
		}
		sum, err := decode(text)
		if err != nil {
			return nil, err
		}
		if len(out) == 0 || out[0].hash != alg.hash || !bytes.Equal(out[0].sum, sum) {
			out = append(out, named{alg.hash, sum})
		}
		break
	}
	return out, nil
}

// maxListed names of Digest-Algorithms are looked at. There are seven that any platform knows.
const maxListed = 8

// oldDigest is the first supported one that Digest-Algorithms lists.
func (in Input) oldDigest(a attributes, suffix string) (d named, ok bool, err error) {
	list, stated := a.get("Digest-Algorithms")
	if !stated {
		list = "SHA SHA1"
	}
	n := 0
	for name := range strings.FieldsSeq(list) {
		if n++; n > maxListed {
			break
		}
		text, ok := a.get(name + suffix)
		if !ok {
			continue
		}
		alg, known := oldDigests[strings.ToUpper(name)]
		if !known || alg.minSDK > in.MinSDK {
			continue
		}
		sum, err := decode(text)
		return named{alg.hash, sum}, err == nil, err
	}
	return d, false, nil
}

// decode reads Base64, whose padding may be left out.
func decode(text string) ([]byte, error) {
	sum, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, fmt.Errorf("jar: digest: %w", err)
	}
	return sum, nil
}
