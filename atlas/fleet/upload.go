package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/blob"
)

// Upload is an APK that comes in.
type Upload struct {
	OwnerID  atlas.AccountID // empty: the actor's own account
	FileName string          // as the form says; data only
	Package  string          // the package name as the form says; the manifest decides
}

// ErrNotAPK is the ErrInvalid of bytes that are no APK that could be read.
var ErrNotAPK = fmt.Errorf("not a readable APK (%w)", atlas.ErrInvalid)

// UploadAPK streams a file in, inspects it and keeps it in quarantine. What
// it is comes from its own manifest. Bytes that are no APK are not kept; a
// file that the owner has already gives the package there is. Errors besides
// the usual: [ErrNotAPK], atlas.ErrTooLarge.
func (s *Service) UploadAPK(ctx context.Context, a atlas.Actor, in Upload, file io.Reader) (intake.Package, error) {
	if in.OwnerID == "" {
		in.OwnerID = a.Account
	}
	c := call{actor: a, action: atlas.PackageUpload, target: string(in.OwnerID)}
	if err := s.mayUpload(ctx, c, in.OwnerID); err != nil {
		return intake.Package{}, err
	}
	ref, err := s.receive(ctx, file)
	if err != nil {
		return intake.Package{}, s.failed(ctx, c, atlas.Subject{Actor: a}, err)
	}
	info, report, err := s.inspect(ctx, ref)
	if err != nil {
		s.discard(ctx, ref)
		if errors.Is(err, ErrNotAPK) {
			s.record(ctx, security.Event{
				Class: security.ClassUpload, Severity: security.Low, ActorID: a.Account, Origin: a.Origin,
				Action: string(c.action), TargetID: string(in.OwnerID), Reason: security.Reason(err),
			})
		}
		return intake.Package{}, s.failed(ctx, c, atlas.Subject{Actor: a}, err)
	}
	p, err := write(ctx, s, c, func(ctx context.Context, w *work) (intake.Package, error) {
		return w.quarantine(ctx, in, info, report)
	})
	if err != nil {
		s.discard(ctx, ref)
		return p, err
	}
	s.kickScan()
	return p, nil
}

// mayUpload decides before a byte is read.
func (s *Service) mayUpload(ctx context.Context, c call, owner atlas.AccountID) error {
	_, err := read(ctx, s, c, func(ctx context.Context, w *work) (atlas.Account, error) { return w.account(ctx, owner) })
	return err
}

func (s *Service) receive(ctx context.Context, file io.Reader) (blob.Ref, error) {
	out, err := s.blobs.Create(ctx)
	if err != nil {
		return blob.Ref{}, fmt.Errorf("store upload: %w", err)
	}
	defer out.Abort()
	if _, err := io.Copy(out, blob.Limit(file, s.opt.MaxUpload)); err != nil {
		return blob.Ref{}, fmt.Errorf("receive upload: %w", err)
	}
	return out.Commit(ctx)
}

// inspect reads what the stored file is.
func (s *Service) inspect(ctx context.Context, ref blob.Ref) (*apk.Info, []byte, error) {
	f, err := s.blobs.Open(ctx, ref.SHA256)
	if err != nil {
		return nil, nil, fmt.Errorf("open upload: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := apk.Inspect(f, f.Size(), s.opt.Inspect)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %s", ErrNotAPK, atlas.CleanText(err.Error(), 200))
	}
	report, err := json.Marshal(info)
	return info, report, err
}

// discard removes a file that no package refers to.
func (s *Service) discard(ctx context.Context, ref blob.Ref) {
	ctx = context.WithoutCancel(ctx)
	var used []intake.Package
	err := s.store.View(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		used, err = tx.Packages().BySHA256(ctx, ref.SHA256)
		return err
	})
	if err == nil && len(used) == 0 {
		err = s.blobs.Delete(ctx, ref.SHA256)
	}
	if err != nil && !isNotFound(err) {
		s.opt.Logger.WarnContext(ctx, "rejected upload was not removed", "sha256", ref.SHA256, "error", err)
	}
}

// quarantine stores the record of a new file.
func (w *work) quarantine(ctx context.Context, in Upload, info *apk.Info, report []byte) (intake.Package, error) {
	owner, err := w.account(ctx, in.OwnerID)
	if err != nil {
		return intake.Package{}, err
	}
	known, err := w.tx.Packages().BySHA256(ctx, info.SHA256)
	if err != nil {
		return intake.Package{}, err
	}
	for _, k := range known {
		if k.OwnerID == owner.ID {
			return k, nil
		}
	}
	p := intake.Package{
		ID: w.id(), OwnerID: owner.ID, Path: owner.Path, Tenant: owner.Tenant, UploadedBy: w.who.Account, UploadedAt: w.now,
		FileName: atlas.CleanText(in.FileName, 255), State: intake.Quarantined, Reason: "waiting for the scanners", JudgedAt: w.now, Version: 1,
	}.Describe(info, report, in.Package)
	if err := w.tx.Packages().Insert(ctx, p); err != nil {
		return p, err
	}
	return p, w.audit(ctx, p.ID, p.Path, fact("sha256", p.SHA256), fact("package", p.Package), fact("version_code", p.VersionCode))
}
