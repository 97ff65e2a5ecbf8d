package github

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/local/providers"
)

// firstMade is when the configured repositories were made.
var firstMade = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A placing is a change of what a name leads to, as the journal keeps it: a new
// name for a repository, or a new repository under a name.
type placing struct {
	Owner string `json:"owner"`
	Name  string `json:"name"`
	// ID is that of a new repository, 0 for a rename.
	ID      int64     `json:"id,omitempty"`
	Created time.Time `json:"created,omitzero"`
}

// Rename gives a repository another name, another owner, or both. As at GitHub,
// the old name goes on leading to it: a read is answered 301 and a write 307,
// until another repository takes that name. An app is installed with an owner: a
// repository that goes to another one leaves the installation.
func (s *Server) Rename(owner, name, newOwner, newName string) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	found := s.find(owner, name)
	if found == nil {
		return fmt.Errorf("GitHub fake server: there is no %s/%s", owner, name)
	}

	if other := s.find(newOwner, newName); other != nil && other.id != found.id {
		return fmt.Errorf("GitHub fake server: there is a %s/%s", newOwner, newName)
	}

	return s.commit(entry{Repository: key(owner, name), Placing: &placing{Owner: newOwner, Name: newName}})
}

// Recreate makes a new, empty repository under a name. The repository that has
// the name is deleted. A name that a renamed repository had leads to the new one
// from now on. No app is installed on the new repository.
func (s *Server) Recreate(owner, name string) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	before := key(owner, name)
	id := identify(before + " " + itoa(s.placings()+1))

	return s.commit(entry{Repository: before, Placing: &placing{Owner: owner, Name: name, ID: id, Created: s.now()}})
}

// ID is the id of the repository that has a name, 0 where there is none.
func (s *Server) ID(owner, name string) int64 {
	if found := s.find(owner, name); found != nil {
		return found.id
	}

	return 0
}

func (s *Server) placings() int {
	s.lock.RLock()
	defer s.lock.RUnlock()

	return s.placed
}

// place carries out a placing. The lock is held.
func (s *Server) place(from string, p placing) {
	s.placed++
	to := key(p.Owner, p.Name)
	before := s.repositories[from]
	if p.ID == 0 {
		s.rename(before, from, to, p)
		return
	}

	made := newRepository(Repository{Owner: p.Owner, Name: p.Name})
	made.id = p.ID
	made.created = p.Created
	made.installed = ""
	if before != nil {
		made.Admin = before.Admin
		made.Push = before.Push
		made.Private = before.Private
		made.NoIssues = before.NoIssues
	}

	s.order = slices.Clone(s.order)
	if at := slices.Index(s.order, before); at >= 0 {
		s.order[at] = made
	} else {
		s.order = append(s.order, made)
	}

	s.repositories[to] = made
	delete(s.former, to)
}

// rename puts a renamed copy in a repository's place, so that those who read the
// old one meanwhile are not disturbed.
func (s *Server) rename(before *repository, from, to string, p placing) {
	if before == nil {
		return // it is no longer configured
	}

	renamed := *before
	renamed.Owner = p.Owner
	renamed.Name = p.Name
	if !strings.EqualFold(before.Owner, p.Owner) {
		renamed.installed = "" // an app is installed with an owner
	}

	delete(s.repositories, from)
	s.repositories[to] = &renamed
	s.order = slices.Clone(s.order)
	s.order[slices.Index(s.order, before)] = &renamed
	if from != to {
		s.former[from] = renamed.id
	}

	delete(s.former, to)
}

// findFormer is the repository that had a name and was renamed.
func (s *Server) findFormer(owner, name string) *repository {
	s.lock.RLock()
	id := s.former[key(owner, name)]
	s.lock.RUnlock()

	return s.findID(id)
}

// all are the repositories there are.
func (s *Server) all() []*repository {
	s.lock.RLock()
	defer s.lock.RUnlock()

	return s.order
}

// renamedAnswer sends the caller on to a repository's address by id, as GitHub
// does (recorded in npm @octokit/fixtures, rename-repository).
func renamedAnswer(made *call) *answer {
	parts := strings.SplitN(strings.Trim(made.URL.Path, "/"), "/", 4)
	to := made.root() + "/repositories/" + strconv.FormatInt(made.route.repository.id, 10)
	if len(parts) == 4 {
		to += "/" + parts[3]
	}

	if made.URL.RawQuery != "" {
		to += "?" + made.URL.RawQuery
	}

	status := http.StatusTemporaryRedirect
	if made.Method == http.MethodGet || made.Method == http.MethodHead {
		status = http.StatusMovedPermanently
	}

	return &answer{status: status, header: http.Header{"Location": {to}}, undescribed: true, value: map[string]string{
		"message": "Moved Permanently", "url": to, "documentation_url": "https://docs.github.com/v3/#http-redirects",
	}}
}

// placeOrder is what a person asks of POST /_/places.
type placeOrder struct {
	Do    string `json:"do"`    // rename or recreate
	Place string `json:"place"` // owner/repo
	To    string `json:"to"`    // owner/repo, for a rename
}

// servePlaces renames a repository, or deletes it and makes another one under
// its name. The page sends a form, a script JSON.
func (s *Server) servePlaces(w http.ResponseWriter, r *http.Request) {
	var order placeOrder
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	form := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") && r.ParseForm() == nil && r.PostForm.Has("do")
	if form {
		order = placeOrder{Do: r.PostForm.Get("do"), Place: r.PostForm.Get("place"), To: r.PostForm.Get("to")}
	} else if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		http.Error(w, "the body is neither a form nor JSON: "+err.Error(), http.StatusBadRequest)
		return
	}

	if err := s.carryOut(order); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}

	if form {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}

	providers.SendJSON(w, map[string]string{"done": order.Do})
}

func (s *Server) carryOut(order placeOrder) error {
	owner, name, ok := strings.Cut(order.Place, "/")
	if !ok || s.find(owner, name) == nil {
		return fmt.Errorf("place: there is no repository %q", order.Place)
	}

	switch order.Do {
	case "rename":
		newOwner, newName, ok := strings.Cut(order.To, "/")
		if !ok || !plainName(newOwner) || !plainName(newName) {
			return fmt.Errorf("to: %q is not owner/repo", order.To)
		}
		return s.Rename(owner, name, newOwner, newName)

	case "recreate":
		return s.Recreate(owner, name)
	}

	return fmt.Errorf("do: %q is not rename or recreate", order.Do)
}

// plainName reports whether GitHub has such names.
func plainName(name string) bool {
	return name != "" && name != "." && name != ".." && url.PathEscape(name) == name && !strings.ContainsAny(name, "$&+:=@~")
}
