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
