package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/apk/scan"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/store"
)

const scanAction = "apk.scan"

// How long a package may be in scanning before another try, after a crash or
// on a lost node, and how long to wait after scanners failed.
const (
	scanTimeout = 2 * time.Minute
	scanRetry   = 30 * time.Second
)

// kickScan wakes the scanning part of Run.
func (s *Service) kickScan() {
	select {
	case s.scanKick <- struct{}{}:
	default:
	}
}

// ScanPending runs all scanners over every package that waits for them, and
// returns how many were judged. [Service.Run] calls it; several nodes may.
func (s *Service) ScanPending(ctx context.Context) (int, error) {
	waiting, err := s.waitingForScan(ctx)
	problems := []error{err}
	n := 0
	for _, p := range waiting {
		judged, err := s.scanOne(ctx, p.ID)
		if err != nil {
			problems = append(problems, fmt.Errorf("package %s: %w", p.ID, err))
		}
		if judged {
			n++
		}
		if ctx.Err() != nil {
			break
		}
	}
	if err := errors.Join(problems...); err != nil {
		return n, fmt.Errorf("fleet: scan: %w", err)
	}
	return n, nil
}

// waitingForScan lists new packages before those that scanners failed on, so
// that these never stand in the way.
func (s *Service) waitingForScan(ctx context.Context) (waiting []intake.Package, err error) {
	err = s.store.View(ctx, func(ctx context.Context, tx store.Tx) error {
		waiting = nil
		for _, states := range [][]intake.State{{intake.Quarantined, intake.Scanning}, {intake.Error}} {
			some, err := tx.Packages().InState(ctx, states, 100)
			if err != nil {
				return err
			}
			waiting = append(waiting, some...)
		}
		return nil
	})
	return waiting, err
}

// scanOne takes one package through its scanners. It takes the package first,
// so that nodes don't do the same work; a crash in between leaves it in
// scanning, which is not clean.
func (s *Service) scanOne(ctx context.Context, id string) (bool, error) {
	p, taken, err := s.takeScan(ctx, id)
	if err != nil || !taken {
		return false, err
	}
	scans, names := s.runScanners(ctx, p)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	return s.judgeScan(ctx, p, scans, names)
}

func (s *Service) takeScan(ctx context.Context, id string) (p intake.Package, taken bool, err error) {
	now := s.Now()
	err = s.store.Update(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		taken = false
		if p, err = tx.Packages().Package(ctx, id); err != nil || !scanDue(p, now) {
			return err
		}
		if p.State == intake.Scanning {
			p.JudgedAt = now
		} else if p, err = p.To(intake.Scanning, "being scanned", now); err != nil {
			return err
		}
		if err := tx.Packages().Save(ctx, p); err != nil {
			return err
		}
		p.Version++
		taken = true
		return nil
	})
	return p, taken, err
}

func scanDue(p intake.Package, now time.Time) bool {
	switch p.State {
	case intake.Quarantined:
		return true
	case intake.Scanning:
		return now.Sub(p.JudgedAt) >= scanTimeout
	case intake.Error:
		return now.Sub(p.JudgedAt) >= scanRetry
	}
	return false
}

// runScanners asks every scanner. One that fails gives the verdict failed.
func (s *Service) runScanners(ctx context.Context, p intake.Package) (scans []intake.Scan, names []string) {
	f, err := s.blobs.Open(ctx, p.SHA256)
	var info apk.Info
	if err == nil {
		defer func() { _ = f.Close() }()
		err = json.Unmarshal(p.Report, &info)
	}
	for i, sc := range s.opt.Scanners {
		r := scan.Result{Scanner: fmt.Sprintf("scanner %d", i+1), At: s.Now()}
		problem := err
		if problem == nil {
			var got scan.Result
			if got, problem = scan.Run(ctx, sc, scan.Target{R: f, Size: p.Size, Info: &info}, s.Now); problem == nil {
				r = got
			}
		}
		if problem != nil {
			s.opt.Logger.ErrorContext(ctx, "scanner failed", "scanner", r.Scanner, "package", p.ID, "error", problem)
		}
		names = append(names, r.Scanner)
		scans = append(scans, s.scanRecord(p, r, problem))
	}
	return scans, names
}

