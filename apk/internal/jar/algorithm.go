package jar

import (
	"crypto"
	_ "crypto/md5" // the hashes of the tables below, weak ones too, since platforms verify with them
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"math"

	"github.com/atlas-mdm/atlas-go/apk/internal/cert"
)

// span is a range of SDK levels.
type span struct{ min, max int }

const anySDK = math.MaxInt32

func from(sdk int) []span { return []span{{sdk, anySDK}} }

var (
	always    = from(0)
	froyo     = span{0, 8} // what Android 2.2 could do and 2.3 to 4.2 could not
	lollipop  = []span{{21, 23}}
	justAPI21 = []span{{21, 21}}
)

// digestAlgorithms are the digests of signer infos, by object identifier.
var digestAlgorithms = map[string]crypto.Hash{
	"1.2.840.113549.2.5": crypto.MD5, "1.3.14.3.2.26": crypto.SHA1, "2.16.840.1.101.3.4.2.4": crypto.SHA224,
	"2.16.840.1.101.3.4.2.1": crypto.SHA256, "2.16.840.1.101.3.4.2.2": crypto.SHA384, "2.16.840.1.101.3.4.2.3": crypto.SHA512,
}

// family is a kind of key, with the SDK levels at which it was known.
type family struct {
	check cert.Check
	// plain is for signature algorithms that name the key alone, and take the digest from the signer info; whole is for
	// those that name a digest as well, which is the signer info's.
	plain, whole map[crypto.Hash][]span
}

// The families. What is not listed was never supported; that a signature names another digest than its signer info was
// taken by Android 5.0 to 6.0 alone.
var (
	familyRSA = &family{
		check: cert.PKCS1,
		plain: map[crypto.Hash][]span{
			crypto.MD5: always, crypto.SHA1: always, crypto.SHA224: {froyo, {21, anySDK}},
			crypto.SHA256: {froyo, {18, anySDK}}, crypto.SHA384: from(18), crypto.SHA512: from(18),
		},
		whole: map[crypto.Hash][]span{
			crypto.MD5: {froyo, {21, anySDK}}, crypto.SHA1: always, crypto.SHA224: {froyo, {21, anySDK}},
			crypto.SHA256: {froyo, {18, anySDK}}, crypto.SHA384: from(21), crypto.SHA512: from(21),
		},
	}
	familyDSA = &family{
		check: cert.DSA,
		plain: map[crypto.Hash][]span{crypto.SHA1: always, crypto.SHA224: from(22), crypto.SHA256: from(22)},
		whole: map[crypto.Hash][]span{crypto.SHA1: from(9), crypto.SHA224: from(21), crypto.SHA256: from(21)},
	}
	familyEC = &family{
		check: cert.ECDSA,
		plain: map[crypto.Hash][]span{
			crypto.SHA1: from(18), crypto.SHA224: from(21), crypto.SHA256: from(18), crypto.SHA384: from(18), crypto.SHA512: from(18),
		},
		whole: map[crypto.Hash][]span{
			crypto.SHA1: from(18), crypto.SHA224: from(21), crypto.SHA256: from(21), crypto.SHA384: from(21), crypto.SHA512: from(21),
		},
	}
)

// signatureAlgorithm is one object identifier; hash is 0 where it names the key alone.
type signatureAlgorithm struct {
	*family
	hash crypto.Hash
}

var signatureAlgorithms = map[string]signatureAlgorithm{
	"1.2.840.113549.1.1.1":   {familyRSA, 0},
	"1.2.840.113549.1.1.4":   {familyRSA, crypto.MD5},
	"1.2.840.113549.1.1.5":   {familyRSA, crypto.SHA1},
	"1.2.840.113549.1.1.14":  {familyRSA, crypto.SHA224},
	"1.2.840.113549.1.1.11":  {familyRSA, crypto.SHA256},
	"1.2.840.113549.1.1.12":  {familyRSA, crypto.SHA384},
	"1.2.840.113549.1.1.13":  {familyRSA, crypto.SHA512},
	"1.2.840.10040.4.1":      {familyDSA, 0},
	"1.2.840.10040.4.3":      {familyDSA, crypto.SHA1},
	"2.16.840.1.101.3.4.3.1": {familyDSA, crypto.SHA224},
	"2.16.840.1.101.3.4.3.2": {familyDSA, crypto.SHA256},
	"1.2.840.10045.2.1":      {familyEC, 0},
	"1.2.840.10045.4.1":      {familyEC, crypto.SHA1},
	"1.2.840.10045.4.3.1":    {familyEC, crypto.SHA224},
	"1.2.840.10045.4.3.2":    {familyEC, crypto.SHA256},
	"1.2.840.10045.4.3.3":    {familyEC, crypto.SHA384},
	"1.2.840.10045.4.3.4":    {familyEC, crypto.SHA512},
}

// supported are the SDK levels at which a signature algorithm verified in a signer info with this digest.
func (a signatureAlgorithm) supported(digest crypto.Hash) []span {
	if a.family == nil || digest == 0 {
		return nil
	}
	if a.hash == 0 {
		return a.plain[digest]
	}
	if a.hash == digest {
		return a.whole[digest]
	}
	odd := digest == crypto.SHA224 && a.hash == crypto.SHA256 || digest == crypto.SHA256 && a.hash == crypto.SHA1 ||
		digest == crypto.SHA512 && a.hash == crypto.SHA384
	if odd && a.family == familyRSA {
		return justAPI21
	}
	return lollipop
}

// covers reports whether spans, in their order, leave no SDK level of the range out.
func covers(spans []span, lo, hi int) bool {
	for _, s := range spans {
		if s.min <= lo && lo <= s.max {
			if hi <= s.max {
				return true
			}
			lo = s.max + 1
		}
	}
	return false
}

// verify checks a signature over data.
func (a signatureAlgorithm) verify(digest crypto.Hash, key any, data, sig []byte) error {
	hash := a.hash
	if hash == 0 {
		hash = digest
	}
	h := hash.New()
	h.Write(data)
	return a.check(key, hash, h.Sum(nil), sig)
}
