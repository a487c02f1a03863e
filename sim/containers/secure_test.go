package containers

import (
	"context"
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
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra"
)

// certificate is one that a node has for its own address, and signed by itself, in PEM behind its key.
func certificate(t *testing.T, node net.IP) (keyAndCertificate string, trusted *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "node"}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{node},
		IsCA: true, BasicConstraintsValid: true}
	made, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	secret, err2 := x509.MarshalPKCS8PrivateKey(key)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	inPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made})
	trusted = x509.NewCertPool()
	trusted.AppendCertsFromPEM(inPEM)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})) + string(inPEM), trusted
}

// secured makes nodes that are started before the test's end ask for passwords, and for TLS.
func secured(t *testing.T, keyAndCertificate string) {
	plain := cassandraYAML
	t.Cleanup(func() { cassandraYAML = plain })
	cassandraYAML = fmt.Appendf(nil, `%s
authenticator:
  class_name: org.apache.cassandra.auth.PasswordAuthenticator
client_encryption_options:
  enabled: true
  optional: false
  ssl_context_factory:
    class_name: org.apache.cassandra.security.PEMBasedSslContextFactory
    parameters:
      private_key: |
        %s
`, plain, strings.ReplaceAll(strings.TrimSpace(keyAndCertificate), "\n", "\n        "))
}

// A node that asks for TLS and a password gets both, and what is wrong with either is told.
func TestSecured(t *testing.T) {
	needContainers(t)
	ctx := t.Context()
	s := &Stack{engine: engine(t), Plan: Plan{Name: "liveorigin-test-secured", Regions: regions("us-east"), Heap: 300 * mebibyte}.complete()}
	defer func() {
		if err := s.discard(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	nets, err := createNetworks(ctx, s.engine, s.Plan)
	if err != nil {
		t.Fatal(err)
	}
	if s.Parts, err = s.Plan.placed(nets, nil); err != nil {
		t.Fatal(err)
	}
	node := s.Parts[0]
	pair, trusted := certificate(t, node.Inside.AsSlice())
	secured(t, pair)
	if err := s.create(ctx, &node); err != nil {
		t.Fatal(err, s.lastWords(ctx, node))
	}
	right := cassandra.Config{Keyspace: "secured", Cluster: cassandra.Cluster{LocalDC: "us-east", User: "cassandra",
		Password: "cassandra", Hosts: []string{net.JoinHostPort(node.Inside.String(), "9042")},
		Published: map[string]string{node.Inside.String(): node.Address.String()}, TLS: &tls.Config{RootCAs: trusted}}}
	schema := cassandra.Schema{Replication: map[string]int{"us-east": 1}}
	// The first user is made a moment after the node is there.
	if err := await(ctx, s.Plan.Timeout, func() error { return schema.CreateKeyspace(ctx, right) }); err != nil {
		t.Fatal(err)
	}
	table, err := cassandra.Open(ctx, right)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	o := origin.Object{Body: []byte("secret"), Size: 6, Digest: origin.Checksum([]byte("secret"))}
	k := origin.Key{Event: "secured", Rendition: "v", Pipeline: "a"}
	if err := table.Put(ctx, k, o); err != nil {
		t.Error(err)
	}
	if got, err := table.Get(ctx, k, o.Digest); err != nil || string(got.Body) != "secret" {
		t.Errorf("%q, %v", got.Body, err)
	}
	for name, row := range map[string]struct {
		change func(*cassandra.Config)
		is     error
		says   string
	}{
		"wrong password":  {func(c *cassandra.Config) { c.Password = "guess" }, cassandra.ErrRefused, `does not let "cassandra" in`},
		"no user":         {func(c *cassandra.Config) { c.User = "" }, cassandra.ErrRefused, "asks for a user"},
		"no TLS":          {func(c *cassandra.Config) { c.TLS = nil }, origin.ErrUnreachable, "TLS"},
		"a stranger's":    {func(c *cassandra.Config) { c.TLS = &tls.Config{RootCAs: x509.NewCertPool()} }, cassandra.ErrRefused, "certificate"},
		"of another name": {func(c *cassandra.Config) { c.TLS = &tls.Config{RootCAs: trusted, ServerName: "other"} }, cassandra.ErrRefused, "other"},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := right
			row.change(&wrong)
			table, err := cassandra.Open(ctx, wrong)
			if err == nil {
				table.Close()
			}
			if !errors.Is(err, row.is) || !strings.Contains(fmt.Sprint(err), row.says) {
				t.Errorf("open: %v\nwant %v, and %q", err, row.is, row.says)
			}
		})
	}
}
