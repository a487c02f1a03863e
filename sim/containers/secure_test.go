package containers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/origin/servertest"
	"github.com/liveorigin/liveorigin/scenarios/databases"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// securedYAML makes a node ask for passwords, for TLS, and for a client's certificate.
const securedYAML = `
authenticator:
  class_name: org.apache.cassandra.auth.PasswordAuthenticator
client_encryption_options:
  enabled: true
  optional: false
  require_client_auth: true
  ssl_context_factory:
    class_name: org.apache.cassandra.security.PEMBasedSslContextFactory
    parameters:
      private_key: |
        %s
      trusted_certificates: |
        %s
`

// startSecured starts the only node of a stack, which shows a certificate of an authority and asks for another one.
func startSecured(t *testing.T, s *Stack, by *servertest.Authority) Part {
	t.Helper()
	nets, err := createNetworks(t.Context(), s.engine, s.Plan)
	if err != nil {
		t.Fatal(err)
	}
	if s.Parts, err = s.Plan.placed(nets, nil); err != nil {
		t.Fatal(err)
	}
	node, plain := s.Parts[0], cassandraYAML
	certificate, key := servertest.PEM(t, by.Certificate(t, "node", node.Inside.String()))
	ca, _ := servertest.PEM(t, by.Own)
	block := func(pem string) string { return strings.ReplaceAll(strings.TrimSpace(pem), "\n", "\n        ") }
	cassandraYAML = fmt.Appendf(nil, "%s"+securedYAML, plain, block(string(key)+string(certificate)), block(string(ca)))
	defer func() { cassandraYAML = plain }()
	if err := s.create(t.Context(), &node); err != nil {
		t.Fatal(err, s.lastWords(t.Context(), node))
	}
	return node
}

// writeSecrets writes what clients show, and whom they trust: what is right, and what a stranger would have.
func writeSecrets(t *testing.T, dir string, right *servertest.Authority) {
	t.Helper()
	strange := servertest.NewAuthority(t)
	files := map[string][]byte{"password": []byte("cassandra\n")}
	files["ca.pem"], _ = servertest.PEM(t, right.Own)
	files["stranger-ca.pem"], _ = servertest.PEM(t, strange.Own)
	files["origin.pem"], files["origin.key"] = servertest.PEM(t, right.Certificate(t, "origin"))
	files["stranger.pem"], files["stranger.key"] = servertest.PEM(t, strange.Certificate(t, "origin"))
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// fileOf is what a file says of a node, and of how one gets at it.
func fileOf(dir string, node Part, access string) (databases.Config, error) {
	src := fmt.Sprintf("cassandra: %s\nregions: {us-east: {datacenter: us-east, replicas: 1, hosts: [\"%v:9042\"], published: {%q: %q}}}\n",
		access, node.Inside, node.Inside, node.Address)
	path := filepath.Join(dir, "databases.yaml")
	if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
		return databases.Config{}, err
	}
	d, err := databases.Read(path)
	d.Keyspace = "secured"
	return d, err
}

// access is how a file of databases says that one gets at the secured node.
const access = "{user: cassandra, password_file: password, tls: {ca: ca.pem, cert: origin.pem, key: origin.key}}"

// A node that asks for TLS, a certificate and a password gets all three from the files that a file of databases names, and
// what is wrong with one of them is told.
func TestSecured(t *testing.T) {
	needContainers(t)
	s := &Stack{engine: engine(t), Plan: Plan{Name: "liveorigin-test-secured", Regions: regions("us-east"), Heap: 300 * mebibyte}.complete()}
	defer func() {
		if err := s.discard(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	authority, dir := servertest.NewAuthority(t), t.TempDir()
	node := startSecured(t, s, authority)
	writeSecrets(t, dir, authority)
	d, err := fileOf(dir, node, access)
	if err != nil {
		t.Fatal(err)
	}
	// The first user is made a moment after the node is there.
	if err := await(t.Context(), s.Plan.Timeout, func() error { return d.CreateKeyspace(t.Context(), []string{"us-east"}, t.Name()) }); err != nil {
		t.Fatal(err)
	}
	real := stack.NewReal(t.Context(), d, false)
	defer real.Close()
	table, err := real.Table("us-east")
	if err != nil {
		t.Fatal(err)
	}
	k, o := origin.Key{Event: "secured", Rendition: "v", Pipeline: "a"}, origin.Object{Body: []byte("secret"), Size: 6, Digest: origin.Checksum([]byte("secret"))}
	if err := table.Put(t.Context(), k, o); err != nil {
		t.Error(err)
	}
	if got, err := table.Get(t.Context(), k, o.Digest); err != nil || string(got.Body) != "secret" {
		t.Errorf("%q, %v", got.Body, err)
	}
	for what, row := range misfits {
		t.Run(what, func(t *testing.T) { testMisfit(t, dir, node, row) })
	}
}

type misfit struct {
	old, new string // in the access to the node
	is       error
	says     string
}

var misfits = map[string]misfit{
	"wrong password":            {"password_file: password", "password_file: ca.pem", cassandra.ErrRefused, `does not let "cassandra" in; check user and password`},
	"no user":                   {"user: cassandra, ", "", cassandra.ErrRefused, "asks for a user and a password"},
	"no TLS":                    {", tls: {ca: ca.pem, cert: origin.pem, key: origin.key}", "", origin.ErrUnreachable, "it may ask for TLS"},
	"no certificate":            {", cert: origin.pem, key: origin.key", "", cassandra.ErrRefused, "asks for a certificate of its client, and none is configured; give it one (cert and key)"},
	"a stranger's certificate":  {"cert: origin.pem, key: origin.key", "cert: stranger.pem, key: stranger.key", cassandra.ErrRefused, "does not trust the certificate of its client"},
	"another authority":         {"ca: ca.pem", "ca: stranger-ca.pem", cassandra.ErrRefused, "its certificate is not trusted here; check who signed it (ca)"},
	"certificate of other name": {"ca: ca.pem", "server_name: other, ca: ca.pem", cassandra.ErrRefused, "other"},
}

func testMisfit(t *testing.T, dir string, node Part, row misfit) {
	d, err := fileOf(dir, node, strings.Replace(access, row.old, row.new, 1))
	if err != nil {
		t.Fatal(err)
	}
	real := stack.NewReal(t.Context(), d, false)
	defer real.Close()
	if _, err := real.Table("us-east"); !errors.Is(err, row.is) || !strings.Contains(fmt.Sprint(err), row.says) {
		t.Errorf("%v\nwant %v, and %q", err, row.is, row.says)
	}
}
