package chat

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.com/integrations/local/providers"
)

//go:embed page.html
var source string

var templates = providers.ParsePages(source)

// object is a message in the answer of /_/received. Tests and tools rely on its form.
type object struct {
	Channel   string          `json:"channel"`
	ID        string          `json:"id"`
	User      string          `json:"user"`
	Text      string          `json:"text"`    // as people read it
	Message   json.RawMessage `json:"message"` // as it was sent
	Edits     int             `json:"edits"`
	CreatedAt time.Time       `json:"created_at"`
	EditedAt  *time.Time      `json:"edited_at,omitempty"`
	Failed    string          `json:"failed,omitempty"`
}

// pages show people and tests what the fake server holds. A person posts and deletes
// messages on them.
type pages struct{ *Chat }

// Plain is the plain address of the fake server: pages of what it holds, the same as
// JSON under /_/, and the API for people who edit.
func (c *Chat) Plain() http.Handler {
	p := pages{c}
	mux := providers.Pages(p.received, c.Violations)
	c.faults.Mount(mux)
	mux.HandleFunc("GET /{$}", p.overview)
	mux.HandleFunc("GET /messages/{channel}/{id}", p.detail)
	if c.dialect.Person != "" {
		mux.HandleFunc("POST /messages/{channel}", p.post)
		mux.HandleFunc("POST /messages/{channel}/{id}/delete", p.remove)
	}

	if c.dialect.API == nil {
		return http.NewCrossOriginProtection().Handler(mux)
	}

	return providers.Plain(mux, c.dialect.Prefix, c.API(), c.dialect.Known)
}

func (p pages) received(w http.ResponseWriter, _ *http.Request) {
	objects := []object{}
	for _, place := range p.places() {
		for _, m := range p.Messages(place.ID) {
			objects = append(objects, p.describe(m))
		}
	}

	providers.SendJSON(w, map[string]any{"objects": objects, "writes": p.Writes()})
}

func (p pages) describe(m *Message) object {
	o := object{
		Channel: m.Channel, ID: m.ID, User: m.Author, Text: p.dialect.Draw(m.Wire).String(), Message: m.Wire,
		Edits: len(p.Forms(m.Channel, m.ID)) - 1, CreatedAt: m.CreatedAt, Failed: m.Failed,
	}
	if !m.EditedAt.IsZero() {
		o.EditedAt = &m.EditedAt
	}

	return o
}

// shown is a message on a page.
type shown struct {
	*Message
	Path    string
	Picture template.HTML
	Text    string // its content as JSON
}

func (p pages) show(m *Message) shown {
	drawn, err := p.dialect.Draw(m.Wire).HTML()
	if err != nil {
		drawn = template.HTML(template.HTMLEscapeString(err.Error()))
	}

	path := "/messages/" + url.PathEscape(m.Channel) + "/" + url.PathEscape(m.ID)
	return shown{Message: m, Path: path, Picture: drawn, Text: providers.Indent(m.Wire)}
}

// section is a channel on the overview.
type section struct {
	Place
	Path     string
	Messages []shown
}

func (p pages) overview(w http.ResponseWriter, _ *http.Request) {
	var sections []section
	for _, place := range p.places() {
		next := section{Place: place, Path: "/messages/" + url.PathEscape(place.ID)}
		for _, m := range p.Messages(place.ID) {
			next.Messages = append(next.Messages, p.show(m))
		}

		slices.Reverse(next.Messages)
		sections = append(sections, next)
	}

	p.send(w, "overview", map[string]any{"Title": p.dialect.Name + " fake server", "Sections": sections, "Violations": p.Violations(), "Kit": p.faults})
}

// send shows one of the pages.
func (p pages) send(w http.ResponseWriter, name string, data map[string]any) {
	style, err := Style()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}

	data["Style"] = style
	data["Person"] = p.dialect.Person
	data["Chat"] = p.dialect.Name
	providers.Show(w, templates, name, data)
}

// step is a write in a message's history.
type step struct {
	providers.Write
	Text string
}

func (p pages) detail(w http.ResponseWriter, r *http.Request) {
	channel := r.PathValue("channel")
	id := r.PathValue("id")
	all := p.Forms(channel, id)
	if len(all) == 0 {
		http.NotFound(w, r)
		return
	}

	var before []shown
	for _, m := range all[:len(all)-1] {
		before = append(before, p.show(m))
	}

	slices.Reverse(before)
	var steps []step
	for _, one := range p.writes.All() {
		if one.Message != nil && one.Message.Channel == channel && one.Message.ID == id {
			steps = append(steps, step{Write: *one.Write, Text: providers.Indent(one.Write.Body)})
		}
	}

	p.send(w, "detail", map[string]any{
		"Title": p.dialect.Name + " message " + id, "Place": p.place(channel), "Message": p.show(all[len(all)-1]), "Before": before, "History": steps,
	})
}

// post puts a person's message into a channel.
func (p pages) post(w http.ResponseWriter, r *http.Request) {
	channel := r.PathValue("channel")
	p.byHand(w, r, func() (*Message, int) {
		text := strings.ReplaceAll(r.PostForm.Get("text"), "\r\n", "\n")
		switch {
		case p.place(channel) == nil:
			return nil, http.StatusNotFound
		case strings.TrimSpace(text) == "":
			return nil, http.StatusBadRequest
		}

		return p.New(channel, p.dialect.Person, p.dialect.Person, p.dialect.Typed(text)), http.StatusOK
	})
}

// remove deletes a message: people delete their own, administrators all.
func (p pages) remove(w http.ResponseWriter, r *http.Request) {
	p.byHand(w, r, func() (*Message, int) {
		found := p.Get(r.PathValue("channel"), r.PathValue("id"))
		if found == nil {
			return nil, http.StatusNotFound
		}

		return found.Gone(), http.StatusOK
	})
}

// byHand carries out a write of a person on the page, and leads back to the page.
func (p pages) byHand(w http.ResponseWriter, r *http.Request, decide func() (*Message, int)) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}

	number := p.writes.Arrive()
	p.deciding.Lock()
	made, status := decide()
	body, _ := json.Marshal(map[string]string{"text": r.PostForm.Get("text")})
	err := p.commit(entry{Number: number, Message: made, Write: &providers.Write{
		At: p.Now(), User: p.dialect.Person, Method: r.Method, Path: r.URL.Path, Body: body, Status: status,
	}})
	p.deciding.Unlock()
	switch {
	case err != nil:
		http.Error(w, "the journal cannot be written", http.StatusInternalServerError)
	case status != http.StatusOK:
		http.Error(w, http.StatusText(status), status)
	default:
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

func (p pages) Picture(m *Message) Picture { return p.dialect.Draw(m.Wire) }
