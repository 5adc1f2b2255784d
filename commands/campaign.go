package commands

import (
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// Campaign is one command to every device below an account, or in one of its
// folders. It reaches the devices that were enrolled when it was made and are
// still in its place when they ask.
type Campaign struct {
	ID        string          `data:"command"`
	Path      atlas.Path      `data:"account.role"` // the account whose subtree it is for
	Tenant    atlas.AccountID `data:"account.ref"`
	FolderID  atlas.FolderID  `data:"device.ref"` // empty: all folders
	Kind      Kind            `data:"command"`
	Params    []byte          `data:"command"`
	RefID     string          `data:"command"`
	Priority  int64           `data:"command"`
	NotBefore time.Time       `data:"command"`
	ExpiresAt time.Time       `data:"command"`
	Attempts  int64           `data:"command"`
	Listed    bool            `data:"command"` // for a list of devices, whose commands exist already
	Cancelled bool            `data:"command"`
	ByID      atlas.AccountID `data:"account.ref"`
	CreatedAt time.Time       `data:"command"`
	Version   int64           `data:"none"`
}

// Resource returns the campaign as something to be authorized on.
func (c Campaign) Resource() atlas.Resource { return atlas.Resource{Path: c.Path} }

// Reaches reports whether the campaign is for d at now.
func (c Campaign) Reaches(d atlas.Device, now time.Time) bool {
	return !c.Cancelled && !c.Listed && now.Before(c.ExpiresAt) && !now.Before(c.NotBefore) &&
		c.Path.Contains(d.Path) && (c.FolderID == "" || c.FolderID == d.FolderID) && !d.EnrolledAt.After(c.CreatedAt)
}

// For returns the campaign's command to one device, with the id given.
func (c Campaign) For(id string, d atlas.Device) Command {
	return Command{
		ID: id, CampaignID: c.ID, DeviceID: d.ID, Path: d.Path, Tenant: d.Tenant, Kind: c.Kind, Params: c.Params, RefID: c.RefID,
		Priority: c.Priority, NotBefore: c.NotBefore, ExpiresAt: c.ExpiresAt, State: Queued, Attempts: c.Attempts,
		ByID: c.ByID, CreatedAt: c.CreatedAt, Version: 1,
	}
}

// Whole returns the campaign in the shape of one command at now, for who holds
// an id and asks what became of it: queued while devices may still get it,
// otherwise cancelled or expired. How far it is is in its [Progress].
func (c Campaign) Whole(now time.Time) Command {
	whole := c.For(c.ID, atlas.Device{Path: c.Path, Tenant: c.Tenant})
	switch {
	case c.Cancelled:
		whole.State = Cancelled
	case !now.Before(c.ExpiresAt):
		whole.State = Expired
	}
	return whole
}

// Progress counts the commands of a campaign by state. Devices that have not
// asked yet are in none.
type Progress map[State]int64
