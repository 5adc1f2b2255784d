package device

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas/activation/lease"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
)

// stateVersion is the form of state.json. A file of another version is
// refused: guessing at counters and outcomes would break what they promise.
const stateVersion = 1

const (
	// maxDone is how many outcomes are remembered, the newest ones.
	maxDone = 1000
	// maxQueue is how many commands are taken over at once; the server hands
	// out the rest again when their time with the device is over.
	maxQueue = 64
)

// state is all that has to survive a crash.
type state struct {
	Version   int         `json:"version"`
	DeviceID  string      `json:"device_id,omitempty"`
	SupportID string      `json:"support_id,omitempty"`
	KeyID     string      `json:"key_id,omitempty"`
	Keys      *lease.JWKS `json:"server_keys,omitempty"`
	// Ceiling is the highest request counter that may have been used.
	Ceiling uint64 `json:"counter_ceiling"`
	// Floor is the latest time of the server that is known to have passed.
	Floor        time.Time `json:"floor"`
	Lease        string    `json:"lease,omitempty"`
	Activation   string    `json:"activation,omitempty"`
	AgentEnabled bool      `json:"agent_enabled"`
	LastCheckIn  time.Time `json:"last_check_in"`
	// SentDevice and SentApps are digests of what the server has confirmed;
	// empty: to be sent again.
	SentDevice string `json:"sent_device,omitempty"`
	SentApps   string `json:"sent_apps,omitempty"`

	Queue   []job                `json:"queue,omitempty"`
	Done    []deviceproto.Report `json:"done,omitempty"`
	Reports []deviceproto.Report `json:"reports,omitempty"`
}

// job is a command that the device has taken over.
type job struct {
	Command deviceproto.Command `json:"command"`
	// Started says that the attempt may have had an effect. It is on disk
	// before the executor is called, and such an attempt never starts again.
	Started bool `json:"started,omitempty"`
	// Boot is the executor's boot id at the start.
	Boot string `json:"boot,omitempty"`
}

func (j job) is(id string, attempt int64) bool {
	return j.Command.ID == id && j.Command.Attempt == attempt
}

func readState(file string) (state, error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return state{Version: stateVersion}, nil
	}
	if err != nil {
		return state{}, fmt.Errorf("%w: %w", ErrState, err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var s state
	if err := dec.Decode(&s); err != nil {
		return state{}, fmt.Errorf("%w: %s does not parse: %w", ErrState, file, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return state{}, fmt.Errorf("%w: %s has something after the object", ErrState, file)
	}
	if s.Version != stateVersion {
		return state{}, fmt.Errorf("%w: %s has version %d, not %d", ErrState, file, s.Version, stateVersion)
	}
	return s, nil
}

// update changes the state on disk and then in memory, or nowhere.
func (a *Agent) update(change func(*state)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	next := a.state
	next.Queue, next.Done, next.Reports = slices.Clone(next.Queue), slices.Clone(next.Done), slices.Clone(next.Reports)
	change(&next)
	if floor := a.time.known(a.opt.Elapsed()); floor.After(next.Floor) {
		next.Floor = floor
	}
	raw, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("device: encode state: %w", err)
	}
	if err := writeFile(filepath.Join(a.dir, "state.json"), raw); err != nil {
		return err
	}
	a.state = next
	return nil
}

func (a *Agent) snapshot() state {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

// writeFile replaces a file as a whole, durably: after a crash there is the
// old one or the new one.
func writeFile(file string, content []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("device: write %s: %w", filepath.Base(file), err)
		}
	}()
	tmp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".tmp*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if _, err = tmp.Write(content); err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), file); err != nil {
		return err
	}
	return syncDir(filepath.Dir(file))
}

// finish records the outcome of an attempt and the report about it.
func (s *state) finish(r deviceproto.Report) {
	s.Queue = slices.DeleteFunc(s.Queue, func(j job) bool { return j.is(r.CommandID, r.Attempt) })
	s.Done = append(s.Done, r)
	if extra := len(s.Done) - maxDone; extra > 0 {
		s.Done = slices.Delete(s.Done, 0, extra)
	}
	s.report(r)
}

// report puts r among the reports to send, in place of any other one about
// the same attempt.
func (s *state) report(r deviceproto.Report) {
	s.Reports = slices.DeleteFunc(s.Reports, func(old deviceproto.Report) bool {
		return old.CommandID == r.CommandID && old.Attempt == r.Attempt
	})
	s.Reports = append(s.Reports, r)
}

// confirmed drops the reports that a check-in carried.
func (s *state) confirmed(sent []deviceproto.Report) {
	s.Reports = slices.DeleteFunc(s.Reports, func(r deviceproto.Report) bool { return slices.Contains(sent, r) })
}

// outcome returns what is remembered of an attempt.
func (s *state) outcome(id string, attempt int64) (deviceproto.Report, bool) {
	i := slices.IndexFunc(s.Done, func(r deviceproto.Report) bool { return r.CommandID == id && r.Attempt == attempt })
	if i < 0 {
		return deviceproto.Report{}, false
	}
	return s.Done[i], true
}
