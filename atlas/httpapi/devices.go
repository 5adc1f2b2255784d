package httpapi

import (
	"context"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/commands"
	"github.com/atlas-mdm/atlas-go/store"
)

type deviceView struct {
	ID           string         `json:"id"`
	OwnerID      string         `json:"owner_id"`
	FolderID     string         `json:"folder_id" doc:"Empty at the owner's top"`
	Name         string         `json:"name"`
	SupportID    string         `json:"support_id" doc:"Eight symbols that people read aloud; never a credential"`
	Model        string         `json:"model"`
	Manufacturer string         `json:"manufacturer"`
	OSVersion    string         `json:"os_version"`
	SDK          int64          `json:"sdk" doc:"Android API level"`
	AgentVersion string         `json:"agent_version"`
	Capabilities []string       `json:"capabilities" nullable:"false" doc:"Kinds of command its agent runs"`
	AgentEnabled bool           `json:"agent_enabled"`
	Activation   activationView `json:"activation"`
	LastSeen     time.Time      `json:"last_seen"`
	Online       bool           `json:"online"`
	EnrolledAt   time.Time      `json:"enrolled_at"`
}

type activationView struct {
	PlanID     string    `json:"plan_id"`
	CodeID     string    `json:"code_id"`
	Until      time.Time `json:"until,omitzero" doc:"Absent: without end"`
	VerifiedAt time.Time `json:"verified_at" doc:"Last daily verification"`
}

func (a *API) viewDevice(d atlas.Device) deviceView {
	return deviceView{
		ID: string(d.ID), OwnerID: string(d.OwnerID), FolderID: string(d.FolderID), Name: d.Name, SupportID: d.SupportID,
		Model: d.Model, Manufacturer: d.Manufacturer, OSVersion: d.OSVersion, SDK: d.SDK, AgentVersion: d.AgentVersion,
		Capabilities: orEmpty(d.Capabilities), AgentEnabled: d.AgentEnabled,
		Activation: activationView{PlanID: d.PlanID, CodeID: d.CodeID, Until: d.ActivatedUntil, VerifiedAt: d.VerifiedAt},
		LastSeen:   d.LastSeen, Online: a.svc.Online(d), EnrolledAt: d.EnrolledAt,
	}
}

type devicePatch struct {
	Name     *string `json:"name,omitempty" maxLength:"100" validate:"required_without_all=FolderID"`
	FolderID *ident  `json:"folder_id,omitempty" doc:"Empty: the owner's top"`
}

type ownerBody struct {
	OwnerID ident `json:"owner_id" validate:"required"`
}

type appView struct {
	Package     string `json:"package"`
	VersionCode int64  `json:"version_code"`
	VersionName string `json:"version_name"`
	Installer   string `json:"installer"`
	SHA256      string `json:"sha256,omitempty"`
}

type appsView struct {
	Items      []appView `json:"items" nullable:"false"`
	NextCursor string    `json:"next_cursor" doc:"Always empty: an inventory is bounded"`
	ReportedAt time.Time `json:"reported_at,omitzero"`
}

type devicesQuery struct {
	PageQuery
	SupportID string `query:"support_id" maxLength:"16"`
	OwnerID   ident  `query:"owner_id"`
	FolderID  ident  `query:"folder_id"`
	Online    string `query:"online" enum:"true,false"`
	Query     string `query:"q" maxLength:"100" doc:"Found anywhere in name or support id"`
}

func (a *API) routeDevicesOf() {
	const tag = "devices"
	register(a, route{method: get, path: "/v1/devices", id: "list-devices", tag: tag, summary: "Devices", purpose: atlas.PurposeSupport}, a.devicesOf)
	register(a, route{method: get, path: "/v1/devices/{id}", id: "get-device", tag: tag, summary: "A device", purpose: atlas.PurposeSupport},
		func(ctx context.Context, c caller, in *byID) (deviceView, error) {
			d, err := a.svc.Device(ctx, c.actor, atlas.DeviceID(in.ID))
			return a.viewDevice(d), err
		})
	register(a, route{method: patch, path: "/v1/devices/{id}", id: "update-device", tag: tag, summary: "Rename, or put into a folder"}, a.updateDevice)
	register(a, route{method: post, path: "/v1/devices/{id}/transfer", id: "transfer-device", tag: tag, summary: "Give to another account"},
		func(ctx context.Context, c caller, in *sentTo[ownerBody]) (deviceView, error) {
			d, err := a.svc.TransferDevice(ctx, c.actor, atlas.DeviceID(in.ID), atlas.AccountID(in.Body.OwnerID))
			return a.viewDevice(d), err
		})
	register(a, route{
		method: get, path: "/v1/devices/{id}/apps", id: "list-device-apps", tag: tag, summary: "Installed applications, as last reported",
		purpose: atlas.PurposeSupport,
	}, a.apps)
	register(a, route{
		method: get, path: "/v1/devices/{id}/commands", id: "list-device-commands", tag: tag, summary: "Commands to a device",
		purpose: atlas.PurposeSupport,
	}, func(ctx context.Context, c caller, in *listedOf) (list[commandView], error) {
		return page(a, c, in.PageQuery, func(p atlas.Page) ([]commands.Command, error) {
			return a.svc.DeviceCommands(ctx, c.actor, atlas.DeviceID(in.ID), p)
		}, commandID, viewCommand)
	})
}

