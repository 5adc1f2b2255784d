package panel

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed assets/*
var assetFiles embed.FS

//go:embed templates/*.html
var templateFiles embed.FS

// assets are the embedded files by the name they are served under, which has
// the hash of the content in it, so that a browser keeps each for ever and
// gets a changed one at once.
type assets struct {
	named  map[string][]byte
	hashed map[string]string // by the name in the folder
}

func loadAssets() (assets, error) {
	a := assets{named: map[string][]byte{}, hashed: map[string]string{}}
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		return a, fmt.Errorf("panel: assets: %w", err)
	}
	for _, e := range entries {
		b, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			return a, fmt.Errorf("panel: asset %s: %w", e.Name(), err)
		}
		sum := sha256.Sum256(b)
		ext := path.Ext(e.Name())
		name := strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:8]) + ext
		a.named[name], a.hashed[e.Name()] = b, "/assets/"+name
	}
	return a, nil
}

// url returns where an asset is served. A name that is not there is a mistake
// in a template, which its execution reports.
func (a assets) url(name string) (string, error) {
	u, ok := a.hashed[name]
	if !ok {
		return "", fmt.Errorf("panel: no asset %q", name)
	}
	return u, nil
}

// ServeHTTP serves an asset by its hashed name.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, ok := a.named[r.PathValue("file")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(r.PathValue("file"))))
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(b) // a client that went away
}
