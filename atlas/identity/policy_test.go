package identity_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/identity"
)

func TestGoodPasswordsAreAccepted(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"kx7-quiet", "all lower case words", "zwölfköpfig", "пароль-для-панели", "  spaces kept  ", strings.Repeat("long ", 51), "emoji 🙂🙂 fine",
	} {
		require.NoError(t, identity.CheckPassword("owner", good), good)
	}
}

func TestBadPasswordsAreRefused(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]string{
		"empty":              "",
		"seven characters":   "kx7-qui",
		"seven letters of 2": "äöüäöüä",
		"too long":           strings.Repeat("a b ", 65),
		"not text":           "kx7-quiet\xff",
		"with a NUL":         "kx7\x00quiet",
		"common":             "password123",
		"common, in capital": "PassWord123",
		"common, first":      "00000000",
		"the username":       "reseller-one",
		"with the username":  "my-Reseller-ONE-pass",
	} {
		err := identity.CheckPassword("reseller-one", bad)
		require.ErrorIs(t, err, atlas.ErrInvalid, name)
		if bad != "" && name != "the username" {
			require.NotContains(t, err.Error(), bad)
		}
	}
}

func TestAPolicyMayAskForMoreAndNeverForLess(t *testing.T) {
	t.Parallel()
	require.Error(t, identity.PasswordPolicy{MinLength: 15}.Check("", "fourteen chars"))
	require.NoError(t, identity.PasswordPolicy{MinLength: 15}.Check("", "fifteen of them"))
	require.Error(t, identity.PasswordPolicy{MinLength: 1}.Check("", "seven77"))
}

func TestAPolicyMayBringItsOwnList(t *testing.T) {
	t.Parallel()
	p := identity.PasswordPolicy{Denied: func(password string) bool { return password == "breached elsewhere" }}
	require.ErrorIs(t, p.Check("", "breached elsewhere"), atlas.ErrInvalid)
	require.NoError(t, p.Check("", "not breached yet"))
}
