package apk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/internal/axmltest"
)

const typeBool, typeInt = 0x12, 0x10

func TestApplicationsAttributesHaveThePlatformsDefaults(t *testing.T) {
	t.Parallel()
	cleartext := axmltest.Attr{ID: 0x010104ec, Name: "usesCleartextTraffic", Type: typeBool}
	backup := axmltest.Attr{ID: 0x01010280, Name: "allowBackup", Type: typeBool}
	target := axmltest.Attr{ID: 0x01010270, Name: "targetSdkVersion", Type: typeInt}
	on := func(a axmltest.Attr) axmltest.Attr { a.Data = 0xffffffff; return a }
	for name, c := range map[string]struct {
		target            uint32
		attrs             []axmltest.Attr
		cleartext, backup bool
	}{
		"old, silent":  {27, nil, true, true},
		"new, silent":  {28, nil, false, true},
		"old, refuses": {27, []axmltest.Attr{cleartext, backup}, false, false},
		"new, allows":  {28, []axmltest.Attr{on(cleartext), on(backup)}, true, true},
	} {
		target.Data = c.target
		m := axmltest.New(cleartext, backup, target).Start("manifest", pkgAttr).
			Start("uses-sdk", target).End().Start("application", c.attrs...).End().End().Bytes()
		info := inspectBytes(t, build(t, m), apk.Options{})
		require.Equal(t, c.cleartext, info.UsesCleartext, name)
		require.Equal(t, c.backup, info.AllowBackup, name)
		require.Empty(t, info.SharedUserID, name)
	}
}

func TestSharedUserIDIsRead(t *testing.T) {
	t.Parallel()
	shared := axmltest.Attr{ID: 0x0101000b, Name: "sharedUserId", Text: "dev.atlasmdm.shared"}
	m := axmltest.New(shared).Start("manifest", pkgAttr, shared).End().Bytes()
	require.Equal(t, "dev.atlasmdm.shared", inspectBytes(t, build(t, m), apk.Options{}).SharedUserID)
}
