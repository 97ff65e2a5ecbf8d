package connectortest

import (
	"bytes"
	"context"

	"example.com/integrations/shared/signing"
)

// Tag is a marker's tag as the engine makes one, which says no time. OtherTag
// has the same form, and belongs to no marker of ours.
const (
	Tag      = "aaaaaaaaabcdefghij234567"
	OtherTag = "zzzzzzzzzzzzzzzzzzzzzzzz"
)

// MarkerKey is a key of markers that is the same in every test.
func MarkerKey() signing.Key {
	key, err := signing.NewKey(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		panic(err) // 32 bytes are a root
	}

	return key
}

// MarkerKeys gives the key of markers in place of a KMS. It is safe for one
// goroutine at a time.
type MarkerKeys struct {
	Err   error
	Calls int // how often the key was asked for
}

// MarkerKey gives the function MarkerKey's key, or Err if that is set.
func (k *MarkerKeys) MarkerKey(context.Context) (signing.Key, error) {
	k.Calls++
	if k.Err != nil {
		return signing.Key{}, k.Err
	}

	return MarkerKey(), nil
}
