package device

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
)

// What Android's programs print is read on every platform, so that it is
// tested on every platform.

func TestPackageListIsReadWhole(t *testing.T) {
	t.Parallel()
	apps, err := packageList("package:com.android.chrome versionCode:653310330  installer=com.android.vending\n" +
		"package:android versionCode:34  installer=null\r\n\n")
	require.NoError(t, err)
	require.Equal(t, []deviceproto.App{
		{Package: "com.android.chrome", VersionCode: 653310330, Installer: "com.android.vending"},
		{Package: "android", VersionCode: 34},
	}, apps)
}

func TestPackageListWithALineThatDoesNotParseIsNoList(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"package:com.android.chrome", "Error: no service", "package:a.b versionCode:x", "com.a.b versionCode:1"} {
		_, err := packageList("package:a.b versionCode:1\n" + line + "\n")
		require.Error(t, err, line)
	}
}

func TestOnlySuccessIsSuccess(t *testing.T) {
	t.Parallel()
	require.NoError(t, packageResult("Success\n"))
	require.NoError(t, packageResult("avoiding verification\nSuccess: streamed 8580 bytes\n"))
	for _, out := range []string{"", "Failed", "Failure [INSTALL_FAILED_UPDATE_INCOMPATIBLE: signatures do not match]", "Success\nFailure"} {
		require.Error(t, packageResult(out), out)
	}
}

func TestOnlyTheNewestOutcomesAreKept(t *testing.T) {
	t.Parallel()
	var s state
	for i := range int64(maxDone + 5) {
		s.finish(deviceproto.Report{CommandID: "c", Attempt: i + 1, Outcome: succeeded})
		s.confirmed(s.Reports)
	}
	require.Len(t, s.Done, maxDone)
	_, known := s.outcome("c", 5)
	require.False(t, known)
	_, known = s.outcome("c", 6)
	require.True(t, known)
	require.Empty(t, s.Reports)
}

func TestNoMoreCommandsAreTakenOverThanFit(t *testing.T) {
	t.Parallel()
	var s state
	for i := range int64(maxQueue) {
		require.True(t, s.take(deviceproto.Command{ID: string(rune('A' + i)), Attempt: 1}))
	}
	require.False(t, s.take(deviceproto.Command{ID: "more", Attempt: 1}))
	require.Len(t, s.Reports, maxQueue, "what was not taken is not acknowledged")
}

func FuzzPackageList(f *testing.F) {
	f.Add("package:com.android.chrome versionCode:653310330  installer=com.android.vending\n")
	f.Add("package:android versionCode:34  installer=null\r\n\n")
	f.Fuzz(func(t *testing.T, out string) {
		apps, err := packageList(out)
		if err == nil && len(apps) > 1+strings.Count(out, "\n") {
			t.Fatal("more applications than lines")
		}
	})
}