func (s *Service) scanRecord(p intake.Package, r scan.Result, problem error) intake.Scan {
	verdict := intake.Verdict(r.Verdict)
	if problem != nil {
		verdict = intake.VerdictFailed
	}
	findings, err := json.Marshal(r.Findings)
	if err != nil || r.Findings == nil {
		findings = []byte("[]")
	}
	return intake.Scan{
		ID: s.opt.NewID(), PackageID: p.ID, Path: p.Path, Tenant: p.Tenant, Scanner: r.Scanner, Engine: r.Engine,
		SignedAt: atlas.Instant(r.SignatureDate), Verdict: verdict, Findings: findings, At: atlas.Instant(r.At),
	}
}

// judgeScan stores a round of scans with what follows from it, unless
// somebody else changed the package meanwhile.
func (s *Service) judgeScan(ctx context.Context, p intake.Package, scans []intake.Scan, names []string) (judged bool, err error) {
	now, made := s.Now(), &ids{make: s.opt.NewID}
	var next intake.Package
	err = s.store.Update(ctx, func(ctx context.Context, tx store.Tx) error {
		judged = false
		got, err := tx.Packages().Package(ctx, p.ID)
		if err != nil || got.Version != p.Version {
			return err
		}
		for _, sc := range scans {
			if err := tx.Packages().InsertScan(ctx, sc); err != nil {
				return err
			}
		}
		w := &work{tx: tx, now: now, s: s, ids: made}
		if next, err = w.verdict(ctx, got, scans, names); err != nil {
			return err
		}
		judged = true
		return w.auditSystem(ctx, scanAction, next.ID, next.Path, fact("state", next.State))
	})
	if err == nil && judged && !next.State.Deployable() {
		s.record(ctx, security.Event{
			Class: security.ClassUpload, Severity: security.Medium, ActorID: next.UploadedBy, Action: scanAction,
			TargetID: next.ID, Path: next.Path, Reason: string(next.State) + ": " + next.Reason,
		})
	}
	return judged, err
}

// verdict moves a scanned package to the state that follows.
func (w *work) verdict(ctx context.Context, p intake.Package, scans []intake.Scan, names []string) (intake.Package, error) {
	state, reason := intake.Decide(names, scans)
	if state == intake.Clean {
		same, err := w.tx.Packages().SameName(ctx, p.Tenant, p.Package)
		if err != nil {
			return p, err
		}
		switch why := intake.Consistent(p, same); {
		case why != "":
			state, reason = intake.Rejected, why
		case !p.Verified:
			state, reason = intake.Rejected, "its signature does not verify"
		}
	}
	return w.judge(ctx, p, state, reason)
}

// judge moves a package to another state. One that stops being clean takes
// what is pending with it.
func (w *work) judge(ctx context.Context, p intake.Package, next intake.State, reason string) (intake.Package, error) {
	was := p.State
	p, err := p.To(next, reason, w.now)
	if err != nil {
		return p, err
	}
	if err := w.tx.Packages().Save(ctx, p); err != nil {
		return p, err
	}
	p.Version++
	if was.Deployable() {
		return p, w.cancelOpen(ctx, store.CommandFilter{RefID: p.ID})
	}
	return p, nil
}

// JudgeAPK changes a verdict by hand: a suspicious package to clean or
// rejected, a clean one back into quarantine when something new is known.
func (s *Service) JudgeAPK(ctx context.Context, a atlas.Actor, id string, next intake.State, reason string) (intake.Package, error) {
	c := call{actor: a, action: atlas.PackageJudge, target: id}
	p, err := write(ctx, s, c, func(ctx context.Context, w *work) (intake.Package, error) {
		p, err := w.tx.Packages().Package(ctx, id)
		if p, err = seen(w, p, err); err != nil {
			return p, err
		}
		if err := atlas.CheckText("reason", reason, 500); err != nil {
			return p, err
		}
		if next == intake.Clean && !p.Verified {
			return p, fmt.Errorf("a package whose signature does not verify is never clean: %w", atlas.ErrRefused)
		}
		if next == intake.Scanning || next == intake.Error {
			return p, atlas.Invalid("state", "is for scanners only")
		}
		if p, err = w.judge(ctx, p, next, reason); err != nil {
			return p, err
		}
		return p, w.audit(ctx, id, p.Path, fact("state", p.State))
	})
	if err == nil {
		s.kickScan()
	}
	return p, err
}
