package domain

// A Page is the part of a list that a caller asks for.
type Page struct {
	// After is where the page begins, "" for the beginning: the next of the page
	// before. For most lists it is a sortable id.
	After string
	// Limit is how many entries the page has at most.
	Limit int
}
