// Package secrets keeps the secrets of the local environment: a KMS with its keys, a
// certificate authority for the providers' real host names, and private files.
//
// The KMS answers the three calls that the product makes: GenerateDataKey and Decrypt
// for symmetric keys, GenerateMac for HMAC keys.
package secrets

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
)

const (
	contentType = "application/x-amz-json-1.1"
	// maxBody is far above the largest request the calls can make.
	maxBody       = 1 << 20
	maxCiphertext = 6144
	algorithm     = "SYMMETRIC_DEFAULT"
	// blobVersion leads every ciphertext, so that a later form can be recognised.
	blobVersion = 1
)

// server holds the keys.
type server struct {
	keys   []Key
	master []byte
	seal   cipher.AEAD
}

// OpenKMS returns a KMS endpoint that has these keys and no others. What they seal
// and sign depends on a master key kept in dir, readable only by its owner: a
// server on the same dir seals and signs the same.
func OpenKMS(dir string, keys ...Key) (http.Handler, error) {
	encoded, err := LoadOrCreate(filepath.Join(dir, "kms.key"), newMaster)
	if err != nil {
		return nil, fmt.Errorf("KMS key in %s: %w", dir, err)
	}

	master, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(encoded)))
	if err != nil || len(master) != 32 {
		return nil, fmt.Errorf("KMS key in %s is damaged", dir)
	}

	block, err := aes.NewCipher(master)
	if err != nil {
		return nil, err
	}

	seal, err := cipher.NewGCM(block)

	return &server{keys: keys, master: master, seal: seal}, err
}

func newMaster() ([]byte, error) {
	master := make([]byte, 32)
	rand.Read(master)
	return []byte(base64.StdEncoding.EncodeToString(master) + "\n"), nil
}

// A fault is an error answer of KMS.
type fault struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

func (f *fault) Error() string { return f.Type + ": " + f.Message }

func faultf(kind, format string, args ...any) *fault {
	return &fault{Type: kind, Message: fmt.Sprintf(format, args...)}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, failed := s.answer(r)
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amzn-Requestid", rand.Text())
	if failed != nil {
		w.WriteHeader(http.StatusBadRequest)
		answer = failed
	}

	_ = json.NewEncoder(w).Encode(answer)
}

func (s *server) answer(r *http.Request) (any, *fault) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		return nil, faultf("MissingAuthenticationTokenException", "Missing Authentication Token")
	}

	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		return nil, faultf("SerializationException", "request cannot be read")
	}
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != contentType {
		return nil, faultf("UnknownOperationException", "")
	}

	switch r.Header.Get("X-Amz-Target") {
	case "TrentService.GenerateDataKey":
		return s.generateDataKey(body)
	case "TrentService.Decrypt":
		return s.decrypt(body)
	case "TrentService.GenerateMac":
		return s.generateMac(body)
	}

	return nil, faultf("UnknownOperationException", "")
}

// context is the additional data that binds a ciphertext to its key and its
// encryption context. Marshalling a map sorts it, so equal ones are equal.
func (k Key) context(pairs map[string]string) []byte {
	if pairs == nil {
		pairs = map[string]string{}
	}
	bound, _ := json.Marshal([]any{k.ARN, pairs})
	return bound
}
