package cassandra_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/origin/cassandra/cqldouble"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

// Both sides show certificates, and each way in which they do not fit says whose it is and what to do.
func TestCertificates(t *testing.T) {
	t.Parallel()
	ours, strange := servertest.NewAuthority(t), servertest.NewAuthority(t)
	var at []string
	for i := range nodes["us-east"] + nodes["us-west"] {
		at = append(at, fmt.Sprintf("10.0.0.%d", i+1))
	}
	d := start(t, cqldouble.Config{TLS: &tls.Config{Certificates: []tls.Certificate{ours.Certificate(t, "node", at...)},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ours.Pool()}})
	c := cassandra.Config{Cluster: cluster(d, "us-east"), Keyspace: "live"}
	shown := []tls.Certificate{ours.Certificate(t, "origin")}
	c.TLS = &tls.Config{RootCAs: ours.Pool(), Certificates: shown}
	if err := keyspace(t, c).Put(t.Context(), key, row); err != nil {
		t.Error(err)
	}
	for what, r := range map[string]struct {
		config *tls.Config
		is     error
		says   string
	}{
		"plain TCP":              {nil, origin.ErrUnreachable, "TLS"},
		"no certificate":         {&tls.Config{RootCAs: ours.Pool()}, cassandra.ErrRefused, "none is configured; give it one (cert and key)"},
		"a stranger's":           {&tls.Config{RootCAs: ours.Pool(), Certificates: []tls.Certificate{strange.Certificate(t, "origin")}}, cassandra.ErrRefused, "does not trust the certificate of its client"},
		"a node of a stranger's": {&tls.Config{RootCAs: strange.Pool(), Certificates: shown}, cassandra.ErrRefused, "its certificate is not trusted here; check who signed it (ca)"},
		"a node of another name": {&tls.Config{RootCAs: ours.Pool(), Certificates: shown, ServerName: "other"}, cassandra.ErrRefused, "match other"},
	} {
		c.TLS = r.config
		table, err := cassandra.Open(t.Context(), c)
		if err == nil {
			table.Close()
		}
		if !errors.Is(err, r.is) || !strings.Contains(fmt.Sprint(err), r.says) {
			t.Errorf("%s: %v\nwant %v, and %q", what, err, r.is, r.says)
		}
	}
}
