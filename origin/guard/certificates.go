package guard

import (
	"crypto/tls"
	"fmt"
	"log/slog"

	"github.com/liveorigin/liveorigin/origin/fresh"
	"github.com/liveorigin/liveorigin/origin/secrets"
)

// Files are where a server's certificate comes from, as PEM.
type Files struct {
	Certificate string // with its chain
	Key         string
	// ClientCAs are those whose certificates clients may show (RFC 8446, 4.3.2); none is asked for without. Who shows
	// none is let in: whether a request needs one is for its handler to say, which finds it in Request.TLS.
	ClientCAs string
	// Mutual lets nobody in who shows no such certificate.
	Mutual bool
}

// Certificates are read again when their files change, as package fresh does.
type Certificates struct {
	current *fresh.Value[*tls.Config]
	config  *tls.Config // what listeners have; it asks for the current one at each handshake
}

// LoadCertificates reads the files, all of which must be good; a nil logger is told nothing of later trouble.
func LoadCertificates(files Files, logger *slog.Logger) (*Certificates, error) {
	report := func(err error) {
		if logger != nil {
			logger.Error("certificate not reloaded; the one before stays in use", "error", err)
		}
	}
	current, err := fresh.Read(files.load, report, files.Certificate, files.Key, files.ClientCAs)
	if err != nil {
		return nil, err
	}
	c := &Certificates{current: current, config: current.Now().Clone()}
	c.config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.current.Now(), nil }
	return c, nil
}

// Config is what Limits.TLS takes: TLS 1.2 at least (RFC 9325, 3.1.1), HTTP/2 or HTTP/1.1 by ALPN.
func (c *Certificates) Config() *tls.Config { return c.config }

// Client is for those who connect to others of the kind: it shows the certificate, the one that is current whenever it is
// asked for, and trusts servers whose certificates the CAs have signed, as they were when Client was called.
func (c *Certificates) Client() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.current.Now().ClientCAs,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &c.current.Now().Certificates[0], nil
		}}
}

// Failures counts the changes that could not be used.
func (c *Certificates) Failures() uint64 { return c.current.Failures() }

func (f Files) load() (*tls.Config, error) {
	pair, err := secrets.ReadPair(f.Certificate, f.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", f.Certificate, err)
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{pair},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
	}
	if f.ClientCAs == "" {
		return config, nil
	}
	if config.ClientCAs, err = secrets.ReadAuthorities(f.ClientCAs); err != nil {
		return nil, fmt.Errorf("client CAs: %w", err)
	}
	config.ClientAuth = tls.VerifyClientCertIfGiven
	if f.Mutual {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}
