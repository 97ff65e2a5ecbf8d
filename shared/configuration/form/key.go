package form

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
)

// keyBits is how long GitHub makes keys; shorter ones sign nothing.
const keyBits = 2048

var errKey = errors.New("must be one RSA private key in PEM, from -----BEGIN to -----END, as GitHub lets you download it")

// ParseRSAKey reads a private key in PEM: PKCS #1, as GitHub gives it, or
// PKCS #8. Its error shows nothing of it.
func ParseRSAKey(text string) (*rsa.PrivateKey, error) {
	text = strings.TrimSpace(text)
	block, rest := pem.Decode([]byte(text))
	if block == nil || strings.TrimSpace(string(rest)) != "" || !strings.HasPrefix(text, "-----BEGIN") {
		return nil, errKey
	}

	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}

	if read, ok := key.(*rsa.PrivateKey); ok && err == nil && read.N.BitLen() >= keyBits {
		return read, nil
	}

	return nil, errKey
}
