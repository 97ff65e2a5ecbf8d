package domain

// Facts are what a chat message shows of an item beside its title, text, state
// and labels: short plain texts of one line, "" where the item has none.
type Facts struct {
	Status    string `json:"status,omitempty"`
	Priority  string `json:"priority,omitempty"`
	Type      string `json:"type,omitempty"`
	Project   string `json:"project,omitempty"`
	Milestone string `json:"milestone,omitempty"`
	Owner     string `json:"owner,omitempty"`
	Due       string `json:"due,omitempty"` // a day, such as 2026-12-01
}

// A Fact is a named value of an item.
type Fact struct{ Name, Value string }

// Named are the facts beside status and priority, with the names that messages and
// trackers show, in that order. Those that the item lacks are left out.
func (f Facts) Named() []Fact {
	var facts []Fact
	for _, one := range []Fact{
		{"Type", f.Type},
		{"Project", f.Project},
		{"Milestone", f.Milestone},
		{"Owner", f.Owner},
		{"Due", f.Due},
	} {
		if one.Value != "" {
			facts = append(facts, one)
		}
	}

	return facts
}

// Progress is how the work on an item goes: what the replies below its message
// say. Of a deleted item only Deleted is set.
type Progress struct {
	State    ItemState `json:"state,omitempty"`
	Status   string    `json:"status,omitempty"`
	Priority string    `json:"priority,omitempty"`
	Deleted  bool      `json:"deleted,omitempty"`
}

// ProgressOf is the progress that a message with this state and these facts shows.
func ProgressOf(state ItemState, facts Facts, deleted bool) Progress {
	if deleted {
		return Progress{Deleted: true}
	}

	return Progress{State: state, Status: facts.Status, Priority: facts.Priority}
}
