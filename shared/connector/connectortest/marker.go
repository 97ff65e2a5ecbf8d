package connectortest

// Tag is a marker's tag as the engine makes one, which says no time. OtherTag
// has the same form, and belongs to no marker of ours.
const (
	Tag      = "aaaaaaaaabcdefghij234567"
	OtherTag = "zzzzzzzzzzzzzzzzzzzzzzzz"
)
