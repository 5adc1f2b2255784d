package panel

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

// deviceRow is a device in a list.
type deviceRow struct {
	atlas.Device
	Online  bool
	Owner   string
	Pending int
}

type devicesBody struct {
	Query, Online, Owner string
	Rows                 []deviceRow
	Refresh              string // address of the rows alone
	First                bool   // an empty list for want of any device
}

func (p *Panel) devices(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.showDevices(w, r, v, "layout")
}

func (p *Panel) deviceRows(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.showDevices(w, r, v, "device-rows")
}

func (p *Panel) showDevices(w http.ResponseWriter, r *http.Request, v *visit, block string) error {
	q := r.URL.Query()
	body := devicesBody{Query: strings.TrimSpace(q.Get("q")), Online: q.Get("online"), Owner: q.Get("owner"), Refresh: "/devices/rows?" + q.Encode()}
	f := store.DeviceFilter{Query: body.Query, OwnerID: atlas.AccountID(body.Owner)}
	switch body.Online {
	case "":
	case "yes", "no":
		f = p.svc.OnlineFilter(f, body.Online == "yes")
	default:
		return atlas.Invalid("online", "is neither yes nor no")
	}
	devices, err := p.svc.Devices(r.Context(), v.Actor, f, pageOf(r))
	if err != nil {
		return err
	}
	if body.Rows, err = p.describeDevices(r, v, devices); err != nil {
		return err
	}
	body.First = len(devices) == 0 && q.Encode() == ""
	s := sheet{Title: "Devices", At: "/devices", Visit: v, Body: body}
	if n := len(devices); n > 0 {
		s.Older = older(r, n, string(devices[n-1].ID))
	}
	if block == "layout" {
		p.show(w, r, http.StatusOK, "devices", s)
		return nil
	}
	p.fragment(w, r, http.StatusOK, "devices", block, s)
	return nil
}

func (p *Panel) describeDevices(r *http.Request, v *visit, devices []atlas.Device) ([]deviceRow, error) {
	pending := map[atlas.DeviceID]int{}
	for _, s := range []commands.State{commands.Queued, commands.Delivered, commands.Acknowledged} {
		open, err := p.svc.Commands(r.Context(), v.Actor, store.CommandFilter{State: s}, atlas.Page{Limit: atlas.MaxPage})
		if err != nil {
			return nil, err
		}
		for _, c := range open {
			pending[c.DeviceID]++
		}
	}
	owners := p.names(r.Context(), v)
	rows := make([]deviceRow, len(devices))
	for i, d := range devices {
		rows[i] = deviceRow{Device: d, Online: p.svc.Online(d), Owner: owners.Of(d.OwnerID), Pending: pending[d.ID]}
	}
	return rows, nil
}

// Title is a device as people call it.
func (d deviceRow) Title() string { return deviceTitle(d.Device) }

func deviceTitle(d atlas.Device) string {
	if d.Name != "" {
		return d.Name
	}
	if d.Model != "" {
		return d.Model
	}
	return d.SupportID
}

type deviceBody struct {
	deviceRow
	Apps     atlas.Inventory
	Commands []commandRow
	Rename   form
	Install  form
	May      map[string]bool // kinds of command that would be accepted now
	Older    string
}

// commandRow is a command as a table shows it.
type commandRow struct {
	commands.Command
	What   string
	Device string
	By     string
	Open   bool
}

func (p *Panel) device(w http.ResponseWriter, r *http.Request, v *visit) error {
	body, err := p.deviceBody(r, v)
	if err != nil {
		return err
	}
	if body.Install, err = p.installForm(r, v, body.Device); err != nil {
		return err
	}
	p.show(w, r, http.StatusOK, "device", sheet{Title: body.Title(), At: "/devices", Visit: v, Body: body})
	return nil
}

func (p *Panel) deviceLive(w http.ResponseWriter, r *http.Request, v *visit) error {
	body, err := p.deviceBody(r, v)
	if err != nil {
		return err
	}
	p.fragment(w, r, http.StatusOK, "device", "device-live", sheet{Visit: v, Body: body})
	return nil
}

func (p *Panel) deviceBody(r *http.Request, v *visit) (deviceBody, error) {
	ctx, id := r.Context(), atlas.DeviceID(r.PathValue("id"))
	d, err := p.svc.Device(ctx, v.Actor, id)
	if err != nil {
		return deviceBody{}, err
	}
	who := p.names(ctx, v)
	body := deviceBody{
		deviceRow: deviceRow{Device: d, Online: p.svc.Online(d), Owner: who.Of(d.OwnerID)},
		Rename:    renameForm(d), May: map[string]bool{},
	}
	if body.Apps, err = p.svc.DeviceApps(ctx, v.Actor, id); err != nil {
		return body, err
	}
	cs, err := p.svc.DeviceCommands(ctx, v.Actor, id, pageOf(r))
	if err != nil {
		return body, err
	}
	body.Commands = commandRows(cs, who)
	if n := len(cs); n > 0 {
		body.Older = older(r, n, cs[n-1].ID)
	}
	for _, k := range p.svc.Kinds().Names() {
		allowed := p.svc.Kinds().Allowed(k, d) && v.MayOn(string(atlas.CommandSend), d.Path)
		body.May[string(k)] = allowed
	}
	return body, nil
}

