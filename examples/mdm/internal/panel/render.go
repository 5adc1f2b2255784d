package panel

import (
	"bytes"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// sheet is what every whole page is rendered from.
type sheet struct {
	Title string
	At    string // entry of the menu
	Visit *visit
	Did   string // what was just done, a key of deeds
	Older string // address of the next page of a list
	Body  any
}

// Done says what was just done, in words.
func (s sheet) Done() string { return deeds[s.Did] }

// common are the templates that every page is parsed with.
var common = []string{"templates/layout.html", "templates/parts.html"}

func (p *Panel) parse() (map[string]*template.Template, error) {
	base, err := template.New("").Funcs(p.funcs()).ParseFS(templateFiles, common...)
	if err != nil {
		return nil, fmt.Errorf("panel: templates: %w", err)
	}
	files, err := templateFiles.ReadDir("templates")
	if err != nil {
		return nil, fmt.Errorf("panel: templates: %w", err)
	}
	pages := map[string]*template.Template{}
	for _, f := range files {
		name := "templates/" + f.Name()
		if slices.Contains(common, name) {
			continue
		}
		t, err := base.Clone()
		if err == nil {
			t, err = t.ParseFS(templateFiles, name)
		}
		if err != nil {
			return nil, fmt.Errorf("panel: template %s: %w", f.Name(), err)
		}
		pages[strings.TrimSuffix(path.Base(name), ".html")] = t
	}
	return pages, nil
}

func (p *Panel) funcs() template.FuncMap {
	return template.FuncMap{
		"asset": p.assets.url,
		"when":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" },
		"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"ago":   func(t time.Time) string { return ago(p.svc.Now().Sub(t)) },
		"short": short,
		"brief": brief,
		"bytes": sizeText,
		"words": words,
		"tone":  tone,
		"deed":  deed,
		"dict":  dict,
		"percent": func(part, whole int64) int64 {
			return part * 100 / max(whole, 1)
		},
		"join":  strings.Join,
		"group": group,
	}
}

// show renders a whole page.
func (p *Panel) show(w http.ResponseWriter, r *http.Request, status int, name string, s sheet) {
	if did := r.URL.Query().Get("done"); deeds[did] != "" {
		s.Did = did
	}
	p.fragment(w, r, status, name, "layout", s)
}

// fragment renders one template of a page's set. It goes into a buffer first:
// half a page is worse than an error.
func (p *Panel) fragment(w http.ResponseWriter, r *http.Request, status int, name, block string, data any) {
	var b bytes.Buffer
	if err := p.pages[name].ExecuteTemplate(&b, block, data); err != nil {
		p.log.ErrorContext(r.Context(), "page was not rendered", "page", name, "block", block, "error", err)
		http.Error(w, "Something went wrong on the server. It was written to its log.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // a client that went away
}

// notice answers a button on a page that refreshes itself: a line that says
// what happened, and a sign to the page to look again at once.
func (p *Panel) notice(w http.ResponseWriter, r *http.Request, back, what string) error {
	if !isHTMX(r) {
		return done(w, r, back, what)
	}
	w.Header().Set("HX-Trigger", "changed")
	p.fragment(w, r, http.StatusOK, "error", "notice-done", deeds[what])
	return nil
}

// ago is a length of time as people say it.
func ago(d time.Duration) string {
	switch {
	case d < 2*time.Second:
		return "just now"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d seconds ago", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

// short is an identifier as far as people need it: its random end, since ids
// made together begin alike.
func short(v any) string {
	id := fmt.Sprint(v)
	if len(id) <= 10 {
		return id
	}
	return "…" + id[len(id)-8:]
}

// brief is short for what is too long to be a word.
func brief(s string) string {
	if len(s) > 32 {
		return short(s)
	}
	return s
}

func sizeText(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// group writes a number with thin spaces between thousands.
func group(v any) string {
	s := fmt.Sprint(v)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "−", s[1:]
	}
	var parts []string
	for len(s) > 3 {
		parts = append([]string{s[len(s)-3:]}, parts...)
		s = s[:len(s)-3]
	}
	return sign + strings.Join(append([]string{s}, parts...), "\u202f")
}

// words is a state or a role as people read it.
func words(v any) string { return strings.ReplaceAll(fmt.Sprint(v), "_", " ") }

// tones are the colours of states.
var tones = map[string]string{
	"active": "good", "clean": "good", "succeeded": "good", "online": "good", "success": "good", "issued": "info",
	"suspended": "warn", "suspicious": "warn", "medium": "warn", "expired": "mute", "cancelled": "mute", "superseded": "mute",
	"blocked": "bad", "closed": "mute", "rejected": "bad", "failed": "bad", "error": "bad", "revoked": "bad", "high": "bad", "malicious": "bad", "critical": "bad",
	"quarantined": "info", "scanning": "info", "queued": "info", "delivered": "info", "acknowledged": "info", "reserved": "info",
	string(atlas.Admin): "role", string(atlas.Reseller): "role", string(atlas.SubReseller): "role", string(atlas.Client): "role",
}

func tone(v any) string {
	if t, ok := tones[fmt.Sprint(v)]; ok {
		return t
	}
	return "mute"
}

// dict makes the arguments of a template that needs more than one.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("panel: dict: odd number of arguments")
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m, nil
}

// pageSize is how many rows a list shows.
const pageSize = 50

// pageOf reads which page of a list is asked for.
func pageOf(r *http.Request) atlas.Page {
	return atlas.Page{After: r.URL.Query().Get("after"), Limit: pageSize}
}

// older returns the address of the next page, or "" where there is none.
func older(r *http.Request, n int, last string) string {
	if n < pageSize {
		return ""
	}
	q := maps.Clone(r.URL.Query())
	q.Set("after", last)
	q.Del("done")
	return r.URL.Path + "?" + q.Encode()
}
