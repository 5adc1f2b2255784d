package device

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
)

// FolderExecutor is a device that is a folder: what is installed are files in
// it, and installing looks at the package as Android does (manifest,
// signature, signer of the installed version, no older version). It is for
// tests, demonstrations and writing agents without a phone. All nine built-in
// kinds work on it.
//
//	apps/<package>.json   what is installed
//	apps/<digest>.apk     its file
//	data/<package>/       its data, made at the installation
//	cache/<package>/      its cache
//	boots                 how often the device was started
type FolderExecutor struct {
	// Dir is the folder; it is made when something is put into it.
	Dir string
	// SDK is the API level that packages are judged for; 0: every one that
	// their manifest names.
	SDK int
}

// installer is what applications installed by the agent report.
const installer = "atlas"

// folderApp is an installed application.
type folderApp struct {
	deviceproto.App
	Signers []string `json:"signers"`
}

// Install checks the file and puts it into the folder. It returns [ErrFile]
// for one that Android would refuse or that is not the ordered one.
func (x FolderExecutor) Install(_ context.Context, file string, p deviceproto.Install) error {
	info, err := inspect(file, p, x.SDK)
	if err != nil {
		return err
	}
	have, found, err := x.app(info.Package)
	if err != nil {
		return err
	}
	if found {
		if err := mayReplace(have, info); err != nil {
			return err
		}
	}
	for _, dir := range []string{"apps", filepath.Join("data", info.Package), filepath.Join("cache", info.Package)} {
		if err := os.MkdirAll(filepath.Join(x.Dir, dir), 0o700); err != nil {
			return fmt.Errorf("device: install: %w", err)
		}
	}
	if err := copyFile(x.file(info.SHA256), file); err != nil {
		return err
	}
	app := folderApp{Signers: identity(info), App: deviceproto.App{
		Package: info.Package, VersionCode: info.VersionCode, VersionName: info.VersionName, Installer: installer, SHA256: info.SHA256,
	}}
	raw, err := json.Marshal(app)
	if err != nil {
		return fmt.Errorf("device: install: %w", err)
	}
	if err := writeFile(x.record(info.Package), raw); err != nil {
		return err
	}
	if found && have.SHA256 != info.SHA256 {
		return remove(x.file(have.SHA256))
	}
	return nil
}

// Uninstall deletes the application with its data.
func (x FolderExecutor) Uninstall(_ context.Context, pkg string) error {
	have, found, err := x.app(pkg)
	if err != nil || !found {
		return err
	}
	if err := remove(x.record(pkg)); err != nil {
		return err
	}
	for _, path := range []string{x.file(have.SHA256), filepath.Join(x.Dir, "data", pkg), filepath.Join(x.Dir, "cache", pkg)} {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("device: uninstall: %w", err)
		}
	}
	return nil
}

// ClearCache empties the cache of an application.
func (x FolderExecutor) ClearCache(_ context.Context, pkg string) error { return x.empty(pkg, "cache") }

// ClearData empties data and cache of an application.
func (x FolderExecutor) ClearData(_ context.Context, pkg string) error {
	return x.empty(pkg, "data", "cache")
}

func (x FolderExecutor) empty(pkg string, dirs ...string) error {
	if _, found, err := x.app(pkg); err != nil || !found {
		return cmp.Or(err, fmt.Errorf("device: %s is not installed", pkg))
	}
	for _, dir := range dirs {
		path := filepath.Join(x.Dir, dir, pkg)
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("device: clear: %w", err)
		}
		if err := os.MkdirAll(path, 0o700); err != nil {
			return fmt.Errorf("device: clear: %w", err)
		}
	}
	return nil
}

// Reboot counts one more start.
func (x FolderExecutor) Reboot(context.Context) error {
	n, err := x.boots()
	if err == nil {
		err = os.MkdirAll(x.Dir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("device: reboot: %w", err)
	}
	return writeFile(filepath.Join(x.Dir, "boots"), []byte(strconv.Itoa(n+1)))
}

// BootID returns how often the device was started.
func (x FolderExecutor) BootID(context.Context) (string, error) {
	n, err := x.boots()
	return strconv.Itoa(n), err
}

func (x FolderExecutor) boots() (int, error) {
	raw, err := os.ReadFile(filepath.Join(x.Dir, "boots"))
	if errors.Is(err, fs.ErrNotExist) {
		return 1, nil
	}
	if err != nil {
		return 0, fmt.Errorf("device: boots: %w", err)
	}
	return strconv.Atoi(string(raw))
}

// Apps lists what is installed, by package name.
func (x FolderExecutor) Apps(context.Context) ([]deviceproto.App, error) {
	files, err := filepath.Glob(filepath.Join(x.Dir, "apps", "*.json"))
	if err != nil {
		return nil, fmt.Errorf("device: apps: %w", err)
	}
	slices.Sort(files)
	apps := []deviceproto.App{}
	for _, file := range files {
		app, found, err := x.app(strings.TrimSuffix(filepath.Base(file), ".json"))
		if err != nil {
			return nil, err
		}
		if found {
			apps = append(apps, app.App)
		}
	}
	return apps, nil
}

func (x FolderExecutor) app(pkg string) (app folderApp, found bool, err error) {
	raw, err := os.ReadFile(x.record(pkg))
	if errors.Is(err, fs.ErrNotExist) {
		return app, false, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &app)
	}
	if err != nil {
		return app, false, fmt.Errorf("device: record of %s: %w", pkg, err)
	}
	return app, true, nil
}

// record is the file about an application. Package names were checked: they
// hold letters, digits, dots and underscores, and never two dots together.
func (x FolderExecutor) record(pkg string) string {
	return filepath.Join(x.Dir, "apps", pkg+".json")
}

func (x FolderExecutor) file(sum string) string { return filepath.Join(x.Dir, "apps", sum+".apk") }

func remove(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("device: %w", err)
	}
	return nil
}

// copyFile makes to a copy of from, whole or not at all.
func copyFile(to, from string) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("device: install: %w", err)
	}
	defer func() { _ = src.Close() }()
	tmp, err := os.CreateTemp(filepath.Dir(to), "*.tmp")
	if err != nil {
		return fmt.Errorf("device: install: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if _, err = io.Copy(tmp, src); err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), to)
	}
	if err != nil {
		return fmt.Errorf("device: install: %w", err)
	}
	return nil
}
