package tracker

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
)

//go:embed page.html
var source string

var templates = providers.ParsePages(source)

// maxOrder limits the body of an order for a place, in bytes.
const maxOrder = 1 << 20

// An Object has the members that /_/received shows of an issue of every tracker. The
// form is a promise of the environment.
type Object struct {
	Number      int       `json:"number"`
	Title       string    `json:"title"`
	Body        *string   `json:"body"`
	State       string    `json:"state"` // open or closed
	StateReason string    `json:"state_reason,omitempty"`
	Labels      []string  `json:"labels"`
	User        string    `json:"user"`
	HTMLURL     string    `json:"html_url"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// A Shown is an issue as pages and /_/received show it.
type Shown struct {
	Object

	Whole   any    // the object with the members that only this tracker has
	Place   string // heading on the overview
	Label   string // such as #7
	Link    string // path of the issue's page
	Remarks []Remark
}

// A Remark is something else that the page says about an issue.
type Remark struct {
	Heading string
	Lines   []string
	Alarm   bool // the issue did something that it should not
}

// An Edit is what a person changes on a page. What is nil or empty stays.
type Edit struct {
	Title, Body *string
	State       string // open or closed
}

// A Tracker shows its issues to people.
type Tracker interface {
	// Shown lists the places in their order, and all issues, oldest first.
	Shown() (places []string, issues []Shown)
	// Opened returns the issue that the request for a page is about, and the writes
	// that concern it. There is none where ok is false.
	Opened(r *http.Request) (one Shown, history []providers.Write, ok bool)
	// Edited returns the request to the API that makes an edit with the person's
	// token, or nil where the request's page has no issue.
	Edited(r *http.Request, e Edit) *http.Request
}

// Pages are what people and tests see of a fake server: pages of its issues, and the
// same as JSON under /_/.
type Pages struct {
	Tracker Tracker
	Title   string // of the overview
	Vendor  string // the tracker's name
	Kind    string // the tracker's word for a place
	Route   string // the pattern of an issue's page
	Person  string // the account that edits by hand, "" for none
	API     http.Handler
	Faults  *faults.Kit
	// Order renames or recreates a place. It is nil where the page cannot do that.
	Order func(Order) error

	Writes     func() []providers.Write
	Violations func() []string
}

// Handler serves the pages.
func (p *Pages) Handler() *http.ServeMux {
	mux := providers.Pages(p.received, p.Violations)
	p.Faults.Mount(mux)
	if p.Order != nil {
		mux.HandleFunc("POST /_/places", p.place)
	}

	mux.HandleFunc("GET /{$}", p.overview)
	mux.HandleFunc("GET "+p.Route, p.detail)
	if p.Person != "" {
		mux.HandleFunc("POST "+p.Route, p.edit)
	}

	return mux
}

func (p *Pages) received(w http.ResponseWriter, _ *http.Request) {
	objects := []any{}
	_, issues := p.Tracker.Shown()
	for _, one := range issues {
		objects = append(objects, one.Whole)
	}

	providers.SendJSON(w, map[string]any{"objects": objects, "writes": p.Writes()})
}

// section is a place on the overview.
type section struct {
	Name   string
	Open   int
	Closed int
	Issues []Shown
}

func (p *Pages) overview(w http.ResponseWriter, _ *http.Request) {
	places, issues := p.Tracker.Shown()
	slices.Reverse(issues)
	var sections []section
	for _, name := range places {
		next := section{Name: name}
		for _, one := range issues {
			switch {
			case one.Place != name:
				continue
			case one.State == "open":
				next.Open++
			default:
				next.Closed++
			}

			next.Issues = append(next.Issues, one)
		}

		sections = append(sections, next)
	}

	show(w, "overview", map[string]any{"Page": p, "Title": p.Title, "Sections": sections, "Renames": p.Order != nil})
}

// step is a write in an issue's history.
type step struct {
	providers.Write
	Text string
}

func (p *Pages) detail(w http.ResponseWriter, r *http.Request) {
	one, history, ok := p.Tracker.Opened(r)
	if !ok {
		http.NotFound(w, r)
		return
	}

	var steps []step
	for _, write := range history {
		steps = append(steps, step{Write: write, Text: providers.Indent(write.Body)})
	}

	show(w, "detail", map[string]any{"Page": p, "Title": one.Title, "Issue": one, "History": steps})
}

// edit changes an issue as a person does: through the API, with the person's token.
func (p *Pages) edit(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}

	asked := Edit{State: r.PostForm.Get("state")}
	for name, into := range map[string]**string{"title": &asked.Title, "body": &asked.Body} {
		if r.PostForm.Has(name) {
			text := r.PostForm.Get(name)
			*into = &text
		}
	}

	request := p.Tracker.Edited(r, asked)
	if request == nil {
		http.NotFound(w, r)
		return
	}

	answered := httptest.NewRecorder()
	request = request.WithContext(r.Context())
	request.Header.Set("User-Agent", "the fake server's page")
	p.API.ServeHTTP(answered, request)
	if answered.Code < http.StatusMultipleChoices {
		http.Redirect(w, r, r.URL.String(), http.StatusSeeOther)
		return
	}

	w.Header().Set("Content-Type", answered.Header().Get("Content-Type"))
	w.WriteHeader(answered.Code)
	_, _ = w.Write(answered.Body.Bytes())
}

// Unix returns a text with the line ends of Unix: browsers send those of the network.
func Unix(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

// An Order renames a place, or deletes it and makes an empty one of the same name.
type Order struct {
	Do    string `json:"do"`    // rename or recreate
	Place string `json:"place"` // its name
	To    string `json:"to"`    // the new name, for a rename
}

// Carry carries out an order.
func (o Order) Carry(rename, recreate func() error) error {
	switch o.Do {
	case "rename":
		return rename()
	case "recreate":
		return recreate()
	}

	return fmt.Errorf("do: %q is not rename or recreate", o.Do)
}

// place carries out an order. The page sends a form, a script sends JSON.
func (p *Pages) place(w http.ResponseWriter, r *http.Request) {
	var order Order
	r.Body = http.MaxBytesReader(w, r.Body, maxOrder)
	form := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") && r.ParseForm() == nil && r.PostForm.Has("do")
	if form {
		order = Order{Do: r.PostForm.Get("do"), Place: r.PostForm.Get("place"), To: r.PostForm.Get("to")}
	} else if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		http.Error(w, "the body is neither a form nor JSON: "+err.Error(), http.StatusBadRequest)
		return
	}

	if err := p.Order(order); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}

	if form {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}

	providers.SendJSON(w, map[string]string{"done": order.Do})
}

func show(w http.ResponseWriter, name string, data any) { providers.Show(w, templates, name, data) }