func commandRows(cs []commands.Command, who names) []commandRow {
	rows := make([]commandRow, len(cs))
	for i, c := range cs {
		rows[i] = commandRow{Command: c, What: commandText(c), By: "the server", Open: !c.State.Final()}
		if c.ByID != "" {
			rows[i].By = who.Of(c.ByID)
		}
	}
	return rows
}

// commandText says what a command does.
func commandText(c commands.Command) string {
	var in struct {
		Package     string `json:"package"`
		VersionName string `json:"version_name"`
		Reason      string `json:"reason"`
	}
	if err := json.Unmarshal(c.Params, &in); err != nil {
		return kindText(c.Kind)
	}
	text := kindText(c.Kind)
	for _, part := range []string{in.Package, in.VersionName} {
		if part != "" {
			text += " " + part
		}
	}
	if in.Reason != "" {
		text += " (" + in.Reason + ")"
	}
	return text
}

var kindTexts = map[commands.Kind]string{
	commands.AppInstall: "Install", commands.AppUpdate: "Update", commands.AppUninstall: "Uninstall",
	commands.AppClearCache: "Clear the cache of", commands.AppClearData: "Clear the data of",
	commands.DeviceReboot: "Reboot", commands.DeviceSync: "Sync now",
	commands.AgentEnable: "Enable the agent", commands.AgentDisable: "Disable the agent",
}

func kindText(k commands.Kind) string {
	if t, ok := kindTexts[k]; ok {
		return t
	}
	return string(k)
}

func renameForm(d atlas.Device) form {
	return form{
		ID: "rename", Action: "/devices/" + string(d.ID) + "/name", Title: "Rename", Submit: "Rename",
		Fields: []field{{Name: "name", Label: "Name", Value: d.Name, Auto: "off"}},
	}
}

func (p *Panel) renameDevice(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, name := atlas.DeviceID(r.PathValue("id")), strings.TrimSpace(r.PostFormValue("name"))
	if _, err := p.svc.UpdateDevice(r.Context(), v.Actor, id, fleet.DeviceChange{Name: &name}); err != nil {
		p.refuse(w, r, v, renameForm(atlas.Device{ID: id}), err)
		return nil
	}
	return done(w, r, "/devices/"+string(id), "renamed")
}

// installForm offers the clean packages that the visitor sees. It has no
// fields where the device can't install now.
func (p *Panel) installForm(r *http.Request, v *visit, d atlas.Device) (form, error) {
	f := form{
		ID: "install", Action: "/devices/" + string(d.ID) + "/commands", Title: "Install a package", Submit: "Install",
		Hint: "The package must be assigned to this device, its account or one above.",
	}
	all, err := p.svc.APKs(r.Context(), v.Actor, atlas.Page{Limit: atlas.MaxPage})
	if err != nil {
		return f, err
	}
	choice := field{Name: "apk_id", Label: "Package", Kind: "select"}
	for _, a := range all {
		if a.State.Deployable() {
			choice.Options = append(choice.Options, option{Value: a.ID, Label: packageTitle(a)})
		}
	}
	if len(choice.Options) > 0 && p.svc.Kinds().Allowed(commands.AppInstall, d) && v.MayOn(string(atlas.CommandSend), d.Path) {
		f.Fields = []field{{Name: "kind", Kind: "hidden", Value: string(commands.AppInstall)}, choice}
	}
	return f, nil
}

func packageTitle(a intake.Package) string {
	name := a.Label
	if name == "" {
		name = a.Package
	}
	return name + " " + a.VersionName
}

// sendCommand queues one command for one device. The parameters of each kind
// are the fields of the same names.
func (p *Panel) sendCommand(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, params := atlas.DeviceID(r.PathValue("id")), map[string]string{}
	for _, name := range []string{"apk_id", "package", "reason"} {
		if s := r.PostFormValue(name); s != "" {
			params[name] = s
		}
	}
	raw, err := json.Marshal(params)
	if err != nil {
		return err
	}
	_, err = p.svc.SendCommand(r.Context(), v.Actor, key(r), fleet.NewCommand{
		Kind: commands.Kind(r.PostFormValue("kind")), Target: fleet.Target{DeviceIDs: []atlas.DeviceID{id}}, Params: raw,
	})
	if err != nil {
		return err
	}
	return p.notice(w, r, "/devices/"+string(id), "command")
}

func (p *Panel) cancelCommand(w http.ResponseWriter, r *http.Request, v *visit) error {
	c, err := p.svc.CancelCommand(r.Context(), v.Actor, r.PathValue("id"))
	if err != nil {
		return err
	}
	return p.notice(w, r, "/devices/"+string(c.DeviceID), "cancelled")
}
