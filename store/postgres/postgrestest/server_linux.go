package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
)

// server is a cluster of databases in a folder below /tmp and the processes
// that serve it, if any are running.
type server struct {
	folder   *folder
	settings []string
	attr     *syscall.SysProcAttr
	command  *exec.Cmd
	log      *tail
	gone     chan struct{} // closed when the last process of the server has ended
}

// newServer makes a cluster and starts it.
func newServer(settings []string) (*server, error) {
	sweep()
	attr, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := newFolder(attr.Credential)
	if err != nil {
		return nil, err
	}
	s := &server{folder: dir, settings: settings, attr: attr}
	err = s.initialize()
	if err == nil {
		err = s.start()
	}
	if err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

func (s *server) url() *url.URL { return socketURL(s.folder.path) }
func (s *server) data() string  { return filepath.Join(s.folder.path, "data") }

// initialize runs initdb: with ICU's root collation where this build of
// PostgreSQL can (15 and later), in the order of bytes otherwise.
func (s *server) initialize() error {
	for _, locale := range [][]string{{"--locale-provider=icu", "--icu-locale=und", "--locale=C"}, {"--no-locale"}} {
		args := append([]string{
			"--pgdata=" + s.data(), "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync", "--no-instructions",
		}, locale...)
		c, err := s.program("initdb", args...)
		if err != nil {
			return err
		}
		runtime.LockOSThread() // see start
		out, err := c.CombinedOutput()
		runtime.UnlockOSThread()
		if err == nil {
			return nil
		}
		s.log = &tail{}
		fmt.Fprintf(s.log, "initdb: %v: %s", err, out)
	}
	return errors.New(s.log.String())
}

// start starts the processes and waits until they accept connections.
func (s *server) start() error {
	// No TCP at all, and UTC as on a production server.
	args := []string{"-D", s.data(), "-k", s.folder.path, "-h", "", "-c", "jit=off", "-c", "timezone=UTC"}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	c, err := s.program("postgres", args...)
	if err != nil {
		return err
	}
	s.command, s.log, s.gone = c, &tail{}, make(chan struct{})
	c.Stdout, c.Stderr = s.log, s.log
	started := make(chan error)
	go func(gone chan<- struct{}) {
		// The kernel signals the child when the thread that started it ends,
		// not the process, so the thread is kept as long as the child.
		runtime.LockOSThread()
		err := c.Start()
		started <- err
		if err != nil {
			return
		}
		// Every process of the server holds the pipe of the log, so Wait
		// returns when the last of them has ended. How it ended is no news.
		_ = c.Wait()
		close(gone)
	}(s.gone)
	if err := <-started; err != nil {
		s.command = nil
		return err
	}
	return s.ready()
}

// ready waits until the server accepts connections.
func (s *server) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.url().String())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.gone:
			s.command = nil
			return fmt.Errorf("postgres ended at once: %s", s.log)
		case <-ctx.Done():
			return fmt.Errorf("postgres does not answer: %w: %s", err, s.log)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// kill ends every process of the server where it stands.
func (s *server) kill() error {
	if s.command == nil {
		return errors.New("the server is not running")
	}
	postmaster := s.command.Process
	// While it is stopped the postmaster starts no processes: the list is whole.
	if err := postmaster.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for _, pid := range children(postmaster.Pid) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	if err := postmaster.Kill(); err != nil {
		return err
	}
	return s.wait()
}

// remove ends the server without saving anything and removes its folder.
func (s *server) remove() {
	if s.command != nil {
		_ = s.command.Process.Signal(syscall.SIGQUIT) // "immediate shutdown"; it may have ended already
		if s.wait() != nil {
			_ = s.kill()
		}
	}
	s.folder.remove()
}

func (s *server) wait() error {
	select {
	case <-s.gone:
		s.command = nil
		return nil
	case <-time.After(patience):
		return errors.New("processes of the server remain")
	}
}

// program prepares one of PostgreSQL's programs: as the unprivileged user, in
// the server's folder, to be ended together with the thread that starts it.
func (s *server) program(name string, args ...string) (*exec.Cmd, error) {
	path, err := atlastest.Program(name)
	if err != nil {
		return nil, err
	}
	c := exec.Command(path, args...)
	c.Dir, c.SysProcAttr = s.folder.path, s.attr
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"} // no PGDATA, PGPORT and the like
	return c, nil
}

// unprivileged returns the attributes of the server's processes. PostgreSQL
// refuses to run as root, so root takes the place of another user; SIGQUIT
// makes the server end at once when the test process has ended.
func unprivileged() (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT, Setpgid: true}
	if os.Geteuid() != 0 {
		return attr, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return attr, nil
	}
	return nil, errors.New("postgres does not run as root, and there is no user postgres or nobody")
}

// children lists the processes whose parent is pid, from the fourth field of
// /proc/PID/stat, the one after the name in parentheses and the state.
func children(pid int) []int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is valid
	var found []int
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended since
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err == nil {
				found = append(found, child)
			}
		}
	}
	return found
}
