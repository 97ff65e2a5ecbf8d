package secrets

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
)

// common is what GenerateDataKey and Decrypt may carry.
type common struct {
	KeyID             string            `json:"KeyId"`
	EncryptionContext map[string]string `json:"EncryptionContext"`
	GrantTokens       []string          `json:"GrantTokens"`
	DryRun            bool              `json:"DryRun"`
	DryRunModifiers   []string          `json:"DryRunModifiers"`
	Recipient         json.RawMessage   `json:"Recipient"`
}

func (c common) check() *fault {
	if c.Recipient != nil {
		return faultf("UnsupportedOperationException", "Nitro enclaves are not supported here")
	}
	if c.DryRun {
		return faultf("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
	}

	return nil
}

type generateInput struct {
	common
	KeySpec       string `json:"KeySpec"`
	NumberOfBytes *int   `json:"NumberOfBytes"`
}

func (in generateInput) length() (int, *fault) {
	switch {
	case in.KeySpec != "" && in.NumberOfBytes != nil, in.KeySpec == "" && in.NumberOfBytes == nil:
		return 0, faultf("ValidationException", "Please specify either number of bytes or key spec.")
	case in.KeySpec == "AES_256":
		return 32, nil
	case in.KeySpec == "AES_128":
		return 16, nil
	case in.KeySpec != "":
		return 0, faultf("ValidationException", "1 validation error detected: Value '%s' at 'keySpec' failed to satisfy "+
			"constraint: Member must satisfy enum value set: [AES_256, AES_128]", in.KeySpec)
	case *in.NumberOfBytes < 1 || *in.NumberOfBytes > 1024:
		return 0, faultf("ValidationException", "1 validation error detected: Value '%d' at 'numberOfBytes' failed to "+
			"satisfy constraint: Member must have value between 1 and 1024", *in.NumberOfBytes)
	}

	return *in.NumberOfBytes, nil
}

func (s *server) generateDataKey(body []byte) (any, *fault) {
	var in generateInput
	if failed := decode(body, &in); failed != nil {
		return nil, failed
	}

	if in.KeyID == "" {
		return nil, missing("keyId")
	}

	length, failed := in.length()
	if failed != nil {
		return nil, failed
	}

	key, failed := s.find(in.KeyID, encrypt, "GenerateDataKey")
	if failed == nil {
		failed = in.check()
	}

	if failed != nil {
		return nil, failed
	}

	plaintext := make([]byte, length)
	rand.Read(plaintext)
	nonce := make([]byte, s.seal.NonceSize())
	rand.Read(nonce)
	blob := append([]byte{blobVersion}, nonce...)
	blob = s.seal.Seal(blob, nonce, plaintext, key.context(in.EncryptionContext))

	return map[string]any{"KeyId": key.ARN, "CiphertextBlob": blob, "Plaintext": plaintext}, nil
}

type decryptInput struct {
	common
	CiphertextBlob      []byte `json:"CiphertextBlob"`
	EncryptionAlgorithm string `json:"EncryptionAlgorithm"`
}

func (s *server) decrypt(body []byte) (any, *fault) {
	var in decryptInput
	if failed := decode(body, &in); failed != nil {
		return nil, failed
	}

	if len(in.CiphertextBlob) == 0 && len(in.DryRunModifiers) == 0 {
		return nil, missing("ciphertextBlob")
	}

	if len(in.CiphertextBlob) > maxCiphertext {
		return nil, faultf("ValidationException", "1 validation error detected: Value at 'ciphertextBlob' failed to "+
			"satisfy constraint: Member must have length less than or equal to %d", maxCiphertext)
	}

	keys := s.keys
	if in.KeyID != "" {
		key, failed := s.find(in.KeyID, encrypt, "Decrypt")
		if failed != nil {
			return nil, failed
		}
		keys = []Key{key}
	}

	if in.EncryptionAlgorithm != "" && in.EncryptionAlgorithm != algorithm {
		return nil, faultf("InvalidKeyUsageException", "the key does not support %s", in.EncryptionAlgorithm)
	}

	key, plaintext, failed := s.open(keys, in.CiphertextBlob, in.EncryptionContext)
	if failed == nil {
		failed = in.check()
	}

	if failed != nil {
		return nil, failed
	}

	return map[string]any{"KeyId": key.ARN, "Plaintext": plaintext, "EncryptionAlgorithm": algorithm}, nil
}

// open finds out which of the keys has sealed a blob. It says no more about a
// refusal than KMS does: nothing.
func (s *server) open(keys []Key, blob []byte, pairs map[string]string) (Key, []byte, *fault) {
	head := 1 + s.seal.NonceSize()
	if len(blob) < head || blob[0] != blobVersion {
		return Key{}, nil, faultf("InvalidCiphertextException", "")
	}

	for _, key := range keys {
		plaintext, err := s.seal.Open(nil, blob[1:head], blob[head:], key.context(pairs))
		if err == nil && key.Usage == encrypt {
			return key, plaintext, nil
		}
	}

	return Key{}, nil, faultf("InvalidCiphertextException", "")
}

func missing(member string) *fault {
	return faultf("ValidationException", "1 validation error detected: Value null at '%s' failed to satisfy "+
		"constraint: Member must not be null", member)
}

// decode takes one JSON object. The wire's names are case-sensitive and its
// unknown members are refused here: this server is for one caller, whose
// mistakes it is to show.
func decode(body []byte, into any) *fault {
	if trimmed := bytes.TrimSpace(body); len(trimmed) == 0 || trimmed[0] != '{' {
		return faultf("SerializationException", "Start of structure or map found where not expected.")
	}

	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return faultf("SerializationException", "%s", err)
	}

	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return faultf("SerializationException", "trailing data")
	}

	return nil
}
