// Package signingtest gives tests a key of markers without a KMS.
package signingtest

import (
	"bytes"
	"context"

	"example.com/integrations/shared/signing"
)

// Key is a key that is the same in every test.
func Key() signing.Key {
	key, err := signing.NewKey(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		panic(err) // 32 bytes are a root
	}

	return key
}

// Keys gives Key, or fails. It is safe for one goroutine at a time.
type Keys struct {
	Err   error
	Calls int // how often the key was asked for
}

// MarkerKey gives Key, or Err if that is set.
func (k *Keys) MarkerKey(context.Context) (signing.Key, error) {
	k.Calls++
	if k.Err != nil {
		return signing.Key{}, k.Err
	}

	return Key(), nil
}
