package stack

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func databasesOf(t *testing.T, src string) (Databases, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "databases.yaml")
	if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	return ReadDatabases(path)
}

func TestReadDatabases(t *testing.T) {
	d, err := databasesOf(t, `
cassandra: {user: live, password_file: pw}
regions:
  us-east: {datacenter: dc1, hosts: ["10.0.0.1:9042"], memcached: ["10.0.0.9:11211"]}
  us-west: {datacenter: dc2, hosts: ["[::1]:9042"]}
`)
	if err != nil || d.Regions["us-east"].Memcached[0] != "10.0.0.9:11211" || d.Regions["us-west"].Datacenter != "dc2" {
		t.Fatalf("%+v, %v", d, err)
	}
	if err := d.For([]string{"us-east", "eu"}); err == nil || !strings.Contains(err.Error(), "no database for region eu; known are [us-east us-west]") {
		t.Errorf("got %v", err)
	}
}

// Every mistake is told with what it is, and unknown keys with their place.
func TestReadDatabasesBad(t *testing.T) {
	for src, want := range map[string]string{
		"": "regions: none",
		"regions: {e: {datacenter: d, hosts: [a]}}":                                    `"a" is not host:port`,
		"regions: {e: {hosts: [\"a:1\"]}}":                                             "regions.e: no datacenter",
		"regions: {e: {datacenter: d}}":                                                "regions.e: no hosts",
		"regions:\n  e: {datacenter: d, hostss: [\"a:1\"]}":                            `:[2:22] unknown field "hostss"`,
		"cassandra: {tls: {cert: x}}\nregions: {e: {datacenter: d, hosts: [\"a:1\"]}}": "cert and key belong together",
		"regions: [": "databases.yaml:",
	} {
		if _, err := databasesOf(t, src); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", src, err, want)
		}
	}
	if _, err := ReadDatabases("/nowhere/d.yaml"); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestPasswordAndTLS(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "pw")
	if err := os.WriteFile(file, []byte("secret word \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if pw, err := (Cluster{PasswordFile: file}).Password(); pw != "secret word " || err != nil {
		t.Errorf("%q, %v", pw, err)
	}
	if _, err := (&TLSFile{CA: file}).Config(); err == nil || !strings.Contains(err.Error(), "no certificate in PEM") {
		t.Errorf("got %v", err)
	}
	if _, err := (&TLSFile{Cert: file, Key: file}).Config(); err == nil {
		t.Error("a password was taken for a certificate")
	}
	if c, err := (*TLSFile)(nil).Config(); c != nil || err != nil {
		t.Errorf("%v, %v", c, err)
	}
}
