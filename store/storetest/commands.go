package storetest

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

func commandCases() []proof {
	return []proof{
		{"InsertAddsAllOrNone", allCommandsOrNone},
		{"ADedupKeyIsUniqueAmongADevicesUnfinished", dedup},
		{"ADeviceHasOneCommandOfACampaign", oncePerCampaign},
		{"OpenAreTheUnfinishedHighestPriorityFirstThenByID", openCommands},
		{"LateAreTheUnfinishedWhoseTimeIsOver", late},
		{"WaitingAreTheCampaignsThatReachTheDeviceAndHaveNoCommandOfItYet", waiting},
		{"ProgressCountsTheCommandsOfACampaignByState", progress},
	}
}

// command is number i of the queue of device "d".
func command(i int) commands.Command {
	return commands.Command{
		ID: num("c", i), DeviceID: "d", Path: "root/a", Tenant: "a", Kind: commands.DeviceSync, State: commands.Queued,
		Attempts: 1, ExpiresAt: at.Add(time.Hour), CreatedAt: at,
	}
}

func commandID(c commands.Command) string { return c.ID }

func insertCommands(t *testing.T, st store.Store, cs ...commands.Command) {
	t.Helper()
	update(t, st, func(c ctx, x tx) { require.NoError(t, x.Commands().Insert(c, cs)) })
}

func allCommandsOrNone(t *testing.T, st store.Store) {
	keyed := func(i int, key string) commands.Command {
		c := command(i)
		c.DedupKey = key
		return c
	}
	update(t, st, func(c ctx, x tx) {
		require.NoError(t, x.Commands().Insert(c, nil))
		require.NoError(t, x.Commands().Insert(c, []commands.Command{keyed(1, "k"), command(2)}))
		for _, batch := range [][]commands.Command{
			{command(3), command(1), command(4)},
			{command(3), command(4), keyed(5, "k")},
			{command(3), command(3)}, // against itself
			{keyed(3, "new"), command(4), keyed(5, "new")},
		} {
			require.ErrorIs(t, x.Commands().Insert(c, batch), atlas.ErrExists)
			got, err := x.Commands().Open(c, "d", 100)
			require.NoError(t, err)
			require.Equal(t, []string{"c0001", "c0002"}, ids(got, commandID))
		}
	})
}

func dedup(t *testing.T, st store.Store) {
	keyed := func(i int, device atlas.DeviceID, key string, s commands.State) commands.Command {
		c := command(i)
		c.DeviceID, c.DedupKey, c.State = device, key, s
		return c
	}
	insertCommands(t, st, keyed(1, "d", "k", commands.Queued), keyed(2, "d", "K", commands.Queued), keyed(3, "D", "k", commands.Queued),
		keyed(4, "d", "", commands.Queued), keyed(5, "d", "", commands.Queued), keyed(6, "d", "k", commands.Succeeded))
	for i, s := range commands.States() {
		update(t, st, func(c ctx, x tx) {
			first, err := x.Commands().Command(c, "c0001")
			require.NoError(t, err)
			first.State = s
			require.NoError(t, x.Commands().Save(c, first))
		})
		next := keyed(10+i, "d", "k", commands.Queued)
		err := st.Update(t.Context(), func(c ctx, x tx) error {
			if err := x.Commands().Insert(c, []commands.Command{next}); err != nil {
				return err
			}
			return errBoom
		})
		if s.Final() {
			require.ErrorIs(t, err, errBoom, "%s holds no key", s)
		} else {
			require.ErrorIs(t, err, atlas.ErrExists, "%s holds its key", s)
		}
	}
}

func openCommands(t *testing.T, st store.Store) {
	var all []commands.Command
	for i := range 40 {
		c := command(i * 13 % 40)
		c.State = commands.States()[i%len(commands.States())]
		c.Priority = pick(i/3, int64(0), 100, -5, 7)
		c.DeviceID = pick(i/8, atlas.DeviceID("d"), "d", "D")
		all = append(all, c)
	}
	insertCommands(t, st, all...)
	var want []commands.Command
	for _, c := range all {
		if c.DeviceID == "d" && !c.State.Final() {
			want = append(want, stored(c))
		}
	}
	slices.SortFunc(want, func(a, b commands.Command) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.ID, b.ID))
	})
	view(t, st, func(c ctx, x tx) {
		for _, limit := range []int{1, 5, len(want), 256} {
			got, err := x.Commands().Open(c, "d", limit)
			require.NoError(t, err)
			sameAll(t, want[:min(limit, len(want))], got)
		}
		got, err := x.Commands().Open(c, "nobody", 10)
		require.NoError(t, err)
		require.Empty(t, got)
	})
}

