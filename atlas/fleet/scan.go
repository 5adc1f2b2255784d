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

// How long all scanners together have for one package; how long it may be in
// scanning before another try, after a crash or on a lost node; and how long
// to wait after scanners failed, which doubles with each failure.
const (
	scanLimit   = 5 * time.Minute
	scanTimeout = scanLimit + time.Minute
	scanRetry   = 30 * time.Second
	maxRetry    = time.Hour
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
		judged, err := s.scanOne(ctx, p)
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
func (s *Service) scanOne(ctx context.Context, was intake.Package) (bool, error) {
	p, taken, err := s.takeScan(ctx, was.ID)
	if err != nil || !taken {
		return false, err
	}
	scans, names := s.runScanners(ctx, p)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	next, judged, err := s.judgeScan(ctx, p, scans, names)
	if err == nil && judged && !next.State.Deployable() && (next.State != was.State || next.Reason != was.Reason) {
		s.record(ctx, security.Event{
			Class: security.ClassUpload, Severity: security.Medium, ActorID: next.UploadedBy, Action: scanAction,
			TargetID: next.ID, Path: next.Path, Reason: string(next.State) + ": " + next.Reason,
		})
	}
	return judged, err
}

func (s *Service) takeScan(ctx context.Context, id string) (p intake.Package, taken bool, err error) {
	now := s.Now()
	err = s.store.Update(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		taken = false
		if p, err = tx.Packages().Package(ctx, id); err != nil {
			return err
		}
		past, err := tx.Packages().Scans(ctx, id)
		if err != nil || !scanDue(p, len(past)/max(len(s.opt.Scanners), 1), now) {
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

// scanDue reports whether a package with that many rounds of scans in the past
// is to be scanned at now.
func scanDue(p intake.Package, past int, now time.Time) bool {
	switch p.State {
	case intake.Quarantined:
		return true
	case intake.Scanning:
		return now.Sub(p.JudgedAt) >= scanTimeout
	case intake.Error:
		wait := scanRetry << min(max(past-1, 0), 7)
		return now.Sub(p.JudgedAt) >= min(wait, maxRetry)
	}
	return false
}

// runScanners asks every scanner. One that fails gives the verdict failed.
func (s *Service) runScanners(ctx context.Context, p intake.Package) (scans []intake.Scan, names []string) {
	ctx, cancel := context.WithTimeout(ctx, scanLimit)
	defer cancel()
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
func (s *Service) judgeScan(ctx context.Context, p intake.Package, scans []intake.Scan, names []string) (next intake.Package, judged bool, err error) {
	now, made := s.Now(), &ids{make: s.opt.NewID}
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
	return next, judged, err
}

// verdict moves a scanned package to the state that follows.
func (w *work) verdict(ctx context.Context, p intake.Package, scans []intake.Scan, names []string) (intake.Package, error) {
	state, reason := intake.Decide(names, scans)
	if state == intake.Clean {
		why, err := w.unfit(ctx, p)
		if err != nil {
			return p, err
		}
		if why != "" {
			state, reason = intake.Rejected, why
		}
	}
	return w.judge(ctx, p, state, reason)
}

// unfit returns why a package can't be clean, whatever scanners and people
// say, or "".
func (w *work) unfit(ctx context.Context, p intake.Package) (string, error) {
	if !p.Verified {
		return "its signature does not verify", nil
	}
	same, err := w.tx.Packages().SameName(ctx, p.Tenant, p.Package)
	if err != nil {
		return "", err
	}
	return intake.Consistent(p, same), nil
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
		return p, w.cancelOpen(ctx, everything, store.CommandFilter{RefID: p.ID})
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
		if p.State == intake.Scanning || next == intake.Clean && p.State != intake.Suspicious {
			return p, fmt.Errorf("people judge what the scanners found suspicious: %w", atlas.ErrRefused)
		}
		if next == intake.Clean {
			why, err := w.unfit(ctx, p)
			if err != nil {
				return p, err
			}
			if why != "" {
				return p, fmt.Errorf("it can't be clean: %s: %w", why, atlas.ErrRefused)
			}
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
