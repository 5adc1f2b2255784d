package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

func deviceCases() []proof {
	return []proof{
		{"ByKeyReturnsTheDeviceOfThatKeyIDOrErrNotFound", byKey},
		{"InsertIsErrExistsIfTheIDKeyIDOrSupportIDIsTaken", deviceTaken},
		{"SaveIsErrExistsIfTheKeyIDOrSupportIDIsAnothers", deviceAnothers},
		{"TouchMovesLastSeenForwardAndNeverBack", touch},
		{"TouchLeavesTheRestAloneAndPassesOverUnknownIDs", touchRest},
		{"ReserveSetsTheCeilingIfItIsStillFrom", reserve},
		{"SetInventoryReplacesTheReportWhole", inventory},
	}
}

func getDevice(t *testing.T, st store.Store, id atlas.DeviceID) atlas.Device {
	t.Helper()
	return read(t, st, func(c ctx, x tx) (atlas.Device, error) { return x.Devices().Get(c, id) })
}

func byKey(t *testing.T, st store.Store) {
	insertDevice(t, st, device(1))
	insertDevice(t, st, device(2))
	view(t, st, func(c ctx, x tx) {
		got, err := x.Devices().ByKey(c, device(2).KeyID)
		require.NoError(t, err)
		same(t, stored(device(2)), got)
		for _, key := range []string{"", "KEY0002", "key000_"} {
			_, err = x.Devices().ByKey(c, key)
			require.ErrorIs(t, err, atlas.ErrNotFound, "%q", key)
		}
	})
}

func deviceTaken(t *testing.T, st store.Store) {
	insertDevice(t, st, device(1))
	for name, copyOne := range map[string]func(d *atlas.Device){
		"ID":        func(d *atlas.Device) { d.ID = device(1).ID },
		"KeyID":     func(d *atlas.Device) { d.KeyID = device(1).KeyID },
		"SupportID": func(d *atlas.Device) { d.SupportID = device(1).SupportID },
	} {
		d := device(2)
		copyOne(&d)
		update(t, st, func(c ctx, x tx) { require.ErrorIs(t, x.Devices().Insert(c, d), atlas.ErrExists, name) })
		has(t, st, false, 2)
	}
	same(t, stored(device(1)), getDevice(t, st, device(1).ID))
}

func deviceAnothers(t *testing.T, st store.Store) {
	insertDevice(t, st, device(1))
	insertDevice(t, st, device(2))
	for name, copyOne := range map[string]func(d *atlas.Device){
		"KeyID":     func(d *atlas.Device) { d.KeyID = device(1).KeyID },
		"SupportID": func(d *atlas.Device) { d.SupportID = device(1).SupportID },
	} {
		d := stored(device(2))
		copyOne(&d)
		update(t, st, func(c ctx, x tx) { require.ErrorIs(t, x.Devices().Save(c, d), atlas.ErrExists, name) })
	}
	same(t, stored(device(2)), getDevice(t, st, device(2).ID))
	update(t, st, func(c ctx, x tx) { // a new key ends the old one
		d := stored(device(2))
		d.KeyID = "new key"
		require.NoError(t, x.Devices().Save(c, d))
		_, err := x.Devices().ByKey(c, device(2).KeyID)
		require.ErrorIs(t, err, atlas.ErrNotFound)
		got, err := x.Devices().ByKey(c, "new key")
		require.NoError(t, err)
		same(t, withVersion(d, 2), got)
	})
}

func touch(t *testing.T, st store.Store) {
	insertDevice(t, st, device(1))
	insertDevice(t, st, device(2))
	id := device(1).ID
	for _, step := range []struct{ seen, want time.Time }{
		{at, at},
		{at.Add(-time.Microsecond), at},
		{at, at},
		{at.Add(time.Microsecond), at.Add(time.Microsecond)},
		{time.Time{}, at.Add(time.Microsecond)},
		{at.Add(time.Hour), at.Add(time.Hour)},
	} {
		update(t, st, func(c ctx, x tx) {
			require.NoError(t, x.Devices().Touch(c, map[atlas.DeviceID]time.Time{id: step.seen}))
		})
		require.Equal(t, step.want, getDevice(t, st, id).LastSeen)
	}
	require.Zero(t, getDevice(t, st, device(2).ID).LastSeen)
}

func touchRest(t *testing.T, st store.Store) {
	seen := map[atlas.DeviceID]time.Time{"unknown": at}
	for i := range 300 { // more than a statement may have arguments in some databases, with two for each
		seen[device(1000+i).ID] = at
	}
	var want []atlas.Device
	for i := range 5 {
		want = append(want, filled[atlas.Device](awk, i))
		want[i].LastSeen = at.Add(time.Duration(i-2) * time.Minute)
		insertDevice(t, st, want[i])
		seen[want[i].ID] = at
		want[i].Version = 1
		if want[i].LastSeen.Before(at) {
			want[i].LastSeen = at
		}
	}
	update(t, st, func(c ctx, x tx) { require.NoError(t, x.Devices().Touch(c, seen)) })
	update(t, st, func(c ctx, x tx) { require.NoError(t, x.Devices().Touch(c, nil)) })
	for _, d := range want {
		same(t, d, getDevice(t, st, d.ID))
	}
	has(t, st, false, 1000)
}

func reserve(t *testing.T, st store.Store) {
	want := filled[atlas.Device](awk, 0)
	want.CounterCeiling = 7
	insertDevice(t, st, want)
	update(t, st, func(c ctx, x tx) {
		for _, from := range []int64{0, 6, 8, 1007} {
			require.ErrorIs(t, x.Devices().Reserve(c, want.ID, from, 2000), atlas.ErrStale)
		}
		require.ErrorIs(t, x.Devices().Reserve(c, "unknown", 0, 2000), atlas.ErrStale)
		require.NoError(t, x.Devices().Reserve(c, want.ID, 7, 1007))
		require.ErrorIs(t, x.Devices().Reserve(c, want.ID, 7, 1007), atlas.ErrStale)
	})
	want.CounterCeiling, want.Version = 1007, 1
	same(t, want, getDevice(t, st, want.ID))
}

func inventory(t *testing.T, st store.Store) {
	const id atlas.DeviceID = "d"
	for _, v := range []atlas.Inventory{
		{ID: id, Apps: []atlas.App{{Package: "b", VersionCode: 1 << 60}, {Package: "a", VersionName: awkward}, {Package: "b"}}, ReportedAt: at},
		{ID: id, Apps: []atlas.App{{Package: "c"}}, ReportedAt: at.Add(-time.Hour)}, // whichever came last
		{ID: id, ReportedAt: at},
		{ID: id, Apps: make([]atlas.App, atlas.MaxApps), ReportedAt: at.Add(time.Hour)},
	} {
		update(t, st, func(c ctx, x tx) {
			require.NoError(t, x.Devices().SetInventory(c, atlas.Inventory{ID: "other", ReportedAt: at}))
			require.NoError(t, x.Devices().SetInventory(c, v))
		})
		same(t, v, read(t, st, func(c ctx, x tx) (atlas.Inventory, error) { return x.Devices().Inventory(c, id) }))
	}
	other := read(t, st, func(c ctx, x tx) (atlas.Inventory, error) { return x.Devices().Inventory(c, "other") })
	same(t, atlas.Inventory{ID: "other", ReportedAt: at}, other)
}
