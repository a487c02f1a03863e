package cassandra

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/cassandra-gocql-driver/v2"

	"github.com/liveorigin/liveorigin/origin"
)

const (
	connectTimeout = 3 * time.Second
	// lookAgain is how often a node that is gone is looked for. The driver's own minute is half a fault's length.
	lookAgain = time.Second
)

// connect opens one session: a pool of connections to each node of one data centre.
func connect(ctx context.Context, c Config, to Cluster, watch func(string, bool)) (*gocql.Session, error) {
	if len(to.Hosts) == 0 || to.LocalDC == "" {
		return nil, errors.New("no hosts, or no local data centre, are configured")
	}
	local := &dataCentre{name: to.LocalDC, seen: make(map[string]bool)}
	settings := settingsFor(c, to)
	settings.HostFilter = local
	// Any replica may be asked first: what is tried again, or a second time beside the first, shall not find the same one.
	settings.PoolConfig.HostSelectionPolicy = gocql.ShuffledTokenAwareHostPolicy(gocql.DCAwareRoundRobinPolicy(to.LocalDC))
	if watch != nil {
		settings.Metadata.HostListener.HostStateChangeListener = &watcher{tell: watch, up: make(map[string]bool)}
	}
	s, err := start(ctx, settings)
	if err != nil {
		return nil, advise(err, to, local.others())
	}
	return s, nil
}

// settingsFor says how to talk to a cluster. There are no retries by the driver, with which ours would multiply:
// package keyvalue has a budget for them. Nothing waits for other statements to share a packet with, since rows are
// much larger than packets.
func settingsFor(c Config, to Cluster) *gocql.ClusterConfig {
	s := gocql.NewCluster(to.Hosts...)
	s.NumConns = cmp.Or(to.Connections, 2)
	s.Timeout, s.ConnectTimeout = cmp.Or(c.Timeout, DefaultTimeout), connectTimeout
	s.RetryPolicy, s.WriteCoalesceWaitTime = nil, 0
	// One attempt, and no interval: the driver would sleep it after the last attempt too, and Close does not wake it.
	s.ReconnectionPolicy = &gocql.ConstantReconnectionPolicy{MaxRetries: 1}
	s.ReconnectInterval = lookAgain
	s.Metadata.CacheMode = gocql.KeyspaceOnly
	s.MaxWaitSchemaAgreement = 30 * time.Second
	s.HostDialer = dialer{to}
	s.Logger = quiet{c.Log}
	if to.User != "" {
		s.Authenticator = gocql.PasswordAuthenticator{Username: to.User, Password: to.Password}
	}
	return s
}

// start opens a session within a context, of which the driver knows nothing: what it has begun when the context ends goes
// on for some seconds, with nobody waiting, until it ends by its own time-outs and is closed.
func start(ctx context.Context, settings *gocql.ClusterConfig) (*gocql.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	type outcome struct {
		session *gocql.Session
		err     error
	}
	done := make(chan outcome, 1)
	go func() {
		s, err := gocql.NewSession(*settings)
		done <- outcome{s, err}
	}()
	select {
	case o := <-done:
		return o.session, o.err
	case <-ctx.Done():
		go func() {
			if o := <-done; o.session != nil {
				o.session.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// advise turns the driver's words, which have no types by now, into what to do about it.
func advise(err error, to Cluster, others []string) error {
	text, at := strings.ToLower(err.Error()), "cassandra at "+strings.Join(to.Hosts, ", ")
	says := func(any ...string) bool {
		return slices.ContainsFunc(any, func(s string) bool { return strings.Contains(text, s) })
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case len(others) > 0 && !slices.Contains(others, to.LocalDC):
		return fmt.Errorf("no data centre %q there; the hosts are in %s: %w", to.LocalDC, strings.Join(others, ", "),
			ErrNoDataCentre)
	case to.User == "" && says("authentication required"):
		return fmt.Errorf("%s asks for a user and a password: %w: %w", at, ErrRefused, err)
	case says("password", "credentials", "authenticat"):
		return fmt.Errorf("%s does not let %q in; check user and password: %w: %w", at, to.User, ErrRefused, err)
	case says("remote error: tls") && says("certificate", "internal error"):
		return fmt.Errorf("%s %s: %w: %w", at, against(to.TLS), ErrRefused, err)
	case says("certificate"):
		return fmt.Errorf("%s: its certificate is not trusted here; check who signed it (ca), and for which name (server_name): %w: %w",
			at, ErrRefused, err)
	case says("tls handshake", "protocol response version"):
		return fmt.Errorf("%s speaks another protocol; check the port, and whether it asks for TLS: %w: %w", at,
			origin.ErrUnreachable, err)
	case to.TLS == nil && strings.HasSuffix(text, "eof"):
		return fmt.Errorf("%s hangs up at once; it may ask for TLS: %w: %w", at, origin.ErrUnreachable, err)
	}
	return fmt.Errorf("no answer from %s; is it up, and are its ports published: %w: %w", at, origin.ErrUnreachable, err)
}

// against says what a cluster has against its client's certificate. It calls one that it does not trust an internal error.
func against(c *tls.Config) string {
	if len(c.Certificates) == 0 {
		return "asks for a certificate of its client, and none is configured; give it one (cert and key)"
	}
	return "does not trust the certificate of its client; check who signed it (cert), and whom the cluster trusts"
}

// What Open may find.
var (
	ErrNoDataCentre = errors.New("no such data centre")
	ErrRefused      = errors.New("not let in")
)

// dialer reaches nodes where they are published. The driver has an AddressTranslator for this, but takes what that says
// for the nodes' names: with all of them at 127.0.0.1 it never finds out which one is gone.
type dialer struct{ to Cluster }

// DialHost implements gocql.HostDialer.
func (d dialer) DialHost(ctx context.Context, host *gocql.HostInfo) (*gocql.DialedHost, error) {
	address := d.to.Published[host.ConnectAddress().String()]
	address = cmp.Or(address, host.ConnectAddressAndPort())
	conn, err := (&net.Dialer{Timeout: connectTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return gocql.WrapTLS(ctx, conn, host.HostnameAndPort(), d.to.TLS)
}

// dataCentre lets only its own nodes in, and remembers where the others were. Without it the driver would turn to
// another data centre when its own is gone, and a quorum there would pass for a local one.
type dataCentre struct {
	name string
	mu   sync.Mutex
	seen map[string]bool
}

// Accept implements gocql.HostFilter.
func (d *dataCentre) Accept(host *gocql.HostInfo) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[host.DataCenter()] = true
	return host.DataCenter() == d.name
}

func (d *dataCentre) others() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.seen))
}

// watcher passes on what is news about nodes; the driver says it again with every connection.
type watcher struct {
	tell func(string, bool)
	mu   sync.Mutex
	up   map[string]bool
}

// OnHostUp implements gocql.HostStatusChangeListener.
func (w *watcher) OnHostUp(e gocql.HostUpEvent) { w.note(e.Host, true) }

// OnHostDown implements gocql.HostStatusChangeListener.
func (w *watcher) OnHostDown(e gocql.HostDownEvent) { w.note(e.Host, false) }

func (w *watcher) note(h *gocql.HostInfo, up bool) {
	node := h.ConnectAddress().String()
	w.mu.Lock()
	was, known := w.up[node]
	w.up[node] = up
	w.mu.Unlock()
	if !known && !up || known && was != up {
		w.tell(node, up)
	}
}
