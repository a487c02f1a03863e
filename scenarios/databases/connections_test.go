package databases

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/origin/cassandra/cqldouble"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

// What a file says of databases is what they are reached with: a password, a certificate for each side, and a data centre of
// its own for reads, to which a keyspace is replicated too.
func TestExternal(t *testing.T) {
	authority, dir := servertest.NewAuthority(t), t.TempDir()
	node := authority.Certificate(t, "node", "10.0.0.1", "10.0.0.2")
	double, err := cqldouble.Start(cqldouble.Config{Nodes: map[string]int{"dc1": 1, "dc1-reads": 1}, User: "live", Password: "secret",
		TLS: &tls.Config{Certificates: []tls.Certificate{node}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority.Pool()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(double.Close)
	files := map[string][]byte{"password": []byte("secret\n")}
	files["ca.pem"], _ = servertest.PEM(t, authority.Own)
	files["origin.pem"], files["origin.key"] = servertest.PEM(t, authority.Certificate(t, "origin"))
	writes, published := double.Hosts("dc1")
	reads, _ := double.Hosts("dc1-reads")
	write := func(readFrom string) {
		files["databases.yaml"] = fmt.Appendf(nil, `
cassandra: {user: live, password_file: password, tls: {ca: ca.pem, cert: origin.pem, key: origin.key}}
regions:
  us-east:
    {datacenter: dc1, replicas: 1, hosts: [%q], reads: {datacenter: %s, replicas: 1, hosts: [%q]},
     published: {10.0.0.1: %q, 10.0.0.2: %q}}
`, writes[0], readFrom, reads[0], published["10.0.0.1"], published["10.0.0.2"])
		for name, content := range files {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	region := []string{"us-east"}
	write("atlantis")
	d := databasesAt(t, dir)
	if err := d.CreateKeyspace(t.Context(), region, "test"); !errors.Is(err, cassandra.ErrNoDataCentre) || !strings.Contains(err.Error(), `no data centre "atlantis" in the cluster; there are dc1, dc1-reads`) {
		t.Errorf("replicas in a data centre that is not there: %v", err)
	}
	write("dc1-reads")
	d = databasesAt(t, dir)
	if err := d.CreateKeyspace(t.Context(), region, "test"); err != nil {
		t.Fatal(err)
	}
	real := New(t.Context(), d, false)
	defer real.Close()
	rows, err := real.Rows("us-east")
	if err != nil {
		t.Fatal(err)
	}
	checkPinned(t, double, rows.Table)
	if err := d.DropKeyspace(t.Context(), region); err != nil {
		t.Error(err)
	}
}

func databasesAt(t *testing.T, dir string) Config {
	t.Helper()
	d, err := Read(filepath.Join(dir, "databases.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	d.Keyspace = "live"
	return d
}

// checkPinned puts a row and gets it: each in the data centre that is for it.
func checkPinned(t *testing.T, double *cqldouble.Cluster, table origin.Store) {
	t.Helper()
	double.Break(func(r cqldouble.Request) cqldouble.Breakage {
		verb, _, _ := strings.Cut(r.Statement, " ")
		if want := map[string]string{"INSERT": "dc1", "SELECT": "dc1-reads"}[verb]; r.Node.DC != want {
			t.Errorf("%s: in %s, want %s", r.Statement, r.Node.DC, want)
		}
		return cqldouble.Breakage{}
	})
	k := origin.Key{Event: "e", Rendition: "v", Pipeline: "a", Number: 1, Part: 1}
	o := origin.Object{Body: []byte("live"), Size: 4, Digest: origin.Checksum([]byte("live"))}
	if err := table.Put(t.Context(), k, o); err != nil {
		t.Error(err)
	}
	if got, err := table.Get(t.Context(), k, o.Digest); err != nil || string(got.Body) != "live" {
		t.Errorf("%q, %v", got.Body, err)
	}
}
