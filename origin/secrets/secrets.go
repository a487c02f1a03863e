// Package secrets reads the small files by which programs know each other: tokens, passwords, certificates and their keys.
// Nothing is read without a limit: what is no regular file, or grows, has no size that could be asked for before.
package secrets

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"strings"
)

// What the files may have. The authorities of a whole system have a quarter of a MiB.
const (
	maxSecret       = 4 << 10 // bytes
	maxCertificates = 1 << 20 // bytes
)

// ReadToken reads a file with one secret in it, and nothing else but space around it.
func ReadToken(name string) (string, error) {
	text, err := readFile(name, maxSecret)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("%s: need one secret, and nothing else", name)
	}
	return token, nil
}

// ReadPassword reads a file with a password in it, and nothing else but a line's end.
func ReadPassword(name string) (string, error) {
	text, err := readFile(name, maxSecret)
	return strings.TrimRight(string(text), "\r\n"), err
}

// ReadAuthorities reads the certificates, in PEM, of those who sign others'.
func ReadAuthorities(name string) (*x509.CertPool, error) {
	pem, err := readFile(name, maxCertificates)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate in PEM; it wants that of the authority which signed the server's, from its line BEGIN CERTIFICATE on", name)
	}
	return pool, nil
}

// ReadPair reads a certificate with its chain, and its key, in PEM.
func ReadPair(certificate, key string) (tls.Certificate, error) {
	chain, err := readFile(certificate, maxCertificates)
	if err != nil {
		return tls.Certificate{}, err
	}
	private, err := readFile(key, maxCertificates)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(chain, private)
}

func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := ReadAll(f, limit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return text, nil
}

// ReadAll reads at most so many bytes; more are an error, so that nothing is ever cut off unnoticed.
func ReadAll(from io.Reader, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(text)) > limit:
		return nil, fmt.Errorf("it has more than %d bytes", limit)
	}
	return text, nil
}
