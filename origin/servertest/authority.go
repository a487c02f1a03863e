package servertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"os"
	"testing"
	"time"
)

// Authority signs certificates that servers and clients show each other.
type Authority struct {
	Own tls.Certificate // signed by itself; a server on this machine can show it
}

// NewAuthority makes one that nobody has heard of.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	template := newTemplate("authority", "localhost", "127.0.0.1")
	template.IsCA, template.BasicConstraintsValid = true, true
	key := newKey(t)
	return &Authority{sign(t, template, template, key, key)}
}

// Certificate is one for a name, and for names and addresses of hosts if there are any.
func (a *Authority) Certificate(t testing.TB, name string, hosts ...string) tls.Certificate {
	t.Helper()
	return sign(t, newTemplate(name, hosts...), a.Own.Leaf, newKey(t), a.Own.PrivateKey)
}

// Pool trusts nobody but the authority.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Own.Leaf)
	return pool
}

// PEM is a certificate, and its key, as files have them.
func PEM(t testing.TB, c tls.Certificate) (certificate, key []byte) {
	t.Helper()
	secret, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// Write writes a certificate and its key to files.
func Write(t testing.TB, c tls.Certificate, certificate, key string) {
	t.Helper()
	public, secret := PEM(t, c)
	for name, content := range map[string][]byte{certificate: public, key: secret} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func newTemplate(name string, hosts ...string) *x509.Certificate {
	c := &x509.Certificate{Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, host)
		}
	}
	return c
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, template, parent *x509.Certificate, key *ecdsa.PrivateKey, by crypto.PrivateKey) tls.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}
