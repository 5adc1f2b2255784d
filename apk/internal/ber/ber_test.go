package ber_test

import (
	"bytes"
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk/internal/ber"
)

// forms are the same sequence of a number and an octet string, as DER and otherwise.
var forms = map[string][]byte{
	"distinguished":    {0x30, 0x06, 0x02, 0x01, 0x05, 0x04, 0x01, 0xaa},
	"long lengths":     {0x30, 0x82, 0x00, 0x08, 0x02, 0x81, 0x01, 0x05, 0x04, 0x81, 0x01, 0xaa},
	"indefinite":       {0x30, 0x80, 0x02, 0x01, 0x05, 0x04, 0x01, 0xaa, 0x00, 0x00},
	"bytes behind it":  {0x30, 0x06, 0x02, 0x01, 0x05, 0x04, 0x01, 0xaa, 0xff},
	"indefinite, more": {0x30, 0x80, 0x02, 0x01, 0x05, 0x04, 0x01, 0xaa, 0x00, 0x00, 0x00},
}

func TestEveryFormReadsTheSameAndBecomesDER(t *testing.T) {
	t.Parallel()
	for what, data := range forms {
		v, rest, err := ber.Read(data)
		require.NoError(t, err, what)
		require.Equal(t, len(data), len(v.Full)+len(rest))
		children, err := v.Children()
		require.NoError(t, err)
		require.Len(t, children, 2)
		require.Equal(t, []byte{0xaa}, children[1].Content)
		der, err := v.DER()
		require.NoError(t, err)
		require.Equal(t, forms["distinguished"], der, what)
	}
}

func TestBrokenValuesAreErrors(t *testing.T) {
	t.Parallel()
	for what, data := range map[string][]byte{
		"nothing": {}, "no length": {0x30}, "short": {0x30, 0x02, 0x00}, "no end": {0x30, 0x80, 0x02, 0x01, 0x05},
		"primitive without a length": {0x04, 0x80, 0x00, 0x00}, "huge": {0x30, 0x85, 1, 0, 0, 0, 0},
		"long tag": {0x1f, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00}, "deep": bytes.Repeat([]byte{0x30, 0x80}, 100),
	} {
		_, _, err := ber.Read(data)
		require.Error(t, err, what)
	}
}

func TestIntegersHaveTheirSign(t *testing.T) {
	t.Parallel()
	for want, data := range map[int64][]byte{5: {2, 1, 5}, -1: {2, 1, 0xff}, 255: {2, 2, 0, 0xff}, -32768: {2, 2, 0x80, 0}, 1: {2, 2, 0, 1}} {
		n, ok := ber.Integer(data)
		require.True(t, ok)
		require.Equal(t, big.NewInt(want).String(), n.String())
	}
	_, ok := ber.Integer([]byte{4, 1, 5})
	require.False(t, ok)
}

func FuzzRead(f *testing.F) {
	for _, data := range forms {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, rest, err := ber.Read(data)
		if err != nil {
			return
		}
		if len(v.Full)+len(rest) != len(data) {
			t.Fatal("bytes got lost")
		}
		der, err := v.DER()
		if err != nil {
			return
		}
		again, rest, err := ber.Read(der)
		if err != nil || len(rest) > 0 {
			t.Fatal("DER can't be read")
		}
		if twice, err := again.DER(); err != nil || !bytes.Equal(twice, der) {
			t.Fatal("DER changes when it is encoded again")
		}
		var std asn1.RawValue
		if rest, err := asn1.Unmarshal(data, &std); err == nil && !bytes.Equal(std.FullBytes, v.Full) && len(rest) > 0 {
			t.Fatal("encoding/asn1 reads another value")
		}
	})
}
