package connectortest

// Tag is a marker's tag as the engine makes one. OtherTag has the same form,
// and belongs to no marker of ours.
const (
	Tag      = "abcdefghij234567"
	OtherTag = "zzzzzzzzzzzzzzzz"
)