func (a *API) devicesOf(ctx context.Context, c caller, in *devicesQuery) (list[deviceView], error) {
	f := store.DeviceFilter{
		OwnerID: atlas.AccountID(in.OwnerID), FolderID: atlas.FolderID(in.FolderID), SupportID: in.SupportID, Query: in.Query,
	}
	if in.Online != "" {
		f = a.svc.OnlineFilter(f, in.Online == "true")
	}
	return page(a, c, in.PageQuery, func(p atlas.Page) ([]atlas.Device, error) {
		return a.svc.Devices(ctx, c.actor, f, p)
	}, func(d atlas.Device) string { return string(d.ID) }, a.viewDevice)
}

func (a *API) updateDevice(ctx context.Context, c caller, in *sentTo[devicePatch]) (deviceView, error) {
	d, err := a.svc.UpdateDevice(ctx, c.actor, atlas.DeviceID(in.ID), fleet.DeviceChange{
		Name: in.Body.Name, FolderID: (*atlas.FolderID)(in.Body.FolderID),
	})
	return a.viewDevice(d), err
}

func (a *API) apps(ctx context.Context, c caller, in *byID) (appsView, error) {
	v, err := a.svc.DeviceApps(ctx, c.actor, atlas.DeviceID(in.ID))
	out := whole(v.Apps, func(app atlas.App) appView {
		return appView{
			Package: app.Package, VersionCode: app.VersionCode, VersionName: app.VersionName, Installer: app.Installer, SHA256: app.SHA256,
		}
	})
	return appsView{Items: out.Items, ReportedAt: v.ReportedAt}, err
}

type folderView struct {
	ID       string `json:"id"`
	OwnerID  string `json:"owner_id"`
	ParentID string `json:"parent_id" doc:"Empty at the owner's top"`
	Name     string `json:"name"`
}

func viewFolder(f atlas.Folder) folderView {
	return folderView{ID: string(f.ID), OwnerID: string(f.OwnerID), ParentID: string(f.ParentID), Name: f.Name}
}

type folderBody struct {
	OwnerID  ident  `json:"owner_id,omitempty" doc:"Your own account unless given"`
	ParentID ident  `json:"parent_id,omitempty"`
	Name     string `json:"name" minLength:"1" maxLength:"100"`
}

type foldersQuery struct {
	PageQuery
	OwnerID ident `query:"owner_id"`
}

func (a *API) routeFolders() {
	register(a, route{method: get, path: "/v1/folders", id: "list-folders", tag: "devices", summary: "Folders of devices", purpose: atlas.PurposeSupport},
		func(ctx context.Context, c caller, in *foldersQuery) (list[folderView], error) {
			return page(a, c, in.PageQuery, func(p atlas.Page) ([]atlas.Folder, error) {
				return a.svc.Folders(ctx, c.actor, atlas.AccountID(in.OwnerID), p)
			}, func(f atlas.Folder) string { return string(f.ID) }, viewFolder)
		})
	register(a, route{method: post, path: "/v1/folders", id: "create-folder", tag: "devices", summary: "Make a folder", status: 201, creates: true},
		func(ctx context.Context, c caller, in *sent[folderBody]) (folderView, error) {
			owner := ofAccount{AccountID: in.Body.OwnerID}
			f, err := a.svc.CreateFolder(ctx, c.actor, c.key, fleet.NewFolder{
				OwnerID: owner.account(c), ParentID: atlas.FolderID(in.Body.ParentID), Name: in.Body.Name,
			})
			return viewFolder(f), err
		})
}
