package databases

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func databasesOf(t *testing.T, src string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "databases.yaml")
	if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	return Read(path)
}

func TestRead(t *testing.T) {
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
func TestReadMistakes(t *testing.T) {
	for src, want := range map[string]string{
		"":                     "databases.yaml:1:1: nothing in here; a file of databases begins with `regions:`",
		"cassandra: {user: u}": "databases.yaml:1:1: regions: none",
		"regions: {e: {datacenter: d, hosts: [a]}}":                                                               `"a" is not host:port`,
		"regions: {e: {hosts: [\"a:1\"]}}":                                                                        "regions.e: no datacenter",
		"regions: {e: {datacenter: d}}":                                                                           "regions.e: no hosts",
		"regions:\n  e: {datacenter: d, hostss: [\"a:1\"]}":                                                       `databases.yaml:2:22: unknown key "hostss" in regions.e; did you mean "hosts"?`,
		"regions: {e: {datacenter: d, hosts: [\"a:1\"], reads: {hosts: [b]}}}":                                    `regions.e.reads: no datacenter`,
		"regions: {e: {datacenter: d, hosts: [\"a:1\"], reads: {datacenter: r, hosts: [b], replicas: 10}}}":       `regions.e.reads: "b" is not host:port`,
		"regions: {e: {datacenter: d, hosts: [\"a:1\"], reads: {datacenter: r, hosts: [\"b:1\"], replicas: 10}}}": "regions.e.reads: 10 replicas; there can be 1 to 9",
		"regions: {e: {datacenter: d, hosts: [\"a:1\"], reads: {datacenter: d, hosts: [\"a:1\"]}}}":               `regions.e.reads: region e writes to data centre d; name one that nobody writes to`,
		"regions: {e: {datacenter: d, hosts: [\"a:1\"], reads: {datacenter: r, hosts: [\"b:1\"]}}, f: {datacenter: c, hosts: [\"a:1\"], reads: {datacenter: r, hosts: [\"b:1\"]}}}": `regions.f.reads: data centre r is for the reads of region e`,
		"cassandra: {tls: {cert: x}}\nregions: {e: {datacenter: d, hosts: [\"a:1\"]}}":                                                                                              "cert and key belong together",
		"regions:\n  e:\n    datacenter: d\n    hosts: [\"a:1\"]\n    published: {node-1: \"a:1\"}":                                                                                 `databases.yaml:5:25: regions.e.published.node-1: "node-1" is no IP address of a node, such as 10.1.0.1 or fd00::1`,
		"regions: {e: {datacenter: d, hosts: [\"a:1\"], published: {\"10.0.0.1:9042\": \"a:1\"}}}":                                                                                  `"10.0.0.1:9042" is no IP address`,
		"regions: {e: {datacenter: d, hosts: [\"a:1\"], published: {\"FD00:0::1\": \"a:1\"}}}":                                                                                      `"FD00:0::1" is no IP address`,
		"regions: {e: {datacenter: d, hosts: [\"a:1\"], published: {10.0.0.1: a}}}":                                                                                                 `regions.e.published.10.0.0.1: "a" is not host:port`,
		"regions: [": "databases.yaml:",
		beginning + `reads: {datacenter: r, hosts: ["b:1"], published: {10.0.0.1: "b:1"}}}}`:                                                                                "regions.e.reads.published: these are nodes of the cluster that is written to",
		beginning + `reads: {cluster: , datacenter: r, hosts: ["b:1"]}}}`:                                                                                                   "regions.e.reads.cluster is empty",
		beginning + `reads: {cluster: {}, hosts: ["b:1"]}}}`:                                                                                                                "regions.e.reads: no datacenter",
		beginning + `reads: {cluster: {pasword_file: p}, datacenter: r, hosts: ["b:1"]}}}`:                                                                                  `unknown key "pasword_file" in regions.e.reads.cluster; did you mean "password_file"?`,
		beginning + `reads: {cluster: {tls: {key: k}}, datacenter: r, hosts: ["b:1"]}}}`:                                                                                    "regions.e.reads.cluster.tls: cert and key belong together",
		beginning + `reads: {cluster: {}, datacenter: r, hosts: ["b:1"], published: {b: "b:1"}}}}`:                                                                          `regions.e.reads.published.b: "b" is no IP address`,
		beginning + `reads: {cluster: {}, datacenter: r, hosts: ["b:1", "a:1"]}}}`:                                                                                          "regions.e.reads: a:1 is of the cluster that region e writes to; name another cluster's, or leave cluster out",
		beginning + `reads: {cluster: {}, datacenter: r, hosts: ["10.0.0.1:9042"], published: {10.0.0.1: "a:1"}}}}`:                                                         "a:1 is of the cluster that region e writes to",
		beginning + `reads: {cluster: {}, datacenter: r, hosts: ["b:1"]}}, f: {datacenter: c, hosts: ["b:1"]}}`:                                                             "b:1 is of the cluster that region f writes to",
		beginning + `reads: {cluster: {}, datacenter: r, hosts: ["b:1"]}}, f: {datacenter: c, hosts: ["c:1"], reads: {datacenter: r, hosts: ["b:1"]}}}`:                     "b:1 is of the cluster that region f writes to",
		beginning + `reads: {cluster: {}, datacenter: r, hosts: ["b:1"]}}, f: {datacenter: c, hosts: ["c:1"], reads: {cluster: {}, datacenter: r, hosts: ["d:1", "b:1"]}}}`: "regions.f.reads: data centre r is for the reads of region e",
	} {
		if _, err := databasesOf(t, src); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", src, err, want)
		}
	}
	if _, err := Read("/nowhere/d.yaml"); err == nil {
		t.Error("a file that is not there was read")
	}
}

