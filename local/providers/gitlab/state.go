package gitlab

import (
	"encoding/json"
	"hash/fnv"
	"strings"
	"time"

	"example.com/integrations/local/providers"
)

// firstID makes ids as large as GitLab.com's are today.
const firstID = 170_000_000

// An issue as stored. It is never changed: a write puts a new one in its place.
type issue struct {
	ID           int64      `json:"id"`
	IID          int        `json:"iid"`
	Title        string     `json:"title"`
	Description  *string    `json:"description"`
	State        string     `json:"state"` // opened or closed
	Labels       []string   `json:"labels,omitempty"`
	Author       string     `json:"author"`
	ClosedBy     string     `json:"closed_by,omitempty"`
	Confidential bool       `json:"confidential,omitempty"`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	ClosedAt     *time.Time `json:"closed_at,omitempty"`
	MovedTo      *int64     `json:"moved_to,omitempty"`
	Deleted      bool       `json:"deleted,omitempty"`
	// Commands are the quick actions that were carried out of its texts.
	Commands []string `json:"commands,omitempty"`
}

// A project with its issues, in the order of their creation.
type project struct {
	Project
	id      int64
	created time.Time
	issues  []*issue
	byIID   map[int]int
	last    int // the highest number there was
	past    providers.Past[int, *issue]
}

// An entry of the journal: a write, applied (then with the issue as it is
// since) or refused.
type entry struct {
	Number  int64            `json:"n,omitempty"`
	Write   *providers.Write `json:"write,omitempty"`
	Project string           `json:"project,omitempty"`
	Issue   *issue           `json:"issue,omitempty"`
	// Copied is the issue a move made elsewhere.
	Copied  *placed  `json:"copied,omitempty"`
	Placing *placing `json:"placing,omitempty"`

	at time.Time // since when it is so, zero for what a journal tells
}

// placed is an issue in another project.
type placed struct {
	Project string `json:"project"`
	Issue   *issue `json:"issue"`
}

func newProject(config Project) *project {
	return &project{Project: config, id: identify(config.Path), created: firstMade, byIID: map[int]int{}}
}

// identify gives a name an id that is the same after every start.
func identify(name string) int64 {
	sum := fnv.New32a()
	sum.Write([]byte(strings.ToLower(name)))
	return int64(sum.Sum32()>>4) + 1
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
	if err := s.journal.Append(made); err != nil {
		return err
	}

	made.at = s.config.Now()
	s.remember(made)
	return nil
}

func (s *Server) remember(made entry) {
	if made.Write != nil {
		s.writes.Add(made.Number, made)
	}

	s.lock.Lock()
	defer s.lock.Unlock()
	if made.Placing != nil {
		s.place(made.Project, *made.Placing)
		return
	}

	s.put(made.Project, made.Issue)
	s.see(made.Project, made.Issue, made.at)
	if made.Copied != nil {
		s.put(made.Copied.Project, made.Copied.Issue)
		s.see(made.Copied.Project, made.Copied.Issue, made.at)
	}
}

// put stores an issue. A project that is no longer configured keeps its place
// in the journal.
func (s *Server) put(path string, put *issue) {
	into := s.projects[strings.ToLower(path)]
	if put == nil || into == nil {
		return
	}

	s.lastID = max(s.lastID, put.ID)
	into.last = max(into.last, put.IID)
	if at, known := into.byIID[put.IID]; known {
		into.issues[at] = put
		return
	}

	into.byIID[put.IID] = len(into.issues)
	into.issues = append(into.issues, put)
}

// see notes since when an issue is as it is, for lists that lag behind.
func (s *Server) see(path string, one *issue, at time.Time) {
	if p := s.projects[strings.ToLower(path)]; one != nil && p != nil {
		p.past.Put(one.IID, at, one)
	}
}

// get returns an issue or nil.
func (s *Server) get(p *project, iid int) *issue {
	s.lock.RLock()
	defer s.lock.RUnlock()
	at, known := p.byIID[iid]
	if !known || p.issues[at].Deleted {
		return nil
	}

	return p.issues[at]
}

// next returns the number and the id of the next issue. The caller decides alone.
func (s *Server) next(p *project) (iid int, id int64) {
	s.lock.RLock()
	defer s.lock.RUnlock()
	return p.last + 1, s.lastID + 1
}

// snapshot returns the issues there are, oldest first.
func (s *Server) snapshot(p *project) []*issue {
	s.lock.RLock()
	defer s.lock.RUnlock()
	all := make([]*issue, 0, len(p.issues))
	for _, one := range p.issues {
		if !one.Deleted {
			all = append(all, one)
		}
	}

	return all
}

// find returns a project by its path, be it an old one.
func (s *Server) find(path string) *project {
	s.lock.RLock()
	defer s.lock.RUnlock()

	return s.projects[strings.ToLower(path)]
}

func (s *Server) findID(id int64) *project {
	for _, one := range s.all() {
		if one.id == id {
			return one
		}
	}
	return nil
}

// now has the resolution of GitLab's database.
func (s *Server) now() time.Time { return s.config.Now().UTC().Truncate(time.Microsecond) }
