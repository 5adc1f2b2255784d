package postgrestest

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// Folders are below /tmp whatever TMPDIR says: the path of a unix socket is
// limited to 107 bytes.
const folderPattern = "/tmp/atlaspg-*"

// folder is where a server keeps its files. The process that made it holds
// the lock of the file "lock" in it for as long as it lives.
type folder struct {
	path string
	lock *os.File
}

// newFolder makes a folder that belongs to owner, or to this user if nil.
func newFolder(owner *syscall.Credential) (*folder, error) {
	path, err := os.MkdirTemp(filepath.Split(folderPattern))
	if err != nil {
		return nil, err
	}
	f := &folder{path: path}
	if err := f.claim(owner); err != nil {
		f.remove()
		return nil, err
	}
	return f, nil
}

// claim takes the lock, and puts it in its place only then, so that a folder
// with a lock nobody holds is one whose process has ended.
func (f *folder) claim(owner *syscall.Credential) (err error) {
	early := filepath.Join(f.path, "new")
	if f.lock, err = os.OpenFile(early, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	if err := syscall.Flock(int(f.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return err
	}
	if err := os.Rename(early, filepath.Join(f.path, "lock")); err != nil {
		return err
	}
	if owner == nil {
		return nil
	}
	return os.Chown(f.path, int(owner.Uid), int(owner.Gid))
}

// remove removes the folder. What cannot be removed is left to the sweep of
// the next process.
func (f *folder) remove() {
	_ = os.RemoveAll(f.path)
	if f.lock != nil {
		_ = f.lock.Close()
	}
}

// sweep removes the folders of processes that were killed. It leaves alone
// what it may not open: another user's.
func sweep() {
	locks, _ := filepath.Glob(filepath.Join(folderPattern, "lock")) // the pattern is valid
	for _, path := range locks {
		lock, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(filepath.Dir(path))
		}
		_ = lock.Close()
	}
}

// tail keeps the end of what is written to it: the server's log, for the
// message about a server that did not start.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - 8<<10; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
