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

var pages = providers.ParsePages(source)

// object is a message as /_/received tells of it. The form is a promise of the
// environment.
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

// Plain is what a person and a test see of the fake server: pages of what it
// holds, the same as JSON under /_/, and the API for people who edit.
func (c *Chat) Plain() http.Handler {
	mux := providers.Pages(c.received, c.Violations)
	c.dialect.Faults.Mount(mux)
	mux.HandleFunc("GET /{$}", c.overview)
	mux.HandleFunc("GET /messages/{channel}/{id}", c.detail)
	if c.dialect.Person != "" {
		mux.HandleFunc("POST /messages/{channel}", c.post)
		mux.HandleFunc("POST /messages/{channel}/{id}/delete", c.remove)
	}

	if c.dialect.API == nil {
		return http.NewCrossOriginProtection().Handler(mux)
	}

	return providers.Plain(mux, c.dialect.Prefix, c.dialect.API, c.dialect.Known)
}

func (c *Chat) received(w http.ResponseWriter, _ *http.Request) {
	objects := []object{}
	for _, place := range c.places() {
		for _, m := range c.Messages(place.ID) {
			objects = append(objects, c.describe(m))
		}
	}

	providers.SendJSON(w, map[string]any{"objects": objects, "writes": c.Writes()})
}

func (c *Chat) describe(m *Message) object {
	o := object{
		Channel: m.Channel, ID: m.ID, User: m.Author, Text: c.dialect.Draw(m.Wire).String(), Message: m.Wire,
		Edits: len(c.Forms(m.Channel, m.ID)) - 1, CreatedAt: m.CreatedAt, Failed: m.Failed,
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

func (c *Chat) show(m *Message) shown {
	drawn, err := c.dialect.Draw(m.Wire).HTML()
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

func (c *Chat) overview(w http.ResponseWriter, _ *http.Request) {
	var sections []section
	for _, place := range c.places() {
		next := section{Place: place, Path: "/messages/" + url.PathEscape(place.ID)}
		for _, m := range c.Messages(place.ID) {
			next.Messages = append(next.Messages, c.show(m))
		}

		slices.Reverse(next.Messages)
		sections = append(sections, next)
	}

	c.page(w, "overview", map[string]any{"Title": c.dialect.Name + " fake server", "Sections": sections, "Violations": c.Violations(), "Kit": c.dialect.Faults})
}

// page shows one of the pages.
func (c *Chat) page(w http.ResponseWriter, name string, data map[string]any) {
	style, err := Style()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}

	data["Style"] = style
	data["Person"] = c.dialect.Person
	data["Chat"] = c.dialect.Name
	providers.Show(w, pages, name, data)
}

// step is a write in a message's history.
type step struct {
	providers.Write
	Text string
}

func (c *Chat) detail(w http.ResponseWriter, r *http.Request) {
	channel := r.PathValue("channel")
	id := r.PathValue("id")
	all := c.Forms(channel, id)
	if len(all) == 0 {
		http.NotFound(w, r)
		return
	}

	var before []shown
	for _, m := range all[:len(all)-1] {
		before = append(before, c.show(m))
	}

	slices.Reverse(before)
	var steps []step
	for _, one := range c.writes.All() {
		if one.Message != nil && one.Message.Channel == channel && one.Message.ID == id {
			steps = append(steps, step{Write: *one.Write, Text: providers.Indent(one.Write.Body)})
		}
	}

	c.page(w, "detail", map[string]any{
		"Title": c.dialect.Name + " message " + id, "Place": c.place(channel), "Message": c.show(all[len(all)-1]), "Before": before, "History": steps,
	})
}

// place finds a channel.
func (c *Chat) place(id string) *Place {
	all := c.places()
	i := slices.IndexFunc(all, func(p Place) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// post puts a person's message into a channel.
func (c *Chat) post(w http.ResponseWriter, r *http.Request) {
	channel := r.PathValue("channel")
	c.byHand(w, r, func() (*Message, int) {
		text := strings.ReplaceAll(r.PostForm.Get("text"), "\r\n", "\n")
		switch {
		case c.place(channel) == nil:
			return nil, http.StatusNotFound
		case strings.TrimSpace(text) == "":
			return nil, http.StatusBadRequest
		}

		return &Message{
			Channel: channel, ID: c.Next(channel), Author: c.dialect.Person, Owner: c.dialect.Person, Wire: c.dialect.Typed(text), CreatedAt: c.Now(),
		}, http.StatusOK
	})
}

// remove takes a message away, as people do with their own, and
// administrators with anybody's.
func (c *Chat) remove(w http.ResponseWriter, r *http.Request) {
	c.byHand(w, r, func() (*Message, int) {
		found := c.Get(r.PathValue("channel"), r.PathValue("id"))
		if found == nil {
			return nil, http.StatusNotFound
		}

		gone := *found
		gone.Deleted = true
		return &gone, http.StatusOK
	})
}

// byHand does what a person asks for on the page, and leads back to it.
func (c *Chat) byHand(w http.ResponseWriter, r *http.Request, decide func() (*Message, int)) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}

	number := c.writes.Arrive()
	c.deciding.Lock()
	made, status := decide()
	body, _ := json.Marshal(map[string]string{"text": r.PostForm.Get("text")})
	err := c.commit(entry{Number: number, Message: made, Write: &providers.Write{
		At: c.Now(), User: c.dialect.Person, Method: r.Method, Path: r.URL.Path, Body: body, Status: status,
	}})
	c.deciding.Unlock()
	switch {
	case err != nil:
		http.Error(w, "the journal cannot be written", http.StatusInternalServerError)
	case status != http.StatusOK:
		http.Error(w, http.StatusText(status), status)
	default:
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// Picture is a message as people see it.
func (c *Chat) Picture(m *Message) Picture { return c.dialect.Draw(m.Wire) }
