package originserver

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"

	"github.com/liveorigin/liveorigin/origin/guard"
	"github.com/liveorigin/liveorigin/origin/originhttp"
)

// door is one listener, with what answers behind it.
type door struct {
	name string
	*guard.Listener
	handler http.Handler
	role    originhttp.Role
}

// The listeners, as the configuration and the lines on stdout call them.
const (
	publish = "publish"
	deliver = "deliver"
	operate = "operate"
	peers   = "peers"
)

// listen opens all listeners. Nobody is answered before Serve.
func (s *Server) listen() error {
	c := s.config
	if err := s.identify(); err != nil {
		return err
	}
	for _, one := range []struct {
		name, address string
		certificate   *Certificate
		hosts         []string
	}{
		{publish, c.Listen.Publish, c.TLS.Publish, c.Hosts.Publish},
		{deliver, c.Listen.Deliver, c.TLS.Deliver, c.Hosts.Deliver},
		{operate, c.Listen.Operate, c.TLS.Operate, c.Hosts.Operate},
		{peers, c.Listen.Peers, nil, c.Hosts.Peers},
	} {
		if one.address == "" {
			continue
		}
		limits := guard.Limits{Connections: c.Limits.Connections, PerClient: c.Limits.PerClient, Hosts: one.hosts, Logger: s.logger}
		var certificates *guard.Certificates
		if one.name == peers {
			certificates = s.identity
		} else if t := one.certificate; t != nil {
			var err error
			files := guard.Files{Certificate: c.path(t.Certificate), Key: c.path(t.Key), ClientCAs: c.path(t.ClientCA)}
			if certificates, err = guard.LoadCertificates(files, s.logger); err != nil {
				return fmt.Errorf("tls.%s: %w", one.name, err)
			}
		}
		if certificates != nil {
			limits.TLS = certificates.Config()
		}
		if one.name == deliver {
			limits.Refuse = func(target []byte) []byte { return s.delivery.Refuse(target) }
		}
		ln, err := listen(one.name, one.address)
		if err != nil {
			return err
		}
		d := door{name: one.name, Listener: guard.Listen(ln, limits)}
		s.doors = append(s.doors, d)
		s.metrics.WatchListener(one.name, d.Stats, certificates)
	}
	return nil
}

// identify reads by what other origins know this one.
func (s *Server) identify() (err error) {
	t, path := s.config.TLS.Peers, s.config.path
	if t == nil {
		return nil
	}
	files := guard.Files{Certificate: path(t.Certificate), Key: path(t.Key), ClientCAs: path(t.CA), Mutual: true}
	if s.identity, err = guard.LoadCertificates(files, s.logger); err != nil {
		return fmt.Errorf("tls.peers: %w", err)
	}
	return nil
}

// toOrigins is how other origins are spoken to; nil is as everybody does.
func (s *Server) toOrigins() *tls.Config {
	if s.identity == nil {
		return nil
	}
	return s.identity.Client()
}

// listen says what to do when it cannot.
func listen(name, address string) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen for %s on %s: another process listens there; stop that one, or choose another port (0 picks a free one)",
			name, address)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("listen for %s on %s: not allowed; ports below 1024 are for the superuser, choose another one", name, address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("listen for %s on %s: this machine does not have that address; 0.0.0.0 is all that it has", name, address)
	case err != nil:
		return nil, fmt.Errorf("listen for %s on %s: %w", name, address, err)
	}
	return ln, nil
}
