package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store/blob"
)

// apkType is the content type of Android packages.
const apkType = "application/vnd.android.package-archive"

type apkView struct {
	ID             string        `json:"id"`
	OwnerID        string        `json:"owner_id"`
	FileName       string        `json:"file_name" doc:"As the upload said"`
	Size           int64         `json:"size"`
	SHA256         string        `json:"sha256"`
	Package        string        `json:"package" doc:"As the manifest says"`
	VersionCode    int64         `json:"version_code"`
	VersionName    string        `json:"version_name"`
	Label          string        `json:"label"`
	MinSDK         int64         `json:"min_sdk"`
	TargetSDK      int64         `json:"target_sdk"`
	Permissions    []string      `json:"permissions" nullable:"false"`
	NativeABIs     []string      `json:"native_abis" nullable:"false"`
	Signature      signatureView `json:"signature"`
	State          string        `json:"state" enum:"quarantined,scanning,clean,suspicious,rejected,error"`
	Reason         string        `json:"reason" doc:"Why it is in this state"`
	ClaimedPackage string        `json:"claimed_package,omitempty" doc:"The package name the upload gave, where the manifest says another"`
	Scans          []scanView    `json:"scans" nullable:"false" doc:"In lists always empty"`
	UploadedAt     time.Time     `json:"uploaded_at"`
}

type signatureView struct {
	Verified bool     `json:"verified"`
	Schemes  []string `json:"schemes" nullable:"false"`
	Signers  []string `json:"signers" nullable:"false" doc:"SHA-256 of the signing certificates"`
}

type scanView struct {
	Scanner  string          `json:"scanner"`
	Engine   string          `json:"engine"`
	Verdict  string          `json:"verdict" enum:"clean,suspicious,malicious,failed"`
	At       time.Time       `json:"at"`
	Findings json.RawMessage `json:"findings"`
}

func viewAPK(p intake.Package) apkView {
	return apkView{
		ID: p.ID, OwnerID: string(p.OwnerID), FileName: p.FileName, Size: p.Size, SHA256: p.SHA256, Package: p.Package,
		VersionCode: p.VersionCode, VersionName: p.VersionName, Label: p.Label, MinSDK: p.MinSDK, TargetSDK: p.TargetSDK,
		Permissions: orEmpty(p.Permissions), NativeABIs: orEmpty(p.ABIs),
		Signature: signatureView{Verified: p.Verified, Schemes: orEmpty(p.Schemes), Signers: orEmpty(p.Signers)},
		State:     string(p.State), Reason: p.Reason, ClaimedPackage: p.Claimed, Scans: []scanView{}, UploadedAt: p.UploadedAt,
	}
}

func viewScan(s intake.Scan) scanView {
	return scanView{Scanner: s.Scanner, Engine: s.Engine, Verdict: string(s.Verdict), At: s.At, Findings: s.Findings}
}

type assignBody struct {
	AccountID ident `json:"account_id,omitempty" validate:"required_without_all=FolderID DeviceID,excluded_with=FolderID DeviceID" doc:"Exactly one of the three"`
	FolderID  ident `json:"folder_id,omitempty" validate:"excluded_with=AccountID DeviceID"`
	DeviceID  ident `json:"device_id,omitempty" validate:"excluded_with=AccountID FolderID"`
}

type assignmentView struct {
	ID       string    `json:"id"`
	APKID    string    `json:"apk_id"`
	Account  string    `json:"account_id" doc:"At or below which it is assigned"`
	FolderID string    `json:"folder_id,omitempty"`
	DeviceID string    `json:"device_id,omitempty"`
	At       time.Time `json:"at"`
}

type judgeBody struct {
	State  string `json:"state" enum:"clean,suspicious,rejected,quarantined"`
	Reason string `json:"reason" minLength:"1" maxLength:"500"`
}

func (a *API) routeAPKs(mux *http.ServeMux) {
	const tag, path = "apks", "/v1/apks"
	a.routeUpload(mux)
	a.routeFile(mux)
	register(a, route{method: get, path: path, id: "list-apks", tag: tag, summary: "Packages you own or were assigned", purpose: atlas.PurposeSupport},
		func(ctx context.Context, c caller, in *listed) (list[apkView], error) {
			return page(a, c, in.PageQuery, func(p atlas.Page) ([]intake.Package, error) {
				return a.svc.APKs(ctx, c.actor, p)
			}, func(p intake.Package) string { return p.ID }, viewAPK)
		})
	register(a, route{method: get, path: path + "/{id}", id: "get-apk", tag: tag, summary: "A package", purpose: atlas.PurposeSupport}, a.apk)
	register(a, route{
		method: post, path: path + "/{id}/assignments", id: "assign-apk", tag: tag,
		summary: "Say which devices may have a clean package", status: 201, creates: true,
	}, a.assign)
	register(a, route{
		method: get, path: path + "/{id}/deployments", id: "list-deployments", tag: tag, summary: "Commands that install or remove a package",
		purpose: atlas.PurposeSupport,
	}, func(ctx context.Context, c caller, in *listedOf) (list[commandView], error) {
		return page(a, c, in.PageQuery, func(p atlas.Page) ([]commands.Command, error) {
			return a.svc.Deployments(ctx, c.actor, string(in.ID), p)
		}, commandID, viewCommand)
	})
	register(a, route{method: post, path: path + "/{id}/judge", id: "judge-apk", tag: tag, summary: "Change a verdict by hand"},
		func(ctx context.Context, c caller, in *sentTo[judgeBody]) (apkView, error) {
			p, err := a.svc.JudgeAPK(ctx, c.actor, string(in.ID), intake.State(in.Body.State), in.Body.Reason)
			return viewAPK(p), err
		})
}

