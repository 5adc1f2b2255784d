package panel

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/apk/scan"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
)

// packageRow is a package in a list.
type packageRow struct {
	intake.Package
	Owner string
}

// Title is a package as people call it.
func (a packageRow) Title() string {
	if a.Label != "" {
		return a.Label
	}
	return a.Package.Package
}

type packagesBody struct {
	Rows    []packageRow
	Refresh string
}

func (p *Panel) packages(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.showPackages(w, r, v, "layout")
}

func (p *Panel) packageRows(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.showPackages(w, r, v, "package-rows")
}

func (p *Panel) showPackages(w http.ResponseWriter, r *http.Request, v *visit, block string) error {
	all, err := p.svc.APKs(r.Context(), v.Actor, pageOf(r))
	if err != nil {
		return err
	}
	owners, body := p.names(r.Context(), v), packagesBody{Refresh: "/packages/rows?" + r.URL.Query().Encode()}
	s := sheet{Title: "Packages", At: "/packages", Visit: v}
	for _, a := range all {
		body.Rows = append(body.Rows, packageRow{a, owners.Of(a.OwnerID)})
		s.Older = older(r, len(all), a.ID)
	}
	s.Body = body
	if block == "layout" {
		p.show(w, r, http.StatusOK, "packages", s)
		return nil
	}
	p.fragment(w, r, http.StatusOK, "packages", block, s)
	return nil
}

// upload streams the file of a form to the service. The browser shows how far
// it is.
func (p *Panel) upload(w http.ResponseWriter, r *http.Request, v *visit) error {
	parts, err := r.MultipartReader()
	if err != nil {
		return atlas.Invalid("file", "did not come as a form")
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return atlas.Invalid("file", "is missing")
		}
		if err != nil {
			return broken(err)
		}
		if part.FormName() != "file" || part.FileName() == "" {
			continue
		}
		a, err := p.svc.UploadAPK(r.Context(), v.Actor, fleet.Upload{FileName: part.FileName()}, part)
		if err != nil {
			return err
		}
		return done(w, r, "/packages/"+a.ID, "uploaded")
	}
}

// broken is the error of a form that ended before its file.
func broken(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return atlas.ErrTooLarge
	}
	return atlas.Invalid("file", "did not arrive whole")
}

type apkBody struct {
	packageRow
	Info   apk.Info
	Scans  []scanRow
	Live   bool // the verdict is still to come
	Assign form
	Deploy form
	Judge  form
	Deployments
}

// scanRow is what one scanner said.
type scanRow struct {
	intake.Scan
	Findings []scan.Finding
}

func (p *Panel) apk(w http.ResponseWriter, r *http.Request, v *visit) error {
	body, err := p.apkBody(r, v)
	if err != nil {
		return err
	}
	if body.Deployments, err = p.deployments(r, v, body.ID); err != nil {
		return err
	}
	p.show(w, r, http.StatusOK, "apk", sheet{Title: body.Title(), At: "/packages", Visit: v, Body: body})
	return nil
}

func (p *Panel) apkVerdict(w http.ResponseWriter, r *http.Request, v *visit) error {
	body, err := p.apkBody(r, v)
	if err != nil {
		return err
	}
	p.fragment(w, r, http.StatusOK, "apk", "verdict", sheet{Visit: v, Body: body})
	return nil
}

func (p *Panel) apkBody(r *http.Request, v *visit) (apkBody, error) {
	got, err := p.svc.APK(r.Context(), v.Actor, r.PathValue("id"))
	if err != nil {
		return apkBody{}, err
	}
	body := apkBody{packageRow: packageRow{got.Package, p.names(r.Context(), v).Of(got.OwnerID)}}
	body.Live = got.State == intake.Quarantined || got.State == intake.Scanning
	if err := json.Unmarshal(got.Report, &body.Info); err != nil {
		return body, err
	}
	for _, s := range got.Scans {
		row := scanRow{Scan: s}
		if err := json.Unmarshal(s.Findings, &row.Findings); err != nil {
			return body, err
		}
		body.Scans = append(body.Scans, row)
	}
	if got.State.Deployable() && v.MayOn(string(atlas.PackageAssign), got.Path) {
		body.Assign = p.assignForm(r, v, got.ID)
	}
	if got.State.Deployable() && v.May(string(atlas.CommandSend)) {
		body.Deploy = p.deployForm(r, v, got.ID)
	}
	if v.MayOn(string(atlas.PackageJudge), got.Path) {
		body.Judge = judgeForm(got.Package)
	}
	return body, nil
}

// apkFile sends the file of a clean package.
func (p *Panel) apkFile(w http.ResponseWriter, r *http.Request, v *visit) error {
	a, f, err := p.svc.DownloadAPK(r.Context(), v.Actor, r.PathValue("id"))
	if err != nil {
		return err
	}
	defer f.Close()
	name := a.Package + "-" + a.VersionName + ".apk"
	w.Header().Set("Content-Type", "application/vnd.android.package-archive")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": strings.ReplaceAll(name, "/", "_")}))
	w.Header().Set("ETag", `"`+a.SHA256+`"`)
	http.ServeContent(w, r, "", a.UploadedAt, io.NewSectionReader(f, 0, f.Size()))
	return nil
}

func judgeForm(a intake.Package) form {
	f := form{
		ID: "judge", Action: "/packages/" + a.ID + "/judge", Title: "Judge by hand", Submit: "Change the verdict",
		Fields: []field{
			{Name: "state", Label: "Verdict", Kind: "select"},
			{Name: "reason", Label: "Reason", Required: true, Auto: "off"},
		},
	}
	for _, s := range []intake.State{intake.Clean, intake.Rejected, intake.Quarantined} {
		if a.State.CanBecome(s) && a.State != intake.Scanning {
			label := capital(string(s))
			if s == intake.Quarantined {
				label = "Scan again"
			}
			f.Fields[0].Options = append(f.Fields[0].Options, option{Value: string(s), Label: label})
		}
	}
	if len(f.Fields[0].Options) == 0 {
		f.Fields = nil
	}
	return f
}

func (p *Panel) judge(w http.ResponseWriter, r *http.Request, v *visit) error {
	id := r.PathValue("id")
	_, err := p.svc.JudgeAPK(r.Context(), v.Actor, id, intake.State(r.PostFormValue("state")), r.PostFormValue("reason"))
	if err != nil {
		return err
	}
	return done(w, r, "/packages/"+id, "judged")
}
