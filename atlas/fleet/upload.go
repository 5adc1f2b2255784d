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
	"github.com/atlas-mdm/atlas-go/store/blob"
)

// Upload is an APK that comes in.
type Upload struct {
	OwnerID  atlas.AccountID // empty: the actor's own account
	FileName string          // as the form says; data only
	Package  string          // the package name as the form says; the manifest decides
	Key      Key             // repeated with other bytes it is refused
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
	info, report, err := s.receive(ctx, file)
	if errors.Is(err, ErrNotAPK) {
		s.record(ctx, security.Event{
			Class: security.ClassUpload, Severity: security.Low, ActorID: a.Account, Origin: a.Origin,
			Action: string(c.action), TargetID: string(in.OwnerID), Reason: security.Reason(err),
		})
	}
	if err != nil {
		return intake.Package{}, s.failed(ctx, c, atlas.Subject{Actor: a}, err)
	}
	c.key, c.input, c.still = in.Key, []any{in, info.SHA256}, []atlas.AccountID{in.OwnerID}
	p, err := write(ctx, s, c, func(ctx context.Context, w *work) (intake.Package, error) {
		return w.quarantine(ctx, in, info, report)
	})
	if err == nil {
		s.kickScan()
	}
	return p, err
}

// mayUpload decides before a byte is read.
func (s *Service) mayUpload(ctx context.Context, c call, owner atlas.AccountID) error {
	_, err := read(ctx, s, c, func(ctx context.Context, w *work) (atlas.Account, error) { return w.account(ctx, owner) })
	return err
}

// receive takes the file in and looks at it before it is stored, so that what
// is no APK never is. A file whose record is refused afterwards stays: another
// upload of the same bytes may be under way, and its record would miss it.
func (s *Service) receive(ctx context.Context, file io.Reader) (*apk.Info, []byte, error) {
	staged, err := s.blobs.Create(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("store upload: %w", err)
	}
	defer staged.Abort()
	size, err := io.Copy(staged, blob.Limit(file, s.opt.MaxUpload))
	if err != nil {
		return nil, nil, fmt.Errorf("receive upload: %w", err)
	}
	info, err := apk.Inspect(staged, size, s.opt.Inspect)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %s", ErrNotAPK, atlas.CleanText(err.Error(), 200))
	}
	report, err := json.Marshal(info)
	if err != nil {
		return nil, nil, fmt.Errorf("report on upload: %w", err)
	}
	ref, err := staged.Commit(ctx)
	if err == nil && ref.SHA256 != info.SHA256 {
		err = fmt.Errorf("upload changed while it was read: %w", atlas.ErrInvalid)
	}
	return info, report, err
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