func (a *API) apk(ctx context.Context, c caller, in *byID) (apkView, error) {
	p, err := a.svc.APK(ctx, c.actor, string(in.ID))
	v := viewAPK(p.Package)
	for _, s := range p.Scans {
		v.Scans = append(v.Scans, viewScan(s))
	}
	return v, err
}

func (a *API) assign(ctx context.Context, c caller, in *sentTo[assignBody]) (assignmentView, error) {
	as, err := a.svc.AssignAPK(ctx, c.actor, c.key, string(in.ID), fleet.AssignTarget{
		AccountID: atlas.AccountID(in.Body.AccountID), FolderID: atlas.FolderID(in.Body.FolderID), DeviceID: atlas.DeviceID(in.Body.DeviceID),
	})
	return assignmentView{
		ID: as.ID, APKID: as.PackageID, Account: string(as.Path.Account()), FolderID: string(as.FolderID), DeviceID: string(as.DeviceID), At: as.At,
	}, err
}

func (a *API) routeUpload(mux *http.ServeMux) {
	rt := route{
		method: post, path: "/v1/apks", id: "upload-apk", tag: "apks",
		summary: "Upload a package: the body is the file. The same file again gives the same package", status: 201,
	}
	op := accepts(a.answers(rt.describe(), http.StatusCreated, "application/json", schema[apkView](a)), apkType, binary())
	op.Parameters = append(
		op.Parameters,
		&huma.Param{Name: headerFile, In: "header", Description: "Name of the file; kept as data only", Schema: &huma.Schema{Type: huma.TypeString}},
		&huma.Param{Name: headerPackage, In: "header", Description: "Package name you take it for; the manifest decides", Schema: &huma.Schema{Type: huma.TypeString}},
		&huma.Param{Name: headerKey, In: "header", Description: "Repeated with the same file it gives the first answer", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: new(200)}},
		&huma.Param{Name: "owner_id", In: "query", Description: "Your own account unless given", Schema: ident("").Schema(nil)},
	)
	a.raw(mux, rt, op, a.upload)
}

func (a *API) upload(w http.ResponseWriter, r *http.Request, c caller) error {
	if err := checkFileType(r.Header); err != nil {
		return err
	}
	owner, err := only(r, "owner_id")
	if err != nil {
		return err
	}
	up := fleet.Upload{OwnerID: atlas.AccountID(owner)}
	if up.FileName, err = once(r, headerFile); err != nil {
		return err
	}
	if up.Package, err = once(r, headerPackage); err != nil {
		return err
	}
	key, err := once(r, headerKey)
	if err != nil {
		return err
	}
	up.Key = fleet.Key(key)
	body, done := receive(w, r, a.opt.MaxUpload)
	p, err := a.svc.UploadAPK(r.Context(), c.actor, up, body)
	done()
	if errors.Is(err, context.Canceled) { // net/http does so when the connection ends
		err = bodyError(err)
	}
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, "application/json", viewAPK(p))
	return nil
}

// checkFileType refuses the types whose body is not the file itself. Every
// other one passes, since clients send their own default with a file.
func checkFileType(h http.Header) error {
	kind, _, _ := strings.Cut(strings.ToLower(h.Get("Content-Type")), ";")
	if strings.HasPrefix(kind, "multipart/") || strings.HasPrefix(kind, "text/") || kind == "application/json" {
		return fmt.Errorf("%w: the body must be the file itself", errMedia)
	}
	if h.Get("Content-Encoding") != "" {
		return fmt.Errorf("%w: it must not be compressed", errMedia)
	}
	return nil
}

// only returns the one query parameter that a raw route has.
func only(r *http.Request, name string) (string, error) {
	q := r.URL.Query()
	for given := range q {
		if given != name {
			return "", atlas.Invalid("query."+atlas.CleanText(given, 60), "is not known here")
		}
	}
	v := q.Get(name)
	if v == "" {
		return "", nil
	}
	return v, atlas.CheckID("query."+name, v)
}

func (a *API) routeFile(mux *http.ServeMux) {
	rt := route{method: get, path: "/v1/apks/{id}/file", id: "download-apk", tag: "apks", summary: "The file of a clean package, with ranges"}
	op := a.answers(rt.describe(), http.StatusOK, apkType, binary())
	op.Parameters = append(op.Parameters, pathParam("id", ident("").Schema(nil)))
	a.raw(mux, rt, op, func(w http.ResponseWriter, r *http.Request, c caller) error {
		p, f, err := a.svc.DownloadAPK(r.Context(), c.actor, r.PathValue("id"))
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": p.Package + ".apk"}))
		serveFile(w, r, f, p.SHA256)
		return nil
	})
}

// serveFile answers with a file, or the part of it that the request names.
// The checksum is the entity tag (RFC 9110, section 8.8.3).
func serveFile(w http.ResponseWriter, r *http.Request, f blob.Blob, sha256 string) {
	out := sending(w)
	defer out.done()
	w.Header().Set("Content-Type", apkType)
	w.Header().Set("ETag", `"`+sha256+`"`)
	http.ServeContent(out, r, "", time.Time{}, blob.NewReader(f))
}
