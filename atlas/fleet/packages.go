package fleet

import (
	"context"
	"fmt"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/blob"
)

// APKs returns a page of the packages that the actor may see: those within
// its reach, and those assigned to it from above. Newest first.
func (s *Service) APKs(ctx context.Context, a atlas.Actor, p atlas.Page) ([]intake.Package, error) {
	c := call{actor: a, action: atlas.PackageRead}
	return read(ctx, s, c, func(ctx context.Context, w *work) ([]intake.Package, error) {
		scope, err := w.scope()
		if err != nil {
			return nil, err
		}
		return w.tx.Packages().List(ctx, scope, w.who.Path, p)
	})
}

// APK is a package with what scanners said of it.
type APK struct {
	intake.Package
	Scans []intake.Scan
}

// APK returns a package that the actor may see.
func (s *Service) APK(ctx context.Context, a atlas.Actor, id string) (APK, error) {
	c := call{actor: a, action: atlas.PackageRead, target: id}
	return read(ctx, s, c, func(ctx context.Context, w *work) (APK, error) {
		p, err := w.visible(ctx, id)
		if err != nil {
			return APK{}, err
		}
		scans, err := w.tx.Packages().Scans(ctx, id)
		return APK{Package: p, Scans: scans}, err
	})
}

// visible returns a package that the subject may see and use: its own, or one
// that is assigned to it. The call's action must be allowed to it at all.
func (w *work) visible(ctx context.Context, id string) (intake.Package, error) {
	scope, err := w.scope()
	if err != nil {
		return intake.Package{}, err
	}
	p, err := w.tx.Packages().Package(ctx, id)
	if err != nil {
		_, err = seen(w, p, err)
		return p, err
	}
	if scope.Contains(p.Path) {
		return p, nil
	}
	as, err := w.tx.Packages().Assignments(ctx, id)
	if err != nil {
		return intake.Package{}, err
	}
	for _, a := range as {
		if a.Of(p) && a.Shows(w.who.Path) {
			return p, nil
		}
	}
	return intake.Package{}, w.may(p.Resource()) // not yours: the same refusal as for any other
}

// DownloadAPK opens the file of a clean package for an operator, who closes
// it.
func (s *Service) DownloadAPK(ctx context.Context, a atlas.Actor, id string) (intake.Package, blob.Blob, error) {
	c := call{actor: a, action: atlas.PackageDownload, target: id}
	p, err := read(ctx, s, c, func(ctx context.Context, w *work) (intake.Package, error) {
		p, err := w.visible(ctx, id)
		if err == nil && !p.State.Deployable() {
			err = fmt.Errorf("%w: it is %s", intake.ErrNotClean, p.State)
		}
		return p, err
	})
	if err != nil {
		return p, nil, err
	}
	f, err := s.blobs.Open(ctx, p.SHA256)
	if err != nil {
		return p, nil, fmt.Errorf("fleet: file of package %s: %w", id, err)
	}
	return p, f, nil
}

// Download opens a file for a device, if a clean package of it is assigned to
// the device as things stand now. Everything else is an ErrNotFound.
func (s *Service) Download(ctx context.Context, d Device, sha256 string) (blob.Blob, error) {
	err := atlas.ErrUnauthenticated
	if d.ID != "" {
		err = s.mayFetch(ctx, d, sha256)
	}
	if err != nil {
		return nil, s.rejected(ctx, fetchAction, d, err)
	}
	f, err := s.blobs.Open(ctx, sha256)
	if err != nil {
		return nil, fmt.Errorf("fleet: %s: %w", fetchAction, err)
	}
	return f, nil
}

func (s *Service) mayFetch(ctx context.Context, d Device, sha256 string) error {
	if err := blob.CheckKey(sha256); err != nil {
		return err
	}
	return s.store.View(ctx, func(ctx context.Context, tx store.Tx) error {
		dev, err := tx.Devices().Get(ctx, d.ID)
		if err != nil {
			return err
		}
		state, _, err := (&work{tx: tx, now: s.Now(), s: s}).standing(ctx, dev)
		if err != nil {
			return err
		}
		if state != activation.Active {
			return fmt.Errorf("activation of device is %s: %w", state, atlas.ErrNotFound)
		}
		ps, err := tx.Packages().BySHA256(ctx, sha256)
		if err != nil {
			return err
		}
		for _, p := range ps {
			as, err := tx.Packages().Assignments(ctx, p.ID)
			if err != nil {
				return err
			}
			if intake.Deploy(p, as, dev) == nil {
				return nil
			}
		}
		return fmt.Errorf("no such file for this device: %w", atlas.ErrNotFound)
	})
}

// AssignAPK says which devices may receive a clean package: those of an
// account and below, of a folder, or one device. The actor must see the
// package, and the target must be within its reach (M-046).
func (s *Service) AssignAPK(ctx context.Context, a atlas.Actor, key Key, id string, t AssignTarget) (intake.Assignment, error) {
	c := call{actor: a, action: atlas.PackageAssign, target: id, key: key, input: []any{id, t}}
	if t.AccountID != "" {
		c.still = []atlas.AccountID{t.AccountID}
	}
	return write(ctx, s, c, func(ctx context.Context, w *work) (intake.Assignment, error) {
		out := intake.Assignment{ID: w.id(), PackageID: id, FolderID: t.FolderID, DeviceID: t.DeviceID, ByID: w.who.Account, At: w.now}
		p, err := w.tx.Packages().Package(ctx, id)
		if p, err = seen(w, p, err); err != nil {
			return out, err
		}
		if !p.State.Deployable() {
			return out, fmt.Errorf("%w: it is %s", intake.ErrNotClean, p.State)
		}
		if out.Path, err = w.assignPlace(ctx, t); err != nil {
			return out, err
		}
		out.Tenant = out.Path.Tenant()
		if err := w.tx.Packages().Assign(ctx, out); err != nil {
			return out, err
		}
		return out, w.audit(ctx, id, p.Path, fact("assignment", out.ID), fact("place", out.Path))
	})
}

// AssignTarget is where a package is assigned to: exactly one of its fields.
type AssignTarget struct {
	AccountID atlas.AccountID
	FolderID  atlas.FolderID
	DeviceID  atlas.DeviceID
}

func (w *work) assignPlace(ctx context.Context, t AssignTarget) (atlas.Path, error) {
	target := Target{AccountID: t.AccountID, FolderID: t.FolderID}
	if t.DeviceID != "" {
		target.DeviceIDs = []atlas.DeviceID{t.DeviceID}
	}
	if err := target.check(); err != nil {
		return "", err
	}
	if t.DeviceID != "" {
		d, err := w.device(ctx, t.DeviceID)
		return d.Path, err
	}
	return w.place(ctx, target)
}

// Deployments returns a page of the commands that install, update or remove a
// package, within the actor's reach and newest first: its history per device.
func (s *Service) Deployments(ctx context.Context, a atlas.Actor, id string, p atlas.Page) ([]commands.Command, error) {
	c := call{actor: a, action: atlas.PackageRead, target: id}
	return read(ctx, s, c, func(ctx context.Context, w *work) ([]commands.Command, error) {
		if _, err := w.visible(ctx, id); err != nil {
			return nil, err
		}
		scope, err := w.scope()
		if err != nil {
			return nil, err
		}
		return w.tx.Commands().List(ctx, scope, store.CommandFilter{RefID: id}, p)
	})
}
