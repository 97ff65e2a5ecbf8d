package jira

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"example.com/integrations/local/providers"
)

// firstID makes ids as Jira has them: a number of their own.
const firstID = 10_000

// An issue as stored. It is never changed: a write puts a new one in its place.
type issue struct {
	ID          string                     `json:"id"`
	Project     string                     `json:"project"`
	Number      int                        `json:"number"`
	Type        string                     `json:"type"`
	Summary     string                     `json:"summary"`
	Description json.RawMessage            `json:"description,omitempty"`
	Labels      []string                   `json:"labels,omitempty"`
	Status      string                     `json:"status"`
	Creator     string                     `json:"creator"`
	Created     time.Time                  `json:"created"`
	Updated     time.Time                  `json:"updated"`
	Properties  map[string]json.RawMessage `json:"properties,omitempty"`
	Deleted     bool                       `json:"deleted,omitempty"`
}

func (i *issue) key() string { return i.Project + "-" + strconv.Itoa(i.Number) }

// A project with the highest number given in it.
type project struct {
	Project
	id      string
	earlier []string // keys it had before
	last    int
}

func newProject(config Project, index int) *project {
	if len(config.Types) == 0 {
		config.Types = []string{"Task", "Bug"}
	}

	if config.Name == "" {
		config.Name = config.Key
	}

	return &project{Project: config, id: strconv.Itoa(firstID + index)}
}

// A status of the workflow all projects have. The names are in the language of
// the site, as they often are.
type status struct{ id, name, category string }

var statuses = []status{
	{"10000", "Zu erledigen", "new"}, {"3", "In Arbeit", "indeterminate"}, {"10001", "Fertig", "done"}, {"10002", "Verworfen", "done"},
}

func findStatus(id string) status {
	at := slices.IndexFunc(statuses, func(s status) bool { return s.id == id })
	return statuses[max(at, 0)]
}

// open and done are the statuses a test or a person asks for.
const (
	statusNew  = "10000"
	statusDone = "10001"
)

// An entry of the journal: a write, applied (then with the issue as it is
// since) or refused, and a number that a refused create has used up.
type entry struct {
	Number  int64            `json:"n,omitempty"`
	At      time.Time        `json:"at"`
	Write   *providers.Write `json:"write,omitempty"`
	Issue   *issue           `json:"issue,omitempty"`
	Project string           `json:"project,omitempty"`
	Used    int              `json:"used,omitempty"`
	Turn    *turn            `json:"turn,omitempty"`
}

func (s *Server) replay(line []byte) error {
	var read entry
	if err := json.Unmarshal(line, &read); err != nil {
		return err
	}

	s.remember(read)
	return nil
}

// commit stores an entry for good, then makes it visible.
func (s *Server) commit(made entry) error {
	made.At = s.config.Now().UTC()
	if err := s.journal.Append(made); err != nil {
		return err
	}

	s.remember(made)
	return nil
}

func (s *Server) remember(made entry) {
	if made.Write != nil {
		s.writes.Add(made.Number, made)
	}

	s.lock.Lock()
	defer s.lock.Unlock()
	if p := s.projects[made.Project]; p != nil {
		p.last = max(p.last, made.Used)
	}

	if made.Issue != nil {
		s.put(made.Issue, made.At)
	}

	if made.Turn != nil {
		s.applyTurn(made)
	}
}

func (s *Server) put(put *issue, at time.Time) {
	if id, err := strconv.ParseInt(put.ID, 10, 64); err == nil {
		s.lastID = max(s.lastID, id)
	}

	if p := s.projects[put.Project]; p != nil {
		p.last = max(p.last, put.Number)
	}

	s.keys[put.key()] = put.ID
	r := s.issues[put.ID]
	if r == nil {
		r = &providers.Versions[*issue]{}
		s.issues[put.ID] = r
	}

	r.Add(at, put)
}

// get returns an issue by its id or any key it ever had, or nil.
func (s *Server) get(name string) *issue {
	s.lock.RLock()
	defer s.lock.RUnlock()
	if id, ok := s.keys[name]; ok {
		name = id
	} else if id, ok := s.keys[s.currentKey(name)]; ok {
		name = id
	}

	r := s.issues[name]
	if r == nil || r.Latest().Deleted {
		return nil
	}

	return r.Latest()
}

// snapshot returns all issues as they were at a time, oldest first.
func (s *Server) snapshot(at time.Time) []*issue {
	s.lock.RLock()
	defer s.lock.RUnlock()
	var all []*issue
	for _, r := range s.issues {
		if i, there := r.SeenAt(at); there && !i.Deleted {
			all = append(all, i)
		}
	}

	slices.SortFunc(all, func(a, b *issue) int { return compareIDs(a.ID, b.ID) })

	return all
}

func compareIDs(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}

	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}

	return 0
}

// next returns the id and the number of the next issue of a project. The caller
// decides alone.
func (s *Server) next(p *project) (id string, number int) {
	s.lock.RLock()
	defer s.lock.RUnlock()
	return strconv.FormatInt(s.lastID+1, 10), p.last + 1
}

// Change edits an issue as an administrator does behind the API: moves it,
// deletes it, gives it another time.
func (s *Server) Change(name string, change func(*Edit)) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	found := s.get(name)
	if found == nil {
		return errNoIssue(name)
	}

	changed := *found
	e := &Edit{Project: found.Project, Updated: s.now(), Labels: found.Labels}
	change(e)
	if e.Project != found.Project {
		to := s.find(e.Project)
		if to == nil {
			return errNoIssue(e.Project)
		}

		_, changed.Number = s.next(to)
		changed.Project = to.Key
	}

	changed.Updated = e.Updated.UTC().Truncate(time.Millisecond)
	changed.Deleted = e.Deleted
	changed.Labels = e.Labels

	return s.commit(entry{Issue: &changed})
}

// An Edit is what Change may change.
type Edit struct {
	Project string
	Deleted bool
	Labels  []string
	Updated time.Time
}

type errNoIssue string

func (e errNoIssue) Error() string { return "fake server of Jira: there is no " + string(e) }

// now has Jira's resolution: a millisecond.
func (s *Server) now() time.Time { return s.config.Now().UTC().Truncate(time.Millisecond) }