const beginning = `regions: {e: {datacenter: d, hosts: ["a:1"], `

// Another cluster calls its data centres what it likes, and regions can share it, each in a data centre of its own.
func TestReadOtherClusters(t *testing.T) {
	for _, reads := range []string{
		`reads: {cluster: {}, datacenter: d, hosts: ["b:1"]}}}`,
		`reads: {cluster: {}, datacenter: d, hosts: ["b:1"]}}, f: {datacenter: c, hosts: ["c:1"], reads: {cluster: {}, datacenter: c, hosts: ["d:1", "b:1"]}}}`,
		`reads: {cluster: {}, datacenter: d, hosts: ["b:1"]}}, f: {datacenter: c, hosts: ["c:1"], reads: {cluster: {}, datacenter: d, hosts: ["d:1"]}}}`,
		`reads: {cluster: {}, datacenter: r, hosts: ["b:1"]}}, f: {datacenter: c, hosts: ["c:1"], reads: {datacenter: r, hosts: ["d:1"]}}}`,
		`reads: {cluster: {}, datacenter: d, hosts: ["10.0.0.1:1"], published: {10.0.0.1: "b:1"}}}, f: {datacenter: c, hosts: ["10.0.0.1:1"]}}`,
	} {
		if d, err := databasesOf(t, beginning+reads); err != nil || d.Regions["e"].Reads.Cluster == nil {
			t.Errorf("%s: %v", reads, err)
		}
	}
}

// The example is right as it is, and shows every key when all that is commented out is not.
func TestExample(t *testing.T) {
	if _, err := databasesOf(t, string(Example())); err != nil {
		t.Error(err)
	}
	whole := regexp.MustCompile(`(?m)^( *)# ( *[a-z_]+:)`).ReplaceAllString(string(Example()), "$1$2")
	d, err := databasesOf(t, whole)
	if err != nil {
		t.Fatalf("%v\n%s", err, whole)
	}
	east := d.Regions["us-east"]
	for _, part := range []any{d.Cassandra, *d.Cassandra.TLS, east, *east.Reads, *east.Reads.Cluster} {
		v := reflect.ValueOf(part)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("the example does not show %s of %T", v.Type().Field(i).Tag.Get("yaml"), part)
			}
		}
	}
	if east.Replicas != defaultReplicas || east.Reads.Replicas != defaultReplicas {
		t.Errorf("the example says other than the defaults: %+v", east)
	}
}

// Files are looked for beside the one that names them.
func TestFilesBeside(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "databases.yaml")
	const cluster = "{password_file: pw, tls: {ca: ca.pem, cert: sub/cert.pem, key: /key.pem}}"
	src := "cassandra: " + cluster + "\n" + beginning + "reads: {cluster: " + cluster + `, datacenter: r, hosts: ["b:1"]}}}`
	if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := Read(path)
	want := Cluster{PasswordFile: filepath.Join(dir, "pw"),
		TLS: &TLSFile{CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "sub/cert.pem"), Key: "/key.pem"}}
	if err != nil || !reflect.DeepEqual(d.Cassandra, want) || !reflect.DeepEqual(*d.Regions["e"].Reads.Cluster, want) {
		t.Errorf("%+v, %v", d, err)
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
