package secrets

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	caLife   = 10 * 365 * 24 * time.Hour
	leafLife = 90 * 24 * time.Hour
	// renewBefore keeps a running environment from outliving its authority.
	renewBefore = leafLife
)

// A CA issues certificates. A client that trusts CertFile accepts them.
type CA struct {
	file string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// OpenCA returns the authority kept in dir, making it where there is none. Its
// key never leaves dir and is readable only by its owner.
func OpenCA(dir string) (*CA, error) {
	ca := &CA{file: filepath.Join(dir, "ca.crt")}
	if err := ca.loadKey(filepath.Join(dir, "ca.key")); err != nil {
		return nil, fmt.Errorf("development CA in %s: %w", dir, err)
	}

	if err := ca.loadCertificate(); err != nil {
		return nil, fmt.Errorf("development CA in %s: %w", dir, err)
	}

	return ca, nil
}

// CertFile is the path of the authority's own certificate, in PEM: what
// SSL_CERT_FILE is to name.
func (ca *CA) CertFile() string { return ca.file }

// Certificate issues a certificate for the given host names and IP addresses.
func (ca *CA) Certificate(hosts ...string) (tls.Certificate, error) {
	if len(hosts) == 0 {
		return tls.Certificate{}, errors.New("certificate for no host")
	}

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}

	template := leaf(hosts)
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate for %s: %w", hosts[0], err)
	}

	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate for %s: %w", hosts[0], err)
	}

	return tls.Certificate{Certificate: [][]byte{der, ca.cert.Raw}, PrivateKey: key, Leaf: parsed}, nil
}

func leaf(hosts []string) *x509.Certificate {
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: hosts[0]},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(leafLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}

	return template
}

func (ca *CA) loadKey(path string) error {
	content, err := LoadOrCreate(path, newCAKey)
	if err != nil {
		return err
	}

	block, _ := pem.Decode(content)
	if block == nil {
		return fmt.Errorf("%s holds no PEM block", path)
	}

	ca.key, err = x509.ParseECPrivateKey(block.Bytes)

	return err
}

func newCAKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}

	der, err := x509.MarshalECPrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), err
}

// loadCertificate reads the authority's certificate, or makes one where it is
// missing, belongs to another key or soon expires.
func (ca *CA) loadCertificate() error {
	if content, err := os.ReadFile(ca.file); err == nil {
		if block, _ := pem.Decode(content); block != nil && ca.accepts(block.Bytes) {
			return nil
		}
	}

	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "Local development authority"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(caLife),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}

	der, err := x509.CreateCertificate(rand.Reader, template, template, &ca.key.PublicKey, ca.key)
	if err != nil {
		return err
	}
	if !ca.accepts(der) {
		return errors.New("own certificate refused")
	}

	return Replace(ca.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// accepts takes der as the authority's certificate if it is fit for it.
func (ca *CA) accepts(der []byte) bool {
	cert, err := x509.ParseCertificate(der)
	if err != nil || !cert.IsCA || !ca.key.PublicKey.Equal(cert.PublicKey) {
		return false
	}
	if time.Until(cert.NotAfter) < renewBefore {
		return false
	}

	ca.cert = cert

	return true
}

func serial() *big.Int {
	var random [16]byte
	rand.Read(random[:])
	random[0] &= 0x7f
	return new(big.Int).SetBytes(random[:])
}
