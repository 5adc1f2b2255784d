package httpsig_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/httpsig"
)

func TestAMessageIsFreshWithinTheSkewOnBothSides(t *testing.T) {
	t.Parallel()
	for off, fresh := range map[time.Duration]bool{
		0: true, 120 * time.Second: true, -120 * time.Second: true, 121 * time.Second: false, -121 * time.Second: false,
		math.MaxInt64: false, math.MinInt64: false,
	} {
		err := httpsig.Fresh(made, made.Add(off), httpsig.DefaultSkew)
		require.Equal(t, fresh, err == nil, "off by %s", off)
	}
	require.Error(t, httpsig.Fresh(made, made, -1))
}

func TestTheSkewErrorTellsHowFarTheClockIsOff(t *testing.T) {
	t.Parallel()
	err := httpsig.Fresh(made.Add(time.Hour), made, httpsig.DefaultSkew)
	require.ErrorIs(t, err, httpsig.ErrSkew)
	require.ErrorIs(t, err, atlas.ErrUnauthenticated)
	var skew *httpsig.SkewError
	require.ErrorAs(t, err, &skew)
	require.Equal(t, time.Hour, skew.Off())
}
