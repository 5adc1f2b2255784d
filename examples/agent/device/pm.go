package device

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
)

// packageList reads what "cmd package list packages -i --show-versioncode"
// prints, a line for each application:
//
//	package:com.example.app versionCode:42  installer=com.android.vending
//
// A line without a version code is an error: the list would not be whole.
func packageList(out string) ([]deviceproto.App, error) {
	apps := []deviceproto.App{}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		name, ok := strings.CutPrefix(fields[0], "package:")
		app := deviceproto.App{Package: name}
		err := errNoVersion
		for _, f := range fields[1:] {
			if v, is := strings.CutPrefix(f, "versionCode:"); is {
				app.VersionCode, err = strconv.ParseInt(v, 10, 64)
			}
			if v, is := strings.CutPrefix(f, "installer="); is && v != "null" {
				app.Installer = v
			}
		}
		if !ok || err != nil {
			return nil, fmt.Errorf("device: package list has the line %q", atlas.CleanText(line, 200))
		}
		apps = append(apps, app)
	}
	return apps, nil
}

var errNoVersion = errors.New("no version code")

// packageResult reads what the package manager prints after a change:
// "Success", or "Failure [CODE: text]". Older platforms exit with 0 either way.
func packageResult(out string) error {
	out = strings.TrimSpace(out)
	last := out[strings.LastIndexByte(out, '\n')+1:]
	if strings.HasPrefix(last, "Success") {
		return nil
	}
	if out == "" {
		return errors.New("device: package manager said nothing")
	}
	return fmt.Errorf("device: package manager: %s", atlas.CleanText(out, 300))
}
