package jira

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/local/providers"
)

// A turn is what an administrator did to a project, as the journal keeps it.
type turn struct {
	Key string `json:"key"`          // of the project before
	To  string `json:"to,omitempty"` // its new key
	ID  string `json:"id,omitempty"` // the id of the project that replaces it
}

// Rename gives a project another key. As at a real Jira, the id stays, issues
// get keys with the new one, and the old key and the old issue keys go on
// working (https://support.atlassian.com/jira-cloud-administration/docs/edit-a-projects-details/).
func (s *Server) Rename(from, to string) error {
	return s.turn(turn{Key: from, To: to})
}

// Recreate deletes a project with all its issues and makes an empty one with
// the same key. The new one has another id, and its issues count from 1.
func (s *Server) Recreate(key string) error {
	s.lock.RLock()
	id := s.nextProjectID()
	s.lock.RUnlock()

	return s.turn(turn{Key: key, ID: id})
}

func (s *Server) turn(t turn) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()

	if s.find(t.Key) == nil {
		return errNoIssue(t.Key)
	}

	return s.commit(entry{Turn: &t})
}

// applyTurn does what an administrator did. The lock is held. A project is replaced
// and never changed, so that a request under way keeps the one it has found.
func (s *Server) applyTurn(made entry) {
	before := s.projects[made.Turn.Key]
	if before == nil {
		return
	}

	after := *before
	delete(s.projects, before.Key)
	if made.Turn.ID != "" {
		after.id = made.Turn.ID
		after.last = 0
		after.earlier = nil
		s.dropIssues(before.Key)
	} else {
		after.Key = made.Turn.To
		after.earlier = append(slices.Clone(before.earlier), before.Key)
		s.rekeyIssues(before.Key, made)
	}

	s.projects[after.Key] = &after
	s.order = slices.Clone(s.order)
	s.order[slices.Index(s.order, before)] = &after
}

// dropIssues deletes the issues of a project, in the index too.
func (s *Server) dropIssues(key string) {
	for id, r := range s.issues {
		if i := r.Latest(); i.Project == key {
			gone := *i
			gone.Deleted = true
			fresh := &providers.Versions[*issue]{}
			fresh.Add(gone.Created, &gone)
			s.issues[id] = fresh
		}
	}
}

// rekeyIssues gives the issues of a project their new keys. That is no change of
// theirs: their times stay.
func (s *Server) rekeyIssues(key string, made entry) {
	for id, r := range s.issues {
		if i := r.Latest(); i.Project == key {
			renamed := *i
			renamed.Project = made.Turn.To
			r.Add(made.At, &renamed)
			s.keys[renamed.key()] = id
		}
	}
}

// nextProjectID is an id that no project has had. The lock is held.
func (s *Server) nextProjectID() string {
	highest := int64(firstID - 1)
	for _, p := range s.order {
		id, _ := strconv.ParseInt(p.id, 10, 64)
		highest = max(highest, id)
	}
	return strconv.FormatInt(highest+1, 10)
}

// find returns a project by its key, by a key it had before, or by its id.
func (s *Server) find(name string) *project {
	s.lock.RLock()
	defer s.lock.RUnlock()

	return s.findLocked(name)
}

func (s *Server) findLocked(name string) *project {
	if p := s.projects[name]; p != nil {
		return p
	}

	for _, p := range s.order {
		if p.id == name || slices.Contains(p.earlier, name) {
			return p
		}
	}

	return nil
}

// all lists the projects.
func (s *Server) all() []*project {
	s.lock.RLock()
	defer s.lock.RUnlock()

	return s.order
}

// projectID is the id of a project by any of its names, or the name itself where
// there is none.
func (s *Server) projectID(name string) string {
	if p := s.find(name); p != nil {
		return p.id
	}
	return name
}

// currentKey is the key an issue has now for one that it had under an earlier
// key of its project. The lock is held.
func (s *Server) currentKey(name string) string {
	at := strings.LastIndexByte(name, '-')
	if at < 0 {
		return name
	}

	p := s.findLocked(name[:at])
	if p == nil {
		return name
	}

	return p.Key + name[at:]
}

// cloudIDOf makes a cloud id for a site that was given none. It has the form of a
// real one and is the same after every start.
func cloudIDOf(site string) string {
	sum := sha256.Sum256([]byte(site))
	text := hex.EncodeToString(sum[:16])

	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}

// tenantInfo says which cloud id a site has. Nobody has to log in for that
// (https://support.atlassian.com/jira/kb/retrieve-my-atlassian-sites-cloud-id).
func (s *Server) tenantInfo(w http.ResponseWriter) {
	providers.SendJSON(w, map[string]string{"cloudId": s.config.CloudID})
}
