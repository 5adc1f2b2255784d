package fleet

import (
	"context"
	"fmt"
	"strings"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

// Devices returns a page of the devices within the actor's reach, newest
// first.
func (s *Service) Devices(ctx context.Context, a atlas.Actor, f store.DeviceFilter, p atlas.Page) ([]atlas.Device, error) {
	c := call{actor: a, action: atlas.DeviceRead}
	f.SupportID = strings.ToUpper(f.SupportID)
	return read(ctx, s, c, func(ctx context.Context, w *work) ([]atlas.Device, error) {
		scope, err := w.scope()
		if err != nil {
			return nil, err
		}
		return w.tx.Devices().List(ctx, scope, f, p)
	})
}

// CountDevices returns how many devices within the actor's reach match.
func (s *Service) CountDevices(ctx context.Context, a atlas.Actor, f store.DeviceFilter) (int64, error) {
	c := call{actor: a, action: atlas.DeviceRead}
	return read(ctx, s, c, func(ctx context.Context, w *work) (int64, error) {
		scope, err := w.scope()
		if err != nil {
			return 0, err
		}
		return w.tx.Devices().Count(ctx, scope, f)
	})
}

// OnlineFilter returns f narrowed to devices that are, or are not, online
// now.
func (s *Service) OnlineFilter(f store.DeviceFilter, online bool) store.DeviceFilter {
	edge := s.Now().Add(-s.opt.OnlineWindow)
	if online {
		f.SeenSince = edge
	} else {
		f.SeenBefore = edge
	}
	return f
}

// Device returns a device within the actor's reach.
func (s *Service) Device(ctx context.Context, a atlas.Actor, id atlas.DeviceID) (atlas.Device, error) {
	c := call{actor: a, action: atlas.DeviceRead, target: string(id)}
	return read(ctx, s, c, func(ctx context.Context, w *work) (atlas.Device, error) { return w.device(ctx, id) })
}

func (w *work) device(ctx context.Context, id atlas.DeviceID) (atlas.Device, error) {
	d, err := w.tx.Devices().Get(ctx, id)
	return seen(w, d, err)
}

// DeviceApps returns the installed applications a device reported last.
func (s *Service) DeviceApps(ctx context.Context, a atlas.Actor, id atlas.DeviceID) (atlas.Inventory, error) {
	c := call{actor: a, action: atlas.DeviceRead, target: string(id)}
	return read(ctx, s, c, func(ctx context.Context, w *work) (atlas.Inventory, error) {
		if _, err := w.device(ctx, id); err != nil {
			return atlas.Inventory{}, err
		}
		v, err := w.tx.Devices().Inventory(ctx, id)
		if isNotFound(err) {
			return atlas.Inventory{ID: id}, nil
		}
		return v, err
	})
}

// DeviceCommands returns a page of the commands to a device, newest first.
func (s *Service) DeviceCommands(ctx context.Context, a atlas.Actor, id atlas.DeviceID, p atlas.Page) ([]commands.Command, error) {
	c := call{actor: a, action: atlas.CommandRead, target: string(id)}
	return read(ctx, s, c, func(ctx context.Context, w *work) ([]commands.Command, error) {
		d, err := w.device(ctx, id)
		if err != nil {
			return nil, err
		}
		return w.tx.Commands().List(ctx, atlas.SubtreeOf(d.Path), store.CommandFilter{DeviceID: id}, p)
	})
}

// DeviceChange is what of a device may be changed; nil fields stay.
type DeviceChange struct {
	Name     *string
	FolderID *atlas.FolderID
}

// UpdateDevice renames a device or puts it into a folder of its owner.
func (s *Service) UpdateDevice(ctx context.Context, a atlas.Actor, id atlas.DeviceID, in DeviceChange) (atlas.Device, error) {
	c := call{actor: a, action: atlas.DeviceUpdate, target: string(id)}
	return write(ctx, s, c, func(ctx context.Context, w *work) (atlas.Device, error) {
		d, err := w.device(ctx, id)
		if err != nil {
			return d, err
		}
		if in.Name != nil {
			if err := atlas.CheckText("name", *in.Name, 100); err != nil {
				return d, err
			}
			d.Name = *in.Name
		}
		if in.FolderID != nil {
			if err := w.ownFolder(ctx, d.OwnerID, *in.FolderID); err != nil {
				return d, err
			}
			d.FolderID = *in.FolderID
		}
		return w.saveDevice(ctx, d)
	})
}

// ownFolder checks that a folder is the owner's; the empty id is the top.
func (w *work) ownFolder(ctx context.Context, owner atlas.AccountID, id atlas.FolderID) error {
	if id == "" {
		return nil
	}
	f, err := w.tx.Folders().Get(ctx, id)
	if isNotFound(err) || err == nil && f.OwnerID != owner {
		err = atlas.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	return nil
}

func (w *work) saveDevice(ctx context.Context, d atlas.Device) (atlas.Device, error) {
	if err := w.tx.Devices().Save(ctx, d); err != nil {
		return d, err
	}
	d.Version++
	return d, w.audit(ctx, string(d.ID), d.Path)
}

// TransferDevice gives a device to another account; both its place and the
// new owner must be within the actor's reach (M-030). It leaves its folder,
// and its waiting commands are judged anew at delivery.
func (s *Service) TransferDevice(ctx context.Context, a atlas.Actor, id atlas.DeviceID, ownerID atlas.AccountID) (atlas.Device, error) {
	c := call{actor: a, action: atlas.DeviceTransfer, target: string(id)}
	return write(ctx, s, c, func(ctx context.Context, w *work) (atlas.Device, error) {
		d, err := w.device(ctx, id)
		if err != nil {
			return d, err
		}
		to, err := w.account(ctx, ownerID)
		if err != nil {
			return d, err
		}
		from := d.OwnerID
		d.OwnerID, d.Path, d.Tenant, d.FolderID = to.ID, to.Path, to.Tenant, ""
		if d, err = w.saveDevice(ctx, d); err != nil {
			return d, err
		}
		if err := w.takeAlong(ctx, d); err != nil {
			return d, err
		}
		return d, w.auditAs(ctx, "device.owner", string(id), d.Path, fact("from", from), fact("to", to.ID))
	})
}

// takeAlong puts the unfinished commands of a device where the device is now.
// What is finished stays with whom it happened to.
func (w *work) takeAlong(ctx context.Context, d atlas.Device) error {
	open, err := w.tx.Commands().Open(ctx, d.ID, commands.Scan)
	if err != nil {
		return err
	}
	for _, c := range open {
		c.Path, c.Tenant = d.Path, d.Tenant
		if err := w.tx.Commands().Save(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// NewFolder is a folder to be made.
type NewFolder struct {
	OwnerID  atlas.AccountID
	ParentID atlas.FolderID // empty: the owner's top
	Name     string
}

// CreateFolder makes a folder for devices of one owner (M-031).
func (s *Service) CreateFolder(ctx context.Context, a atlas.Actor, key Key, in NewFolder) (atlas.Folder, error) {
	c := call{actor: a, action: atlas.FolderCreate, target: string(in.OwnerID), key: key, input: in, still: []atlas.AccountID{in.OwnerID}}
	return write(ctx, s, c, func(ctx context.Context, w *work) (atlas.Folder, error) {
		owner, err := w.account(ctx, in.OwnerID)
		if err != nil {
			return atlas.Folder{}, err
		}
		if err := atlas.CheckText("name", in.Name, 100); err != nil || in.Name == "" {
			return atlas.Folder{}, atlas.Invalid("name", "must have 1 to 100 characters")
		}
		if err := w.ownFolder(ctx, owner.ID, in.ParentID); err != nil {
			return atlas.Folder{}, err
		}
		f := atlas.Folder{
			ID: atlas.FolderID(w.id()), OwnerID: owner.ID, Path: owner.Path, Tenant: owner.Tenant,
			ParentID: in.ParentID, Name: in.Name, Version: 1,
		}
		if err := w.tx.Folders().Insert(ctx, f); err != nil {
			return f, err
		}
		return f, w.audit(ctx, string(f.ID), f.Path)
	})
}

// Folders returns a page of the folders within the actor's reach; of one
// owner unless it is empty.
func (s *Service) Folders(ctx context.Context, a atlas.Actor, owner atlas.AccountID, p atlas.Page) ([]atlas.Folder, error) {
	c := call{actor: a, action: atlas.FolderRead}
	return read(ctx, s, c, func(ctx context.Context, w *work) ([]atlas.Folder, error) {
		scope, err := w.scope()
		if err != nil {
			return nil, err
		}
		return w.tx.Folders().List(ctx, scope, owner, p)
	})
}