func late(t *testing.T, st store.Store) {
	var want []string
	var all []commands.Command
	for _, s := range commands.States() {
		for _, until := range []time.Time{at.Add(-time.Hour), at, at.Add(time.Microsecond)} {
			c := command(len(all))
			c.State, c.ExpiresAt = s, until
			all = append(all, c)
			if !s.Final() && c.Late(at) {
				want = append(want, c.ID)
			}
		}
	}
	require.Len(t, want, 6)
	insertCommands(t, st, all...)
	view(t, st, func(c ctx, x tx) {
		got, err := x.Commands().Late(c, at, 100)
		require.NoError(t, err)
		require.ElementsMatch(t, want, ids(got, commandID))
		some, err := x.Commands().Late(c, at, 4)
		require.NoError(t, err)
		require.Len(t, some, 4)
		require.Subset(t, want, ids(some, commandID))
	})
}

// campaigns are campaigns that differ from one that reaches in one respect each.
func campaigns() []commands.Campaign {
	base := commands.Campaign{Path: "root/a", Kind: commands.DeviceSync, NotBefore: at, ExpiresAt: at.Add(time.Hour), CreatedAt: at, Attempts: 1}
	var out []commands.Campaign
	add := func(change func(c *commands.Campaign)) {
		c := base
		c.ID = num("k", 100-len(out))
		change(&c)
		out = append(out, c)
	}
	add(func(*commands.Campaign) {})
	for _, p := range neighbours() {
		add(func(c *commands.Campaign) { c.Path = p })
	}
	for _, d := range []time.Duration{-time.Microsecond, 0, time.Microsecond} {
		add(func(c *commands.Campaign) { c.NotBefore = at.Add(d) })
		add(func(c *commands.Campaign) { c.ExpiresAt = at.Add(d) })
		add(func(c *commands.Campaign) { c.CreatedAt = at.Add(d - time.Hour) })
	}
	add(func(c *commands.Campaign) { c.NotBefore = time.Time{} })
	add(func(c *commands.Campaign) { c.FolderID = "f" })
	add(func(c *commands.Campaign) { c.FolderID = "F" })
	add(func(c *commands.Campaign) { c.Cancelled = true })
	return out
}

func waiting(t *testing.T, st store.Store) {
	all := campaigns()
	done := all[0]
	done.ID = "k0000 done"
	update(t, st, func(c ctx, x tx) {
		for _, v := range append(all, done) {
			require.NoError(t, x.Commands().InsertCampaign(c, v))
		}
		mine := command(1)
		mine.CampaignID, mine.State = done.ID, commands.Succeeded
		others := command(2)
		others.CampaignID, others.DeviceID = all[0].ID, "another"
		require.NoError(t, x.Commands().Insert(c, []commands.Command{mine, others}))
	})
	view(t, st, func(c ctx, x tx) {
		for _, d := range []atlas.Device{
			{ID: "d", Path: "root/a/b", FolderID: "f", EnrolledAt: at.Add(-time.Hour)},
			{ID: "d", Path: "root/a", EnrolledAt: at.Add(-time.Hour)},
			{ID: "d", Path: "root/a-b", EnrolledAt: at},
			{ID: "new", Path: "root/a/b", EnrolledAt: at.Add(time.Microsecond)},
			{ID: "new", Path: "root/%/b"},
		} {
			var want []string
			for _, v := range append(slices.Clone(all), done) {
				if v.Reaches(d, at) && (v.ID != done.ID || d.ID != "d") {
					want = append(want, v.ID)
				}
			}
			slices.Sort(want)
			for _, limit := range []int{100, 2} {
				got, err := x.Commands().Waiting(c, d, at, limit)
				require.NoError(t, err)
				require.Equal(t, append([]string{}, want[:min(limit, len(want))]...), ids(got, func(v commands.Campaign) string { return v.ID }), "%+v", d)
			}
		}
	})
}

func oncePerCampaign(t *testing.T, st store.Store) {
	first := command(1)
	first.CampaignID, first.State = "k", commands.Succeeded // finished ones count as well
	insertCommands(t, st, first)
	again, other, alone := command(2), command(3), command(4)
	again.DeviceID, again.CampaignID = first.DeviceID, "k"
	other.DeviceID, other.CampaignID = "another", "k"
	alone.DeviceID = first.DeviceID
	update(t, st, func(c ctx, x tx) {
		require.ErrorIs(t, x.Commands().Insert(c, []commands.Command{again}), atlas.ErrExists)
		require.NoError(t, x.Commands().Insert(c, []commands.Command{other, alone}))
	})
}

func progress(t *testing.T, st store.Store) {
	want := commands.Progress{}
	var all []commands.Command
	for i := range 30 {
		c := command(i)
		c.DeviceID = atlas.DeviceID(num("d", i))
		c.CampaignID = pick(i, "k", "K", "")
		c.State = commands.States()[i/3%len(commands.States())]
		if c.CampaignID == "k" {
			want[c.State]++
		}
		all = append(all, c)
	}
	insertCommands(t, st, all...)
	for id, want := range map[string]commands.Progress{"k": want, "none": {}} {
		got := read(t, st, func(c ctx, x tx) (commands.Progress, error) { return x.Commands().Progress(c, id) })
		for _, s := range commands.States() {
			require.Equal(t, want[s], got[s], "%s %s", id, s)
		}
	}
}
