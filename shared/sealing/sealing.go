// Package sealing encrypts one secret at a time under a fresh KMS data key and
// binds it to the one place it may be sent to.
package sealing

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"

	"example.com/integrations/shared/domain"
)

// A Binding is what a sealed secret belongs to. It is the KMS encryption
// context and the additional data of AES-GCM: under any other binding, another
// destination origin for instance, the secret does not open.
type Binding struct {
	Organisation domain.Snowflake
	Integration  domain.Snowflake
	Field        string
	Origin       string
}

func (b Binding) context() map[string]string {
	return map[string]string{
		"organisation": b.Organisation.String(), "integration": b.Integration.String(),
		"field": b.Field, "origin": b.Origin,
	}
}

func (b Binding) data() []byte {
	return []byte(strings.Join([]string{b.Organisation.String(), b.Integration.String(), b.Field, b.Origin}, "\x00"))
}

// A KeyGenerator is the KMS call that sealing needs.
type KeyGenerator interface {
	GenerateDataKey(context.Context, *kms.GenerateDataKeyInput, ...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error)
}

// A KeyDecrypter is the KMS call that opening needs.
type KeyDecrypter interface {
	Decrypt(context.Context, *kms.DecryptInput, ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

// format is the first byte of a sealed secret:
// format | uint16 length of the encrypted key | encrypted key | nonce | ciphertext.
const format = 1

// ErrMalformed reports bytes that are no sealed secret.
var ErrMalformed = errors.New("malformed sealed secret")

// Seal encrypts a secret under a data key made for it alone.
func Seal(ctx context.Context, keys KeyGenerator, keyID string, b Binding, secret string) ([]byte, error) {
	out, err := keys.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{
		KeyId: &keyID, KeySpec: kmstypes.DataKeySpecAes256, EncryptionContext: b.context(),
	})
	if err != nil {
		return nil, fmt.Errorf("seal %s of integration %s: %w", b.Field, b.Integration, err)
	}

	defer clear(out.Plaintext)
	gcm, err := newGCM(out.Plaintext)
	if err != nil {
		return nil, fmt.Errorf("seal %s of integration %s: %w", b.Field, b.Integration, err)
	}

	nonce := make([]byte, gcm.NonceSize())
	rand.Read(nonce) // never fails since Go 1.24
	blob := []byte{format}
	blob = binary.BigEndian.AppendUint16(blob, uint16(len(out.CiphertextBlob)))
	blob = append(blob, out.CiphertextBlob...)
	blob = append(blob, nonce...)

	return gcm.Seal(blob, nonce, []byte(secret), b.data()), nil
}

// A Sealer seals under one KMS key.
type Sealer struct {
	Keys  KeyGenerator
	KeyID string
}

// SealAll seals an integration's secrets, by member, for the origin they may be
// sent to: a call to KMS each.
func (s Sealer) SealAll(ctx context.Context, i domain.Integration, origin string, secrets map[string]string) (map[string][]byte, error) {
	sealed := map[string][]byte{}
	for member, secret := range secrets {
		b := Binding{Organisation: i.OrganisationID, Integration: i.ID, Field: member, Origin: origin}
		blob, err := Seal(ctx, s.Keys, s.KeyID, b, secret)
		if err != nil {
			return nil, err
		}

		sealed[member] = blob
	}

	return sealed, nil
}

// Open decrypts what Seal made under the same binding.
func Open(ctx context.Context, keys KeyDecrypter, b Binding, blob []byte) (string, error) {
	if len(blob) < 3 || blob[0] != format {
		return "", fmt.Errorf("open %s of integration %s: %w", b.Field, b.Integration, ErrMalformed)
	}

	n := int(binary.BigEndian.Uint16(blob[1:3]))
	rest := blob[3:]
	if len(rest) < n+12 {
		return "", fmt.Errorf("open %s of integration %s: %w", b.Field, b.Integration, ErrMalformed)
	}

	out, err := keys.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: rest[:n], EncryptionContext: b.context()})
	if err != nil {
		return "", fmt.Errorf("open %s of integration %s: %w", b.Field, b.Integration, err)
	}

	defer clear(out.Plaintext)
	gcm, err := newGCM(out.Plaintext)
	if err != nil {
		return "", fmt.Errorf("open %s of integration %s: %w", b.Field, b.Integration, err)
	}

	nonce := rest[n : n+gcm.NonceSize()]
	plain, err := gcm.Open(nil, nonce, rest[n+gcm.NonceSize():], b.data())
	if err != nil {
		return "", fmt.Errorf("open %s of integration %s: %w", b.Field, b.Integration, ErrMalformed)
	}

	return string(plain), nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
