package originserver

import (
	"errors"
	"fmt"
	"io"
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
	for _, one := range []struct {
		name, address string
		certificate   *Certificate
	}{
		{publish, c.Listen.Publish, c.TLS.Publish},
		{deliver, c.Listen.Deliver, c.TLS.Deliver},
		{operate, c.Listen.Operate, c.TLS.Operate},
		{peers, c.Listen.Peers, nil},
	} {
		if one.address == "" {
			continue
		}
		limits := guard.Limits{Connections: c.Limits.Connections, PerClient: c.Limits.PerClient, Logger: s.logger}
		if t := one.certificate; t != nil {
			files := guard.Files{Certificate: c.path(t.Certificate), Key: c.path(t.Key), ClientCAs: c.path(t.ClientCA)}
			certificates, err := guard.LoadCertificates(files, s.logger)
			if err != nil {
				return fmt.Errorf("tls.%s: %w", one.name, err)
			}
			limits.TLS = certificates.Config()
		}
		ln, err := listen(one.name, one.address)
		if err != nil {
			return err
		}
		s.doors = append(s.doors, door{name: one.name, Listener: guard.Listen(ln, limits)})
	}
	return nil
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

// readFile reads what a file of the configuration's has.
func readFile[T any](path string, read func(io.Reader) (T, error)) (v T, err error) {
	f, err := os.Open(path)
	if err != nil {
		return v, err
	}
	defer f.Close()
	if v, err = read(f); err != nil {
		return v, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}
