// Package signing signs markers with a key that every instance of one
// installation derives anew, so that the key is stored nowhere.
package signing

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"

	"example.com/integrations/shared/connector"
)

const (
	// rootMessage is what KMS makes the root from. Another message, or another
	// KMS key, makes every marker in the world a stranger's.
	rootMessage = "integrations/root/v1"
	// markerInfo distinguishes the key of markers from other keys of the same root
	// (RFC 5869, section 3.2).
	markerInfo = "integrations/marker-key/v1"
	keyBytes   = 32
	// signatureBytes are 80 bits. Who tries to guess a signature must have each
	// guess looked for at the provider.
	signatureBytes = 10
)

// A MacGenerator is the KMS call that signing needs.
type MacGenerator interface {
	GenerateMac(context.Context, *kms.GenerateMacInput, ...func(*kms.Options)) (*kms.GenerateMacOutput, error)
}

// Markers derives the key of markers. It asks KMS once, when the key is first
// wanted, and keeps it for the life of the process. It is safe for use by
// several goroutines.
type Markers struct {
	keys  MacGenerator
	keyID string

	// turn is taken by the caller that asks. It is a channel and no mutex, so that
	// who waits for it can give up.
	turn chan struct{}
	key  Key // once derived
}

// NewMarkers derives from the KMS key with this id or ARN, which must be of the
// kind HMAC_256.
func NewMarkers(keys MacGenerator, keyID string) *Markers {
	return &Markers{keys: keys, keyID: keyID, turn: make(chan struct{}, 1)}
}

// MarkerKey gives the key. An error is not remembered: the next call asks KMS
// again.
func (m *Markers) MarkerKey(ctx context.Context) (Key, error) {
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return Key{}, fmt.Errorf("the key of markers: %w", ctx.Err())
	}

	if m.key.secret != nil {
		return m.key, nil
	}

	key, err := m.derive(ctx)
	if err != nil {
		return Key{}, fmt.Errorf("the key of markers: %w", err)
	}

	m.key = key

	return key, nil
}

func (m *Markers) derive(ctx context.Context) (Key, error) {
	answer, err := m.keys.GenerateMac(ctx, &kms.GenerateMacInput{
		KeyId: &m.keyID, MacAlgorithm: kmstypes.MacAlgorithmSpecHmacSha256, Message: []byte(rootMessage),
	})
	if err != nil {
		return Key{}, err
	}

	return NewKey(answer.Mac)
}

var errShortRoot = errors.New("KMS gave a MAC that is too short to be one of HMAC_SHA_256")

// NewKey derives the key of markers from a root, which is the 32 bytes that KMS
// answers with.
func NewKey(root []byte) (Key, error) {
	if len(root) < sha256.Size {
		return Key{}, errShortRoot
	}

	secret, err := hkdf.Key(sha256.New, root, nil, markerInfo, keyBytes)
	if err != nil {
		return Key{}, err
	}

	return Key{secret: secret}, nil
}

// A Key makes the signers of places. The zero Key makes signers that sign
// nothing and find nothing valid. It shows nothing of itself when it is printed.
type Key struct{ secret []byte }

// String keeps the secret out of logs.
func (Key) String() string { return "a key of markers" }

// GoString keeps the secret out of logs.
func (k Key) GoString() string { return k.String() }

// At gives the signer of a place: the provider's immutable id of it, and when it
// was made, "" where the provider does not say. Neither the place's name nor the
// server's is part of it, since both may change.
func (k Key) At(placeID, placeCreated string) Signer {
	return Signer{key: k, placeID: placeID, placeCreated: placeCreated}
}

// A Signer signs the markers of one place and verifies them. A marker of another
// place is not valid. The zero Signer signs none and finds none valid.
type Signer struct {
	key                   Key
	placeID, placeCreated string
}

// String keeps the secret out of logs.
func (s Signer) String() string { return "a signer with " + s.key.String() }

// GoString keeps the secret out of logs.
func (s Signer) GoString() string { return s.String() }

// Sign gives the marker of an attempt with its tag: by the provider's clock, the
// attempt is not made before that time, which counts in whole seconds. A tag that
// was there before does not count.
func (s Signer) Sign(m connector.Marker, notBefore time.Time) connector.Marker {
	m.Tag = ""
	if s.key.secret != nil {
		m.Tag = s.tag(m, notBefore)
	}

	return m
}

// Valid says whether the marker has the tag that Sign gives it for the time that
// the tag says. It takes the same time however much of a signature is right.
func (s Signer) Valid(m connector.Marker) bool {
	if s.key.secret == nil || !connector.IsTag(m.Tag) {
		return false
	}

	return hmac.Equal([]byte(s.tag(m, m.NotBefore())), []byte(m.Tag))
}

func (s Signer) tag(m connector.Marker, notBefore time.Time) string {
	mac := hmac.New(sha256.New, s.key.secret)
	mac.Write(s.encoded(m, notBefore))

	return connector.NewTag(notBefore, mac.Sum(nil)[:signatureBytes])
}

// encoded is what a tag signs: the place's id and time, then integration, item,
// attempt and the attempt's time in Unix seconds, in decimal. Each stands behind
// its length in 4 bytes, so that no two markers have the same encoding.
func (s Signer) encoded(m connector.Marker, notBefore time.Time) []byte {
	parts := []string{
		s.placeID, s.placeCreated, m.Integration.String(), m.Item.String(), strconv.Itoa(m.Attempt),
		strconv.FormatInt(max(notBefore.Unix(), 0), 10),
	}

	var b []byte
	for _, part := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}

	return b
}
