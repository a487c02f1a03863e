package guard

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
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

// Certificates are read again when their files change, so that a new one needs no new process. A change that cannot be
// used is reported, and what was there stays.
type Certificates struct {
	files  Files
	logger *slog.Logger
	config *tls.Config // what listeners have; it asks for the current one at each handshake
	failed atomic.Uint64

	mu      sync.Mutex
	current *tls.Config
	stamps  [3]stamp  // of what was tried last
	checked time.Time // when the files were last looked at
}

// stamp tells one version of a file from another.
type stamp struct {
	modified time.Time
	size     int64
}

// checkEvery is how often files are looked at, and only when somebody connects.
const checkEvery = time.Second

// LoadCertificates reads the files, all of which must be good; a nil logger is told nothing of later trouble.
func LoadCertificates(files Files, logger *slog.Logger) (*Certificates, error) {
	c := &Certificates{files: files, logger: logger, checked: time.Now()}
	c.stamps = files.stamps()
	var err error
	if c.current, err = files.load(); err != nil {
		return nil, err
	}
	c.config = c.current.Clone()
	c.config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.now(), nil }
	return c, nil
}

// Config is what Limits.TLS takes: TLS 1.2 at least (RFC 9325, 3.1.1), HTTP/2 or HTTP/1.1 by ALPN.
func (c *Certificates) Config() *tls.Config { return c.config }

// Client is for those who connect to others of the kind: it shows the certificate, the one that is current whenever it is
// asked for, and trusts servers whose certificates the CAs have signed, as they were when Client was called.
func (c *Certificates) Client() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.now().ClientCAs,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c.now().Certificates[0], nil }}
}

// Failures counts the changes that could not be used.
func (c *Certificates) Failures() uint64 { return c.failed.Load() }

// now is the current configuration, read again if it is time and something has changed.
func (c *Certificates) now() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if now.Sub(c.checked) < checkEvery {
		return c.current
	}
	c.checked = now
	stamps := c.files.stamps()
	if stamps == c.stamps {
		return c.current
	}
	c.stamps = stamps
	loaded, err := c.files.load()
	if err != nil { // perhaps only one of two files is there yet; the other's coming is a change as well
		c.failed.Add(1)
		if c.logger != nil {
			c.logger.Error("certificate not reloaded; the one before stays in use", "error", err)
		}
		return c.current
	}
	c.current = loaded
	return c.current
}

// stamps are zero for a file that is not there, which is a change like any other.
func (f Files) stamps() (s [3]stamp) {
	for i, name := range [...]string{f.Certificate, f.Key, f.ClientCAs} {
		if info, err := os.Stat(name); err == nil {
			s[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return s
}

func (f Files) load() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
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
	pem, err := os.ReadFile(f.ClientCAs)
	if err != nil {
		return nil, fmt.Errorf("client CAs: %w", err)
	}
	config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
	if f.Mutual {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("client CAs %s: %w", f.ClientCAs, errNoCertificate)
	}
	return config, nil
}

var errNoCertificate = errors.New("no certificate in it")
